//! The value of a member → its type in the API.

use std::collections::BTreeSet;

use hub_core::api::ListedName;
use hub_core::fields::{Field, Patch};
use hub_core::key::KeyHash;
use hub_core::labels::Entitlements;

use super::super::FleetSink;
use super::{At, Members, Node, Reader, SinkSpec, Value};
use crate::folder;
use crate::words::End;

/// Members that are text, whatever they look like.
const TEXTS: [&str; 5] = ["slug", "name", "external_ref", "instance_id", "entitlements"];

impl Reader {
    /// Notes that a member is wrong. Its value is not quoted: it could be a secret.
    pub(super) fn expected<T: Field>(&mut self, node: &Node, name: &str) {
        match node.unquoted().filter(|_| TEXTS.contains(&name)) {
            Some(fault) => self.fault(node.at, format!("{name} {fault}")),
            None => self.expected_at::<T>(node.at, name),
        }
    }

    /// The same, of a place.
    pub(super) fn expected_at<T: Field>(&mut self, at: At, name: &str) {
        self.fault(at, format!("{name} {}", T::EXPECTED));
    }

    /// A member that may be absent.
    pub(super) fn field<T: Field>(
        &mut self,
        members: &Members<'_>,
        name: &'static str,
    ) -> Option<T> {
        let node = members.get(name)?;
        let read = serde_json::from_value(node.to_json()).ok();
        if read.is_none() {
            self.expected::<T>(node, name);
        }
        read
    }

    /// A member that may be absent or switched off: by null, or by the word `nothing`, for formats that
    /// have no null.
    pub(super) fn cleared_by<T: Field>(
        &mut self,
        members: &Members<'_>,
        name: &'static str,
        nothing: &str,
        told: &str,
    ) -> Patch<T> {
        let Some(node) = members.get(name) else {
            return Patch::Keep;
        };
        if node.is_null() || node.text() == Some(nothing) {
            return Patch::Clear;
        }
        // A date alone is the end of that day.
        let end_of_day = node.text().and_then(End::of_day).filter(|_| name == "expires_at");
        let json = end_of_day.map_or_else(|| node.to_json(), |end| end.to_string().into());
        if let Ok(value) = serde_json::from_value(json) {
            return Patch::Set(value);
        }
        if let Some(fault) = node.unquoted().filter(|_| TEXTS.contains(&name)) {
            self.fault(node.at, format!("{name} {fault}"));
            return Patch::Keep;
        }
        self.fault(node.at, format!("{name} {}, or {told}", T::EXPECTED));
        Patch::Keep
    }

    pub(super) fn entitlements(&mut self, members: &Members<'_>) -> Option<Entitlements> {
        let node = members.get("entitlements")?;
        let Value::List(items) = &node.value else {
            self.expected::<Entitlements>(node, "entitlements");
            return None;
        };
        let fits = |item: &&Node| {
            let name = item.text().map(str::to_owned);
            name.is_some_and(|name| Entitlements::new([name]).is_some())
        };
        if let Some(wrong) = items.iter().find(|item| !fits(item)) {
            self.expected::<Entitlements>(wrong, "entitlements");
            return None;
        }
        self.field(members, "entitlements")
    }

    /// The names of a list of the catalogue.
    pub(super) fn names<N: ListedName>(
        &mut self,
        members: &Members<'_>,
        name: &'static str,
    ) -> Option<BTreeSet<N>> {
        let node = members.get(name)?;
        let Value::List(items) = &node.value else {
            self.fault(node.at, format!("{name} must be a list of names"));
            return None;
        };
        let mut names = BTreeSet::new();
        for item in items {
            let read: Option<N> = serde_json::from_value(item.to_json()).ok();
            match read.filter(|listed| listed.as_ref() != N::RESERVED) {
                Some(listed) => drop(names.insert(listed)),
                // A name is not quoted: it could be a secret.
                None => self.fault(item.at, format!("a name in {name} {}", N::EXPECTED)),
            }
        }
        if names.len() > N::MOST {
            self.fault(node.at, format!("{name} must be at most {} names", N::MOST));
        }
        Some(names)
    }

    pub(super) fn sink(&mut self, members: &Members<'_>) -> Option<FleetSink> {
        let node = members.get("sink")?;
        let Some(text) = node.text() else {
            self.fault(node.at, "sink must be text, such as \"file:PATH\"");
            return None;
        };
        match text.parse::<FleetSink>() {
            Ok(FleetSink { spec: SinkSpec::Stdout, .. }) => {
                self.fault(
                    node.at,
                    "sink must be a place for one key, and stdout is not: give file:PATH",
                );
                None
            }
            Ok(sink) => {
                let place = self.place_of(&sink);
                let first = self.sinks.get(&place).copied();
                self.once(node.at, first, "a sink is for one instance: this sink");
                self.sinks.entry(place).or_insert(node.at);
                Some(sink)
            }
            Err(expected) => {
                self.fault(node.at, format!("sink {expected}"));
                None
            }
        }
    }

    /// Where the key really goes: two spellings of one file are one sink.
    fn place_of(&mut self, sink: &FleetSink) -> String {
        let (path, variable) = match &sink.spec {
            SinkSpec::File(path) => (path, None),
            SinkSpec::EnvFile(path, name) => (path, Some(name)),
            SinkSpec::Stdout | SinkSpec::Command(_) | SinkSpec::Step(..) => {
                return sink.text.clone();
            }
        };
        let spelled = folder::of(path);
        let real = || spelled.canonicalize().unwrap_or_else(|_| spelled.to_owned());
        let folder = self.folders.entry(spelled.to_owned()).or_insert_with(real);
        let file = folder.join(path.file_name().unwrap_or_default()).display().to_string();
        variable.map_or_else(|| format!("file:{file}"), |name| format!("{file}?{}", name.as_str()))
    }

    /// A key's hash, which may occur only once in the file.
    pub(super) fn hash(&mut self, members: &Members<'_>, name: &'static str) -> Option<KeyHash> {
        let hash: KeyHash = self.field(members, name)?;
        let at = members.get(name).map_or(members.at, |node| node.at);
        let hex = hash.to_hex();
        let first = self.keys.get(&hex).copied();
        self.once(at, first, "a key has one place: this hash");
        self.keys.entry(hex).or_insert(at);
        Some(hash)
    }
}
