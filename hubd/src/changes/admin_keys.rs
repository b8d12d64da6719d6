//! Creates and revokes admin keys.

use hub_core::api::{Action, AdminKeyInfo, NewAdminKey, Role};
use hub_core::key::{Admin, AdminKey};
use hub_core::problem::ErrorCode;

use super::{Author, Made, given_or_new};
use crate::domain::Refusal;
use crate::store::{Store, Tx};

/// Creates an admin key. A repeated request with the same hash returns the existing key.
pub(crate) async fn create_admin_key(
    store: &Store,
    author: Author,
    new: NewAdminKey,
) -> Result<Made<(AdminKeyInfo, Option<AdminKey>)>, Refusal> {
    store
        .write("create admin key", (author, new), |tx, (author, new)| {
            Box::pin(create(tx, author, new))
        })
        .await
}

async fn create(
    tx: &mut Tx<'_>,
    author: &Author,
    new: &NewAdminKey,
) -> Result<Made<(AdminKeyInfo, Option<AdminKey>)>, Refusal> {
    let name = new.name.as_str();
    if let Some(existing) = tx.admin_key(name).await? {
        let same = new.key_sha256 == Some(existing.hash)
            && existing.role == new.role
            && existing.expires_at == new.expires_at;
        if !same {
            let detail = format!("admin key {name} already exists");
            return Err(Refusal::because(ErrorCode::AdminKeyExists, detail));
        }
        return Ok(Made::Existing((existing.to_wire(), None)));
    }
    if new.expires_at.is_some_and(|at| at <= author.now) {
        return Err(Refusal::field("expires_at", "must be in the future"));
    }
    let (hash, key) = given_or_new::<Admin>(new.key_sha256)?;
    if new.key_sha256.is_some() {
        tx.refuse_known(&[hash]).await?;
    }
    tx.insert_admin_key(name, new.role, &hash, new.expires_at, author.now).await?;
    tx.audit(
        author
            .event(Action::AdminKeyCreate, name)
            .with("role", new.role)
            .with("admin_key", hash.fingerprint()),
    );
    let created = tx.admin_key(name).await?.ok_or(ErrorCode::Internal)?;
    Ok(Made::Created((created.to_wire(), key)))
}

/// Revokes an admin key with immediate effect, unless no owner key
/// without an end would be left.
pub(crate) async fn revoke_admin_key(
    store: &Store,
    author: Author,
    name: String,
) -> Result<(), Refusal> {
    store
        .write("revoke admin key", (author, name), |tx, (author, name)| {
            Box::pin(revoke(tx, author, name))
        })
        .await
}

async fn revoke(tx: &mut Tx<'_>, author: &Author, name: &str) -> Result<(), Refusal> {
    let key = tx.admin_key(name).await?.ok_or(ErrorCode::AdminKeyNotFound)?;
    if key.role == Role::Owner && key.is_live(author.now) {
        let mut others = tx.admin_keys().await?.into_iter().filter(|other| other.name != key.name);
        if !others.any(|other| other.is_lasting_owner()) {
            return Err(Refusal::new(ErrorCode::LastOwnerKey));
        }
    }
    tx.revoke_admin_key(name, author.now).await?;
    let fingerprint = key.hash.fingerprint();
    tx.audit(author.event(Action::AdminKeyRevoke, name).with("admin_key", fingerprint));
    Ok(())
}
