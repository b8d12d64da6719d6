//! The HTTP API as types: one table of routes, with the input and output of each route.
//!
//! hubd dispatches requests by the table, hubctl sends requests by it, and tests iterate over it. No
//! route is defined anywhere else.

mod activation;
mod admin_keys;
mod answers;
mod audit;
mod catalogue;
mod clients;
mod instances;
mod own_telemetry;
mod page;
mod report;
mod rotation;
mod service;
mod table;
mod telemetry;

pub use activation::*;
pub use admin_keys::*;
pub use audit::*;
pub use catalogue::*;
pub use clients::*;
pub use instances::*;
pub use own_telemetry::*;
pub use page::*;
pub use rotation::*;
pub use service::*;
pub use table::*;
pub use telemetry::*;

pub use crate::certificate::{Jwk, JwkSet};
pub use crate::model::{
    ActivationLimit, ClientPatch, ClientSettings, ClientStatus, EffectiveStatus, GraceDays,
    InstancePatch, InstanceSettings, InstanceStatus, Suspension,
};

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::fields::{Field, FromFields, ReadBody};

/// One operation of the API, with the types of its input and output.
pub trait Endpoint: Send + Sync + 'static {
    /// The row of the operation in the table.
    const ROUTE: Route;
    /// The access that the operation requires, as a type. It decides what authentication yields.
    type Access;
    /// The query parameters.
    type Query: FromFields + Serialize + JsonSchema + Send;
    /// The body of the request.
    type Body: ReadBody + Serialize + JsonSchema + Send;
    /// The body of the answer.
    type Reply: Serialize + DeserializeOwned + JsonSchema + Send;
}

/// The access that a route requires.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Anyone.
    Public,
    /// Anyone; whoever sends an admin key is told more.
    Open,
    /// The holder of a license key; the key is in the body.
    License,
    /// An instance, which sends its hub key.
    Hub,
    /// An instance that acts for itself: the hub key belongs to the instance in the path, and neither
    /// the instance nor its client is suspended.
    Reporter,
    /// An operator, who sends an admin key with this role or a higher one.
    Admin(Role),
}

/// [`Access`] as types, for [`Endpoint::Access`].
pub mod access {
    /// See [`super::Access::Public`].
    #[derive(Debug)]
    pub enum Public {}
    /// See [`super::Access::Open`].
    #[derive(Debug)]
    pub enum Open {}
    /// See [`super::Access::License`].
    #[derive(Debug)]
    pub enum License {}
    /// See [`super::Access::Hub`].
    #[derive(Debug)]
    pub enum Hub {}
    /// See [`super::Access::Reporter`].
    #[derive(Debug)]
    pub enum Reporter {}
    /// See [`super::Access::Admin`].
    #[derive(Debug)]
    pub enum Admin {}
}

/// What an admin key may do. Each role includes the roles before it.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Reads.
    Viewer,
    /// Creates clients and instances, rotates keys.
    Provisioner,
    /// Suspends, reactivates, patches, deletes.
    Operator,
    /// Manages admin keys, including their list.
    Owner,
}

impl Role {
    /// Every role, lowest first.
    pub const ALL: [Self; 4] = [Self::Viewer, Self::Provisioner, Self::Operator, Self::Owner];

    /// The name on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Provisioner => "provisioner",
            Self::Operator => "operator",
            Self::Owner => "owner",
        }
    }
}

impl std::fmt::Display for Role {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

impl std::str::FromStr for Role {
    type Err = &'static str;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|role| role.as_str() == text).ok_or(Self::EXPECTED)
    }
}

impl Field for Role {
    const EXPECTED: &'static str = "must be viewer, provisioner, operator or owner";
}

/// The header that carries a hub key.
pub const HUB_KEY_HEADER: &str = "x-hub-api-key";
/// The header that carries an admin key; `Authorization: Bearer` is accepted too.
pub const ADMIN_KEY_HEADER: &str = "x-admin-api-key";
/// The header with the id of a request, in requests and in answers.
pub const REQUEST_ID_HEADER: &str = "x-request-id";
