//! Creating, changing and deleting clients.

use hub_core::api::{Action, ClientPatch, ClientStatus, NewClient};
use hub_core::name::Slug;
use hub_core::problem::ErrorCode;
use rand::rngs::SysRng;

use super::{Change, random_suffix};
use crate::domain::{ETag, Precondition, Refusal};
use crate::store::{ClientRecord, Store, Tx, transact};

/// The tag of what operators set of a client.
pub(crate) fn etag(client: &ClientRecord) -> ETag {
    let ClientRecord { id, name, external_ref, status, labels, .. } = client;
    ETag::of(&(id, name, external_ref, status, labels))
}

/// Creates a client; a slug that is derived from the name gives way to one that exists.
pub(crate) async fn create_client(
    store: &Store,
    change: &Change,
    new: &NewClient,
) -> Result<ClientRecord, Refusal> {
    transact!(store, "create client", |tx| create(tx, change, new))
}

async fn create(tx: &mut Tx, change: &Change, new: &NewClient) -> Result<ClientRecord, Refusal> {
    let derived = derive_slug(new.name.as_str());
    let now = change.now.unix_ms();
    let mut row = ClientRecord {
        id: random_uuid()?,
        slug: new.slug.as_ref().map_or_else(|| derived.clone(), |slug| slug.as_str().to_owned()),
        name: new.name.as_str().to_owned(),
        external_ref: new.external_ref.as_ref().map(|text| text.as_str().to_owned()),
        status: ClientStatus::Active.as_str().to_owned(),
        labels: json(&new.labels.clone().unwrap_or_default()),
        created_at: now,
        updated_at: now,
    };
    while !tx.insert_client(&row).await? {
        if new.slug.is_some() {
            let detail = format!("client {} already exists", row.slug);
            return Err(Refusal::because(ErrorCode::ClientExists, detail));
        }
        row.slug = format!("{}-{}", shorten(&derived, 54), random_suffix()?);
    }
    tx.audit(change.event(Action::ClientCreate, &row.slug));
    Ok(row)
}

/// Changes what the patch names. A patch that changes nothing leaves no trace.
pub(crate) async fn update_client(
    store: &Store,
    change: &Change,
    handle: &str,
    patch: &ClientPatch,
    condition: &Precondition,
) -> Result<ClientRecord, Refusal> {
    transact!(store, "update client", |tx| update(tx, change, handle, patch, condition))
}

async fn update(
    tx: &mut Tx,
    change: &Change,
    handle: &str,
    patch: &ClientPatch,
    condition: &Precondition,
) -> Result<ClientRecord, Refusal> {
    let before = tx.client(handle).await?.ok_or(ErrorCode::ClientNotFound)?;
    condition.check(&etag(&before))?;
    let mut row = before.clone();
    if let Some(name) = &patch.name {
        name.as_str().clone_into(&mut row.name);
    }
    let reference = patch.external_ref.as_ref().map(|text| text.as_str().to_owned());
    row.external_ref = reference.apply(row.external_ref);
    if let Some(labels) = &patch.labels {
        row.labels = json(labels);
    }
    if let Some(status) = patch.status {
        status.as_str().clone_into(&mut row.status);
    }
    if row == before {
        return Ok(before);
    }
    row.updated_at = change.now.unix_ms();
    tx.update_client(&row).await?;
    if row.status != before.status {
        let action = match patch.status {
            Some(ClientStatus::Suspended) => Action::ClientSuspend,
            _ => Action::ClientReactivate,
        };
        tx.audit(change.event(action, &row.slug));
    }
    let changed = changed_fields(&[
        ("name", row.name != before.name),
        ("external_ref", row.external_ref != before.external_ref),
        ("labels", row.labels != before.labels),
    ]);
    if !changed.is_empty() {
        tx.audit(change.event(Action::ClientUpdate, &row.slug).with("fields", changed));
    }
    Ok(row)
}

/// Deletes a client, and its instances when told to.
pub(crate) async fn delete_client(
    store: &Store,
    change: &Change,
    handle: &str,
    cascade: bool,
    condition: &Precondition,
) -> Result<(), Refusal> {
    transact!(store, "delete client", |tx| delete(tx, change, handle, cascade, condition))
}

async fn delete(
    tx: &mut Tx,
    change: &Change,
    handle: &str,
    cascade: bool,
    condition: &Precondition,
) -> Result<(), Refusal> {
    let client = tx.client(handle).await?.ok_or(ErrorCode::ClientNotFound)?;
    condition.check(&etag(&client))?;
    let instances = tx.instances_of(&client.id).await?;
    if !instances.is_empty() && !cascade {
        return Err(Refusal::new(ErrorCode::ClientNotEmpty));
    }
    if !instances.is_empty() {
        tx.delete_instances(&instances).await?;
    }
    for instance in &instances {
        tx.audit(change.event(Action::InstanceDelete, instance).with("client", &client.slug));
    }
    tx.delete_client(&client.id).await?;
    tx.audit(change.event(Action::ClientDelete, &client.slug).with("instances", instances.len()));
    Ok(())
}

/// The names of the fields that changed, for an audit event.
pub(super) fn changed_fields(fields: &[(&str, bool)]) -> String {
    let changed: Vec<&str> =
        fields.iter().filter(|(_, changed)| *changed).map(|(name, _)| *name).collect();
    changed.join(",")
}

/// A set as the compact JSON that is stored.
pub(super) fn json(set: &impl serde::Serialize) -> String {
    serde_json::to_string(set).unwrap_or_else(|_| unreachable!("sets of texts are JSON"))
}

/// A version 4 UUID (RFC 9562).
fn random_uuid() -> Result<String, Refusal> {
    let mut bytes = [0_u8; 16];
    rand::TryRng::try_fill_bytes(&mut SysRng, &mut bytes)
        .map_err(|_| Refusal::new(ErrorCode::Internal))?;
    Ok(uuid::Builder::from_random_bytes(bytes).into_uuid().hyphenated().to_string())
}

/// A handle made of a name: `Müller & Söhne GmbH` → `muller-sohne-gmbh`.
fn derive_slug(name: &str) -> String {
    let slug = shorten(&slug::slugify(name), 63);
    let usable = slug.parse::<Slug>().is_ok();
    if usable { slug } else { shorten(&format!("client-{slug}"), 63) }
}

/// At most `most` characters of a handle, ending in none of the hyphens.
pub(super) fn shorten(handle: &str, most: usize) -> String {
    handle.chars().take(most).collect::<String>().trim_end_matches('-').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_name_gives_a_handle() {
        for (name, slug) in [
            ("Acme GmbH", "acme-gmbh"),
            ("  Müller & Söhne  ", "muller-sohne"),
            ("X", "client-x"),
            ("!!!", "client"),
            ("0191d6a0-0000-7000-8000-000000000000", "client-0191d6a0-0000-7000-8000-000000000000"),
        ] {
            assert_eq!(derive_slug(name), slug);
            assert!(derive_slug(name).parse::<Slug>().is_ok());
        }
        assert!(derive_slug(&"long name ".repeat(20)).parse::<Slug>().is_ok());
        assert!(derive_slug("東京").parse::<Slug>().is_ok());
    }
}
