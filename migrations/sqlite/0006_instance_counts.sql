-- Few instances are pending or suspended: with these indexes they are counted without reading every row.
CREATE INDEX instances_pending ON instances (id) WHERE suspended_at IS NULL AND activated_at IS NULL;
CREATE INDEX instances_suspended ON instances (id) WHERE suspended_at IS NOT NULL;
