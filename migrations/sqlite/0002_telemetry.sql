-- Usage that instances report. The only texts are names that fit a closed grammar; id 0 is what names
-- that are not kept are counted under. Hours and days are counted from 1970 in UTC.

CREATE TABLE tools (
    id   INTEGER PRIMARY KEY NOT NULL,
    name TEXT    NOT NULL UNIQUE
) STRICT;
CREATE TABLE error_codes (
    id   INTEGER PRIMARY KEY NOT NULL,
    name TEXT    NOT NULL UNIQUE
) STRICT;
CREATE TABLE count_names (
    id   INTEGER PRIMARY KEY NOT NULL,
    name TEXT    NOT NULL UNIQUE
) STRICT;
INSERT INTO tools (id, name) VALUES (0, 'other');
INSERT INTO error_codes (id, name) VALUES (0, 'OTHER');
INSERT INTO count_names (id, name) VALUES (0, 'other');

-- The tool names that the operator admits, as JSON; the version grows with each change.
CREATE TABLE catalogue (
    id      INTEGER PRIMARY KEY NOT NULL CHECK (id = 1),
    version INTEGER NOT NULL,
    tools   TEXT    NOT NULL
) STRICT;
INSERT INTO catalogue (id, version, tools) VALUES (1, 0, '[]');

-- Digests of reports, so that none counts twice; kept a day longer than a report is taken.
CREATE TABLE reports (
    instance    INTEGER NOT NULL REFERENCES instances (id) ON DELETE CASCADE,
    report_hash BLOB    NOT NULL CHECK (length(report_hash) = 16),
    digest      BLOB    NOT NULL CHECK (length(digest) = 16),
    window_end  INTEGER NOT NULL,
    PRIMARY KEY (instance, report_hash)
) STRICT, WITHOUT ROWID;
CREATE INDEX reports_window_end ON reports (window_end);

-- How many reports came in each hour.
CREATE TABLE report_hour (
    hour INTEGER PRIMARY KEY NOT NULL,
    n    INTEGER NOT NULL
) STRICT;

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

-- Distributions of durations, of the whole fleet: there is no instance in them.
CREATE TABLE duration_hour (
    hour   INTEGER NOT NULL,
    tool   INTEGER NOT NULL,
    bucket INTEGER NOT NULL,
    n      INTEGER NOT NULL,
    PRIMARY KEY (hour, tool, bucket)
) STRICT, WITHOUT ROWID;

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
CREATE INDEX usage_day_instance ON usage_day (instance, day);

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

CREATE TABLE duration_day (
    day    INTEGER NOT NULL,
    tool   INTEGER NOT NULL,
    bucket INTEGER NOT NULL,
    n      INTEGER NOT NULL,
    PRIMARY KEY (day, tool, bucket)
) STRICT, WITHOUT ROWID;

-- Up to this day the days are read, from it on the hours. Moved in the transaction that completes a day.
CREATE TABLE telemetry_horizon (
    id  INTEGER PRIMARY KEY NOT NULL CHECK (id = 1),
    day INTEGER NOT NULL
) STRICT;
INSERT INTO telemetry_horizon (id, day) VALUES (1, 0);
