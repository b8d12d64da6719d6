//! The statements that add a batch to the tables of counters.
//!
//! The counters of an instance grow up to [`CEILING`] and those of the fleet up to 2^62, and no
//! further; of maxima the greater stays.

use std::sync::OnceLock;

use crate::store::bulk::Bulk;

/// No counter of an instance grows beyond this: 35 years in microseconds.
pub(super) const CEILING: i64 = 1 << 50;

/// What a counter is kept by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Period {
    /// The hour of a report.
    Hour,
    /// The day of a report whose hours are gone.
    Day,
}

/// A statement for the tables of either period.
pub(super) struct ByPeriod {
    hour: Bulk,
    day: OnceLock<Bulk>,
}

impl ByPeriod {
    /// From the statement for the tables by hour.
    const fn new(columns: &'static [&'static str], by_hour: &'static str) -> Self {
        Self { hour: Bulk::new(columns, by_hour), day: OnceLock::new() }
    }

    /// The statement for the tables of this period.
    pub(super) fn of(&self, period: Period) -> &Bulk {
        let by_day = || {
            let sql = self.hour.sql.replace("_hour", "_day");
            let sql = sql.replace("(hour", "(day").replace(".hour", ".day");
            Bulk::made(self.hour.columns, sql)
        };
        match period {
            Period::Hour => &self.hour,
            Period::Day => self.day.get_or_init(by_day),
        }
    }
}

/// Calls, errors and durations of a tool.
pub(super) static USAGE: ByPeriod = ByPeriod::new(
    USAGE_COLUMNS,
    "INSERT INTO usage_hour (hour, instance, tool, calls, errors, dur_n, dur_sum_us, dur_max_us) \
     {values} ON CONFLICT (hour, instance, tool) DO UPDATE SET \
     calls = {least}(usage_hour.calls + excluded.calls, 1125899906842624), \
     errors = {least}(usage_hour.errors + excluded.errors, 1125899906842624), \
     dur_n = {least}(usage_hour.dur_n + excluded.dur_n, 1125899906842624), \
     dur_sum_us = {least}(usage_hour.dur_sum_us + excluded.dur_sum_us, 1125899906842624), \
     dur_max_us = {greatest}(usage_hour.dur_max_us, excluded.dur_max_us)",
);

/// The same where there is usage already.
pub(super) static MORE_USAGE: Bulk = Bulk::new(
    USAGE_COLUMNS,
    "UPDATE usage_hour SET \
     calls = {least}(usage_hour.calls + bulk.calls, 1125899906842624), \
     errors = {least}(usage_hour.errors + bulk.errors, 1125899906842624), \
     dur_n = {least}(usage_hour.dur_n + bulk.dur_n, 1125899906842624), \
     dur_sum_us = {least}(usage_hour.dur_sum_us + bulk.dur_sum_us, 1125899906842624), \
     dur_max_us = {greatest}(usage_hour.dur_max_us, bulk.dur_max_us) {from} \
     WHERE usage_hour.hour = bulk.at AND usage_hour.instance = bulk.instance \
     AND usage_hour.tool = bulk.tool",
);

const USAGE_COLUMNS: &[&str] =
    &["at", "instance", "tool", "calls", "errors", "dur_n", "dur_sum_us", "dur_max_us"];

/// Errors of a tool by code.
pub(super) static ERRORS: ByPeriod = ByPeriod::new(
    &["at", "instance", "tool", "code", "n"],
    "INSERT INTO error_hour (hour, instance, tool, code, n) {values} \
     ON CONFLICT (hour, instance, tool, code) \
     DO UPDATE SET n = {least}(error_hour.n + excluded.n, 1125899906842624)",
);

/// Named counts.
pub(super) static COUNTS: ByPeriod = ByPeriod::new(
    &["at", "instance", "name", "sum_n", "max_n"],
    "INSERT INTO count_hour (hour, instance, name, sum_n, max_n) {values} \
     ON CONFLICT (hour, instance, name) DO UPDATE SET sum_n = {least}(count_hour.sum_n + excluded.sum_n, \
     1125899906842624), max_n = {greatest}(count_hour.max_n, excluded.max_n)",
);

/// The fleet's distributions of durations.
pub(super) static DURATIONS: ByPeriod = ByPeriod::new(
    &["at", "tool", "bucket", "n"],
    "INSERT INTO duration_hour (hour, tool, bucket, n) {values} \
     ON CONFLICT (hour, tool, bucket) DO UPDATE SET n = {least}(duration_hour.n + excluded.n, 4611686018427387904)",
);

/// The fleet's usage of a tool.
pub(super) static FLEET: ByPeriod = ByPeriod::new(
    &["at", "tool", "calls", "errors", "dur_n", "dur_sum_us", "dur_max_us", "instances"],
    "INSERT INTO fleet_hour (hour, tool, calls, errors, dur_n, dur_sum_us, dur_max_us, \
     instances) {values} ON CONFLICT (hour, tool) DO UPDATE SET calls = {least}(fleet_hour.calls + excluded.calls, \
     4611686018427387904), errors = {least}(fleet_hour.errors + excluded.errors, \
     4611686018427387904), dur_n = {least}(fleet_hour.dur_n + excluded.dur_n, \
     4611686018427387904), dur_sum_us = {least}(fleet_hour.dur_sum_us + excluded.dur_sum_us, \
     4611686018427387904), dur_max_us = {greatest}(fleet_hour.dur_max_us, \
     excluded.dur_max_us), instances = fleet_hour.instances + excluded.instances",
);

/// Takes usage out of the fleet's again.
pub(super) static TAKE_OUT: ByPeriod = ByPeriod::new(
    &["at", "tool", "calls", "errors", "instances"],
    "UPDATE fleet_hour SET calls = {greatest}(0, fleet_hour.calls - bulk.calls), \
     errors = {greatest}(0, fleet_hour.errors - bulk.errors), \
     instances = fleet_hour.instances - bulk.instances {from} \
     WHERE fleet_hour.hour = bulk.at AND fleet_hour.tool = bulk.tool",
);

/// How many reports came in.
pub(super) static RECEIVED: Bulk = Bulk::new(
    &["hour", "n"],
    "INSERT INTO report_hour (hour, n) {values} ON CONFLICT (hour) DO UPDATE SET n = {least}(report_hour.n + excluded.n, 1125899906842624)",
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_statements_stop_at_a_ceiling() {
        for (statement, ceiling) in [
            (USAGE.of(Period::Hour), CEILING),
            (&MORE_USAGE, CEILING),
            (ERRORS.of(Period::Hour), CEILING),
            (COUNTS.of(Period::Hour), CEILING),
            (&RECEIVED, CEILING),
            (DURATIONS.of(Period::Hour), 1 << 62),
            (FLEET.of(Period::Hour), 1 << 62),
        ] {
            let sums = statement.sql.matches("{least}").count();
            assert!(sums > 0);
            assert_eq!(statement.sql.matches(&format!(", {ceiling})")).count(), sums);
        }
    }

    #[test]
    fn the_tables_of_days_have_the_same_statements() {
        let by_day = ERRORS.of(Period::Day);
        assert_eq!(
            ERRORS.of(Period::Hour).sql,
            "INSERT INTO error_hour (hour, instance, tool, code, n) {values} \
             ON CONFLICT (hour, instance, tool, code) DO UPDATE SET n = {least}(error_hour.n + excluded.n, 1125899906842624)"
        );
        assert_eq!(
            by_day.sql,
            "INSERT INTO error_day (day, instance, tool, code, n) {values} \
             ON CONFLICT (day, instance, tool, code) DO UPDATE SET n = {least}(error_day.n + excluded.n, 1125899906842624)"
        );
    }
}
