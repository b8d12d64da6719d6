//! The fleet file: which clients and instances there should be. Nothing here asks a hub.
//!
//! - `tree`: TOML, YAML and JSON → one tree that knows line and column
//! - `read`: tree → [`Fleet`], with every fault there is · `write`: what a hub has → a file

mod read;
mod tree;
mod write;

pub(super) use read::read;
pub(super) use tree::{Fault, Syntax};
pub(super) use write::{document, write};

use std::collections::BTreeSet;
use std::str::FromStr;

use hub_core::api::Catalogue;
use hub_core::fields::Field;
use hub_core::key::KeyHash;
use hub_core::model::{ClientPatch, InstancePatch};
use hub_core::name::{InstanceId, Slug};
use hub_core::redact::{CodeName, CountName, ToolName};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::words::SinkSpec;
use tree::At;

/// The label that says which fleet file an object is kept by.
pub(super) const FLEET_LABEL: &str = "hubctl.fleet";

/// The longest file that is read: a fleet of 100,000 instances fits in.
pub(super) const LONGEST: u64 = 64 * 1024 * 1024;

/// Which clients and instances there should be.
#[derive(Debug)]
pub(crate) struct Fleet {
    /// Its name, which is the value of the label on all that is in it.
    pub(crate) name: Option<String>,
    /// The clients, in the order of the file.
    pub(crate) clients: Vec<ClientEntry>,
    /// The names that the hub should keep of reports.
    pub(crate) catalogue: Option<CatalogueEntry>,
}

/// The catalogue as it should be; absent lists stay as they are.
#[derive(Debug, Default)]
pub(crate) struct CatalogueEntry {
    /// Tools.
    pub(crate) tools: Option<BTreeSet<ToolName>>,
    /// Error codes.
    pub(crate) codes: Option<BTreeSet<CodeName>>,
    /// Named counts.
    pub(crate) counts: Option<BTreeSet<CountName>>,
}

impl CatalogueEntry {
    /// The whole catalogue that results.
    pub(crate) fn over(&self, is: &Catalogue) -> Catalogue {
        Catalogue {
            tools: self.tools.as_ref().unwrap_or(&is.tools).clone(),
            codes: self.codes.as_ref().unwrap_or(&is.codes).clone(),
            counts: self.counts.as_ref().unwrap_or(&is.counts).clone(),
        }
    }
}

/// A client as it should be; absent members leave it as it is.
#[derive(Debug)]
pub(crate) struct ClientEntry {
    /// Its handle.
    pub(crate) slug: Slug,
    /// What should become of it; without a word, a suspension stays as it is.
    pub(crate) state: Option<State>,
    /// Name, reference and labels, these without that of the fleet.
    pub(crate) fields: ClientPatch,
    /// Its instances, in the order of the file.
    pub(crate) instances: Vec<InstanceEntry>,
}

/// An instance as it should be; absent members leave it as it is.
#[derive(Debug)]
pub(crate) struct InstanceEntry {
    /// Where the file says it.
    pub(crate) at: At,
    /// Its handle.
    pub(crate) instance_id: InstanceId,
    /// What should become of it; without a word, a suspension stays as it is.
    pub(crate) state: Option<State>,
    /// Terms and labels, these without that of the fleet.
    pub(crate) terms: InstancePatch,
    /// Where its license key is kept.
    pub(crate) sink: Option<FleetSink>,
    /// Its license, when the key exists already.
    pub(crate) license_sha256: Option<KeyHash>,
    /// The hub key that it already has.
    pub(crate) hub_key_sha256: Option<KeyHash>,
}

/// A sink, and how the file writes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FleetSink {
    /// As written.
    pub(crate) text: String,
    /// What it means.
    pub(crate) spec: SinkSpec,
}

impl FromStr for FleetSink {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        Ok(Self { text: text.to_owned(), spec: text.parse()? })
    }
}

impl Serialize for FleetSink {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for FleetSink {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(|expected| de::Error::custom(format!("sink {expected}")))
    }
}

/// What should become of a client or an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// It is there and works.
    Active,
    /// It is there and is refused.
    Suspended,
    /// It is not there.
    Absent,
}

impl FromStr for State {
    type Err = &'static str;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "active" => Ok(Self::Active),
            "suspended" => Ok(Self::Suspended),
            "absent" => Ok(Self::Absent),
            _ => Err(Self::EXPECTED),
        }
    }
}

impl<'de> Deserialize<'de> for State {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

impl Field for State {
    const EXPECTED: &'static str = "must be active, suspended or absent";
}
