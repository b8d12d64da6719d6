-- Clients, instances, keys and the audit log. Times are Unix milliseconds in UTC.

CREATE TABLE clients (
    id           TEXT    NOT NULL PRIMARY KEY,
    slug         TEXT    NOT NULL UNIQUE,
    name         TEXT    NOT NULL,
    external_ref TEXT,
    status       TEXT    NOT NULL CHECK (status IN ('active', 'suspended')),
    labels       TEXT    NOT NULL,
    created_at   INTEGER NOT NULL,
    updated_at   INTEGER NOT NULL
) STRICT;

CREATE TABLE instances (
    id               INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    instance_id      TEXT    NOT NULL UNIQUE,
    client           TEXT    NOT NULL REFERENCES clients (id),
    labels           TEXT    NOT NULL,
    entitlements     TEXT    NOT NULL,
    expires_at       INTEGER,
    grace_days       INTEGER NOT NULL CHECK (grace_days BETWEEN 0 AND 90),
    max_activations  INTEGER CHECK (max_activations >= 0),
    activations      INTEGER NOT NULL CHECK (activations >= 0),
    suspended_at     INTEGER,
    suspended_reason TEXT,
    created_at       INTEGER NOT NULL,
    updated_at       INTEGER NOT NULL,
    activated_at     INTEGER,
    last_seen_at     INTEGER,
    CHECK (activations <= max_activations)
) STRICT;
CREATE INDEX instances_client ON instances (client, instance_id);

-- Only hashes. not_after: NULL for the newest key, a time for one in overlap, 0 for one that was ended.
-- Ended keys stay, without their instance, so that none comes back.
CREATE TABLE instance_keys (
    hash          BLOB    NOT NULL PRIMARY KEY CHECK (length(hash) = 32),
    instance      INTEGER REFERENCES instances (id) ON DELETE SET NULL,
    kind          TEXT    NOT NULL CHECK (kind IN ('license', 'hub')),
    issued_at     INTEGER NOT NULL,
    not_after     INTEGER,
    first_used_at INTEGER,
    CHECK ((instance IS NULL) = (not_after IS NOT NULL AND not_after = 0))
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX instance_keys_newest ON instance_keys (instance, kind) WHERE not_after IS NULL;
CREATE INDEX instance_keys_instance ON instance_keys (instance);

-- Revoked keys stay for the same reason.
CREATE TABLE admin_keys (
    hash         BLOB    NOT NULL PRIMARY KEY CHECK (length(hash) = 32),
    name         TEXT    NOT NULL,
    role         TEXT    NOT NULL CHECK (role IN ('viewer', 'provisioner', 'operator', 'owner')),
    created_at   INTEGER NOT NULL,
    expires_at   INTEGER,
    last_used_at INTEGER,
    revoked_at   INTEGER
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX admin_keys_name ON admin_keys (name) WHERE revoked_at IS NULL;

CREATE TABLE audit_events (
    seq        INTEGER PRIMARY KEY NOT NULL,
    at         INTEGER NOT NULL,
    actor      TEXT    NOT NULL,
    action     TEXT    NOT NULL,
    target     TEXT    NOT NULL,
    detail     TEXT    NOT NULL,
    request_id TEXT    NOT NULL,
    prev_hash  BLOB    NOT NULL CHECK (length(prev_hash) = 32),
    hash       BLOB    NOT NULL CHECK (length(hash) = 32)
) STRICT;
CREATE INDEX audit_events_target ON audit_events (target, seq);

CREATE TRIGGER audit_events_no_update BEFORE UPDATE ON audit_events
BEGIN SELECT RAISE(ABORT, 'audit events are append-only'); END;
CREATE TRIGGER audit_events_no_delete BEFORE DELETE ON audit_events
BEGIN SELECT RAISE(ABORT, 'audit events are append-only'); END;

-- The last event's number and hash: one row, which every audited change locks first.
CREATE TABLE audit_head (
    id   INTEGER PRIMARY KEY NOT NULL CHECK (id = 1),
    seq  INTEGER NOT NULL,
    hash BLOB    NOT NULL CHECK (length(hash) = 32)
) STRICT;
INSERT INTO audit_head (id, seq, hash) VALUES (1, 0, zeroblob(32));
