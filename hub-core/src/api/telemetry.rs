//! Telemetry on the wire: the answers to a report, and the usage that operators and instances read.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::bounded::bounded;
use crate::fields::{Field, Fields, FromFields};
use crate::redact::{
    CleanReport, CodeName, CountName, Dropped, Listed, Numbered, OTHER, Reasons, ToolName,
};
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
    /// How many members, elements and numbers were not kept as they were sent.
    pub redacted: u64,
    /// Why, and how often.
    #[serde(default, skip_serializing_if = "Reasons::is_empty")]
    pub reasons: Reasons,
}

/// What the hub would store of a report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Preview {
    /// Always `true`.
    pub dry_run: bool,
    /// How many members, elements and numbers would not be kept as they were sent.
    pub redacted: u64,
    /// Everything that would be stored.
    pub report: StoredReport,
    /// Why something would not be kept as it was sent, and how often.
    pub reasons: Reasons,
    /// Where, for the first 100.
    pub dropped: Vec<Dropped>,
}

impl Preview {
    /// The preview of this report, with the names that its numbers stand for.
    #[must_use]
    pub fn of(report: &CleanReport, listed: &Listed, dropped: Vec<Dropped>) -> Self {
        Self {
            dry_run: true,
            redacted: report.reasons().total(),
            report: StoredReport::of(report, listed),
            reasons: report.reasons().clone(),
            dropped,
        }
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

impl StoredReport {
    fn of(report: &CleanReport, listed: &Listed) -> Self {
        let tools = report.tools().iter().map(|usage| {
            let errors = usage.errors.iter();
            StoredTool {
                name: named(&listed.tools, usage.tool, ToolName::other),
                calls: usage.calls,
                errors: errors
                    .map(|(code, n)| (named(&listed.codes, *code, CodeName::other), *n))
                    .collect(),
                duration_us: StoredDurations {
                    n: usage.durations.n(),
                    sum: usage.durations.sum(),
                    max: usage.durations.max(),
                    buckets: usage.durations.buckets().to_vec(),
                },
            }
        });
        let mut tools: Vec<StoredTool> = tools.collect();
        tools.sort_by(|a, b| a.name.cmp(&b.name));
        let counts = report.counts().iter();
        Self {
            window_start: report.start(),
            window_end: report.end(),
            tools,
            counts: counts
                .map(|(name, n)| (named(&listed.counts, *name, CountName::other), *n))
                .collect(),
        }
    }
}

/// The name of a number from the same catalogue.
fn named<N: Clone>(names: &Numbered<N>, number: u32, other: fn() -> N) -> N {
    if number == OTHER { other() } else { names.name(number).cloned().unwrap_or_else(other) }
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
    /// Only usage from this time on, rounded down.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<Moment>,
    /// Only usage before this time, rounded up.
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
    /// The start of the range, rounded down to what the hub keeps: an hour, a day where only days are
    /// kept, or the step of a series.
    pub since: Timestamp,
    /// The end of the range, rounded up in the same way.
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
    /// The number of instances that reported in the step.
    pub instances: u64,
    /// Whether the step is over.
    pub complete: bool,
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
