//! The hub's promise about telemetry as data: the allow-list of what it keeps, and what it never stores.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::api::{Catalogue, ListedName};
use crate::histogram;
use crate::redact::{
    CodeName, CountName, LARGEST_BODY, LONGEST_MS, MOST_CALLS, MOST_CODES, MOST_COUNTS,
    MOST_DAYS_LATE, MOST_PAIRS, MOST_TOOLS, ToolName,
};

/// The answer of `GET /api/v1/privacy`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PrivacyPromise {
    /// Everything that the hub keeps from a telemetry report.
    pub stored: Vec<StoredField>,
    /// What the hub never keeps, even when a client sends it.
    pub never_stored: Vec<String>,
    /// How many names the operator's catalogue lists. The hub keeps no other name.
    pub catalogue: CatalogueSizes,
    /// The most bits that one report can make the hub keep: every number that can be kept of a report, at
    /// its full width.
    pub covert_bits_per_report: u64,
}

/// How many names a catalogue lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CatalogueSizes {
    /// Tools.
    pub tools: usize,
    /// Error codes.
    pub codes: usize,
    /// Named counts.
    pub counts: usize,
}

impl From<&Catalogue> for CatalogueSizes {
    fn from(catalogue: &Catalogue) -> Self {
        let Catalogue { tools, codes, counts } = catalogue;
        Self { tools: tools.len(), codes: codes.len(), counts: counts.len() }
    }
}

/// A field of a report that the hub keeps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StoredField {
    /// The place of the field in a report, or what the hub adds.
    pub field: String,
    /// The form in which the hub keeps the field.
    pub kind: String,
    /// Who chooses it. Of what a sender chooses the hub keeps numbers alone.
    pub from: Source,
    /// The largest number, or the most items in a report.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u64>,
    /// For how many days the hub keeps the field.
    pub retention_days: u32,
}

/// Who chooses what is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// The operator, in the catalogue.
    Operator,
    /// The hub.
    Hub,
    /// The instance that sends the report.
    Sender,
}

/// For how many days the hub keeps the digest of a report, which tells a repeated report from a new one:
/// one day longer than the hub accepts a report.
pub const DIGEST_DAYS: u32 = MOST_DAYS_LATE + 1;

/// The retention times that operators can set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// For how long the hub keeps usage by hour.
    pub hours: Duration,
    /// For how long the hub keeps usage.
    pub usage: Duration,
}

/// Which of the retention times applies to a field.
#[derive(Debug, Clone, Copy)]
enum Kept {
    /// The field is kept as long as the digest of its report.
    Digest,
    /// The field is kept as long as usage by hour.
    Hours,
    /// The field is kept as long as usage.
    Usage,
}

impl Retention {
    /// Whole days, rounded up, so that the data is gone when the promise says so.
    fn days(self, kept: Kept) -> u32 {
        let whole = |time: Duration| {
            u32::try_from(time.as_secs().div_ceil(24 * 60 * 60)).unwrap_or(u32::MAX)
        };
        match kept {
            Kept::Digest => DIGEST_DAYS,
            Kept::Hours => whole(self.hours),
            Kept::Usage => whole(self.usage),
        }
    }
}

/// The complete allow-list.
const STORED: [Allowed; 13] = [
    Allowed::new("instance", "number of the instance", Source::Hub, Kept::Usage),
    Allowed::new("received", "hour (UTC), counted for the fleet", Source::Hub, Kept::Hours),
    Allowed::new(
        "report_id",
        "truncated SHA-256 of instance and id, to count once",
        Source::Sender,
        Kept::Digest,
    ),
    Allowed::new(
        "report",
        "truncated SHA-256 of the numbers below, to tell a repeat",
        Source::Hub,
        Kept::Digest,
    ),
    Allowed::new("window_start", "hour (UTC); later the day alone", Source::Sender, Kept::Usage),
    Allowed::new(
        "window_end",
        "day (UTC), to know when the digest may go",
        Source::Sender,
        Kept::Digest,
    ),
    Allowed::new("tools[].name", "number of a listed name", Source::Operator, Kept::Usage)
        .at_most(MOST_TOOLS as u64),
    Allowed::new("tools[].calls", "count", Source::Sender, Kept::Usage).at_most(MOST_CALLS),
    Allowed::new("tools[].errors: code", "number of a listed name", Source::Operator, Kept::Usage)
        .at_most(MOST_CODES as u64),
    Allowed::new("tools[].errors: number", "count", Source::Sender, Kept::Usage)
        .at_most(MOST_CALLS),
    Allowed::new(
        "tools[].durations_ms",
        "number, sum and maximum; a distribution for the whole fleet only",
        Source::Sender,
        Kept::Usage,
    )
    .at_most(LONGEST_MS),
    Allowed::new("counts: name", "number of a listed name", Source::Operator, Kept::Usage)
        .at_most(MOST_COUNTS as u64),
    Allowed::new("counts: number", "sum and maximum", Source::Sender, Kept::Usage)
        .at_most(MOST_CALLS),
];

struct Allowed {
    field: &'static str,
    kind: &'static str,
    from: Source,
    limit: Option<u64>,
    kept: Kept,
}

impl Allowed {
    const fn new(field: &'static str, kind: &'static str, from: Source, kept: Kept) -> Self {
        Self { field, kind, from, limit: None, kept }
    }

    const fn at_most(self, limit: u64) -> Self {
        Self { limit: Some(limit), ..self }
    }
}

const NEVER_STORED: [&str; 9] = [
    "keys in readable form: only their SHA-256",
    "names that the operator's catalogue does not list",
    "environment variable values",
    "file names, paths and contents",
    "tool arguments, inputs and outputs",
    "error messages and stack traces",
    "personal data of users: names, e-mail addresses, phone numbers",
    "network addresses of instances",
    "request bodies, query strings and header values",
];

impl PrivacyPromise {
    /// The promise of a hub with this catalogue and these retention times.
    #[must_use]
    pub fn new(catalogue: CatalogueSizes, retention: Retention) -> Self {
        let stored = STORED.map(|allowed| StoredField {
            field: allowed.field.to_owned(),
            kind: allowed.kind.to_owned(),
            from: allowed.from,
            limit: allowed.limit,
            retention_days: retention.days(allowed.kept),
        });
        Self {
            stored: stored.into(),
            never_stored: NEVER_STORED.map(str::to_owned).into(),
            catalogue,
            covert_bits_per_report: KeptNumbers::MOST.bits(),
        }
    }
}

/// How many numbers of each kind are kept of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct KeptNumbers {
    tools: u64,
    codes: u64,
    counts: u64,
    buckets: u64,
}

impl KeptNumbers {
    /// The most that a report can have. A test sends the report that has them.
    const MOST: Self = {
        // One more for what is not listed.
        let tools = MOST_TOOLS as u64 + 1;
        Self {
            tools,
            codes: MOST_PAIRS as u64 + tools,
            counts: MOST_COUNTS as u64 + 1,
            buckets: tools * (histogram::bucket(LONGEST_MS * 1_000) as u64 + 1),
        }
    };

    /// The bits of them all, each at the width of the greatest number that can stand there, with the
    /// hashes, the hour and the day that are kept of every report.
    const fn bits(self) -> u64 {
        /// The shortest texts in a body that add the greatest number once more.
        const CALLS: usize = r#"{"calls":1e9},"#.len();
        const DURATION: usize = "864e5,".len();
        const LEAST_DURATION: usize = "0,".len();
        let most_calls = MOST_CALLS * (LARGEST_BODY / CALLS) as u64;
        let most_durations = (LARGEST_BODY / LEAST_DURATION) as u64;
        let most_sum = LONGEST_MS * 1_000 * (LARGEST_BODY / DURATION) as u64;
        let report = 2 * 128 + width(24 * MOST_DAYS_LATE as u64 + 1) + width(DIGEST_DAYS as u64);
        let tool = width(<ToolName as ListedName>::MOST as u64)
            + width(most_calls)
            + width(most_durations)
            + width(most_sum)
            + width(LONGEST_MS * 1_000);
        let code = width(<CodeName as ListedName>::MOST as u64) + width(most_calls);
        let count = width(<CountName as ListedName>::MOST as u64) + width(most_calls);
        report
            + self.tools * tool
            + self.codes * code
            + self.counts * count
            + self.buckets * width(most_durations)
    }
}

/// The bits of the greatest number.
const fn width(greatest: u64) -> u64 {
    (u64::BITS - greatest.leading_zeros()) as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::redact::{CleanReport, Listed, redact};

    fn days_of(field: &str, usage: Duration) -> u32 {
        let sizes = CatalogueSizes::from(&Catalogue::default());
        let promise =
            PrivacyPromise::new(sizes, Retention { hours: Duration::from_hours(336), usage });
        promise.stored.iter().find(|stored| stored.field == field).unwrap().retention_days
    }

    #[test]
    fn the_promise_says_what_is_set_in_whole_days() {
        let day = Duration::from_hours(24);
        assert_eq!(days_of("tools[].calls", day * 100), 100);
        assert_eq!(days_of("tools[].calls", day * 100 + Duration::from_secs(1)), 101);
        assert_eq!(days_of("counts: number", Duration::MAX), u32::MAX);
        assert_eq!(days_of("report_id", day * 100), DIGEST_DAYS);
        assert_eq!(days_of("received", day * 100), 14);
    }

    fn kept_of(report: &CleanReport) -> KeptNumbers {
        let tools = report.tools();
        KeptNumbers {
            tools: tools.len() as u64,
            codes: tools.iter().map(|usage| usage.errors.len() as u64).sum(),
            counts: report.counts().len() as u64,
            buckets: tools.iter().map(|usage| usage.durations.buckets().len() as u64).sum(),
        }
    }

    /// A short JSON number of milliseconds in each bucket.
    fn a_duration_of_each_bucket() -> String {
        let last = histogram::bucket(LONGEST_MS * 1_000);
        let shortest = |bucket: u16| {
            let (low, end) = histogram::bounds(bucket);
            let within = |step: u64| {
                let multiple = low.div_ceil(step);
                (multiple * step < end && multiple * step <= LONGEST_MS * 1_000).then_some(multiple)
            };
            let power = (0..11_u32).rev().find(|power| within(10_u64.pow(*power)).is_some());
            let power = power.unwrap();
            let multiple = within(10_u64.pow(power)).unwrap();
            match i64::from(power) - 3 {
                0 => multiple.to_string(),
                exponent => format!("{multiple}e{exponent}"),
            }
        };
        (0..=last).map(shortest).collect::<Vec<_>>().join(",")
    }

    #[test]
    fn a_report_reaches_the_most_bits_and_none_has_more() {
        let listed = Listed {
            version: 1,
            tools: (1..=200).map(|n| (n, ToolName::parse(&format!("t{n}")).unwrap())).collect(),
            codes: (1..=50).map(|n| (n, CodeName::parse(&format!("E{n}")).unwrap())).collect(),
            counts: (1..=50).map(|n| (n, CountName::parse(&format!("c{n}")).unwrap())).collect(),
        };
        let durations = a_duration_of_each_bucket();
        let errors = |codes: u32| {
            let codes = (1..=codes).map(|n| format!(r#""E{n}":1"#));
            let codes: Vec<_> = codes.chain([r#""OTHER":1"#.to_owned()]).collect();
            format!("{{{}}}", codes.join(","))
        };
        let tools = (1..=201).map(|n| {
            // 2,000 pairs in all: 50 codes of each of 40 tools.
            let errors = errors(if n <= 40 { 50 } else { 0 });
            format!(r#"{{"name":"t{n}","errors":{errors},"durations_ms":[{durations}]}}"#)
        });
        let tools = tools.collect::<Vec<_>>().join(",");
        let counts = (1..=51).map(|n| format!(r#""c{n}":1"#)).collect::<Vec<_>>().join(",");
        let body = format!(
            r#"{{"report_id":"0191d6a0-0000-7000-8000-000000000001","window_start":"2026-11-25T10:00:00Z",
            "window_end":"2026-11-25T11:00:00Z","tools":[{tools}],"counts":{{{counts}}}}}"#
        );
        assert!(body.len() <= LARGEST_BODY, "{} bytes", body.len());
        let report = redact(body.as_bytes(), &listed, "2026-11-25T12:00:00Z".parse().unwrap());
        let kept = kept_of(&report.unwrap());
        assert_eq!(kept, KeptNumbers::MOST);
        assert_eq!(kept.bits(), KeptNumbers::MOST.bits());
    }
}
