-- Which database this is: heads of its audit chain are witnessed outside it under this name.
CREATE TABLE database_identity (
    id   BIGINT NOT NULL PRIMARY KEY CHECK (id = 1),
    name TEXT   NOT NULL
);
INSERT INTO database_identity (id, name)
VALUES (1, replace(gen_random_uuid()::text, '-', ''));

-- A session that calls itself a replica skips ordinary triggers.
ALTER TABLE audit_events ENABLE ALWAYS TRIGGER audit_events_no_update;
ALTER TABLE audit_events ENABLE ALWAYS TRIGGER audit_events_no_delete;
