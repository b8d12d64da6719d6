//! What goes with instances that are deleted: their usage, and what they count in the fleet's sums.

use super::counters::{Period, TAKE_OUT};
use super::last_use::LAST_HOURS;
use super::rows::merge;
use super::{ANY_TOOL, HORIZON, USAGE_TABLES};
use crate::store::bulk::Filled;
use crate::store::db::Db;
use crate::store::error::Error;

/// Instances in one statement, which must end before its timeout: each may have usage of 400 days.
const INSTANCES: usize = 200;

/// What instances count in the fleet's sums.
#[derive(Debug, Default)]
struct Share {
    /// Tool, last hour, and how many instances less have it.
    last: Vec<[i64; 3]>,
    /// Hour, tool, calls, errors and instances.
    hours: Vec<[i64; 5]>,
    /// The same by day.
    days: Vec<[i64; 5]>,
}

impl Db<'_> {
    /// Deletes all usage of these instances, of which nobody takes a report meanwhile. Distributions of the
    /// fleet's durations stay.
    pub(in crate::store) async fn delete_usage(&mut self, instances: &[i64]) -> Result<(), Error> {
        if instances.is_empty() {
            return Ok(());
        }
        // No day is made out of hours meanwhile, so each hour counts once.
        let horizon: i64 = self.one(HORIZON, &[]).await?;
        let mut share = Share::default();
        for some in instances.chunks(INSTANCES) {
            self.add_share(&mut share, some, horizon).await?;
            for table in USAGE_TABLES {
                let delete = format!("DELETE FROM {table} WHERE instance {{key}}");
                self.execute_by(delete, some).await?;
            }
        }
        // Every report writes these rows. They come last, so that reports wait the least, and in the order of
        // the reports, so that none waits for this while this waits for it.
        self.bulks(&[
            &Filled(&LAST_HOURS, &share.last),
            &Filled(TAKE_OUT.of(Period::Hour), &share.hours),
            &Filled(TAKE_OUT.of(Period::Day), &share.days),
        ])
        .await
    }

    async fn add_share(
        &mut self,
        share: &mut Share,
        instances: &[i64],
        horizon: i64,
    ) -> Result<(), Error> {
        const LAST: &str = "SELECT tool, hour, COUNT(*) FROM last_use WHERE instance {key} \
             GROUP BY tool, hour";
        let last: Vec<(i64, i64, i64)> = self.rows_by(LAST, instances).await?;
        share.last.extend(last.into_iter().map(|(tool, hour, n)| [tool, hour, -n]));
        merge(&mut share.last, 2, |sum, row| sum[2] += row[2]);
        let Share { hours, days, .. } = share;
        self.add_sums(hours, "hour", "usage_hour WHERE instance {key}", instances).await?;
        let made = format!("usage_day WHERE instance {{key}} AND day < {horizon}");
        self.add_sums(days, "day", &made, instances).await?;
        let since = format!("usage_hour WHERE instance {{key}} AND hour >= {}", horizon * 24);
        self.add_sums(days, "hour / 24", &since, instances).await
    }

    /// Adds the sums over the usage of instances for each time `at`, by tool and over all of them.
    async fn add_sums(
        &mut self,
        sums: &mut Vec<[i64; 5]>,
        at: &str,
        usage: &str,
        instances: &[i64],
    ) -> Result<(), Error> {
        let by_tool = format!(
            "SELECT {at}, tool, CAST({{least}}(SUM(calls), 4611686018427387904) AS BIGINT), \
             CAST({{least}}(SUM(errors), 4611686018427387904) AS BIGINT), COUNT(*) FROM {usage} \
             GROUP BY {at}, tool"
        );
        let by_tool: Vec<(i64, i64, i64, i64, i64)> = self.rows_by(by_tool, instances).await?;
        for (at, tool, calls, errors, n) in by_tool {
            sums.push([at, tool, calls, errors, n]);
            sums.push([at, ANY_TOOL, calls, errors, 0]);
        }
        let of_any = format!("SELECT {at}, COUNT(DISTINCT instance) FROM {usage} GROUP BY {at}");
        let of_any: Vec<(i64, i64)> = self.rows_by(of_any, instances).await?;
        sums.extend(of_any.into_iter().map(|(at, n)| [at, ANY_TOOL, 0, 0, n]));
        merge(sums, 2, |sum, row| {
            for (sum, more) in sum[2..].iter_mut().zip(&row[2..]) {
                *sum = sum.saturating_add(*more);
            }
        });
        Ok(())
    }
}
