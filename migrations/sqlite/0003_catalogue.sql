-- Telemetry anew. Names come from the operator's catalogue alone: what senders had named before goes, and
-- with it what was counted by those names. Hours and days are counted from 1970 in UTC.

DROP TABLE tools;
DROP TABLE error_codes;
DROP TABLE count_names;
DROP TABLE catalogue;
DROP TABLE reports;
DROP TABLE usage_hour;
DROP TABLE error_hour;
DROP TABLE count_hour;
DROP TABLE duration_hour;
DROP TABLE usage_day;
DROP TABLE error_day;
DROP TABLE count_day;
DROP TABLE duration_day;

-- The names that the catalogue lists, and those that it listed until removed_at and that usage still
-- refers to. Unlisted names are counted under 0.
CREATE TABLE tools (
    id         INTEGER PRIMARY KEY NOT NULL,
    name       TEXT    NOT NULL UNIQUE,
    removed_at INTEGER
) STRICT;
CREATE TABLE error_codes (
    id         INTEGER PRIMARY KEY NOT NULL,
    name       TEXT    NOT NULL UNIQUE,
    removed_at INTEGER
) STRICT;
CREATE TABLE count_names (
    id         INTEGER PRIMARY KEY NOT NULL,
    name       TEXT    NOT NULL UNIQUE,
    removed_at INTEGER
) STRICT;
INSERT INTO tools (id, name, removed_at) VALUES (0, 'other', 0);
INSERT INTO error_codes (id, name, removed_at) VALUES (0, 'OTHER', 0);
INSERT INTO count_names (id, name, removed_at) VALUES (0, 'other', 0);

-- Grows with each change of the catalogue.
CREATE TABLE catalogue (
    id      INTEGER PRIMARY KEY NOT NULL CHECK (id = 1),
    version INTEGER NOT NULL
) STRICT;
INSERT INTO catalogue (id, version) VALUES (1, 0);

-- Digests of reports, so that none counts twice; kept a day longer than a report is taken. A digest is of
-- numbers that a version of the catalogue gave.
CREATE TABLE reports (
    instance    INTEGER NOT NULL REFERENCES instances (id) ON DELETE CASCADE,
    report_hash BLOB    NOT NULL CHECK (length(report_hash) = 16),
    digest      BLOB    NOT NULL CHECK (length(digest) = 16),
    version     INTEGER NOT NULL,
    day         INTEGER NOT NULL,
    PRIMARY KEY (instance, report_hash)
) STRICT, WITHOUT ROWID;
CREATE INDEX reports_day ON reports (day);

CREATE TABLE usage_hour (
    hour       INTEGER NOT NULL,
    instance   INTEGER NOT NULL,
    tool       INTEGER NOT NULL,
    calls      INTEGER NOT NULL,
    errors     INTEGER NOT NULL,
    dur_n      INTEGER NOT NULL,
    dur_sum_us INTEGER NOT NULL,
    dur_max_us INTEGER NOT NULL,
    PRIMARY KEY (hour, instance, tool)
) STRICT, WITHOUT ROWID;
CREATE INDEX usage_hour_instance ON usage_hour (instance, hour, tool);

CREATE TABLE error_hour (
    hour     INTEGER NOT NULL,
    instance INTEGER NOT NULL,
    tool     INTEGER NOT NULL,
    code     INTEGER NOT NULL,
    n        INTEGER NOT NULL,
    PRIMARY KEY (hour, instance, tool, code)
) STRICT, WITHOUT ROWID;
CREATE INDEX error_hour_instance ON error_hour (instance, hour);

CREATE TABLE count_hour (
    hour     INTEGER NOT NULL,
    instance INTEGER NOT NULL,
    name     INTEGER NOT NULL,
    sum_n    INTEGER NOT NULL,
    max_n    INTEGER NOT NULL,
    PRIMARY KEY (hour, instance, name)
) STRICT, WITHOUT ROWID;
CREATE INDEX count_hour_instance ON count_hour (instance, hour);

-- The same by day, made from the hours of days that are over and take no more reports.
CREATE TABLE usage_day (
    day        INTEGER NOT NULL,
    instance   INTEGER NOT NULL,
    tool       INTEGER NOT NULL,
    calls      INTEGER NOT NULL,
    errors     INTEGER NOT NULL,
    dur_n      INTEGER NOT NULL,
    dur_sum_us INTEGER NOT NULL,
    dur_max_us INTEGER NOT NULL,
    PRIMARY KEY (day, instance, tool)
) STRICT, WITHOUT ROWID;
CREATE INDEX usage_day_instance ON usage_day (instance, day, tool);

CREATE TABLE error_day (
    day      INTEGER NOT NULL,
    instance INTEGER NOT NULL,
    tool     INTEGER NOT NULL,
    code     INTEGER NOT NULL,
    n        INTEGER NOT NULL,
    PRIMARY KEY (day, instance, tool, code)
) STRICT, WITHOUT ROWID;
CREATE INDEX error_day_instance ON error_day (instance, day);

CREATE TABLE count_day (
    day      INTEGER NOT NULL,
    instance INTEGER NOT NULL,
    name     INTEGER NOT NULL,
    sum_n    INTEGER NOT NULL,
    max_n    INTEGER NOT NULL,
    PRIMARY KEY (day, instance, name)
) STRICT, WITHOUT ROWID;
CREATE INDEX count_day_instance ON count_day (instance, day);

-- The whole fleet, by tool, and under tool -1 by instance: how many instances reported in the hour or the
-- day. Both are kept as reports come in. There is no instance in them, nor in the distributions.
CREATE TABLE fleet_hour (
    hour       INTEGER NOT NULL,
    tool       INTEGER NOT NULL,
    calls      INTEGER NOT NULL,
    errors     INTEGER NOT NULL,
    dur_n      INTEGER NOT NULL,
    dur_sum_us INTEGER NOT NULL,
    dur_max_us INTEGER NOT NULL,
    instances  INTEGER NOT NULL,
    PRIMARY KEY (hour, tool)
) STRICT, WITHOUT ROWID;
CREATE TABLE fleet_day (
    day        INTEGER NOT NULL,
    tool       INTEGER NOT NULL,
    calls      INTEGER NOT NULL,
    errors     INTEGER NOT NULL,
    dur_n      INTEGER NOT NULL,
    dur_sum_us INTEGER NOT NULL,
    dur_max_us INTEGER NOT NULL,
    instances  INTEGER NOT NULL,
    PRIMARY KEY (day, tool)
) STRICT, WITHOUT ROWID;
CREATE TABLE duration_hour (
    hour   INTEGER NOT NULL,
    tool   INTEGER NOT NULL,
    bucket INTEGER NOT NULL,
    n      INTEGER NOT NULL,
    PRIMARY KEY (hour, tool, bucket)
) STRICT, WITHOUT ROWID;
CREATE TABLE duration_day (
    day    INTEGER NOT NULL,
    tool   INTEGER NOT NULL,
    bucket INTEGER NOT NULL,
    n      INTEGER NOT NULL,
    PRIMARY KEY (day, tool, bucket)
) STRICT, WITHOUT ROWID;

-- The last hour in which an instance reported a tool, and the one before it; under tool -1, any tool. And
-- how many instances have which last hour: so many reported the tool from that hour on.
CREATE TABLE last_use (
    instance INTEGER NOT NULL,
    tool     INTEGER NOT NULL,
    hour     INTEGER NOT NULL,
    prior    INTEGER,
    PRIMARY KEY (instance, tool)
) STRICT, WITHOUT ROWID;
CREATE TABLE last_use_hour (
    tool INTEGER NOT NULL,
    hour INTEGER NOT NULL,
    n    INTEGER NOT NULL,
    PRIMARY KEY (tool, hour)
) STRICT, WITHOUT ROWID;

-- The last time that the hubs agree on. A clock that disagrees by more than a day is doubted: since when
-- by its own account, and when it was last asked.
CREATE TABLE hub_clock (
    id           INTEGER PRIMARY KEY NOT NULL CHECK (id = 1),
    trusted_at   INTEGER,
    doubted_from INTEGER,
    doubted_at   INTEGER
) STRICT;
INSERT INTO hub_clock (id, trusted_at) VALUES (1, NULL);
UPDATE telemetry_horizon SET day = 0;
