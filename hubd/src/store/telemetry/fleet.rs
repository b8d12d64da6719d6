//! Sums over the whole fleet, which name no instance: kept as reports come in, and put right when an
//! instance is deleted.

use std::collections::BTreeMap;

use super::last_use::NewUses;
use super::{ANY_TOOL, USAGE_TABLES};
use crate::store::db::Db;
use crate::store::error::Error;

/// Rows of the fleet's tables: time, tool, the values of `usage`, and how many instances are new.
fn sums(usage: &[[i64; 8]], new: &[[i64; 3]]) -> Vec<[i64; 8]> {
    let mut sums: BTreeMap<[i64; 2], [i64; 6]> = BTreeMap::new();
    for [at, _, tool, calls, errors, n, total, max] in usage {
        for tool in [*tool, ANY_TOOL] {
            let sum = sums.entry([*at, tool]).or_default();
            for (sum, value) in sum.iter_mut().zip([calls, errors, n, total]) {
                *sum = sum.saturating_add(*value);
            }
            sum[4] = sum[4].max(*max);
        }
    }
    for [at, tool, instances] in new {
        sums.entry([*at, *tool]).or_default()[5] += instances;
    }
    let mut rows = Vec::with_capacity(sums.len());
    for ([at, tool], [calls, errors, n, total, max, instances]) in sums {
        rows.push([at, tool, calls, errors, n, total, max, instances]);
    }
    rows
}

/// The rows of the fleet by hour and by day.
pub(super) struct FleetRows {
    pub(super) hours: Vec<[i64; 8]>,
    pub(super) days: Vec<[i64; 8]>,
}

impl FleetRows {
    /// Of the usage of a batch by hour, and of all of it by day.
    pub(super) fn of(by_hour: &[[i64; 8]], by_day: &[[i64; 8]], new: &NewUses) -> Self {
        Self { hours: sums(by_hour, &new.hours), days: sums(by_day, &new.days) }
    }
}

/// Takes an instance's calls and errors out of the fleet's hours and days, and the instance out of the
/// numbers of instances. Durations are distributions of the fleet, and stay.
const TAKE_OUT: [&str; 5] = [
    "UPDATE fleet_hour SET calls = {greatest}(0, fleet_hour.calls - u.calls), \
     errors = {greatest}(0, fleet_hour.errors - u.errors), instances = fleet_hour.instances - 1 \
     FROM (SELECT hour, tool, calls, errors FROM usage_hour WHERE instance {key} UNION ALL \
     SELECT hour, -1, CAST(SUM(calls) AS BIGINT), CAST(SUM(errors) AS BIGINT) FROM usage_hour WHERE instance {key} \
     GROUP BY hour) AS u WHERE fleet_hour.hour = u.hour AND fleet_hour.tool = u.tool",
    "UPDATE fleet_day SET calls = {greatest}(0, fleet_day.calls - u.calls), \
     errors = {greatest}(0, fleet_day.errors - u.errors), instances = fleet_day.instances - 1 \
     FROM (SELECT hour / 24 AS day, tool, CAST(SUM(calls) AS BIGINT) AS calls, CAST(SUM(errors) AS BIGINT) AS errors \
     FROM usage_hour WHERE instance {key} \
     AND hour >= (SELECT day * 24 FROM telemetry_horizon WHERE id = 1) GROUP BY hour / 24, tool \
     UNION ALL SELECT hour / 24, -1, CAST(SUM(calls) AS BIGINT), CAST(SUM(errors) AS BIGINT) FROM usage_hour WHERE instance {key} \
     AND hour >= (SELECT day * 24 FROM telemetry_horizon WHERE id = 1) GROUP BY hour / 24) AS u \
     WHERE fleet_day.day = u.day AND fleet_day.tool = u.tool",
    "UPDATE fleet_day SET calls = {greatest}(0, fleet_day.calls - u.calls), \
     errors = {greatest}(0, fleet_day.errors - u.errors), instances = fleet_day.instances - 1 \
     FROM (SELECT day, tool, calls, errors FROM usage_day WHERE instance {key} \
     AND day < (SELECT day FROM telemetry_horizon WHERE id = 1) UNION ALL \
     SELECT day, -1, CAST(SUM(calls) AS BIGINT), CAST(SUM(errors) AS BIGINT) FROM usage_day WHERE instance {key} \
     AND day < (SELECT day FROM telemetry_horizon WHERE id = 1) GROUP BY day) AS u \
     WHERE fleet_day.day = u.day AND fleet_day.tool = u.tool",
    "UPDATE last_use_hour SET n = last_use_hour.n - 1 FROM last_use AS u WHERE u.instance {key} \
     AND last_use_hour.tool = u.tool AND last_use_hour.hour = u.hour",
    "DELETE FROM last_use_hour WHERE n = 0",
];

impl Db<'_> {
    /// Deletes all usage of these instances, one after the other.
    pub(in crate::store) async fn delete_usage(&mut self, instances: &[i64]) -> Result<(), Error> {
        for instance in instances {
            let one = [*instance];
            for statement in &TAKE_OUT[..4] {
                self.execute_by(*statement, &one).await?;
            }
            for table in USAGE_TABLES {
                self.execute_by(format!("DELETE FROM {table} WHERE instance {{key}}"), &one)
                    .await?;
            }
        }
        self.execute(TAKE_OUT[4], &[]).await?;
        Ok(())
    }
}
