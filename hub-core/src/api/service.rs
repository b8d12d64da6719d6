//! The hub itself: its health, its version and its counts.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::InstanceCounts;

/// The answer of the health endpoints.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Status {
    /// `ok` or `ready`.
    pub status: String,
}

/// The program behind the API.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Version {
    /// `hubd`.
    pub name: String,
    /// The version of the program.
    pub version: String,
    /// The number of the newest migration.
    pub schema: i64,
}

/// Counts of what the hub holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Stats {
    /// The number of clients.
    pub clients: u64,
    /// Instances by status.
    pub instances: InstanceCounts,
    /// The number of admin keys that work.
    pub admin_keys: u64,
    /// The number of telemetry reports in the last 24 hours.
    pub reports_24h: u64,
    /// The number of audit events.
    pub audit_events: u64,
    /// The size of the database in bytes.
    pub store_bytes: u64,
    /// The kind of the database: `sqlite` or `postgres`.
    pub database: String,
}
