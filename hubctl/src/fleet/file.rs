//! A fleet file, read.

use std::str::FromStr;

use hub_core::api::InstancePatch;
use hub_core::fields::{Field, Patch};
use hub_core::key::KeyHash;
use hub_core::labels::Labels;
use hub_core::name::{InstanceId, Slug};
use hub_core::text::{DisplayName, ExternalRef};
use serde::{Deserialize, Deserializer, de};

use super::At;
use crate::words::SinkSpec;

/// What clients and instances there should be.
#[derive(Debug)]
pub(crate) struct Fleet {
    /// Its name, which is the value of the label on all that is in it.
    pub(crate) name: Option<String>,
    /// The clients, in the order of the file.
    pub(crate) clients: Vec<ClientEntry>,
}

/// A client as it should be; what was not given stays as it is.
#[derive(Debug)]
pub(crate) struct ClientEntry {
    /// Its handle.
    pub(crate) slug: Slug,
    /// What should become of it.
    pub(crate) state: State,
    /// Its name for people.
    pub(crate) name: Option<DisplayName>,
    /// Where the operator's own records have it.
    pub(crate) external_ref: Patch<ExternalRef>,
    /// The whole set of labels, without that of the fleet.
    pub(crate) labels: Option<Labels>,
    /// Its instances, in the order of the file.
    pub(crate) instances: Vec<InstanceEntry>,
}

/// An instance as it should be; what was not given stays as it is.
#[derive(Debug)]
pub(crate) struct InstanceEntry {
    /// Where the file says it.
    pub(crate) at: At,
    /// Its handle.
    pub(crate) instance_id: InstanceId,
    /// What should become of it.
    pub(crate) state: State,
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

/// What should become of a client or an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum State {
    /// It is there and works.
    #[default]
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
