//! Usage over time.

use std::collections::BTreeMap;

use hub_core::api::{Step, UsageStep};

use super::ANY_TOOL;
use super::range::{UsageFilter, UsageRange, at, hours};
use super::reads::{Rounded, ratio};
use super::sum::{Sum, sum};
use crate::store::Store;
use crate::store::db::Db;
use crate::store::error::Error;

/// A step, and its calls, errors, instances, and number and sum of durations.
type StepRow = (i64, Sum, Sum, u64, Sum, Sum);

/// What a series is made of.
#[derive(Debug, Clone)]
pub(crate) struct SeriesFilter {
    pub(crate) usage: UsageFilter,
    pub(crate) step: Step,
    /// Of this tool, or of all.
    pub(crate) tool: Option<String>,
    /// The most steps.
    pub(crate) most: i64,
}

/// A series, or why there is none.
#[derive(Debug)]
pub(crate) enum Series {
    Steps(UsageRange, Vec<UsageStep>),
    /// There are no hours before this range's horizon any more.
    OnlyDays(UsageRange),
    TooLong,
}

impl Store {
    /// Usage in each step of the range.
    pub(crate) async fn usage_series(&self, filter: SeriesFilter) -> Result<Series, Error> {
        self.scan(filter, |db, filter| {
            Box::pin(async move {
                loop {
                    let range = db.usage_range(&filter.usage, filter.step).await?;
                    if filter.step == Step::Hour && range.reaches_days() {
                        return Ok(Series::OnlyDays(range));
                    }
                    if range.steps(filter.step) > filter.most {
                        return Ok(Series::TooLong);
                    }
                    let steps = db.usage_series(filter, range).await?;
                    if !db.has_moved(&range).await? {
                        return Ok(Series::Steps(range, steps));
                    }
                }
            })
        })
        .await
    }
}

impl Db<'_> {
    async fn usage_series(
        &mut self,
        filter: &SeriesFilter,
        range: UsageRange,
    ) -> Result<Vec<UsageStep>, Error> {
        let SeriesFilter { usage, step, tool, .. } = filter;
        let tool = match tool {
            Some(tool) => {
                let find = "SELECT id FROM tools WHERE name = $1";
                Some(self.find::<i64>(find, &[&tool.as_str()]).await?.unwrap_or(i64::MIN))
            }
            None => None,
        };
        let sql = if usage.is_of_sums() {
            steps_of_fleet(*step, tool, &range)
        } else {
            steps_of_usage(&Rounded { filter: usage, range }, *step, tool)
        };
        let rows: Vec<StepRow> = self.usage_rows(usage, sql).await?;
        let by_step: BTreeMap<i64, StepRow> = rows.into_iter().map(|row| (row.0, row)).collect();
        let length = hours(*step);
        let steps = (0..).map(|n| range.since + n * length);
        let steps = steps.take_while(|hour| *hour < range.until).map(|hour| {
            let none = (hour, Sum(0), Sum(0), 0, Sum(0), Sum(0));
            let (_, calls, errors, instances, n, sum) = by_step.get(&hour).copied().unwrap_or(none);
            UsageStep {
                at: at(hour),
                calls: calls.0,
                errors: errors.0,
                duration_ms_mean: ratio(sum.0, n.0).map(|us| us / 1_000.0),
                instances,
                complete: at(hour + length) <= usage.now,
            }
        });
        Ok(steps.collect())
    }
}

fn steps_of_fleet(step: Step, tool: Option<i64>, range: &UsageRange) -> String {
    let UsageRange { since, until, .. } = range;
    let (table, at, from, to) = match step {
        Step::Hour => ("fleet_hour", "hour", *since, *until),
        Step::Day => ("fleet_day", "day", since / 24, until / 24),
    };
    let tool = tool.unwrap_or(ANY_TOOL);
    format!(
        "SELECT {at} * {}, {}, {}, CAST(SUM(instances) AS BIGINT), {}, {} FROM {table} \
         WHERE {at} >= {from} AND {at} < {to} AND tool = {tool} GROUP BY {at}",
        hours(step),
        sum("calls"),
        sum("errors"),
        sum("dur_n"),
        sum("dur_sum_us"),
    )
}

fn steps_of_usage(of: &Rounded<'_>, step: Step, tool: Option<i64>) -> String {
    let hours = hours(step);
    let of_tool = tool.map(|id| format!("WHERE {} = {id}", of.shown("tool", "tool")));
    format!(
        "{} SELECT (hour / {hours}) * {hours} AS step, {}, {}, COUNT(DISTINCT instance), {}, {} \
         FROM base {} GROUP BY step",
        of.with("usage", "instance, tool, calls, errors, dur_n, dur_sum_us", "tool"),
        sum("calls"),
        sum("errors"),
        sum("dur_n"),
        sum("dur_sum_us"),
        of_tool.unwrap_or_default(),
    )
}
