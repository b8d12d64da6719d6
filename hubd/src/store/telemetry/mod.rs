//! Usage that instances report: a batch of reports in one transaction, reads, and the making of days
//! out of hours. Names are the operator's; of what instances send there are only integers.

mod catalogue;
mod clock;
mod counters;
mod deletion;
mod fleet;
mod ingest;
mod last_use;
mod own;
mod pairs;
mod range;
mod reads;
mod rollup;
mod rows;
mod series;
mod sum;

pub(super) use catalogue::KnownCatalogue;
pub(crate) use ingest::{NewReport, ReportResult};
pub(crate) use own::{OwnUsageKept, Span};
pub(crate) use range::{UsageFilter, UsageRange};
pub(crate) use rollup::Retention;
pub(crate) use series::{Series, SeriesFilter};

/// The tables that hold something of an instance.
const USAGE_TABLES: [&str; 8] = [
    "usage_hour",
    "error_hour",
    "count_hour",
    "usage_day",
    "error_day",
    "count_day",
    "last_use",
    "reports",
];

/// The number of `other` and `OTHER`.
const OTHER: i64 = 0;
/// Stands for all tools in the tables that count instances.
const ANY_TOOL: i64 = -1;

/// The day from which there are hours, while no other hub makes a day.
const HORIZON: &str = "SELECT day FROM telemetry_horizon WHERE id = 1{for_update}";

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

/// What a build for proofs adds to the calls of a tool when it is told to store more than it says.
#[cfg(feature = "proof")]
fn leak() -> i64 {
    i64::from(hub_core::proof::leak() == Some(hub_core::proof::Leak::Stored))
}
