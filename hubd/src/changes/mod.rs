//! The changes that operators make. Each change and its audit event are one transaction, which reads
//! under the write lock, decides, and writes.

mod admin_keys;
mod catalogue;
mod clients;
mod instances;
mod owner;
mod rotation;

pub(crate) use admin_keys::{create_admin_key, revoke_admin_key};
pub(crate) use catalogue::{etag as catalogue_etag, set_catalogue, update_catalogue};
pub(crate) use clients::{create_client, delete_client, etag as client_etag, update_client};
pub(crate) use instances::{
    delete_instance, etag as instance_etag, issue_instance, reactivate_instance, suspend_instance,
    update_instance,
};
pub(crate) use owner::{OwnerKey, Owners, ensure_owner_key, reset_owner_key};
pub(crate) use rotation::{Rotation, rotate};

use std::collections::BTreeMap;

use hub_core::api::Action;
use hub_core::key::{Key, KeyHash, KeyKind};
use hub_core::problem::ErrorCode;
use hub_core::time::Timestamp;
use rand::rngs::SysRng;

use crate::domain::{Event, Refusal};
use crate::store::Tx;

/// Who makes a change, by which request, and when.
#[derive(Debug, Clone)]
pub(crate) struct Author {
    pub(crate) actor: String,
    pub(crate) request_id: String,
    pub(crate) now: Timestamp,
}

impl Author {
    /// The hub itself.
    pub(crate) fn by_system(now: Timestamp) -> Self {
        Self { actor: "system".to_owned(), request_id: "startup".to_owned(), now }
    }

    /// Whoever owns the machine, by a command of hubd.
    pub(crate) fn by_command(name: &str, now: Timestamp) -> Self {
        Self { actor: "system".to_owned(), request_id: name.to_owned(), now }
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

/// The result of a request to create something: a new object, or an existing one if the request repeats
/// an earlier one.
#[derive(Debug)]
pub(crate) enum Made<T> {
    Created(T),
    Existing(T),
}

/// The hash that the caller registers, or a new key and its hash.
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
    /// Refuses if any of the hashes already belongs to a key.
    async fn refuse_known(&mut self, hashes: &[KeyHash]) -> Result<(), Refusal> {
        if self.known_hashes(hashes).await?.is_empty() {
            return Ok(());
        }
        Err(Refusal::new(ErrorCode::KeyConflict))
    }
}
