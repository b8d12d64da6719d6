-- Digests of reports in one tree: an index by day made each report write a second page. Old ones are found by
-- going through all, once a day. They are deleted with their instance's usage, so no row needs to be checked
-- against its instance.
ALTER TABLE telemetry_horizon ADD COLUMN digests_from BIGINT NOT NULL DEFAULT 0;
DROP INDEX reports_day;
ALTER TABLE reports DROP CONSTRAINT reports_instance_fkey;
