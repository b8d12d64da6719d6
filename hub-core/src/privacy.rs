//! What the hub keeps of telemetry, as data: the allow-list, and what is never stored.

use serde::{Deserialize, Serialize};

use crate::redact::{
    CodeName, CountName, LONGEST_MS, MOST_CALLS, MOST_CODES, MOST_COUNTS, MOST_TOOLS, ToolName,
};

/// The answer of `GET /api/v1/privacy`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PrivacyPromise {
    /// Everything that is kept of a telemetry report.
    pub stored: Vec<StoredField>,
    /// What is never kept, whatever a client sends.
    pub never_stored: Vec<String>,
    /// How many tool names the operator's catalogue has; 0 means any name that fits the grammar.
    pub catalogue_size: u64,
}

/// One thing that is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredField {
    /// Where it stands in a report.
    pub field: String,
    /// What is kept of it.
    pub kind: String,
    /// The grammar that a name must fit, as a regular expression.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pattern: Option<String>,
    /// The largest number, or the most items a report.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u64>,
    /// For how long it is kept.
    pub retention_days: u32,
}

/// Days that a report's digest is kept, to tell a repeat from a new report.
const DEDUPE_DAYS: u32 = 8;
/// Days that daily counters are kept.
const USAGE_DAYS: u32 = 400;

/// The whole allow-list.
const STORED: [Allowed; 8] = [
    Allowed::new("report_id", "truncated SHA-256, to count once", DEDUPE_DAYS),
    Allowed::new("window_start", "hour (UTC)", USAGE_DAYS),
    Allowed::new("window_end", "time, to know when the digest may go", DEDUPE_DAYS),
    Allowed::new("tools[].name", "name", USAGE_DAYS)
        .named(ToolName::PATTERN)
        .at_most(MOST_TOOLS as u64),
    Allowed::new("tools[].calls", "count", USAGE_DAYS).at_most(MOST_CALLS),
    Allowed::new("tools[].errors", "code and count", USAGE_DAYS)
        .named(CodeName::PATTERN)
        .at_most(MOST_CODES as u64),
    Allowed::new(
        "tools[].durations_ms",
        "number, sum and maximum; a distribution for the whole fleet only",
        USAGE_DAYS,
    )
    .at_most(LONGEST_MS),
    Allowed::new("counts", "name, sum and maximum", USAGE_DAYS)
        .named(CountName::PATTERN)
        .at_most(MOST_COUNTS as u64),
];

struct Allowed {
    field: &'static str,
    kind: &'static str,
    pattern: Option<&'static str>,
    limit: Option<u64>,
    retention_days: u32,
}

impl Allowed {
    const fn new(field: &'static str, kind: &'static str, retention_days: u32) -> Self {
        Self { field, kind, pattern: None, limit: None, retention_days }
    }

    const fn named(self, pattern: &'static str) -> Self {
        Self { pattern: Some(pattern), ..self }
    }

    const fn at_most(self, limit: u64) -> Self {
        Self { limit: Some(limit), ..self }
    }
}

const NEVER_STORED: [&str; 9] = [
    "keys in readable form: only their SHA-256",
    "environment variable names and values",
    "file names, paths and contents",
    "tool arguments, inputs and outputs",
    "error messages and stack traces",
    "personal data of users: names, e-mail addresses, phone numbers",
    "network addresses of instances",
    "request bodies, query strings and header values",
    "names of telemetry fields that are not on this list",
];

impl PrivacyPromise {
    /// The promise, with the size of the catalogue that the operator set.
    #[must_use]
    pub fn new(catalogue_size: u64) -> Self {
        let stored = STORED.map(|allowed| StoredField {
            field: allowed.field.to_owned(),
            kind: allowed.kind.to_owned(),
            pattern: allowed.pattern.map(|p| format!("^{p}$")),
            limit: allowed.limit,
            retention_days: allowed.retention_days,
        });
        Self {
            stored: stored.into(),
            never_stored: NEVER_STORED.map(str::to_owned).into(),
            catalogue_size,
        }
    }
}
