//! What the file gives → the requests that follow. The comparisons are those of the model.

use hub_core::api::{Client, Instance, NewClient, NewInstance};
use hub_core::labels::{LabelPair, Labels};
use hub_core::model::{ClientPatch, InstancePatch};
use hub_core::text::DisplayName;

use super::super::file::{ClientEntry, FLEET_LABEL, InstanceEntry};

/// The whole set of labels that an object should have, `None` for the set that it has: the given ones or
/// else those that are there, and the fleet's own.
fn labels(fleet: Option<&str>, given: Option<&Labels>, present: Option<&Labels>) -> Option<Labels> {
    let Some(fleet) = fleet else {
        return given.cloned();
    };
    let pair =
        |(key, value): (&str, &str)| LabelPair { key: key.to_owned(), value: value.to_owned() };
    let others = given.or(present).into_iter().flat_map(Labels::iter);
    let others = others.filter(|(key, _)| *key != FLEET_LABEL);
    Some(others.chain([(FLEET_LABEL, fleet)]).map(pair).collect())
}

/// The fleet that an object is in.
pub(super) fn owner(labels: &Labels) -> Option<&str> {
    labels.iter().find(|(key, _)| *key == FLEET_LABEL).map(|(_, fleet)| fleet)
}

/// The request that creates a client. Without a name it is named by its slug.
pub(super) fn new_client(entry: &ClientEntry, fleet: Option<&str>) -> Option<NewClient> {
    let fields = &entry.fields;
    Some(NewClient {
        name: fields.name.clone().or_else(|| DisplayName::new(entry.slug.as_str()))?,
        slug: Some(entry.slug.clone()),
        external_ref: fields.external_ref.clone().apply(None),
        labels: labels(fleet, fields.labels.as_ref(), None),
    })
}

/// The request that creates an instance, without the hash of a key that goes into a sink.
pub(super) fn new_instance(entry: &InstanceEntry, fleet: Option<&str>) -> NewInstance {
    let labels = labels(fleet, entry.terms.labels.as_ref(), None);
    NewInstance {
        instance_id: Some(entry.instance_id.clone()),
        license_sha256: entry.license_sha256,
        terms: InstancePatch { labels, ..entry.terms.clone() },
        hub_key_sha256: entry.hub_key_sha256,
    }
}

/// The request that changes a client; `None` where nothing differs.
pub(super) fn client_patch(
    entry: &ClientEntry,
    fleet: Option<&str>,
    is: &Client,
) -> Option<ClientPatch> {
    let labels = labels(fleet, entry.fields.labels.as_ref(), Some(&is.labels));
    is.settings().difference(ClientPatch { labels, ..entry.fields.clone() })
}

/// The request that changes an instance; `None` where nothing differs.
pub(super) fn instance_patch(
    entry: &InstanceEntry,
    fleet: Option<&str>,
    is: &Instance,
) -> Option<InstancePatch> {
    let labels = labels(fleet, entry.terms.labels.as_ref(), Some(&is.labels));
    is.terms().difference(InstancePatch { labels, ..entry.terms.clone() })
}
