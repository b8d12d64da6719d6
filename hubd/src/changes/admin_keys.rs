//! Creating and revoking admin keys.

use hub_core::api::{Action, AdminKeyInfo, NewAdminKey, Role};
use hub_core::key::{Admin, AdminKey};
use hub_core::problem::ErrorCode;
use hub_core::time::Timestamp;

use super::{Change, Made, given_or_new};
use crate::domain::Refusal;
use crate::store::{Store, Tx, transact};

/// Creates an admin key. The same request with the same hash finds what it created.
pub(crate) async fn create_admin_key(
    store: &Store,
    change: &Change,
    new: &NewAdminKey,
) -> Result<Made<(AdminKeyInfo, Option<AdminKey>)>, Refusal> {
    transact!(store, "create admin key", |tx| create(tx, change, new))
}

async fn create(
    tx: &mut Tx,
    change: &Change,
    new: &NewAdminKey,
) -> Result<Made<(AdminKeyInfo, Option<AdminKey>)>, Refusal> {
    let name = new.name.as_str();
    if let Some(existing) = tx.admin_key(name).await? {
        let same = new.key_sha256 == Some(existing.hash()?)
            && existing.role()? == new.role
            && existing.expires_at == new.expires_at.map(Timestamp::unix_ms);
        if !same {
            let detail = format!("admin key {name} already exists");
            return Err(Refusal::because(ErrorCode::AdminKeyExists, detail));
        }
        return Ok(Made::Existing((existing.to_wire()?, None)));
    }
    if new.expires_at.is_some_and(|at| at <= change.now) {
        return Err(Refusal::field("expires_at", "must be in the future"));
    }
    let (hash, key) = given_or_new::<Admin>(new.key_sha256)?;
    if new.key_sha256.is_some() {
        tx.refuse_known(&[hash]).await?;
    }
    tx.insert_admin_key(name, new.role, &hash, new.expires_at, change.now).await?;
    tx.audit(
        change
            .event(Action::AdminKeyCreate, name)
            .with("role", new.role)
            .with("admin_key", hash.fingerprint()),
    );
    let created = tx.admin_key(name).await?.ok_or(ErrorCode::Internal)?;
    Ok(Made::Created((created.to_wire()?, key)))
}

/// Ends an admin key at once, unless it is the last owner key that works.
pub(crate) async fn revoke_admin_key(
    store: &Store,
    change: &Change,
    name: &str,
) -> Result<(), Refusal> {
    transact!(store, "revoke admin key", |tx| revoke(tx, change, name))
}

async fn revoke(tx: &mut Tx, change: &Change, name: &str) -> Result<(), Refusal> {
    let key = tx.admin_key(name).await?.ok_or(ErrorCode::AdminKeyNotFound)?;
    if key.role()? == Role::Owner && key.is_live(change.now) {
        let others = tx.admin_keys().await?.into_iter().filter(|other| other.name != name);
        let mut owners = others
            .filter(|other| matches!(other.role(), Ok(Role::Owner)) && other.is_live(change.now));
        if owners.next().is_none() {
            return Err(Refusal::new(ErrorCode::LastOwnerKey));
        }
    }
    tx.revoke_admin_key(name, change.now).await?;
    let fingerprint = key.hash()?.fingerprint();
    tx.audit(change.event(Action::AdminKeyRevoke, name).with("admin_key", fingerprint));
    Ok(())
}
