//! Telemetry on the wire: the answers to a report, and the usage that operators and instances read.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, de};

use crate::bounded::bounded;
use crate::fields::{Field, Fields, FromFields};
use crate::name::InstanceId;
use crate::redact::{CleanReport, CodeName, CountName, ToolName};
use crate::schema::inline_schema;
use crate::text::Word;
use crate::time::{Moment, Timestamp};

/// Parameters of `POST …/telemetry`.
#[derive(Debug, Clone, Copy, Default, Serialize, JsonSchema)]
pub struct ReportQuery {
    /// When true, the hub stores nothing and shows what it would store.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dry_run: Option<bool>,
}

impl FromFields for ReportQuery {
    fn from_fields(fields: &mut Fields<'_>) -> Option<Self> {
        Some(Self { dry_run: fields.optional("dry_run") })
    }
}

/// The answer to a report.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum ReportReply {
    /// A preview; nothing was stored.
    Preview(Preview),
    /// The report is stored.
    Accepted(Accepted),
}

/// A report that is on disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Accepted {
    /// The id of the report, a UUID.
    pub report_id: String,
    /// Whether the report was already stored; it was not counted again.
    pub duplicate: bool,
    /// The number of members, names, elements and numbers that were dropped.
    pub redacted: u64,
}

/// What the hub would store of a report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Preview {
    /// Always `true`.
    pub dry_run: bool,
    /// The number of members, names, elements and numbers that would be dropped.
    pub redacted: u64,
    /// Everything that would be stored.
    pub report: StoredReport,
}

impl Preview {
    /// The preview of this report.
    #[must_use]
    pub fn of(report: &CleanReport) -> Self {
        Self { dry_run: true, redacted: report.redacted(), report: report.into() }
    }
}

/// A report as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StoredReport {
    /// When the window starts. Counters are added to the hour of this time.
    pub window_start: Timestamp,
    /// When the window ends.
    pub window_end: Timestamp,
    /// The tools that were used, by name.
    pub tools: Vec<StoredTool>,
    /// The named counts.
    pub counts: BTreeMap<CountName, u64>,
}

/// A tool's usage as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StoredTool {
    /// The name of the tool.
    pub name: ToolName,
    /// How often the tool was called.
    pub calls: u64,
    /// How often the tool failed, by error code.
    pub errors: BTreeMap<CodeName, u64>,
    /// How long the calls took.
    pub duration_us: StoredDurations,
}

/// Durations in microseconds as they are stored: number, sum and maximum for the instance, and also the
/// buckets for the fleet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StoredDurations {
    /// The number of durations.
    pub n: u64,
    /// The sum of the durations.
    pub sum: u64,
    /// The longest duration.
    pub max: u64,
    /// The index and count of each bucket that is not empty; see [`crate::histogram`].
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
    /// Rows with fewer clients than this are merged into `other`: 0 to 1,000,000.
    MinClients,
    1_000_000,
    "must be a number from 0 to 1000000"
);

/// Filters of usage.
#[derive(Debug, Clone, Default, Serialize, JsonSchema)]
pub struct UsageQuery {
    /// Only usage from this hour on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<Moment>,
    /// Only usage up to the end of this hour.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Moment>,
    /// Only usage of this client's instances.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client: Option<Word>,
    /// Only usage of this instance.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instance: Option<Word>,
    /// Merges rows with fewer clients than this into `other`.
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
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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
#[derive(Debug, Clone, Default, Serialize, JsonSchema)]
pub struct SeriesQuery {
    /// The filters that apply to all usage.
    #[serde(flatten)]
    pub common: UsageQuery,
    /// The length of a step.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step: Option<Step>,
    /// Only usage of this tool.
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
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "UsageOf{T}")]
pub struct Usages<T> {
    /// The first hour.
    pub since: Timestamp,
    /// The end of the last hour.
    pub until: Timestamp,
    /// The rows.
    pub items: Vec<T>,
}

/// How a tool was used.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ToolUsage {
    /// The tool.
    pub tool: ToolName,
    /// How often the tool was called.
    pub calls: u64,
    /// How often the tool failed.
    pub errors: u64,
    /// The number of errors for each call; 0 when there were no calls.
    pub error_rate: f64,
    /// The number of instances that reported the tool.
    pub instances: u64,
    /// How long the calls took; `null` when no durations were reported.
    pub duration_ms: Option<DurationStats>,
}

/// Durations in milliseconds. Quantiles exist for the whole fleet only: they are `null` under a filter
/// by client or instance.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DurationStats {
    /// The number of durations.
    pub n: u64,
    /// The mean duration.
    pub mean: f64,
    /// The longest duration.
    pub max: f64,
    /// Half of the calls took at most this long.
    pub p50: Option<f64>,
    /// Nine in ten calls took at most this long.
    pub p90: Option<f64>,
    /// Ninety-nine in a hundred calls took at most this long.
    pub p99: Option<f64>,
    /// The largest possible error of a quantile, relative to its value.
    pub relative_error: Option<f64>,
}

/// Usage in a step of time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct UsageStep {
    /// When the step starts.
    pub at: Timestamp,
    /// The number of calls in the step.
    pub calls: u64,
    /// The number of errors in the step.
    pub errors: u64,
    /// The mean duration; `null` when no durations were reported.
    pub duration_ms_mean: Option<f64>,
}

/// How often a tool failed with a code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ErrorCount {
    /// The tool.
    pub tool: ToolName,
    /// The error code.
    pub code: CodeName,
    /// How often the tool failed with the code.
    pub count: u64,
}

/// A named count over all reports.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NamedCount {
    /// The name of the count.
    pub name: CountName,
    /// The sum of the reported values.
    pub sum: u64,
    /// The greatest reported value.
    pub max: u64,
    /// The number of instances that reported the count.
    pub instances: u64,
}

/// The tool names that the hub keeps. An empty catalogue admits every name that fits the grammar.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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

inline_schema!(ToolNames, {
    "type": "array", "maxItems": 2000,
    "items": {"type": "string", "pattern": "^[a-z][a-z0-9]{0,23}([._-][a-z][a-z0-9]{0,23}){0,4}$"},
    "examples": [["browser.navigate"]]
});

impl Field for ToolNames {
    const EXPECTED: &'static str = "must be a list of up to 2000 tool names, such as \
        browser.navigate, none of which looks like a key or an identifier";
}

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
