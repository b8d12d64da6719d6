//! The hub itself: its health, its version and its counts.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::InstanceCounts;
use crate::time::Timestamp;

/// The process is up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Status {
    /// `ok`.
    pub status: String,
}

/// The hub is ready.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Readiness {
    /// `ready`.
    pub status: String,
    /// For admins alone, and only while a hub's clock is doubted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub doubted_clock: Option<DoubtedClock>,
    /// For admins alone: when the newest verified backup of a SQLite file was made, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_backup: Option<Timestamp>,
}

/// A hub's clock that disagrees by more than a day with the time that the database saw last. No old
/// telemetry is moved or deleted by it until it has disagreed for 24 hours.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DoubtedClock {
    /// What the doubted clock said last.
    pub says: Timestamp,
    /// Since when it disagrees, by its own account.
    pub since: Timestamp,
    /// The last time that was trusted.
    pub trusted: Timestamp,
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
