//! What the hub keeps of telemetry, as data: the allow-list, and what is never stored.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::redact::{
    CodeName, CountName, LONGEST_MS, MOST_CALLS, MOST_CODES, MOST_COUNTS, MOST_DAYS_LATE,
    MOST_TOOLS, ToolName,
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

/// Days that a report's digest is kept, to tell a repeat from a new report: a day longer than a report
/// is taken.
pub const DIGEST_DAYS: u32 = MOST_DAYS_LATE + 1;

/// For how long the hub keeps what operators can set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// What is counted of usage.
    pub usage: Duration,
}

impl Retention {
    /// Whole days, rounded up: what is promised is gone by then.
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

/// Which of the two retentions a field has.
#[derive(Debug, Clone, Copy)]
enum Kept {
    /// As long as the digest of its report.
    Digest,
    /// As long as usage.
    Usage,
}

/// The whole allow-list.
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
    /// The promise of a hub, with what its operator set: the size of the catalogue, and for how long
    /// usage is kept.
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
