//! Admin keys: only their hashes.

use hub_core::api::{AdminKeyInfo, Role};
use hub_core::key::KeyHash;
use hub_core::time::Timestamp;

use super::error::Error;
use super::tx::Tx;
use super::{Store, on};

/// An admin key as the database has it.
#[derive(Debug, Clone, sqlx::FromRow)]
pub(crate) struct AdminKeyRecord {
    hash: Vec<u8>,
    pub(crate) name: String,
    role: String,
    pub(crate) created_at: i64,
    pub(crate) expires_at: Option<i64>,
    pub(crate) last_used_at: Option<i64>,
    pub(crate) revoked_at: Option<i64>,
}

impl AdminKeyRecord {
    /// Its hash.
    pub(crate) fn hash(&self) -> Result<KeyHash, Error> {
        KeyHash::from_bytes(&self.hash).ok_or_else(|| Error::corrupt("key hash"))
    }

    /// What it may do.
    pub(crate) fn role(&self) -> Result<Role, Error> {
        self.role.parse().map_err(|_| Error::corrupt("role"))
    }

    /// Whether it works now.
    pub(crate) fn is_live(&self, now: Timestamp) -> bool {
        self.revoked_at.is_none() && self.expires_at.is_none_or(|end| end > now.unix_ms())
    }

    /// The key as the API shows it.
    pub(crate) fn to_wire(&self) -> Result<AdminKeyInfo, Error> {
        Ok(AdminKeyInfo {
            name: self.name.parse().map_err(|_| Error::corrupt("key name"))?,
            role: self.role()?,
            fingerprint: self.hash()?.fingerprint(),
            created_at: Timestamp::from_unix_ms(self.created_at),
            expires_at: self.expires_at.map(Timestamp::from_unix_ms),
            last_used_at: self.last_used_at.map(Timestamp::from_unix_ms),
        })
    }
}

const SELECT_BY_HASH: &str = "SELECT hash, name, role, created_at, expires_at, last_used_at, revoked_at FROM admin_keys \
     WHERE hash = $1";
const SELECT_BY_NAME: &str = "SELECT hash, name, role, created_at, expires_at, last_used_at, revoked_at FROM admin_keys \
     WHERE name = $1 AND revoked_at IS NULL";
const SELECT_ALL: &str = "SELECT hash, name, role, created_at, expires_at, last_used_at, revoked_at FROM admin_keys \
     WHERE revoked_at IS NULL ORDER BY name";
const INSERT: &str = "INSERT INTO admin_keys (hash, name, role, created_at, expires_at) \
                      VALUES ($1, $2, $3, $4, $5)";
const REVOKE: &str = "UPDATE admin_keys SET revoked_at = $2 WHERE name = $1 AND revoked_at IS NULL";
const SAW: &str = "UPDATE admin_keys SET last_used_at = $2 WHERE hash = $1";

impl Store {
    /// The key with this hash, also when revoked or expired.
    pub(crate) async fn admin_key(&self, hash: &KeyHash) -> Result<Option<AdminKeyRecord>, Error> {
        let hash = hash.as_bytes();
        Ok(on!(self.reader(), |db| {
            sqlx::query_as(SELECT_BY_HASH).bind(hash).fetch_optional(db).await?
        }))
    }

    /// All keys that were not revoked, by name.
    pub(crate) async fn admin_keys(&self) -> Result<Vec<AdminKeyRecord>, Error> {
        Ok(on!(self.reader(), |db| sqlx::query_as(SELECT_ALL).fetch_all(db).await?))
    }

    /// Notes when a key was last used.
    pub(crate) async fn saw_admin_key(&self, hash: &KeyHash, at: Timestamp) -> Result<(), Error> {
        on!(self.writer(), |db| {
            sqlx::query(SAW).bind(hash.as_bytes()).bind(at.unix_ms()).execute(db).await?;
        });
        Ok(())
    }
}

impl Tx {
    /// The key with this hash, also when revoked or expired.
    pub(crate) async fn admin_key_by_hash(
        &mut self,
        hash: &KeyHash,
    ) -> Result<Option<AdminKeyRecord>, Error> {
        let hash = hash.as_bytes();
        Ok(on!(self.db(), |db| sqlx::query_as(SELECT_BY_HASH)
            .bind(hash)
            .fetch_optional(db)
            .await?))
    }

    /// The key of this name that was not revoked.
    pub(crate) async fn admin_key(&mut self, name: &str) -> Result<Option<AdminKeyRecord>, Error> {
        Ok(on!(self.db(), |db| sqlx::query_as(SELECT_BY_NAME)
            .bind(name)
            .fetch_optional(db)
            .await?))
    }

    /// All keys that were not revoked, by name.
    pub(crate) async fn admin_keys(&mut self) -> Result<Vec<AdminKeyRecord>, Error> {
        Ok(on!(self.db(), |db| sqlx::query_as(SELECT_ALL).fetch_all(db).await?))
    }

    /// Adds a key. Its hash must not be known, nor its name taken.
    pub(crate) async fn insert_admin_key(
        &mut self,
        name: &str,
        role: Role,
        hash: &KeyHash,
        expires_at: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<(), Error> {
        on!(self.db(), |db| {
            sqlx::query(INSERT)
                .bind(hash.as_bytes())
                .bind(name)
                .bind(role.as_str())
                .bind(now.unix_ms())
                .bind(expires_at.map(Timestamp::unix_ms))
                .execute(db)
                .await?;
        });
        Ok(())
    }

    /// Ends the key of this name.
    pub(crate) async fn revoke_admin_key(
        &mut self,
        name: &str,
        now: Timestamp,
    ) -> Result<(), Error> {
        on!(self.db(), |db| {
            sqlx::query(REVOKE).bind(name).bind(now.unix_ms()).execute(db).await?;
        });
        Ok(())
    }
}
