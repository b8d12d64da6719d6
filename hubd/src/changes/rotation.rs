//! Replaces an instance's license key or hub key.

use std::time::Duration;

use hub_core::api::Action;
use hub_core::key::KeyHash;
use hub_core::name::InstanceId;
use hub_core::problem::ErrorCode;
use hub_core::time::Timestamp;

use super::Author;
use super::instances::{etag, find};
use crate::domain::{InstanceKey, NewKey, OpenKey, Precondition, Refusal, retire_for_rotation};
use crate::store::{InstanceRow, Store, Tx};

/// Which key to replace, and the key that replaces it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rotation {
    pub(crate) kind: InstanceKey,
    pub(crate) hash: KeyHash,
    /// Whether the caller made the key. If so, the request may repeat an earlier one.
    pub(crate) callers_key: bool,
    /// For how long the previous key continues to work.
    pub(crate) overlap: Duration,
}

/// The result of a rotation.
#[derive(Debug)]
pub(crate) struct Rotated {
    pub(crate) instance_id: InstanceId,
    pub(crate) previous_valid_until: Option<Timestamp>,
}

/// Replaces an instance's key. A repeated request with the same hash changes nothing.
pub(crate) async fn rotate(
    store: &Store,
    author: Author,
    handle: String,
    rotation: Rotation,
    condition: Precondition,
) -> Result<Rotated, Refusal> {
    let args = (author, handle, condition);
    store
        .write("rotate key", args, move |tx, (author, handle, condition)| {
            Box::pin(replace(tx, author, handle, rotation, condition))
        })
        .await
}

async fn replace(
    tx: &mut Tx<'_>,
    author: &Author,
    handle: &str,
    rotation: Rotation,
    condition: &Precondition,
) -> Result<Rotated, Refusal> {
    let InstanceRow { id, instance } = find(tx, handle).await?;
    let Rotation { kind, hash, callers_key, overlap } = rotation;
    let open = tx.open_keys(&[id], kind).await?;
    let mut open: Vec<OpenKey> = open.into_iter().map(|(_, key)| key).collect();
    if kind == InstanceKey::Hub && instance.activated_at.is_none() {
        return Err(Refusal::new(ErrorCode::NotActivated));
    }
    let in_overlap =
        || open.iter().filter(|key| key.is_live(author.now)).find_map(|key| key.not_after);
    if callers_key && open.iter().any(|key| key.not_after.is_none() && key.hash == hash) {
        return Ok(Rotated {
            instance_id: instance.instance_id,
            previous_valid_until: in_overlap(),
        });
    }
    // A repeat is no change: its first attempt has changed the tag that it was sent with.
    condition.check(&etag(&instance))?;
    if callers_key {
        tx.refuse_known(&[hash]).await?;
    }
    let overlap_end = (!overlap.is_zero()).then(|| author.now.after(overlap));
    retire_for_rotation(&mut open, overlap_end);
    let ends: Vec<_> = open.iter().filter_map(|key| Some((key.hash, key.not_after?))).collect();
    tx.end_keys(&ends).await?;
    let key = NewKey { instance: id, kind, hash, issued_at: author.now, not_after: None };
    tx.insert_keys(&[key]).await?;
    let (action, name) = match kind {
        InstanceKey::License => (Action::InstanceRotateLicense, "license"),
        InstanceKey::Hub => (Action::InstanceRotateHubKey, "hub_key"),
    };
    tx.audit(
        author
            .event(action, handle)
            .with(name, hash.fingerprint())
            .with("overlap_seconds", overlap.as_secs()),
    );
    let previous_valid_until = overlap_end.filter(|_| !open.is_empty());
    Ok(Rotated { instance_id: instance.instance_id, previous_valid_until })
}
