-- Which database this is: heads of its audit chain are witnessed outside it under this name.
CREATE TABLE database_identity (
    id   INTEGER PRIMARY KEY NOT NULL CHECK (id = 1),
    name TEXT    NOT NULL
) STRICT;
INSERT INTO database_identity (id, name) VALUES (1, lower(hex(randomblob(16))));

-- REPLACE deletes the row that is in its way without asking the trigger on DELETE.
CREATE TRIGGER audit_events_no_replace BEFORE INSERT ON audit_events
WHEN EXISTS (SELECT 1 FROM audit_events WHERE seq = NEW.seq)
BEGIN SELECT RAISE(ABORT, 'audit events are append-only'); END;
