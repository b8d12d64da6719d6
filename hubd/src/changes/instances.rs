//! Issues, changes, suspends and deletes instances.

use hub_core::api::{Action, InstancePatch, NewInstance, SuspendRequest};
use hub_core::key::{KeyHash, LicenseKey};
use hub_core::model::{Instance, Suspension, Terms};
use hub_core::name::{InstanceId, Slug};
use hub_core::problem::ErrorCode;

use super::clients::shorten;
use super::{Author, Made, given_or_new, random_suffix};
use crate::domain::{ETag, InstanceKey, NewKey, Precondition, Refusal};
use crate::store::{InstanceRow, NewInstanceRow, Store, Tx};

/// The entity tag of an instance.
pub(crate) fn etag(instance: &Instance) -> ETag {
    ETag::of(&instance.settings())
}

/// An issued instance, with its license key if the hub made the key.
#[derive(Debug)]
pub(crate) struct Issued {
    pub(crate) instance: Instance,
    pub(crate) license_key: Option<LicenseKey>,
}

/// Issues an instance to a client. A repeated request with the same license hash returns the existing
/// instance.
pub(crate) async fn issue_instance(
    store: &Store,
    author: Author,
    client: String,
    new: NewInstance,
) -> Result<Made<Issued>, Refusal> {
    store
        .write("issue instance", (author, client, new), |tx, (author, client, new)| {
            Box::pin(issue(tx, author, client, new))
        })
        .await
}

async fn issue(
    tx: &mut Tx<'_>,
    author: &Author,
    client: &str,
    new: &NewInstance,
) -> Result<Made<Issued>, Refusal> {
    let client = tx.client(client).await?.ok_or(ErrorCode::ClientNotFound)?;
    let terms = Terms::default().patched(&new.terms);
    let existing = match (&new.instance_id, new.license_sha256) {
        (Some(handle), _) => tx.instance(handle.as_str()).await?,
        // Without a handle the license tells which instance was made before.
        (None, Some(license)) => of_license(tx, license, &client.id).await?,
        (None, None) => None,
    };
    if let Some(InstanceRow { instance, .. }) = existing {
        if !is_repeat(&instance, &client.id, &terms, new) {
            let detail = format!("instance {} already exists", instance.instance_id);
            return Err(Refusal::because(ErrorCode::InstanceExists, detail));
        }
        return Ok(Made::Existing(Issued { instance, license_key: None }));
    }
    let handle = new.instance_id.clone().map_or_else(|| random_handle(&client.slug), Ok)?;
    let (license, license_key) = given_or_new(new.license_sha256)?;
    let given: Vec<KeyHash> = new.license_sha256.into_iter().chain(new.hub_key_sha256).collect();
    tx.refuse_known(&given).await?;
    let row = NewInstanceRow {
        instance_id: &handle,
        client: &client.id,
        terms: &terms,
        activated: new.hub_key_sha256.is_some(),
        now: author.now,
    };
    let id = tx.insert_instance(&row).await?.ok_or(ErrorCode::InstanceExists)?;
    let key =
        |kind, hash| NewKey { instance: id, kind, hash, issued_at: author.now, not_after: None };
    let mut keys = vec![key(InstanceKey::License, license)];
    keys.extend(new.hub_key_sha256.map(|hash| key(InstanceKey::Hub, hash)));
    tx.insert_keys(&keys).await?;
    let mut event = author
        .event(Action::InstanceCreate, handle.as_str())
        .with("client", &client.slug)
        .with("license", license.fingerprint());
    if let Some(hash) = new.hub_key_sha256 {
        event = event.with("hub_key", hash.fingerprint());
    }
    tx.audit(event);
    let instance = find(tx, handle.as_str()).await?.instance;
    Ok(Made::Created(Issued { instance, license_key }))
}

/// The client's instance whose newest license key this is.
async fn of_license(
    tx: &mut Tx<'_>,
    license: KeyHash,
    client: &str,
) -> Result<Option<InstanceRow>, Refusal> {
    let known = tx.known_keys::<InstanceRow>(&[license]).await?;
    let of_client =
        |row: &InstanceRow| row.instance.owner.id == client && row.instance.license.hash == license;
    Ok(known.into_iter().map(|key| key.holder).find(of_client))
}

/// Makes a handle for an instance.
fn random_handle(client: &Slug) -> Result<InstanceId, Refusal> {
    let handle = format!("{}-{}", shorten(client.as_str(), 54), random_suffix()?);
    handle.parse().map_err(|_| ErrorCode::Internal.into())
}

/// Whether the request repeats the one that issued the existing instance. A request without a license
/// hash never does: it asks for a new key, which only one answer can show.
fn is_repeat(existing: &Instance, client: &str, terms: &Terms, new: &NewInstance) -> bool {
    let same_license = new.license_sha256 == Some(existing.license.hash);
    let hub_key = existing.hub_key.map(|key| key.hash);
    let same_hub_key = new.hub_key_sha256.is_none() || new.hub_key_sha256 == hub_key;
    same_license && same_hub_key && existing.owner.id == client && existing.terms == *terms
}

/// Changes the fields in the patch. A patch that changes nothing writes nothing to the audit log.
pub(crate) async fn update_instance(
    store: &Store,
    author: Author,
    handle: String,
    patch: InstancePatch,
    condition: Precondition,
) -> Result<Instance, Refusal> {
    let args = (author, handle, patch, condition);
    store
        .write("update instance", args, |tx, (author, handle, patch, condition)| {
            Box::pin(update(tx, author, handle, patch, condition))
        })
        .await
}

async fn update(
    tx: &mut Tx<'_>,
    author: &Author,
    handle: &str,
    patch: &InstancePatch,
    condition: &Precondition,
) -> Result<Instance, Refusal> {
    let InstanceRow { id, instance } = find(tx, handle).await?;
    condition.check(&etag(&instance))?;
    let terms = instance.terms.patched(patch);
    if terms.max_activations.is_some_and(|max| max.get() < instance.activations) {
        let message = format!("is below the {} activations already made", instance.activations);
        return Err(Refusal::field("max_activations", message));
    }
    let changed = instance.terms.changed(&terms);
    if changed.is_empty() {
        return Ok(instance);
    }
    tx.set_terms(id, &terms, author.now).await?;
    tx.audit(author.event(Action::InstanceUpdate, handle).with("fields", changed.join(",")));
    Ok(find(tx, handle).await?.instance)
}

/// Suspends an instance. One that is suspended already gets another reason, if one is given.
pub(crate) async fn suspend_instance(
    store: &Store,
    author: Author,
    handle: String,
    request: SuspendRequest,
    condition: Precondition,
) -> Result<Instance, Refusal> {
    let args = (author, handle, request, condition);
    store
        .write("suspend instance", args, |tx, (author, handle, request, condition)| {
            Box::pin(suspend(tx, author, handle, request, condition))
        })
        .await
}

async fn suspend(
    tx: &mut Tx<'_>,
    author: &Author,
    handle: &str,
    request: &SuspendRequest,
    condition: &Precondition,
) -> Result<Instance, Refusal> {
    let InstanceRow { id, instance } = find(tx, handle).await?;
    condition.check(&etag(&instance))?;
    let suspension = match &instance.suspension {
        Some(present) => present.because(request.reason.as_ref()),
        None => Suspension { reason: request.reason.clone(), since: author.now },
    };
    if instance.suspension.as_ref() == Some(&suspension) {
        return Ok(instance);
    }
    tx.set_suspension(id, Some(&suspension), author.now).await?;
    let mut event = author.event(Action::InstanceSuspend, handle);
    if let Some(reason) = &suspension.reason {
        event = event.with("reason", reason.as_str());
    }
    tx.audit(event);
    Ok(find(tx, handle).await?.instance)
}

/// Ends an instance's suspension, if it is suspended.
pub(crate) async fn reactivate_instance(
    store: &Store,
    author: Author,
    handle: String,
    condition: Precondition,
) -> Result<Instance, Refusal> {
    let args = (author, handle, condition);
    store
        .write("reactivate instance", args, |tx, (author, handle, condition)| {
            Box::pin(reactivate(tx, author, handle, condition))
        })
        .await
}

async fn reactivate(
    tx: &mut Tx<'_>,
    author: &Author,
    handle: &str,
    condition: &Precondition,
) -> Result<Instance, Refusal> {
    let InstanceRow { id, instance } = find(tx, handle).await?;
    condition.check(&etag(&instance))?;
    if instance.suspension.is_none() {
        return Ok(instance);
    }
    tx.set_suspension(id, None, author.now).await?;
    tx.audit(author.event(Action::InstanceReactivate, handle));
    Ok(find(tx, handle).await?.instance)
}

/// Deletes an instance and ends its keys.
pub(crate) async fn delete_instance(
    store: &Store,
    author: Author,
    handle: String,
    condition: Precondition,
) -> Result<(), Refusal> {
    let args = (author, handle, condition);
    store
        .write("delete instance", args, |tx, (author, handle, condition)| {
            Box::pin(delete(tx, author, handle, condition))
        })
        .await
}

async fn delete(
    tx: &mut Tx<'_>,
    author: &Author,
    handle: &str,
    condition: &Precondition,
) -> Result<(), Refusal> {
    let instance = find(tx, handle).await?.instance;
    condition.check(&etag(&instance))?;
    tx.delete_instances(&[handle]).await?;
    let event = author.event(Action::InstanceDelete, handle);
    tx.audit(event.with("client", &instance.owner.slug));
    Ok(())
}

pub(super) async fn find(tx: &mut Tx<'_>, handle: &str) -> Result<InstanceRow, Refusal> {
    Ok(tx.instance(handle).await?.ok_or(ErrorCode::InstanceNotFound)?)
}
