-- Since when a client is suspended, and why.
ALTER TABLE clients ADD COLUMN suspended_at INTEGER;
ALTER TABLE clients ADD COLUMN suspended_reason TEXT;
UPDATE clients SET suspended_at = updated_at WHERE status = 'suspended';
