//! The statements that add a batch to the tables of counters.
//!
//! Counters grow up to [`CEILING`] and no further; of maxima the greater stays.

use crate::store::bulk::Bulk;

/// No counter grows beyond this, so that sums of many stay in range: 35 years in microseconds.
pub(super) const CEILING: i64 = 1 << 50;

/// Calls, errors and durations of a tool.
pub(super) const USAGE: Bulk = Bulk::new(
    &["hour", "instance", "tool", "calls", "errors", "dur_n", "dur_sum_us", "dur_max_us"],
    "INSERT INTO usage_hour (hour, instance, tool, calls, errors, dur_n, dur_sum_us, \
     dur_max_us) SELECT bulk.hour, bulk.instance, bulk.tool, bulk.calls, bulk.errors, \
     bulk.dur_n, bulk.dur_sum_us, bulk.dur_max_us {from} WHERE true ON CONFLICT (hour, \
     instance, tool) DO UPDATE SET calls = {least}(usage_hour.calls + excluded.calls, \
     1125899906842624), errors = {least}(usage_hour.errors + excluded.errors, \
     1125899906842624), dur_n = {least}(usage_hour.dur_n + excluded.dur_n, 1125899906842624), \
     dur_sum_us = {least}(usage_hour.dur_sum_us + excluded.dur_sum_us, 1125899906842624), \
     dur_max_us = {greatest}(usage_hour.dur_max_us, excluded.dur_max_us)",
);

/// Errors of a tool by code.
pub(super) const ERRORS: Bulk = Bulk::new(
    &["hour", "instance", "tool", "code", "n"],
    "INSERT INTO error_hour (hour, instance, tool, code, n) SELECT bulk.hour, bulk.instance, \
     bulk.tool, bulk.code, bulk.n {from} WHERE true ON CONFLICT (hour, instance, tool, code) \
     DO UPDATE SET n = {least}(error_hour.n + excluded.n, 1125899906842624)",
);

/// Named counts.
pub(super) const COUNTS: Bulk = Bulk::new(
    &["hour", "instance", "name", "sum_n", "max_n"],
    "INSERT INTO count_hour (hour, instance, name, sum_n, max_n) SELECT bulk.hour, \
     bulk.instance, bulk.name, bulk.sum_n, bulk.max_n {from} WHERE true ON CONFLICT (hour, \
     instance, name) DO UPDATE SET sum_n = {least}(count_hour.sum_n + excluded.sum_n, \
     1125899906842624), max_n = {greatest}(count_hour.max_n, excluded.max_n)",
);

/// The fleet's distributions of durations.
pub(super) const DURATIONS: Bulk = Bulk::new(
    &["hour", "tool", "bucket", "n"],
    "INSERT INTO duration_hour (hour, tool, bucket, n) SELECT bulk.hour, bulk.tool, \
     bulk.bucket, bulk.n {from} WHERE true ON CONFLICT (hour, tool, bucket) DO UPDATE SET n = \
     {least}(duration_hour.n + excluded.n, 1125899906842624)",
);

/// How many reports came in.
pub(super) const RECEIVED: Bulk = Bulk::new(
    &["hour", "n"],
    "INSERT INTO report_hour (hour, n) SELECT bulk.hour, bulk.n {from} WHERE true ON CONFLICT \
     (hour) DO UPDATE SET n = {least}(report_hour.n + excluded.n, 1125899906842624)",
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_statements_stop_at_the_ceiling() {
        for statement in [USAGE, ERRORS, COUNTS, DURATIONS, RECEIVED] {
            let sums = statement.sql.matches("{least}").count();
            assert!(sums > 0);
            assert_eq!(statement.sql.matches(&format!(", {CEILING})")).count(), sums);
        }
    }
}
