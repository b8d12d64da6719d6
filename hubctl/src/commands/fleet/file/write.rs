//! What a hub has → a fleet file that says the same.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use hub_core::api::{Catalogue, Client, ClientStatus, Instance, InstanceStatus};
use hub_core::labels::Labels;

use serde_json::{Map, Value, json};

use super::FLEET_LABEL;

/// Writes a fleet file in TOML, with instances under their clients in the order given.
///
/// Null and empty values are left out: an absent member leaves the field as it is.
pub(crate) fn write(
    fleet: Option<&str>,
    clients: &[Client],
    instances: &[Instance],
    catalogue: Option<&Catalogue>,
) -> String {
    let mut text = String::from("version = 1\n");
    if let Some(fleet) = fleet {
        member(&mut text, "", "fleet", &quoted(fleet));
    }
    let mut of_client: BTreeMap<&str, Vec<&Instance>> = BTreeMap::new();
    for instance in instances {
        of_client.entry(&instance.client_id).or_default().push(instance);
    }
    for client in clients {
        text.push_str("\n[[client]]\n");
        client_members(&mut text, client, fleet);
        for instance in of_client.remove(client.id.as_str()).unwrap_or_default() {
            text.push_str("\n  [[client.instance]]\n");
            instance_members(&mut text, instance, fleet);
        }
    }
    if let Some(Catalogue { tools, codes, counts }) = catalogue {
        text.push_str("\n[telemetry]\n");
        names(&mut text, "tools", tools);
        names(&mut text, "codes", codes);
        names(&mut text, "counts", counts);
    }
    text
}

/// A name a line: lists grow long.
fn names<N: AsRef<str>>(text: &mut String, list: &str, names: &BTreeSet<N>) {
    let each: Vec<_> = names.iter().map(|name| format!("  {},\n", quoted(name.as_ref()))).collect();
    let value = if each.is_empty() { "[]".to_owned() } else { format!("[\n{}]", each.concat()) };
    member(text, "", list, &value);
}

/// The same as a tree, for JSON and YAML.
pub(crate) fn document(
    fleet: Option<&str>,
    clients: &[Client],
    instances: &[Instance],
    catalogue: Option<&Catalogue>,
) -> Value {
    let mut of_client: BTreeMap<&str, Vec<Value>> = BTreeMap::new();
    for instance in instances {
        let value = instance_value(instance, fleet);
        of_client.entry(&instance.client_id).or_default().push(value);
    }
    let client = |client: &Client| {
        let mut members = Map::new();
        members.insert("slug".into(), json!(client.slug));
        members.insert("name".into(), json!(client.name));
        if let Some(reference) = &client.external_ref {
            members.insert("external_ref".into(), json!(reference));
        }
        if client.status == ClientStatus::Suspended {
            members.insert("state".into(), "suspended".into());
        }
        labels_value(&mut members, &client.labels, fleet);
        if let Some(instances) = of_client.remove(client.id.as_str()) {
            members.insert("instance".into(), instances.into());
        }
        Value::Object(members)
    };
    let clients: Vec<Value> = clients.iter().map(client).collect();
    let mut file = Map::from_iter([("version".to_owned(), json!(1))]);
    if let Some(fleet) = fleet {
        file.insert("fleet".into(), fleet.into());
    }
    file.insert("client".into(), clients.into());
    if let Some(catalogue) = catalogue {
        file.insert("telemetry".into(), json!(catalogue));
    }
    Value::Object(file)
}

fn instance_value(instance: &Instance, fleet: Option<&str>) -> Value {
    let license = &instance.license;
    let mut members = Map::new();
    members.insert("instance_id".into(), json!(instance.instance_id));
    if instance.status == InstanceStatus::Suspended {
        members.insert("state".into(), "suspended".into());
    }
    labels_value(&mut members, &instance.labels, fleet);
    if let Some(at) = license.expires_at {
        members.insert("expires_at".into(), json!(at));
    }
    if license.grace_days.get() > 0 {
        members.insert("grace_days".into(), json!(license.grace_days));
    }
    if let Some(limit) = license.max_activations {
        members.insert("max_activations".into(), json!(limit));
    }
    if license.entitlements.iter().next().is_some() {
        members.insert("entitlements".into(), json!(license.entitlements));
    }
    Value::Object(members)
}

fn labels_value(members: &mut Map<String, Value>, labels: &Labels, fleet: Option<&str>) {
    let others = labels.iter().filter(|(key, _)| fleet.is_none() || *key != FLEET_LABEL);
    let pairs: Map<String, Value> = others.map(|(k, v)| (k.to_owned(), v.into())).collect();
    if !pairs.is_empty() {
        members.insert("labels".into(), pairs.into());
    }
}

fn client_members(text: &mut String, client: &Client, fleet: Option<&str>) {
    member(text, "", "slug", &quoted(client.slug.as_str()));
    member(text, "", "name", &quoted(client.name.as_str()));
    if let Some(reference) = &client.external_ref {
        member(text, "", "external_ref", &quoted(reference.as_str()));
    }
    if client.status == ClientStatus::Suspended {
        member(text, "", "state", "\"suspended\"");
    }
    labels(text, "", &client.labels, fleet);
}

fn instance_members(text: &mut String, instance: &Instance, fleet: Option<&str>) {
    let license = &instance.license;
    let indent = "  ";
    member(text, indent, "instance_id", &quoted(instance.instance_id.as_str()));
    if instance.status == InstanceStatus::Suspended {
        member(text, indent, "state", "\"suspended\"");
    }
    labels(text, indent, &instance.labels, fleet);
    if let Some(at) = license.expires_at {
        member(text, indent, "expires_at", &quoted(&at.to_string()));
    }
    if license.grace_days.get() > 0 {
        member(text, indent, "grace_days", &license.grace_days.get().to_string());
    }
    if let Some(limit) = license.max_activations {
        member(text, indent, "max_activations", &limit.get().to_string());
    }
    let entitlements: Vec<_> = license.entitlements.iter().map(quoted).collect();
    if !entitlements.is_empty() {
        member(text, indent, "entitlements", &format!("[{}]", entitlements.join(", ")));
    }
}

/// The label of the fleet itself is what the line `fleet` says.
fn labels(text: &mut String, indent: &str, labels: &Labels, fleet: Option<&str>) {
    let others = labels.iter().filter(|(key, _)| fleet.is_none() || *key != FLEET_LABEL);
    let pairs: Vec<_> = others.map(|(k, v)| format!("{} = {}", key(k), quoted(v))).collect();
    if !pairs.is_empty() {
        member(text, indent, "labels", &format!("{{ {} }}", pairs.join(", ")));
    }
}

fn member(text: &mut String, indent: &str, name: &str, value: &str) {
    let _ = writeln!(text, "{indent}{name} = {value}");
}

fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}

/// A dot outside of quotes would begin a table.
fn key(key: &str) -> String {
    if key.contains('.') { quoted(key) } else { key.to_owned() }
}
