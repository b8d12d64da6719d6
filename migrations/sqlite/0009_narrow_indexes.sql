-- Indexes in which a batch of writes changes few pages. Events are found by their target within each 1024 of
-- them: an index by target alone has a page for each instance that activates. Ended keys need not be found by
-- their instance, which they have lost.
DROP INDEX audit_events_target;
CREATE INDEX audit_events_target ON audit_events (seq / 1024, target);
DROP INDEX instance_keys_instance;
CREATE INDEX instance_keys_instance ON instance_keys (instance) WHERE instance IS NOT NULL;
