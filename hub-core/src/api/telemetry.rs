//! Telemetry: what a report is answered with, and what is read of all reports.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Deserializer, Serialize, de};

use crate::bounded::bounded;
use crate::fields::{Field, Fields, FromFields};
use crate::name::InstanceId;
use crate::redact::{CleanReport, CodeName, CountName, ToolName};
use crate::text::Word;
use crate::time::{Moment, Timestamp};

/// Parameters of `POST …/telemetry`.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct ReportQuery {
    /// Store nothing, and show what would be stored.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dry_run: Option<bool>,
}

impl FromFields for ReportQuery {
    fn from_fields(fields: &mut Fields<'_>) -> Option<Self> {
        Some(Self { dry_run: fields.optional("dry_run") })
    }
}

/// What became of a report.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum ReportReply {
    /// It would be stored so.
    Preview(Preview),
    /// It is stored.
    Accepted(Accepted),
}

/// A report that is on disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accepted {
    /// Its id, a UUID.
    pub report_id: String,
    /// It was stored before, and was not counted again.
    pub duplicate: bool,
    /// How many members, names, elements and numbers were not kept.
    pub redacted: u64,
}

/// What would be stored of a report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Preview {
    /// Always true.
    pub dry_run: bool,
    /// How many members, names, elements and numbers would not be kept.
    pub redacted: u64,
    /// All that would be.
    pub report: StoredReport,
}

impl Preview {
    /// Of this report.
    #[must_use]
    pub fn of(report: &CleanReport) -> Self {
        Self { dry_run: true, redacted: report.redacted(), report: report.into() }
    }
}

/// A report as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredReport {
    /// Counters go to the hour of this.
    pub window_start: Timestamp,
    /// When the window ends.
    pub window_end: Timestamp,
    /// The tools that were used, by name.
    pub tools: Vec<StoredTool>,
    /// The named counts.
    pub counts: BTreeMap<CountName, u64>,
}

/// A tool's usage as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredTool {
    /// The name.
    pub name: ToolName,
    /// How often it was called.
    pub calls: u64,
    /// How often it failed, by code.
    pub errors: BTreeMap<CodeName, u64>,
    /// How long it took.
    pub duration_us: StoredDurations,
}

/// Durations in microseconds as they are stored: of the instance count, sum and maximum, of the fleet
/// the buckets too.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredDurations {
    /// How many there are.
    pub n: u64,
    /// Their sum.
    pub sum: u64,
    /// The longest.
    pub max: u64,
    /// Index and count of each bucket that was hit; see [`crate::histogram`].
    pub buckets: Vec<(u16, u64)>,
}

impl From<&CleanReport> for StoredReport {
    fn from(report: &CleanReport) -> Self {
        let tools = report.tools().map(|(name, usage)| StoredTool {
            name: name.clone(),
            calls: usage.calls,
            errors: usage.errors.clone(),
            duration_us: StoredDurations {
                n: usage.durations.n(),
                sum: usage.durations.sum(),
                max: usage.durations.max(),
                buckets: usage.durations.buckets().collect(),
            },
        });
        Self {
            window_start: report.start(),
            window_end: report.end(),
            tools: tools.collect(),
            counts: report.counts().map(|(name, n)| (name.clone(), n)).collect(),
        }
    }
}

bounded!(
    /// Rows made by fewer clients than this are merged into `other`: 0 to 1,000,000.
    MinClients,
    1_000_000,
    "must be a number from 0 to 1000000"
);

/// Filters of usage.
#[derive(Debug, Clone, Default, Serialize)]
pub struct UsageQuery {
    /// From this hour.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<Moment>,
    /// Up to the end of this hour.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Moment>,
    /// Of this client's instances.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client: Option<Word>,
    /// Of this instance.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instance: Option<Word>,
    /// Merge rows made by fewer clients.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_clients: Option<MinClients>,
}

impl FromFields for UsageQuery {
    fn from_fields(fields: &mut Fields<'_>) -> Option<Self> {
        Some(Self {
            since: fields.optional("since"),
            until: fields.optional("until"),
            client: fields.optional("client"),
            instance: fields.optional("instance"),
            min_clients: fields.optional("min_clients"),
        })
    }
}

/// The length of a step of a series.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Step {
    /// An hour.
    #[default]
    #[serde(rename = "1h")]
    Hour,
    /// A day in UTC.
    #[serde(rename = "1d")]
    Day,
}

impl std::str::FromStr for Step {
    type Err = &'static str;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "1h" => Ok(Self::Hour),
            "1d" => Ok(Self::Day),
            _ => Err(Self::EXPECTED),
        }
    }
}

impl Field for Step {
    const EXPECTED: &'static str = "must be 1h or 1d";
}

/// Filters of usage over time.
#[derive(Debug, Clone, Default, Serialize)]
pub struct SeriesQuery {
    /// The filters that all usage has.
    #[serde(flatten)]
    pub common: UsageQuery,
    /// The length of a step.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step: Option<Step>,
    /// Of this tool.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tool: Option<ToolName>,
}

impl FromFields for SeriesQuery {
    fn from_fields(fields: &mut Fields<'_>) -> Option<Self> {
        Some(Self {
            common: UsageQuery::from_fields(fields)?,
            step: fields.optional("step"),
            tool: fields.optional("tool"),
        })
    }
}

/// Usage in a range of time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Usages<T> {
    /// The first hour.
    pub since: Timestamp,
    /// The end of the last hour.
    pub until: Timestamp,
    /// The rows.
    pub items: Vec<T>,
}

/// How a tool was used.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ToolUsage {
    /// The tool.
    pub tool: ToolName,
    /// How often it was called.
    pub calls: u64,
    /// How often it failed.
    pub errors: u64,
    /// Errors a call; 0 where there were no calls.
    pub error_rate: f64,
    /// How many instances reported it.
    pub instances: u64,
    /// How long it took; `null` where no durations were reported.
    pub duration_ms: Option<DurationStats>,
}

/// Durations in milliseconds. Quantiles are of the fleet only, `null` under a filter by client or
/// instance.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DurationStats {
    /// How many were reported.
    pub n: u64,
    /// Their mean.
    pub mean: f64,
    /// The longest.
    pub max: f64,
    /// Half took at most this long.
    pub p50: Option<f64>,
    /// Nine in ten did.
    pub p90: Option<f64>,
    /// Ninety-nine in a hundred did.
    pub p99: Option<f64>,
    /// By how much a quantile may be off, of itself.
    pub relative_error: Option<f64>,
}

/// Usage in a step of time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct UsageStep {
    /// When the step starts.
    pub at: Timestamp,
    /// Calls in it.
    pub calls: u64,
    /// Errors in it.
    pub errors: u64,
    /// The mean duration; `null` where none was reported.
    pub duration_ms_mean: Option<f64>,
}

/// How often a tool failed with a code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorCount {
    /// The tool.
    pub tool: ToolName,
    /// The code.
    pub code: CodeName,
    /// How often.
    pub count: u64,
}

/// A named count over all reports.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamedCount {
    /// The name.
    pub name: CountName,
    /// The sum of what was reported.
    pub sum: u64,
    /// The greatest that was.
    pub max: u64,
    /// How many instances reported it.
    pub instances: u64,
}

/// The tool names that are kept; empty means any name that fits the grammar.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Catalogue {
    /// The names.
    pub tools: ToolNames,
}

impl FromFields for Catalogue {
    fn from_fields(fields: &mut Fields<'_>) -> Option<Self> {
        Some(Self { tools: fields.required("tools")? })
    }
}

/// Up to 2,000 tool names, ordered.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct ToolNames(pub BTreeSet<ToolName>);

impl<'de> Deserialize<'de> for ToolNames {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let names = Vec::<ToolName>::deserialize(deserializer)?;
        if names.len() > 2_000 {
            return Err(de::Error::custom("too many names"));
        }
        Ok(Self(names.into_iter().collect()))
    }
}

impl Field for ToolNames {
    const EXPECTED: &'static str = "must be a list of up to 2000 tool names, such as \
        browser.navigate, none of which looks like a key or an identifier";
}

/// Everything that the hub keeps of an instance's usage.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OwnTelemetry {
    /// The instance.
    pub instance_id: InstanceId,
    /// How many reports are remembered, by a digest, to count none twice.
    pub reports: u64,
    /// By hour, as long as hours are kept.
    pub hours: Vec<Period>,
    /// By day in UTC.
    pub days: Vec<Period>,
}

/// An hour or a day of an instance's usage.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Period {
    /// When it starts.
    pub at: Timestamp,
    /// Tools, by name.
    pub tools: Vec<OwnUsage>,
    /// Errors, by tool and code.
    pub errors: Vec<ErrorCount>,
    /// Named counts.
    pub counts: Vec<OwnCount>,
}

/// An instance's usage of a tool.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OwnUsage {
    /// The tool.
    pub tool: ToolName,
    /// How often it was called.
    pub calls: u64,
    /// How often it failed.
    pub errors: u64,
    /// How long it took.
    pub duration_ms: Option<OwnDurations>,
}

/// What is kept of an instance's durations, in milliseconds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OwnDurations {
    /// How many were reported.
    pub n: u64,
    /// Their mean.
    pub mean: f64,
    /// The longest.
    pub max: f64,
}

/// An instance's named count.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnCount {
    /// The name.
    pub name: CountName,
    /// The sum of what was reported.
    pub sum: u64,
    /// The greatest that was.
    pub max: u64,
}
