//! The hub's promise about telemetry as data: the allow-list of what it keeps, and what it never stores.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::redact::{
    CodeName, CountName, LONGEST_MS, MOST_CALLS, MOST_CODES, MOST_COUNTS, MOST_DAYS_LATE,
    MOST_TOOLS, ToolName,
};

/// The answer of `GET /api/v1/privacy`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PrivacyPromise {
    /// Everything that the hub keeps from a telemetry report.
    pub stored: Vec<StoredField>,
    /// What the hub never keeps, even when a client sends it.
    pub never_stored: Vec<String>,
    /// The number of tool names in the operator's catalogue; 0 means that any name in the grammar is
    /// kept.
    pub catalogue_size: u64,
}

/// A field of a report that the hub keeps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StoredField {
    /// The place of the field in a report.
    pub field: String,
    /// The form in which the hub keeps the field.
    pub kind: String,
    /// The grammar of a name, as a regular expression.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pattern: Option<String>,
    /// The largest number, or the most items in a report.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u64>,
    /// For how many days the hub keeps the field.
    pub retention_days: u32,
}

/// For how many days the hub keeps the digest of a report, which tells a repeated report from a new one:
/// one day longer than the hub accepts a report.
pub const DIGEST_DAYS: u32 = MOST_DAYS_LATE + 1;

/// The retention times that operators can set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// For how long the hub keeps usage.
    pub usage: Duration,
}

impl Retention {
    /// Whole days, rounded up, so that the data is gone when the promise says so.
    fn days(self, kept: Kept) -> u32 {
        match kept {
            Kept::Digest => DIGEST_DAYS,
            Kept::Usage => {
                let days = self.usage.as_secs().div_ceil(24 * 60 * 60);
                u32::try_from(days).unwrap_or(u32::MAX)
            }
        }
    }
}

/// Which of the two retention times applies to a field.
#[derive(Debug, Clone, Copy)]
enum Kept {
    /// The field is kept as long as the digest of its report.
    Digest,
    /// The field is kept as long as usage.
    Usage,
}

/// The complete allow-list.
const STORED: [Allowed; 8] = [
    Allowed::new("report_id", "truncated SHA-256, to count once", Kept::Digest),
    Allowed::new("window_start", "hour (UTC)", Kept::Usage),
    Allowed::new("window_end", "time, to know when the digest may go", Kept::Digest),
    Allowed::new("tools[].name", "name", Kept::Usage)
        .named(ToolName::PATTERN)
        .at_most(MOST_TOOLS as u64),
    Allowed::new("tools[].calls", "count", Kept::Usage).at_most(MOST_CALLS),
    Allowed::new("tools[].errors", "code and count", Kept::Usage)
        .named(CodeName::PATTERN)
        .at_most(MOST_CODES as u64),
    Allowed::new(
        "tools[].durations_ms",
        "number, sum and maximum; a distribution for the whole fleet only",
        Kept::Usage,
    )
    .at_most(LONGEST_MS),
    Allowed::new("counts", "name, sum and maximum", Kept::Usage)
        .named(CountName::PATTERN)
        .at_most(MOST_COUNTS as u64),
];

struct Allowed {
    field: &'static str,
    kind: &'static str,
    pattern: Option<&'static str>,
    limit: Option<u64>,
    kept: Kept,
}

impl Allowed {
    const fn new(field: &'static str, kind: &'static str, kept: Kept) -> Self {
        Self { field, kind, pattern: None, limit: None, kept }
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
    /// The promise of a hub with this size of catalogue and these retention times.
    #[must_use]
    pub fn new(catalogue_size: u64, retention: Retention) -> Self {
        let stored = STORED.map(|allowed| StoredField {
            field: allowed.field.to_owned(),
            kind: allowed.kind.to_owned(),
            pattern: allowed.pattern.map(|p| format!("^{p}$")),
            limit: allowed.limit,
            retention_days: retention.days(allowed.kept),
        });
        Self {
            stored: stored.into(),
            never_stored: NEVER_STORED.map(str::to_owned).into(),
            catalogue_size,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn days_of(field: &str, usage: Duration) -> u32 {
        let promise = PrivacyPromise::new(0, Retention { usage });
        promise.stored.iter().find(|stored| stored.field == field).unwrap().retention_days
    }

    #[test]
    fn the_promise_says_what_is_set_in_whole_days() {
        let day = Duration::from_hours(24);
        assert_eq!(days_of("tools[].calls", day * 100), 100);
        assert_eq!(days_of("tools[].calls", day * 100 + Duration::from_secs(1)), 101);
        assert_eq!(days_of("counts", Duration::MAX), u32::MAX);
        assert_eq!(days_of("report_id", day * 100), DIGEST_DAYS);
    }
}
