-- The newest license and hub key of an instance stand with the instance: whoever reads instances needs no
-- other table for them. NULL while it is being made, and for an instance that has no hub key yet.
ALTER TABLE instances ADD COLUMN license_hash BLOB CHECK (length(license_hash) = 32);
ALTER TABLE instances ADD COLUMN license_issued_at INTEGER;
ALTER TABLE instances ADD COLUMN hub_hash BLOB CHECK (length(hub_hash) = 32);
ALTER TABLE instances ADD COLUMN hub_issued_at INTEGER;
UPDATE instances SET
    (license_hash, license_issued_at) = (SELECT hash, issued_at FROM instance_keys
        WHERE instance = instances.id AND kind = 'license' AND not_after IS NULL),
    (hub_hash, hub_issued_at) = (SELECT hash, issued_at FROM instance_keys
        WHERE instance = instances.id AND kind = 'hub' AND not_after IS NULL);
ALTER TABLE instance_keys DROP COLUMN issued_at;
