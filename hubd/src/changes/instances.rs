//! Issuing, changing, suspending and deleting instances.

use hub_core::api::{Action, InstancePatch, NewInstance, SuspendRequest};
use hub_core::key::{KeyHash, LicenseKey};
use hub_core::problem::ErrorCode;
use hub_core::time::Timestamp;

use super::clients::{changed_fields, json, shorten};
use super::{Change, Made, given_or_new, random_suffix};
use crate::domain::{ETag, Precondition, Refusal};
use crate::store::{InstanceRecord, InstanceRow, KeyKind, NewKey, Store, TermsRow, Tx, transact};

/// The tag of what operators set of an instance.
pub(crate) fn etag(instance: &InstanceRecord) -> Result<ETag, Refusal> {
    let TermsRow { labels, entitlements, expires_at, grace_days, max_activations } =
        instance.terms_row();
    let license = instance.license_hash()?.to_hex();
    let suspension = (instance.suspended_at, &instance.suspended_reason);
    let terms = (labels, entitlements, expires_at, grace_days, max_activations);
    Ok(ETag::of(&(instance.id, terms, license, suspension)))
}

/// An instance, with its license key when one was made here.
#[derive(Debug)]
pub(crate) struct Issued {
    pub(crate) instance: InstanceRecord,
    pub(crate) license_key: Option<LicenseKey>,
}

/// Issues an instance of a client. The same request with the same license hash finds what it issued.
pub(crate) async fn issue_instance(
    store: &Store,
    change: &Change,
    client: &str,
    new: &NewInstance,
) -> Result<Made<Issued>, Refusal> {
    transact!(store, "issue instance", |tx| issue(tx, change, client, new))
}

async fn issue(
    tx: &mut Tx,
    change: &Change,
    client: &str,
    new: &NewInstance,
) -> Result<Made<Issued>, Refusal> {
    let client = tx.client(client).await?.ok_or(ErrorCode::ClientNotFound)?;
    let terms = terms_of(new);
    let handle = match &new.instance_id {
        Some(id) => id.as_str().to_owned(),
        None => format!("{}-{}", shorten(&client.slug, 54), random_suffix()?),
    };
    if let Some(existing) = tx.instance(&handle).await? {
        if !is_repeat(&existing, &client.id, &terms, new)? {
            let detail = format!("instance {handle} already exists");
            return Err(Refusal::because(ErrorCode::InstanceExists, detail));
        }
        return Ok(Made::Existing(Issued { instance: existing, license_key: None }));
    }
    let (license, license_key) = given_or_new(new.license_sha256)?;
    let given: Vec<KeyHash> = new.license_sha256.into_iter().chain(new.hub_key_sha256).collect();
    tx.refuse_known(&given).await?;
    let row = InstanceRow {
        instance_id: &handle,
        client: &client.id,
        terms,
        activated: new.hub_key_sha256.is_some(),
        now: change.now,
    };
    let id = tx.insert_instance(&row).await?.ok_or(ErrorCode::InstanceExists)?;
    let key =
        |kind, hash| NewKey { instance: id, kind, hash, issued_at: change.now, not_after: None };
    let mut keys = vec![key(KeyKind::License, license)];
    keys.extend(new.hub_key_sha256.map(|hash| key(KeyKind::Hub, hash)));
    tx.insert_keys(&keys).await?;
    let mut event = change
        .event(Action::InstanceCreate, &handle)
        .with("client", &client.slug)
        .with("license", license.fingerprint());
    if let Some(hash) = new.hub_key_sha256 {
        event = event.with("hub_key", hash.fingerprint());
    }
    tx.audit(event);
    let instance = tx.instance(&handle).await?.ok_or(ErrorCode::Internal)?;
    Ok(Made::Created(Issued { instance, license_key }))
}

fn terms_of(new: &NewInstance) -> TermsRow {
    TermsRow {
        labels: json(&new.labels.clone().unwrap_or_default()),
        entitlements: json(&new.entitlements.clone().unwrap_or_default()),
        expires_at: new.expires_at.map(Timestamp::unix_ms),
        grace_days: new.grace_days.unwrap_or_default().get().into(),
        max_activations: new.max_activations.map(|max| max.get().into()),
    }
}

/// Whether the request would issue exactly what exists. Without a license hash it cannot: the key
/// that it asks for can be shown once only.
fn is_repeat(
    existing: &InstanceRecord,
    client: &str,
    terms: &TermsRow,
    new: &NewInstance,
) -> Result<bool, Refusal> {
    let same_license = new.license_sha256 == Some(existing.license_hash()?);
    let same_hub_key = new.hub_key_sha256.is_none() || new.hub_key_sha256 == existing.hub_hash()?;
    let same_terms = existing.client == client && existing.terms_row() == *terms;
    Ok(same_license && same_hub_key && same_terms)
}

/// Changes what the patch names. A patch that changes nothing leaves no trace.
pub(crate) async fn update_instance(
    store: &Store,
    change: &Change,
    handle: &str,
    patch: &InstancePatch,
    condition: &Precondition,
) -> Result<InstanceRecord, Refusal> {
    transact!(store, "update instance", |tx| update(tx, change, handle, patch, condition))
}

async fn update(
    tx: &mut Tx,
    change: &Change,
    handle: &str,
    patch: &InstancePatch,
    condition: &Precondition,
) -> Result<InstanceRecord, Refusal> {
    let before = find(tx, handle).await?;
    condition.check(&etag(&before)?)?;
    let old = before.terms_row();
    let terms = patched(old.clone(), patch);
    if terms.max_activations.is_some_and(|max| max < before.activations) {
        let message = format!("is below the {} activations already made", before.activations);
        return Err(Refusal::field("max_activations", message));
    }
    if terms == old {
        return Ok(before);
    }
    tx.set_terms(before.id, &terms, change.now).await?;
    let changed = changed_fields(&[
        ("expires_at", terms.expires_at != old.expires_at),
        ("grace_days", terms.grace_days != old.grace_days),
        ("max_activations", terms.max_activations != old.max_activations),
        ("entitlements", terms.entitlements != old.entitlements),
        ("labels", terms.labels != old.labels),
    ]);
    tx.audit(change.event(Action::InstanceUpdate, handle).with("fields", changed));
    find(tx, handle).await
}

fn patched(mut terms: TermsRow, patch: &InstancePatch) -> TermsRow {
    terms.expires_at = patch.expires_at.map(Timestamp::unix_ms).apply(terms.expires_at);
    let limit = patch.max_activations.map(|max| i64::from(max.get()));
    terms.max_activations = limit.apply(terms.max_activations);
    if let Some(days) = patch.grace_days {
        terms.grace_days = days.get().into();
    }
    if let Some(entitlements) = &patch.entitlements {
        terms.entitlements = json(entitlements);
    }
    if let Some(labels) = &patch.labels {
        terms.labels = json(labels);
    }
    terms
}

/// Suspends an instance; one that is suspended already stays as it is.
pub(crate) async fn suspend_instance(
    store: &Store,
    change: &Change,
    handle: &str,
    request: &SuspendRequest,
) -> Result<InstanceRecord, Refusal> {
    transact!(store, "suspend instance", |tx| async {
        let before = find(tx, handle).await?;
        if before.suspended_at.is_some() {
            return Ok(before);
        }
        let reason = request.reason.as_ref().map(hub_core::text::ReasonCode::as_str);
        tx.set_suspension(before.id, Some(change.now), reason, change.now).await?;
        let mut event = change.event(Action::InstanceSuspend, handle);
        if let Some(reason) = reason {
            event = event.with("reason", reason);
        }
        tx.audit(event);
        find(tx, handle).await
    })
}

/// Ends an instance's suspension, if it is suspended.
pub(crate) async fn reactivate_instance(
    store: &Store,
    change: &Change,
    handle: &str,
) -> Result<InstanceRecord, Refusal> {
    transact!(store, "reactivate instance", |tx| async {
        let before = find(tx, handle).await?;
        if before.suspended_at.is_none() {
            return Ok(before);
        }
        tx.set_suspension(before.id, None, None, change.now).await?;
        tx.audit(change.event(Action::InstanceReactivate, handle));
        find(tx, handle).await
    })
}

/// Deletes an instance and ends its keys.
pub(crate) async fn delete_instance(
    store: &Store,
    change: &Change,
    handle: &str,
    condition: &Precondition,
) -> Result<(), Refusal> {
    transact!(store, "delete instance", |tx| async {
        let instance = find(tx, handle).await?;
        condition.check(&etag(&instance)?)?;
        tx.delete_instances(&[handle.to_owned()]).await?;
        let event = change.event(Action::InstanceDelete, handle);
        tx.audit(event.with("client", &instance.client_slug));
        Ok(())
    })
}

pub(super) async fn find(tx: &mut Tx, handle: &str) -> Result<InstanceRecord, Refusal> {
    Ok(tx.instance(handle).await?.ok_or(ErrorCode::InstanceNotFound)?)
}
