//! What is to be done to a hub: the document that `plan` shows and saves and `apply` carries out.
//!
//! There is no secret in it. A key is made when it is put into its sink, and of one that exists
//! already the file has only the hash.

use hub_core::api::{Client, Instance};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Value, json};

use super::action::{Action, Kind, Status, Summary};
use crate::error::Failure;

/// What is to be done to a hub, or was.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Plan {
    /// Of this document.
    pub(crate) format_version: u32,
    /// The hub that it was made for.
    pub(crate) hub: String,
    /// The fleet that the file names.
    pub(crate) fleet: Option<String>,
    /// One after the other, those of an object together.
    pub(crate) items: Vec<Item>,
    /// How many there are of each.
    pub(crate) summary: Summary,
    /// What needs a person's attention, and is no change.
    pub(crate) warnings: Vec<String>,
    /// Whether anything of it was done.
    pub(crate) changed: bool,
    /// It was only to be told what would be done.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) dry_run: bool,
}

/// One change to one object.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Item {
    /// The change.
    pub(crate) action: Action,
    /// What is changed.
    pub(crate) kind: Kind,
    /// Its handle.
    pub(crate) handle: String,
    /// The client that it is or belongs to.
    pub(crate) client: String,
    /// What became of it.
    pub(crate) status: Status,
    /// It was in no fleet, or in another one, and comes into this.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) adopt: bool,
    /// Each field that gets another value.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) changes: Vec<Change>,
    /// What operators had set of it when the plan was made; absent where it did not exist.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) seen: Option<Value>,
    /// What is sent to the hub, the hash of a new key aside.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) request: Option<Value>,
    /// Where its new license key goes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) sink: Option<String>,
    /// Why it cannot be done, or failed.
    #[serde(default, skip_deserializing, skip_serializing_if = "Option::is_none")]
    #[serde(serialize_with = "described")]
    pub(crate) error: Option<Failure>,
}

/// A field that gets another value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Change {
    /// Its name in the API.
    pub(crate) field: String,
    /// What it was.
    pub(crate) before: Value,
    /// What it becomes.
    pub(crate) after: Value,
}

impl Plan {
    /// Of this program's documents.
    pub(crate) const FORMAT_VERSION: u32 = 1;

    /// A plan of these items, for a hub that is filled in by who knows it.
    pub(crate) fn of(fleet: Option<String>, items: Vec<Item>, warnings: Vec<String>) -> Self {
        let summary = Summary::of(&items);
        Self {
            format_version: Self::FORMAT_VERSION,
            hub: String::new(),
            fleet,
            items,
            summary,
            warnings,
            changed: false,
            dry_run: false,
        }
    }

    /// Counts again, after items became something else.
    pub(crate) fn count(&mut self) {
        self.summary = Summary::of(&self.items);
        self.changed = self.items.iter().any(|item| item.status == Status::Applied);
    }

    /// The items that can be done.
    pub(crate) fn changes(&self) -> impl Iterator<Item = &Item> {
        self.items.iter().filter(|item| item.status == Status::Planned)
    }

    /// The same, taken out, each with its object's handle.
    pub(crate) fn take_failures(&mut self) -> Vec<(String, Failure)> {
        let failures = self.items.iter_mut();
        failures.filter_map(|item| Some((item.handle.clone(), item.error.take()?))).collect()
    }

    /// Why items cannot be done, or failed.
    pub(crate) fn failures(&self) -> impl Iterator<Item = &Failure> {
        self.items.iter().filter_map(|item| item.error.as_ref())
    }
}

impl Item {
    /// An item of which nothing more is known.
    pub(crate) fn new(action: Action, kind: Kind, handle: &str, client: &str) -> Self {
        Self {
            action,
            kind,
            handle: handle.to_owned(),
            client: client.to_owned(),
            status: Status::Planned,
            adopt: false,
            changes: Vec::new(),
            seen: None,
            request: None,
            sink: None,
            error: None,
        }
    }

    /// What is changed, in words.
    pub(crate) fn what(&self) -> String {
        format!("{} {}", self.kind.as_str(), self.handle)
    }

    /// This item, which cannot be done or failed.
    pub(crate) fn fail(&mut self, failure: Failure) {
        self.status = Status::Failed;
        self.error = Some(failure);
    }
}

#[expect(clippy::ref_option, reason = "serde gives the field as it is")]
fn described<S: Serializer>(error: &Option<Failure>, serializer: S) -> Result<S::Ok, S::Error> {
    error.as_ref().map(|failure| failure.described(None)).serialize(serializer)
}

/// What operators set of a client: the same as its `ETag` is of.
///
/// Lists carry no tags, and a request a client only to learn its tag would make planning slow. So a
/// plan keeps what the tag is made of. Who carries it out gets the object, compares it with this, and
/// changes it only if it still has the tag that came with it.
pub(crate) fn stand_of_client(client: &Client) -> Value {
    json!({
        "id": client.id, "name": client.name, "external_ref": client.external_ref,
        "status": client.status, "labels": client.labels,
    })
}

/// What operators set of an instance; see [`stand_of_client`].
pub(crate) fn stand_of_instance(instance: &Instance) -> Value {
    let license = &instance.license;
    json!({
        "client": instance.client_slug, "license": license.fingerprint,
        "expires_at": license.expires_at, "grace_days": license.grace_days,
        "max_activations": license.max_activations, "entitlements": license.entitlements,
        "labels": instance.labels, "suspension": instance.suspension,
    })
}
