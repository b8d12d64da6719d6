//! Usage that instances report: a batch of reports in one transaction, reads, and the making of days
//! out of hours. Of texts there are only names that the redactor let through.

mod catalogue;
mod counters;
mod fold;
mod ingest;
mod own;
mod reads;
mod registry;
mod rollup;
mod tools_a_day;

pub(crate) use ingest::{NewReport, ReportResult};
pub(crate) use reads::{UsageFilter, UsageRange};
pub(super) use registry::Names;
pub(crate) use rollup::Retention;

/// The tables that hold something of an instance beside its report digests, which go by themselves.
pub(super) const USAGE_TABLES: [&str; 6] =
    ["usage_hour", "error_hour", "count_hour", "usage_day", "error_day", "count_day"];

/// The id of `other` in each registry of names.
const OTHER: i64 = 0;

/// Milliseconds of an hour.
const HOUR_MS: i64 = 3_600_000;

/// The hour of a time, counted from 1970.
pub(super) fn hour_of(unix_ms: i64) -> i64 {
    unix_ms.div_euclid(HOUR_MS)
}

/// The day of a time, counted from 1970.
fn day_of(unix_ms: i64) -> i64 {
    hour_of(unix_ms).div_euclid(24)
}

/// A count as SQL has it.
fn int(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}
