//! What the file gives → what is sent, and which fields that changes.

use hub_core::api::{Client, ClientPatch, Instance, InstancePatch, NewClient, NewInstance};
use hub_core::fields::Patch;
use hub_core::labels::{LabelPair, Labels};
use hub_core::text::DisplayName;
use serde::Serialize;
use serde_json::Value;

use super::FLEET_LABEL;
use super::file::{ClientEntry, InstanceEntry};
use super::plan::Change;

/// The set of labels that something should have, `None` for the one that it has: what was given, or
/// else what is there, and the fleet's own.
pub(super) fn labels(
    fleet: Option<&str>,
    given: Option<&Labels>,
    present: Option<&Labels>,
) -> Option<Labels> {
    let Some(fleet) = fleet else { return given.cloned() };
    let pair =
        |(key, value): (&str, &str)| LabelPair { key: key.to_owned(), value: value.to_owned() };
    let others = given.or(present).into_iter().flat_map(Labels::iter);
    let others = others.filter(|(key, _)| *key != FLEET_LABEL);
    Some(others.chain([(FLEET_LABEL, fleet)]).map(pair).collect())
}

/// The fleet that something is in.
pub(super) fn owner(labels: &Labels) -> Option<&str> {
    labels.iter().find(|(key, _)| *key == FLEET_LABEL).map(|(_, fleet)| fleet)
}

/// What creates a client.
pub(super) fn new_client(entry: &ClientEntry, fleet: Option<&str>) -> Option<NewClient> {
    let name = entry.name.clone().or_else(|| DisplayName::new(entry.slug.as_str()))?;
    Some(NewClient {
        name,
        slug: Some(entry.slug.clone()),
        external_ref: entry.external_ref.clone().apply(None),
        labels: labels(fleet, entry.labels.as_ref(), None),
    })
}

/// What creates an instance; the hash of a key that goes into a sink is still missing.
pub(super) fn new_instance(entry: &InstanceEntry, fleet: Option<&str>) -> NewInstance {
    let terms = &entry.terms;
    NewInstance {
        instance_id: Some(entry.instance_id.clone()),
        license_sha256: entry.license_sha256,
        expires_at: terms.expires_at.apply(None),
        grace_days: terms.grace_days,
        max_activations: terms.max_activations.apply(None),
        entitlements: terms.entitlements.clone(),
        labels: labels(fleet, terms.labels.as_ref(), None),
        hub_key_sha256: entry.hub_key_sha256,
    }
}

/// What of a client is not as it should be.
pub(super) fn client_patch(
    entry: &ClientEntry,
    fleet: Option<&str>,
    is: &Client,
) -> Option<ClientPatch> {
    let wanted = entry.external_ref.clone();
    let same = wanted.clone().apply(is.external_ref.clone()) == is.external_ref;
    let labels = labels(fleet, entry.labels.as_ref(), Some(&is.labels));
    let patch = ClientPatch {
        name: entry.name.clone().filter(|name| *name != is.name),
        external_ref: if same { Patch::Keep } else { wanted },
        labels: labels.filter(|labels| *labels != is.labels),
        status: None,
    };
    let differs = patch.name.is_some() || patch.labels.is_some() || !patch.external_ref.is_keep();
    differs.then_some(patch)
}

/// What of an instance is not as it should be.
pub(super) fn instance_patch(
    entry: &InstanceEntry,
    fleet: Option<&str>,
    is: &Instance,
) -> Option<InstancePatch> {
    let labels = labels(fleet, entry.terms.labels.as_ref(), Some(&is.labels));
    crate::commands::terms::difference(InstancePatch { labels, ..entry.terms.clone() }, is)
}

/// Each field of a request, with what stands there now.
pub(super) fn changes(request: &Value, present: &Value) -> Vec<Change> {
    let Value::Object(members) = request else { return Vec::new() };
    let change = |(field, after): (&String, &Value)| Change {
        field: field.clone(),
        before: present.get(field).cloned().unwrap_or(Value::Null),
        after: after.clone(),
    };
    members.iter().map(change).collect()
}

/// Whether what a request asks for is so already.
pub(crate) fn is_so(request: &Value, present: &Value) -> bool {
    changes(request, present).iter().all(|change| change.before == change.after)
}

/// A request as JSON. The types of the API are always some.
pub(super) fn json(request: &impl Serialize) -> Value {
    serde_json::to_value(request).unwrap_or_default()
}
