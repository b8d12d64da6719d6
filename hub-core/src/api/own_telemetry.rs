//! What an instance reads of its own usage.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::ErrorCount;
use crate::name::InstanceId;
use crate::redact::{CountName, ToolName};
use crate::time::Timestamp;

/// Everything that the hub keeps of an instance's usage.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OwnTelemetry {
    /// The instance.
    pub instance_id: InstanceId,
    /// The number of reports whose digest the hub keeps so that it counts no report twice.
    pub reports: u64,
    /// Usage by hour, for as long as the hub keeps hours.
    pub hours: Vec<Period>,
    /// Usage by day in UTC.
    pub days: Vec<Period>,
}

/// An hour or a day of an instance's usage.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Period {
    /// When the period starts.
    pub at: Timestamp,
    /// Tools, ordered by name.
    pub tools: Vec<OwnUsage>,
    /// Errors, ordered by tool and code.
    pub errors: Vec<ErrorCount>,
    /// Named counts.
    pub counts: Vec<OwnCount>,
}

/// An instance's usage of a tool.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OwnUsage {
    /// The tool.
    pub tool: ToolName,
    /// How often the tool was called.
    pub calls: u64,
    /// How often the tool failed.
    pub errors: u64,
    /// How long the calls took.
    pub duration_ms: Option<OwnDurations>,
}

/// What the hub keeps of an instance's durations, in milliseconds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OwnDurations {
    /// The number of durations.
    pub n: u64,
    /// The mean duration.
    pub mean: f64,
    /// The longest duration.
    pub max: f64,
}

/// An instance's named count.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OwnCount {
    /// The name of the count.
    pub name: CountName,
    /// The sum of the reported values.
    pub sum: u64,
    /// The greatest reported value.
    pub max: u64,
}
