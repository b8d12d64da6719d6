//! Everything that is kept of one instance's usage.

use std::collections::{BTreeMap, HashMap};

use hub_core::api::{ErrorCount, OwnCount, OwnDurations, OwnUsage, Period};
use hub_core::redact::{CodeName, CountName, ToolName};

use super::catalogue::name;
use super::range::at;
use super::reads::ratio;
use super::sum::{Sum, sum};
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

/// A step, a tool, and its calls, errors, and number, sum and maximum of durations.
type UsageRow = (i64, i64, Sum, Sum, Sum, Sum, u64);

impl Store {
    /// Everything that is kept of an instance's usage, the hours that are kept and all days.
    pub(crate) async fn own_usage(&self, instance: i64) -> Result<OwnPeriods, Error> {
        self.scan(instance, |db, instance| Box::pin(db.own_usage(*instance))).await
    }
}

impl Db<'_> {
    async fn own_usage(&mut self, instance: i64) -> Result<OwnPeriods, Error> {
        const REPORTS: &str = "SELECT COUNT(*) FROM reports WHERE instance = $1";
        Ok(OwnPeriods {
            reports: self.one(REPORTS, &[&instance]).await?,
            hours: self.periods(instance, 1).await?,
            days: self.periods(instance, 24).await?,
        })
    }

    /// Periods of 1 or 24 hours. Where only days are kept there are no hours to show.
    async fn periods(&mut self, instance: i64, hours: i64) -> Result<Vec<Period>, Error> {
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
            "SELECT {step} AS step, tool, {}, {}, {}, {}, MAX(dur_max_us) \
             FROM {} GROUP BY step, tool",
            sum("calls"),
            sum("errors"),
            sum("dur_n"),
            sum("dur_sum_us"),
            base("usage", "tool, calls, errors, dur_n, dur_sum_us, dur_max_us")
        );
        let errors = format!(
            "SELECT {step} AS step, tool, code, {} FROM {} GROUP BY step, tool, code",
            sum("n"),
            base("error", "tool, code, n")
        );
        let counts = format!(
            "SELECT {step} AS step, name, {}, MAX(max_n) FROM {} GROUP BY step, name",
            sum("sum_n"),
            base("count", "name, sum_n, max_n")
        );
        let mut periods = BTreeMap::new();
        let rows: Vec<UsageRow> = self.rows(usage, &[&instance]).await?;
        let tools: HashMap<i64, ToolName> = self.names(rows.iter().map(|row| row.1)).await?;
        for (step, tool, calls, errors, n, took, max) in rows {
            let tool = name(&tools, tool)?;
            let duration_ms = durations(n.0, took.0, max);
            let used = OwnUsage { tool, calls: calls.0, errors: errors.0, duration_ms };
            period(&mut periods, step).tools.push(used);
        }
        let rows: Vec<(i64, i64, i64, Sum)> = self.rows(errors, &[&instance]).await?;
        let tools: HashMap<i64, ToolName> = self.names(rows.iter().map(|row| row.1)).await?;
        let codes: HashMap<i64, CodeName> = self.names(rows.iter().map(|row| row.2)).await?;
        for (step, tool, code, n) in rows {
            let (tool, code) = (name(&tools, tool)?, name(&codes, code)?);
            period(&mut periods, step).errors.push(ErrorCount { tool, code, count: n.0 });
        }
        let rows: Vec<(i64, i64, Sum, u64)> = self.rows(counts, &[&instance]).await?;
        let names: HashMap<i64, CountName> = self.names(rows.iter().map(|row| row.1)).await?;
        for (step, id, sum, max) in rows {
            let name = name(&names, id)?;
            period(&mut periods, step).counts.push(OwnCount { name, sum: sum.0, max });
        }
        Ok(periods.into_values().map(sorted).collect())
    }
}

fn period(periods: &mut BTreeMap<i64, Period>, hour: i64) -> &mut Period {
    periods.entry(hour).or_insert_with(|| Period {
        at: at(hour),
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

fn durations(n: u64, sum: u64, max: u64) -> Option<OwnDurations> {
    Some(OwnDurations { n, mean: ratio(sum, n)? / 1_000.0, max: ratio(max, 1)? / 1_000.0 })
}
