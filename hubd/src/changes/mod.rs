//! The changes that operators make, each in one transaction with its audit event: read under the
//! write lock, decide, write.

mod admin_keys;
mod catalogue;
mod clients;
mod instances;
mod owner;
mod rotation;

pub(crate) use admin_keys::{create_admin_key, revoke_admin_key};
pub(crate) use catalogue::set_catalogue;
pub(crate) use clients::{create_client, delete_client, etag as client_etag, update_client};
pub(crate) use instances::{
    delete_instance, etag as instance_etag, issue_instance, reactivate_instance, suspend_instance,
    update_instance,
};
pub(crate) use owner::{OwnerKey, ensure_owner_key};
pub(crate) use rotation::{Rotation, rotate};

use std::collections::BTreeMap;

use hub_core::api::Action;
use hub_core::key::{Key, KeyHash, KeyKind};
use hub_core::problem::ErrorCode;
use hub_core::time::Timestamp;
use rand::rngs::SysRng;

use crate::domain::{Event, Refusal};
use crate::store::Tx;

/// Who changes something, in which request, and when.
#[derive(Debug, Clone)]
pub(crate) struct Change {
    pub(crate) actor: String,
    pub(crate) request_id: String,
    pub(crate) now: Timestamp,
}

impl Change {
    /// A change by the hub itself.
    pub(crate) fn by_system(now: Timestamp) -> Self {
        Self { actor: "system".to_owned(), request_id: "startup".to_owned(), now }
    }

    fn event(&self, action: Action, target: &str) -> Event {
        Event {
            at: self.now,
            actor: self.actor.clone(),
            action,
            target: target.to_owned(),
            detail: BTreeMap::new(),
            request_id: self.request_id.clone(),
        }
    }
}

/// What a change left behind: something new, or what was there already.
#[derive(Debug)]
pub(crate) enum Made<T> {
    Created(T),
    Existing(T),
}

/// The hash that the caller registers, or that of a key made here.
pub(crate) fn given_or_new<K: KeyKind>(
    given: Option<KeyHash>,
) -> Result<(KeyHash, Option<Key<K>>), Refusal> {
    if let Some(hash) = given {
        return Ok((hash, None));
    }
    let key = Key::generate(&mut SysRng).map_err(|_| Refusal::new(ErrorCode::Internal))?;
    Ok((key.hash(), Some(key)))
}

/// Random lower-case hex digits, for handles.
fn random_suffix() -> Result<String, Refusal> {
    let mut bytes = [0_u8; 4];
    rand::TryRng::try_fill_bytes(&mut SysRng, &mut bytes)
        .map_err(|_| Refusal::new(ErrorCode::Internal))?;
    Ok(hex::encode(bytes))
}

impl Tx<'_> {
    /// Refuses hashes that belong to any key.
    async fn refuse_known(&mut self, hashes: &[KeyHash]) -> Result<(), Refusal> {
        if self.known_hashes(hashes).await?.is_empty() {
            return Ok(());
        }
        Err(Refusal::new(ErrorCode::KeyConflict))
    }
}
