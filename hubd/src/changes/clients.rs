//! Creates, changes and deletes clients.

use hub_core::api::{Action, ClientPatch, NewClient};
use hub_core::model::Client;
use hub_core::name::Slug;
use hub_core::problem::ErrorCode;
use rand::rngs::SysRng;

use super::{Author, random_suffix};
use crate::domain::{ETag, Precondition, Refusal};
use crate::store::{Store, Tx};

/// The entity tag of a client.
pub(crate) fn etag(client: &Client) -> ETag {
    ETag::of(&(&client.id, &client.settings))
}

/// Creates a client. If a slug derived from the name is taken, the client gets another slug.
pub(crate) async fn create_client(
    store: &Store,
    author: Author,
    new: NewClient,
) -> Result<Client, Refusal> {
    store
        .write("create client", (author, new), |tx, (author, new)| {
            Box::pin(create(tx, author, new))
        })
        .await
}

async fn create(tx: &mut Tx<'_>, author: &Author, new: &NewClient) -> Result<Client, Refusal> {
    let derived = derive_slug(new.name.as_str());
    let slug = |text: String| text.parse().map_err(|_| Refusal::new(ErrorCode::Internal));
    let mut client = Client {
        id: random_uuid()?,
        slug: new.slug.clone().map_or_else(|| slug(derived.clone()), Ok)?,
        settings: new.settings(),
        created_at: author.now,
        updated_at: author.now,
    };
    while !tx.insert_client(&client).await? {
        if new.slug.is_some() {
            let detail = format!("client {} already exists", client.slug);
            return Err(Refusal::because(ErrorCode::ClientExists, detail));
        }
        client.slug = slug(format!("{}-{}", shorten(&derived, 54), random_suffix()?))?;
    }
    tx.audit(author.event(Action::ClientCreate, client.slug.as_str()));
    Ok(client)
}

/// Changes the fields in the patch. A patch that changes nothing writes nothing to the audit log.
pub(crate) async fn update_client(
    store: &Store,
    author: Author,
    handle: String,
    patch: ClientPatch,
    condition: Precondition,
) -> Result<Client, Refusal> {
    let args = (author, handle, patch, condition);
    store
        .write("update client", args, |tx, (author, handle, patch, condition)| {
            Box::pin(update(tx, author, handle, patch, condition))
        })
        .await
}

async fn update(
    tx: &mut Tx<'_>,
    author: &Author,
    handle: &str,
    patch: &ClientPatch,
    condition: &Precondition,
) -> Result<Client, Refusal> {
    let mut client = tx.client(handle).await?.ok_or(ErrorCode::ClientNotFound)?;
    condition.check(&etag(&client))?;
    let settings = client.settings.patched(patch, author.now);
    if settings == client.settings {
        return Ok(client);
    }
    let before = std::mem::replace(&mut client.settings, settings);
    client.updated_at = author.now;
    tx.update_client(&client).await?;
    let slug = client.slug.as_str();
    if client.settings.suspension != before.suspension {
        let event = match &client.settings.suspension {
            None => author.event(Action::ClientReactivate, slug),
            Some(suspension) => {
                let event = author.event(Action::ClientSuspend, slug);
                match &suspension.reason {
                    Some(reason) => event.with("reason", reason.as_str()),
                    None => event,
                }
            }
        };
        tx.audit(event);
    }
    let changed = before.changed(&client.settings);
    if !changed.is_empty() {
        tx.audit(author.event(Action::ClientUpdate, slug).with("fields", changed.join(",")));
    }
    Ok(client)
}

/// Deletes a client, and with `cascade` also its instances.
pub(crate) async fn delete_client(
    store: &Store,
    author: Author,
    handle: String,
    cascade: bool,
    condition: Precondition,
) -> Result<(), Refusal> {
    let args = (author, handle, condition);
    store
        .write("delete client", args, move |tx, (author, handle, condition)| {
            Box::pin(delete(tx, author, handle, cascade, condition))
        })
        .await
}

async fn delete(
    tx: &mut Tx<'_>,
    author: &Author,
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
    let handles: Vec<&str> = instances.iter().map(String::as_str).collect();
    tx.delete_instances(&handles).await?;
    let slug = client.slug.as_str();
    for instance in handles {
        tx.audit(author.event(Action::InstanceDelete, instance).with("client", slug));
    }
    tx.delete_client(&client.id).await?;
    tx.audit(author.event(Action::ClientDelete, slug).with("instances", instances.len()));
    Ok(())
}

/// A version 4 UUID (RFC 9562).
fn random_uuid() -> Result<String, Refusal> {
    let mut bytes = [0_u8; 16];
    rand::TryRng::try_fill_bytes(&mut SysRng, &mut bytes)
        .map_err(|_| Refusal::new(ErrorCode::Internal))?;
    Ok(uuid::Builder::from_random_bytes(bytes).into_uuid().hyphenated().to_string())
}

/// Derives a handle from a name: `Müller & Söhne GmbH` becomes `muller-sohne-gmbh`.
fn derive_slug(name: &str) -> String {
    let slug = shorten(&slug::slugify(name), 63);
    let usable = slug.parse::<Slug>().is_ok();
    if usable { slug } else { shorten(&format!("client-{slug}"), 63) }
}

/// The first `most` characters of a handle, without a hyphen at the end.
pub(super) fn shorten(handle: &str, most: usize) -> String {
    handle.chars().take(most).collect::<String>().trim_end_matches('-').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_yields_a_valid_handle() {
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
