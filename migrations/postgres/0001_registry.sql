-- Clients, instances, keys and the audit log. Times are Unix milliseconds in UTC.
-- Handles collate as bytes, as SQLite compares them, so that both order lists alike.

CREATE TABLE clients (
    id           TEXT   COLLATE "C" NOT NULL PRIMARY KEY,
    slug         TEXT   COLLATE "C" NOT NULL UNIQUE,
    name         TEXT   NOT NULL,
    external_ref TEXT,
    status       TEXT   NOT NULL CHECK (status IN ('active', 'suspended')),
    labels       TEXT   NOT NULL,
    created_at   BIGINT NOT NULL,
    updated_at   BIGINT NOT NULL
);

CREATE TABLE instances (
    id               BIGINT GENERATED ALWAYS AS IDENTITY NOT NULL PRIMARY KEY,
    instance_id      TEXT   COLLATE "C" NOT NULL UNIQUE,
    client           TEXT   COLLATE "C" NOT NULL REFERENCES clients (id),
    labels           TEXT   NOT NULL,
    entitlements     TEXT   NOT NULL,
    expires_at       BIGINT,
    grace_days       BIGINT NOT NULL CHECK (grace_days BETWEEN 0 AND 90),
    max_activations  BIGINT CHECK (max_activations >= 0),
    activations      BIGINT NOT NULL CHECK (activations >= 0),
    suspended_at     BIGINT,
    suspended_reason TEXT,
    created_at       BIGINT NOT NULL,
    updated_at       BIGINT NOT NULL,
    activated_at     BIGINT,
    last_seen_at     BIGINT,
    CHECK (activations <= max_activations)
);
CREATE INDEX instances_client ON instances (client, instance_id);

-- Only hashes. not_after: NULL for the newest key, a time for one in overlap, 0 for one that was ended.
-- Ended keys stay, without their instance, so that none comes back.
CREATE TABLE instance_keys (
    hash          BYTEA  NOT NULL PRIMARY KEY CHECK (length(hash) = 32),
    instance      BIGINT REFERENCES instances (id) ON DELETE SET NULL,
    kind          TEXT   COLLATE "C" NOT NULL CHECK (kind IN ('license', 'hub')),
    issued_at     BIGINT NOT NULL,
    not_after     BIGINT,
    first_used_at BIGINT,
    CHECK ((instance IS NULL) = (not_after IS NOT NULL AND not_after = 0))
);
CREATE UNIQUE INDEX instance_keys_newest ON instance_keys (instance, kind) WHERE not_after IS NULL;
CREATE INDEX instance_keys_instance ON instance_keys (instance);

-- Revoked keys stay for the same reason.
CREATE TABLE admin_keys (
    hash         BYTEA  NOT NULL PRIMARY KEY CHECK (length(hash) = 32),
    name         TEXT   COLLATE "C" NOT NULL,
    role         TEXT   NOT NULL CHECK (role IN ('viewer', 'provisioner', 'operator', 'owner')),
    created_at   BIGINT NOT NULL,
    expires_at   BIGINT,
    last_used_at BIGINT,
    revoked_at   BIGINT
);
CREATE UNIQUE INDEX admin_keys_name ON admin_keys (name) WHERE revoked_at IS NULL;

CREATE TABLE audit_events (
    seq        BIGINT NOT NULL PRIMARY KEY,
    at         BIGINT NOT NULL,
    actor      TEXT   COLLATE "C" NOT NULL,
    action     TEXT   COLLATE "C" NOT NULL,
    target     TEXT   COLLATE "C" NOT NULL,
    detail     TEXT   NOT NULL,
    request_id TEXT   NOT NULL,
    prev_hash  BYTEA  NOT NULL CHECK (length(prev_hash) = 32),
    hash       BYTEA  NOT NULL CHECK (length(hash) = 32)
);
CREATE INDEX audit_events_target ON audit_events (target, seq);

CREATE FUNCTION audit_events_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'audit events are append-only';
END $$;
CREATE TRIGGER audit_events_no_update BEFORE UPDATE ON audit_events
    FOR EACH STATEMENT EXECUTE FUNCTION audit_events_append_only();
CREATE TRIGGER audit_events_no_delete BEFORE DELETE OR TRUNCATE ON audit_events
    FOR EACH STATEMENT EXECUTE FUNCTION audit_events_append_only();

-- The last event's number and hash: one row, which every audited change locks first.
CREATE TABLE audit_head (
    id   BIGINT NOT NULL PRIMARY KEY CHECK (id = 1),
    seq  BIGINT NOT NULL,
    hash BYTEA  NOT NULL CHECK (length(hash) = 32)
);
INSERT INTO audit_head (id, seq, hash)
VALUES (1, 0, decode(repeat('00', 32), 'hex'));
