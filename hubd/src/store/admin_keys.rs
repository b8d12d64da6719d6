//! Admin keys: only their hashes.

use hub_core::api::{AdminKeyInfo, Role};
use hub_core::key::KeyHash;
use hub_core::name::KeyName;
use hub_core::time::Timestamp;

use super::Store;
use super::db::Db;
use super::error::Error;
use super::keys::as_keys;
use super::row::{FromRow, Row};

/// An admin key as the database has it.
#[derive(Debug, Clone)]
pub(crate) struct AdminKeyRow {
    pub(crate) hash: KeyHash,
    pub(crate) name: KeyName,
    pub(crate) role: Role,
    pub(crate) created_at: Timestamp,
    pub(crate) expires_at: Option<Timestamp>,
    pub(crate) last_used_at: Option<Timestamp>,
    pub(crate) revoked_at: Option<Timestamp>,
}

impl FromRow for AdminKeyRow {
    fn from_row(row: &mut Row<'_>) -> Result<Self, Error> {
        Ok(Self {
            hash: row.next()?,
            name: row.next()?,
            role: row.next()?,
            created_at: row.next()?,
            expires_at: row.next()?,
            last_used_at: row.next()?,
            revoked_at: row.next()?,
        })
    }
}

impl AdminKeyRow {
    /// Whether it works now.
    pub(crate) fn is_live(&self, now: Timestamp) -> bool {
        self.revoked_at.is_none() && self.expires_at.is_none_or(|end| end > now)
    }

    /// Whether it is an owner's key to rely on: one that works and has no end.
    pub(crate) fn is_lasting_owner(&self) -> bool {
        self.role == Role::Owner && self.revoked_at.is_none() && self.expires_at.is_none()
    }

    /// The key as the API shows it.
    pub(crate) fn to_wire(&self) -> AdminKeyInfo {
        AdminKeyInfo {
            name: self.name.clone(),
            role: self.role,
            fingerprint: self.hash.fingerprint(),
            created_at: self.created_at,
            expires_at: self.expires_at,
            last_used_at: self.last_used_at,
        }
    }
}

macro_rules! select {
    ($condition:literal) => {
        concat!(
            "SELECT hash, name, role, created_at, expires_at, last_used_at, revoked_at \
             FROM admin_keys WHERE ",
            $condition
        )
    };
}

const BY_HASH: &str = select!("hash = $1");
const BY_HASHES: &str = select!("hash {key}");
const BY_NAME: &str = select!("name = $1 AND revoked_at IS NULL");
const ALL: &str = select!("revoked_at IS NULL ORDER BY name");
const INSERT: &str = "INSERT INTO admin_keys (hash, name, role, created_at, expires_at) \
                      VALUES ($1, $2, $3, $4, $5)";
const REVOKE: &str = "UPDATE admin_keys SET revoked_at = $2 WHERE name = $1 AND revoked_at IS NULL";

impl Db<'_> {
    /// The key with this hash, also when revoked or expired.
    pub(crate) async fn admin_key_by_hash(
        &mut self,
        hash: &KeyHash,
    ) -> Result<Option<AdminKeyRow>, Error> {
        self.find(BY_HASH, &[&hash.as_bytes()]).await
    }

    /// The key of this name that was not revoked.
    pub(crate) async fn admin_key(&mut self, name: &str) -> Result<Option<AdminKeyRow>, Error> {
        self.find(BY_NAME, &[&name]).await
    }

    /// All keys that were not revoked, by name.
    pub(crate) async fn admin_keys(&mut self) -> Result<Vec<AdminKeyRow>, Error> {
        self.rows(ALL, &[]).await
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
        let expires_at = expires_at.map(Timestamp::unix_ms);
        let args: super::db::Args<'_> =
            &[&hash.as_bytes(), &name, &role.as_str(), &now.unix_ms(), &expires_at];
        self.execute(INSERT, args).await?;
        Ok(())
    }

    /// Ends the key of this name.
    pub(crate) async fn revoke_admin_key(
        &mut self,
        name: &str,
        now: Timestamp,
    ) -> Result<(), Error> {
        self.execute(REVOKE, &[&name, &now.unix_ms()]).await?;
        Ok(())
    }
}

impl Store {
    /// The keys with these hashes, also when revoked or expired.
    pub(crate) async fn admin_keys_by_hash(
        &self,
        hashes: Vec<KeyHash>,
    ) -> Result<Vec<AdminKeyRow>, Error> {
        self.point(hashes, |db, hashes| {
            Box::pin(async { db.rows_by(BY_HASHES, &as_keys(hashes)).await })
        })
        .await
    }

    /// All keys that were not revoked, by name.
    pub(crate) async fn admin_keys(&self) -> Result<Vec<AdminKeyRow>, Error> {
        self.point((), |db, ()| Box::pin(db.admin_keys())).await
    }
}
