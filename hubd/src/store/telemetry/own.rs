//! Everything that is kept of one instance's usage, in pages: it may be a lot.

use std::collections::{BTreeMap, HashMap};

use hub_core::api::{ErrorCount, OwnCount, OwnDurations, OwnUsage, Period, Step};
use hub_core::redact::{CodeName, CountName, ToolName};

use super::catalogue::name;
use super::range::{at, down, hours};
use super::reads::ratio;
use super::sum::{Sum, sum};
use crate::store::Store;
use crate::store::db::{Args, Db};
use crate::store::error::Error;

/// The most rows of a kind that a page is made of, but for a page of a single period: so much the
/// catalogue allows.
const MOST_ROWS: i64 = 4_096;

/// Hours or days of an instance's usage, which are a page unless they are too many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    step: Step,
    /// The first hour.
    from: i64,
    /// The hour after the last one.
    until: i64,
}

/// What is kept of an instance's usage, and where.
#[derive(Debug, Clone, Copy)]
pub(crate) struct OwnUsageKept {
    pub(crate) reports: u64,
    pub(crate) hours: Option<Span>,
    pub(crate) days: Option<Span>,
}

/// A step, a tool, and its calls, errors, and number, sum and maximum of durations.
type UsageRow = (i64, i64, Sum, Sum, Sum, Sum, u64);

impl Span {
    fn of(step: Step, first: Option<i64>, last: Option<i64>) -> Option<Self> {
        let hours = hours(step);
        let (from, last) = first.zip(last)?;
        Some(Self { step, from: down(from, hours), until: down(last, hours) + hours })
    }

    /// Both halves, the earlier one first; `None` for a single period.
    pub(crate) fn halves(self) -> Option<[Self; 2]> {
        let hours = hours(self.step);
        let middle = down(self.from + (self.until - self.from) / 2, hours);
        let is_one = middle == self.from;
        (!is_one).then_some([Self { until: middle, ..self }, Self { from: middle, ..self }])
    }
}

impl Store {
    /// What is kept of an instance's usage: the hours that are kept, and all days.
    pub(crate) async fn own_usage(&self, instance: i64) -> Result<OwnUsageKept, Error> {
        self.scan(instance, |db, instance| Box::pin(db.own_usage(*instance))).await
    }

    /// The periods of a span in which something was used, or `None` when there are too many for a page.
    pub(crate) async fn own_page(
        &self,
        instance: i64,
        span: Span,
    ) -> Result<Option<Vec<Period>>, Error> {
        self.scan((instance, span), |db, (instance, span)| Box::pin(db.periods(*instance, *span)))
            .await
    }
}

impl Db<'_> {
    async fn own_usage(&mut self, instance: i64) -> Result<OwnUsageKept, Error> {
        const REPORTS: &str = "SELECT COUNT(*) FROM reports WHERE instance = $1";
        let horizon = self.horizon().await?;
        let mut ends = [(None, None); 2];
        for (end, step) in ends.iter_mut().zip([Step::Hour, Step::Day]) {
            let bases = ["usage", "error", "count"].map(|table| {
                let base = base(table, "1", step);
                format!("SELECT MIN(hour) AS a, MAX(hour) AS z FROM {base}")
            });
            let ends = format!("SELECT MIN(a), MAX(z) FROM ({}) AS t", bases.join(" UNION ALL "));
            *end = self
                .one(
                    ends,
                    args_of(&[&instance, &(horizon * 24), &i64::MAX, &0_i64, &horizon], step),
                )
                .await?;
        }
        let [(first_hour, last_hour), (first_day, last_day)] = ends;
        Ok(OwnUsageKept {
            reports: self.one(REPORTS, &[&instance]).await?,
            hours: Span::of(Step::Hour, first_hour, last_hour),
            days: Span::of(Step::Day, first_day, last_day),
        })
    }

    /// Whether there are more rows of one kind than this.
    async fn exceeds(&mut self, most: i64, step: Step, args: Args<'_>) -> Result<bool, Error> {
        for table in ["usage", "error", "count"] {
            let base = base(table, "1", step);
            let some = format!("SELECT CAST(1 AS BIGINT) FROM {base} LIMIT 1 OFFSET {most}");
            if self.find::<i64>(some, args).await?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    async fn periods(&mut self, instance: i64, span: Span) -> Result<Option<Vec<Period>>, Error> {
        let step = match span.step {
            Step::Hour => "hour",
            Step::Day => "(hour / 24) * 24",
        };
        let usage = format!(
            "SELECT {step} AS step, tool, {}, {}, {}, {}, MAX(dur_max_us) \
             FROM {} GROUP BY step, tool",
            sum("calls"),
            sum("errors"),
            sum("dur_n"),
            sum("dur_sum_us"),
            base("usage", "tool, calls, errors, dur_n, dur_sum_us, dur_max_us", span.step)
        );
        let errors = format!(
            "SELECT {step} AS step, tool, code, {} FROM {} GROUP BY step, tool, code",
            sum("n"),
            base("error", "tool, code, n", span.step)
        );
        let counts = format!(
            "SELECT {step} AS step, name, {}, MAX(max_n) FROM {} GROUP BY step, name",
            sum("sum_n"),
            base("count", "name, sum_n, max_n", span.step)
        );
        // Where only days are kept there are no hours to show.
        let horizon = self.horizon().await?;
        let (first, days_until) = (span.from.max(horizon * 24), (span.until / 24).min(horizon));
        let days_from = span.from / 24;
        let args: Args<'_> = &[&instance, &first, &span.until, &days_from, &days_until];
        let args = args_of(args, span.step);
        if span.halves().is_some() && self.exceeds(MOST_ROWS, span.step, args).await? {
            return Ok(None);
        }
        let usage: Vec<UsageRow> = self.rows(usage, args).await?;
        let errors: Vec<(i64, i64, i64, Sum)> = self.rows(errors, args).await?;
        let counts: Vec<(i64, i64, Sum, u64)> = self.rows(counts, args).await?;
        let tools = usage.iter().map(|row| row.1).chain(errors.iter().map(|row| row.1));
        let tools: HashMap<i64, ToolName> = self.names(tools).await?;
        let codes: HashMap<i64, CodeName> = self.names(errors.iter().map(|row| row.2)).await?;
        let names: HashMap<i64, CountName> = self.names(counts.iter().map(|row| row.1)).await?;
        let mut periods = BTreeMap::new();
        for (step, tool, calls, errors, n, took, max) in usage {
            let tool = name(&tools, tool)?;
            let duration_ms = durations(n.0, took.0, max);
            let used = OwnUsage { tool, calls: calls.0, errors: errors.0, duration_ms };
            period(&mut periods, step).tools.push(used);
        }
        for (step, tool, code, n) in errors {
            let (tool, code) = (name(&tools, tool)?, name(&codes, code)?);
            period(&mut periods, step).errors.push(ErrorCount { tool, code, count: n.0 });
        }
        for (step, id, sum, max) in counts {
            let name = name(&names, id)?;
            period(&mut periods, step).counts.push(OwnCount { name, sum: sum.0, max });
        }
        Ok(Some(periods.into_values().map(sorted).collect()))
    }
}

/// The rows of the instance `$1`: of the hours from `$2` to before `$3`, and with days of those from `$4` to
/// before `$5` as well.
fn base(table: &str, columns: &str, step: Step) -> String {
    let hours = format!(
        "SELECT hour, {columns} FROM {table}_hour WHERE instance = $1 AND hour >= $2 AND hour < $3"
    );
    let days = format!(
        " UNION ALL SELECT day * 24 AS hour, {columns} FROM {table}_day WHERE instance = $1 \
         AND day >= $4 AND day < $5"
    );
    format!("({hours}{}) AS base", if step == Step::Hour { "" } else { &days })
}

/// The arguments that [`base`] takes.
fn args_of(all: Args<'_>, step: Step) -> Args<'_> {
    if step == Step::Hour { &all[..3] } else { all }
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
