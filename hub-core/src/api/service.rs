//! The hub itself: health, version, counts.

use serde::{Deserialize, Serialize};

use super::InstanceCounts;

/// An answer of the health endpoints.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// `ok` or `ready`.
    pub status: String,
}

/// What answers here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Version {
    /// `hubd`.
    pub name: String,
    /// The version of the program.
    pub version: String,
    /// The number of the newest migration.
    pub schema: i64,
}

/// Counts of what the hub holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stats {
    /// Clients.
    pub clients: u64,
    /// Instances by status.
    pub instances: InstanceCounts,
    /// Admin keys that work.
    pub admin_keys: u64,
    /// Telemetry reports of the last 24 hours.
    pub reports_24h: u64,
    /// Audit events.
    pub audit_events: u64,
    /// Bytes that the database takes.
    pub store_bytes: u64,
    /// `sqlite` or `postgres`.
    pub database: String,
}
