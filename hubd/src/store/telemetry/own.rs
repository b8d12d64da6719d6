//! Everything that is kept of one instance's usage.

use std::collections::{BTreeMap, HashMap};

use hub_core::api::{ErrorCount, OwnCount, OwnDurations, OwnUsage, Period};
use hub_core::time::Timestamp;

use super::HOUR_MS;
use super::reads::{name, ratio};
use super::registry::Registry;
use crate::store::Store;
use crate::store::db::Db;
use crate::store::error::Error;

/// Hours and days of one instance.
#[derive(Debug)]
pub(crate) struct OwnPeriods {
    pub(crate) reports: u64,
    pub(crate) hours: Vec<Period>,
    pub(crate) days: Vec<Period>,
}

/// Names by id, of each registry.
struct AllNames {
    tools: HashMap<i64, String>,
    codes: HashMap<i64, String>,
    counts: HashMap<i64, String>,
}

impl Store {
    /// Everything that is kept of an instance's usage, the hours that are kept and all days.
    pub(crate) async fn own_usage(&self, instance: i64) -> Result<OwnPeriods, Error> {
        self.scan(instance, |db, instance| Box::pin(db.own_usage(*instance))).await
    }
}

impl Db<'_> {
    async fn own_usage(&mut self, instance: i64) -> Result<OwnPeriods, Error> {
        const REPORTS: &str = "SELECT COUNT(*) FROM reports WHERE instance = $1";
        let names = AllNames {
            tools: self.names_by_id(Registry::Tools).await?,
            codes: self.names_by_id(Registry::Codes).await?,
            counts: self.names_by_id(Registry::Counts).await?,
        };
        Ok(OwnPeriods {
            reports: self.one(REPORTS, &[&instance]).await?,
            hours: self.periods(instance, 1, &names).await?,
            days: self.periods(instance, 24, &names).await?,
        })
    }

    /// Periods of 1 or 24 hours. Where only days are kept there are no hours to show.
    async fn periods(
        &mut self,
        instance: i64,
        hours: i64,
        names: &AllNames,
    ) -> Result<Vec<Period>, Error> {
        let base = |table: &str, columns: &str| {
            let days = format!(
                " UNION ALL SELECT day * 24 AS hour, {columns} FROM {table}_day \
                 WHERE instance = $1 \
                 AND day < (SELECT day FROM telemetry_horizon WHERE id = 1)"
            );
            format!(
                "(SELECT hour, {columns} FROM {table}_hour WHERE instance = $1 \
                 AND hour >= (SELECT day * 24 FROM telemetry_horizon WHERE id = 1){}) AS base",
                if hours == 1 { "" } else { &days }
            )
        };
        let step = format!("(hour / {hours}) * {hours}");
        let usage = format!(
            "SELECT {step} AS step, tool, CAST(SUM(calls) AS BIGINT), CAST(SUM(errors) AS BIGINT), \
             CAST(SUM(dur_n) AS BIGINT), CAST(SUM(dur_sum_us) AS BIGINT), MAX(dur_max_us) \
             FROM {} GROUP BY step, tool",
            base("usage", "tool, calls, errors, dur_n, dur_sum_us, dur_max_us")
        );
        let errors = format!(
            "SELECT {step} AS step, tool, code, CAST(SUM(n) AS BIGINT) FROM {} \
             GROUP BY step, tool, code",
            base("error", "tool, code, n")
        );
        let counts = format!(
            "SELECT {step} AS step, name, CAST(SUM(sum_n) AS BIGINT), MAX(max_n) FROM {} \
             GROUP BY step, name",
            base("count", "name, sum_n, max_n")
        );
        let mut periods = BTreeMap::new();
        let rows: Vec<(i64, i64, i64, i64, i64, i64, i64)> = self.rows(usage, &[&instance]).await?;
        for (step, tool, calls, errors, n, sum, max) in rows {
            let tool = name(&names.tools, tool)?;
            let (calls, errors) = (calls.unsigned_abs(), errors.unsigned_abs());
            let duration_ms = durations(n, sum, max);
            period(&mut periods, step).tools.push(OwnUsage { tool, calls, errors, duration_ms });
        }
        let rows: Vec<(i64, i64, i64, i64)> = self.rows(errors, &[&instance]).await?;
        for (step, tool, code, n) in rows {
            let (tool, code) = (name(&names.tools, tool)?, name(&names.codes, code)?);
            let count = n.unsigned_abs();
            period(&mut periods, step).errors.push(ErrorCount { tool, code, count });
        }
        let rows: Vec<(i64, i64, i64, i64)> = self.rows(counts, &[&instance]).await?;
        for (step, id, sum, max) in rows {
            let (sum, max) = (sum.unsigned_abs(), max.unsigned_abs());
            let name = name(&names.counts, id)?;
            period(&mut periods, step).counts.push(OwnCount { name, sum, max });
        }
        Ok(periods.into_values().map(sorted).collect())
    }
}

fn period(periods: &mut BTreeMap<i64, Period>, hour: i64) -> &mut Period {
    periods.entry(hour).or_insert_with(|| Period {
        at: Timestamp::from_unix_ms(hour.saturating_mul(HOUR_MS)),
        tools: Vec::new(),
        errors: Vec::new(),
        counts: Vec::new(),
    })
}

fn sorted(mut period: Period) -> Period {
    period.tools.sort_by(|a, b| a.tool.cmp(&b.tool));
    period.errors.sort_by(|a, b| (&a.tool, &a.code).cmp(&(&b.tool, &b.code)));
    period.counts.sort_by(|a, b| a.name.cmp(&b.name));
    period
}

fn durations(n: i64, sum: i64, max: i64) -> Option<OwnDurations> {
    Some(OwnDurations {
        n: n.unsigned_abs(),
        mean: ratio(sum, n)? / 1_000.0,
        max: ratio(max, 1)? / 1_000.0,
    })
}
