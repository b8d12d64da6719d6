//! A file's tree → a fleet, or every fault that the file has.

mod values;

use std::collections::BTreeMap;
use std::path::PathBuf;

use hub_core::labels::{LabelPair, Labels};
use hub_core::model::{ClientPatch, InstancePatch};
use hub_core::name::{InstanceId, Slug};

use super::tree::{At, Fault, Node, Syntax, Value, parse};
use super::{CatalogueEntry, ClientEntry, FLEET_LABEL, Fleet, InstanceEntry};
use crate::words::{CLIENT, FILE, INSTANCE, SinkSpec, TELEMETRY, Table};

/// The only version.
const VERSION: u64 = 1;

/// Reads a fleet file's text.
pub(crate) fn read(text: &str, syntax: Syntax) -> Result<Fleet, Vec<Fault>> {
    let tree = parse(text, syntax)?;
    let mut reader = Reader::default();
    let fleet = reader.file(&tree);
    let mut faults = reader.faults;
    faults.sort();
    match fleet {
        Some(fleet) if faults.is_empty() => Ok(fleet),
        _ => Err(faults),
    }
}

/// The faults found so far, and the places of everything that may occur only once.
#[derive(Default)]
struct Reader {
    faults: Vec<Fault>,
    fleet: Option<String>,
    slugs: BTreeMap<Slug, At>,
    instances: BTreeMap<InstanceId, At>,
    /// By [`Reader::place_of`].
    sinks: BTreeMap<String, At>,
    /// The real folders of sinks, by their spelling.
    folders: BTreeMap<PathBuf, PathBuf>,
    keys: BTreeMap<String, At>,
}

/// A table of the file, its members known by name.
struct Members<'n> {
    at: At,
    table: &'static Table,
    given: BTreeMap<&'n str, (At, &'n Node)>,
}

impl<'n> Members<'n> {
    fn get(&self, name: &'static str) -> Option<&'n Node> {
        debug_assert!(self.table.names().any(|known| known == name), "{name} is in no table");
        self.given.get(name).map(|(_, node)| *node)
    }

    /// Where a member stands, or else the table.
    fn at(&self, name: &str) -> At {
        self.given.get(name).map_or(self.at, |(at, _)| *at)
    }
}

impl Reader {
    fn fault(&mut self, at: At, message: impl Into<String>) {
        self.faults.push(Fault { at, message: message.into() });
    }

    /// The members of a table: known ones, each once, and all that are required.
    fn members<'n>(&mut self, node: &'n Node, table: &'static Table) -> Option<Members<'n>> {
        let Value::Map(pairs) = &node.value else {
            self.fault(node.at, format!("{} must be a table of members", table.heading));
            return None;
        };
        let mut given = BTreeMap::new();
        for (name, at, value) in pairs {
            if !table.names().any(|known| known == name) {
                self.fault(*at, unknown(name, table));
            } else if given.insert(name.as_str(), (*at, value)).is_some() {
                self.fault(*at, format!("{name} is given more than once"));
            }
        }
        for member in table.members.iter().filter(|member| member.required) {
            if !given.contains_key(member.name) {
                self.fault(node.at, format!("{} is required in {}", member.name, table.heading));
            }
        }
        Some(Members { at: node.at, table, given })
    }

    fn file(&mut self, tree: &Node) -> Option<Fleet> {
        let members = self.members(tree, &FILE)?;
        if let Some(version) = members.get("version")
            && version.to_json() != VERSION
        {
            self.fault(version.at, format!("version must be {VERSION}"));
        }
        self.fleet = members.get("fleet").and_then(|node| self.fleet_name(node));
        let clients = self.list(&members, "client");
        let clients: Vec<_> = clients.iter().filter_map(|node| self.client(node)).collect();
        let catalogue = members.get("telemetry").filter(|node| !node.is_null());
        let catalogue = catalogue.and_then(|node| self.catalogue(node));
        Some(Fleet { name: self.fleet.clone(), clients, catalogue })
    }

    fn fleet_name(&mut self, node: &Node) -> Option<String> {
        let name = node.text().filter(|name| !name.is_empty());
        let fits = name.filter(|name| format!("{FLEET_LABEL}={name}").parse::<LabelPair>().is_ok());
        if fits.is_none() {
            self.fault(node.at, "fleet must be 1 to 63 of A-Z, a-z, 0-9, _, . and -");
        }
        fits.map(str::to_owned)
    }

    /// The tables of a list; one that is absent or null has none.
    fn list<'n>(&mut self, members: &Members<'n>, name: &'static str) -> &'n [Node] {
        match members.get(name) {
            None => &[],
            Some(node) => match &node.value {
                Value::List(items) => items,
                _ if node.is_null() => &[],
                _ => {
                    self.fault(node.at, format!("{name} must be a list of tables"));
                    &[]
                }
            },
        }
    }

    fn catalogue(&mut self, node: &Node) -> Option<CatalogueEntry> {
        let members = self.members(node, &TELEMETRY)?;
        Some(CatalogueEntry {
            tools: self.names(&members, "tools"),
            codes: self.names(&members, "codes"),
            counts: self.names(&members, "counts"),
        })
    }

    fn client(&mut self, node: &Node) -> Option<ClientEntry> {
        let members = self.members(node, &CLIENT)?;
        let slug: Option<Slug> = self.field(&members, "slug");
        if let Some(slug) = &slug {
            let at = members.at("slug");
            let first = self.slugs.get(slug).copied();
            self.once(at, first, &format!("client {slug}"));
            self.slugs.entry(slug.clone()).or_insert(at);
        }
        let fields = ClientPatch {
            name: self.field(&members, "name"),
            external_ref: self.cleared_by(&members, "external_ref", "", "\"\" for nowhere"),
            labels: self.labels(&members),
            status: None,
            reason: None,
        };
        let state = self.field(&members, "state");
        let instances = self.list(&members, "instance");
        let instances: Vec<_> = instances.iter().filter_map(|node| self.instance(node)).collect();
        Some(ClientEntry { slug: slug?, state, fields, instances })
    }

    fn instance(&mut self, node: &Node) -> Option<InstanceEntry> {
        let members = self.members(node, &INSTANCE)?;
        let instance_id: Option<InstanceId> = self.field(&members, "instance_id");
        if let Some(id) = &instance_id {
            let at = members.at("instance_id");
            let first = self.instances.get(id).copied();
            self.once(at, first, &format!("instance {id}"));
            self.instances.entry(id.clone()).or_insert(at);
        }
        let state = self.field(&members, "state");
        let terms = InstancePatch {
            expires_at: self.cleared_by(&members, "expires_at", "never", "\"never\""),
            grace_days: self.field(&members, "grace_days"),
            max_activations: self.cleared_by(&members, "max_activations", "none", "\"none\""),
            entitlements: self.entitlements(&members),
            labels: self.labels(&members),
        };
        let sink = self.sink(&members);
        let license_sha256 = self.hash(&members, "license_sha256");
        let hub_key_sha256 = self.hash(&members, "hub_key_sha256");
        if sink.is_some() && license_sha256.is_some() {
            let message = "license_sha256 means a key that exists, and a sink a key that is made: give one of the two";
            self.fault(members.at("license_sha256"), message);
        }
        let at = members.at("instance_id");
        let id = instance_id?;
        Some(InstanceEntry {
            at,
            instance_id: id,
            state,
            terms,
            sink,
            license_sha256,
            hub_key_sha256,
        })
    }

    /// Notes a fault when there was a first one already.
    fn once(&mut self, at: At, first: Option<At>, what: &str) {
        if let Some(first) = first {
            self.fault(at, format!("{what} is in this file already, at {first}"));
        }
    }

    fn labels(&mut self, members: &Members<'_>) -> Option<Labels> {
        let node = members.get("labels")?;
        let Value::Map(pairs) = &node.value else {
            self.expected::<Labels>(node, "labels");
            return None;
        };
        let mut labels = BTreeMap::new();
        for (key, at, value) in pairs {
            if let Some(fault) = value.unquoted() {
                self.fault(*at, format!("label {key} {fault}"));
                continue;
            }
            let text = value.text().unwrap_or("\n");
            match format!("{key}={text}").parse::<LabelPair>() {
                Err(_) => self.expected_at::<LabelPair>(*at, "a label"),
                Ok(pair) if pair.key == FLEET_LABEL && self.fleet.is_some() => {
                    self.fault(
                        *at,
                        format!("{FLEET_LABEL} is set by the line `fleet`: remove one"),
                    );
                }
                Ok(pair) => {
                    if labels.insert(pair.key.clone(), pair).is_some() {
                        self.fault(*at, format!("label {key} is given more than once"));
                    }
                }
            }
        }
        // One place is for the fleet's own.
        let most = if self.fleet.is_some() { 31 } else { 32 };
        if pairs.len() > most {
            self.fault(node.at, format!("labels must be at most {most}"));
        }
        Some(labels.into_values().collect())
    }
}

/// The message for a member that no table has.
fn unknown(name: &str, table: &Table) -> String {
    let distance = |known: &&str| strsim::damerau_levenshtein(name, known);
    if let Some(known) = table.names().min_by_key(distance).filter(|known| distance(known) <= 2) {
        return format!("unknown member {name}: did you mean {known}?");
    }
    let known: Vec<_> = table.names().collect();
    format!("unknown member {name}; {} has {}", table.heading, known.join(", "))
}

#[cfg(test)]
mod tests;
