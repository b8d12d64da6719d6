-- Digests of reports in one tree: an index by day made each report write a second page. Old ones are found by
-- going through all, once a day. They are deleted with their instance's usage, so no row needs to be checked
-- against its instance. Their lengths are checked where they are read: for a CHECK that calls a function,
-- SQLite keeps a journal of each statement that writes a row.
ALTER TABLE telemetry_horizon ADD COLUMN digests_from INTEGER NOT NULL DEFAULT 0;
CREATE TABLE digests (
    instance    INTEGER NOT NULL,
    report_hash BLOB    NOT NULL,
    digest      BLOB    NOT NULL,
    version     INTEGER NOT NULL,
    day         INTEGER NOT NULL,
    PRIMARY KEY (instance, report_hash)
) STRICT, WITHOUT ROWID;
INSERT INTO digests (instance, report_hash, digest, version, day)
    SELECT instance, report_hash, digest, version, day FROM reports ORDER BY instance, report_hash;
DROP TABLE reports;
ALTER TABLE digests RENAME TO reports;
