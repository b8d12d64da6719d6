//! Usage over instances, tools and time. Each answer comes from one statement, and so from one state of
//! the database: hours from the horizon on, days before it.
//!
//! Numbers stand in the statements as they are; texts are bound.

use std::collections::{BTreeMap, HashMap};

use hub_core::api::{DurationStats, ErrorCount, NamedCount, Step, ToolUsage, UsageStep};
use hub_core::histogram::{self, RELATIVE_ERROR};
use hub_core::time::{Range, Timestamp};

use super::registry::Registry;
use super::{HOUR_MS, OTHER, hour_of};
use crate::store::Store;
use crate::store::db::Db;
use crate::store::error::Error;
use crate::store::row::FromRow;

/// Whole hours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct UsageRange {
    since: i64,
    until: i64,
}

impl UsageRange {
    /// The range with its start rounded down and its end up to the hour.
    pub(crate) fn new(range: Range, now: Timestamp) -> Self {
        let until = range.until.unwrap_or_else(|| now.after(std::time::Duration::from_millis(1)));
        let until = until.unix_ms().saturating_add(HOUR_MS - 1).div_euclid(HOUR_MS);
        Self { since: hour_of(range.since.unix_ms()), until }
    }

    /// The first hour.
    pub(crate) fn since(&self) -> Timestamp {
        at(self.since)
    }

    /// The end of the last.
    pub(crate) fn until(&self) -> Timestamp {
        at(self.until)
    }

    /// How many steps it has.
    pub(crate) fn steps(&self, step: Step) -> i64 {
        (self.until - self.since).max(0) / hours(step)
    }
}

fn at(hour: i64) -> Timestamp {
    Timestamp::from_unix_ms(hour.saturating_mul(HOUR_MS))
}

fn hours(step: Step) -> i64 {
    match step {
        Step::Hour => 1,
        Step::Day => 24,
    }
}

/// Whose usage, and when.
#[derive(Debug, Clone)]
pub(crate) struct UsageFilter {
    pub(crate) range: UsageRange,
    /// Of this client, by its id.
    pub(crate) client: Option<String>,
    /// Of this instance, by its row.
    pub(crate) instance: Option<i64>,
    /// Rows made by fewer clients are merged into `other`.
    pub(crate) min_clients: u32,
}

impl UsageFilter {
    /// Whether it is of the whole fleet.
    fn is_fleet(&self) -> bool {
        self.client.is_none() && self.instance.is_none()
    }

    /// Rows of an hourly table and its daily one, with these columns; `$1` is the client.
    fn base(&self, table: &str, columns: &str) -> String {
        let UsageRange { since, until } = self.range;
        let (first_day, end_day) = (since.div_euclid(24), (until + 23).div_euclid(24));
        let one = self.instance.map(|instance| format!(" AND instance = {instance}"));
        let of_client = " AND instance IN (SELECT id FROM instances WHERE client = $1)";
        let of = one.unwrap_or_default() + self.client.as_ref().map_or("", |_| of_client);
        format!(
            "SELECT hour, {columns} FROM {table}_hour WHERE hour >= {since} AND hour < {until} \
             AND hour >= (SELECT day * 24 FROM telemetry_horizon WHERE id = 1){of} \
             UNION ALL SELECT day * 24 AS hour, {columns} FROM {table}_day \
             WHERE day >= {first_day} AND day < {end_day} \
             AND day < (SELECT day FROM telemetry_horizon WHERE id = 1){of}"
        )
    }

    /// The base as a common table, and beside it the keys that too few clients have.
    fn with(&self, table: &str, columns: &str, key: &str) -> String {
        let base = self.base(table, columns);
        let by = key.split(", ").map(|column| format!("b.{column}")).collect::<Vec<_>>().join(", ");
        format!(
            "WITH base AS ({base}), few AS (SELECT {by} FROM base b JOIN instances i \
             ON i.id = b.instance GROUP BY {by} HAVING COUNT(DISTINCT i.client) < {})",
            self.min_clients
        )
    }

    /// A key's column, or `other` where too few clients have the key.
    fn shown(&self, key: &str, column: &str) -> String {
        if self.min_clients <= 1 {
            return column.to_owned();
        }
        let row = if key.contains(',') { format!("({key})") } else { key.to_owned() };
        format!("CASE WHEN {row} IN (SELECT {key} FROM few) THEN {OTHER} ELSE {column} END")
    }
}

impl Db<'_> {
    /// The rows of a statement over a filter's base.
    async fn usage_rows<T: FromRow>(
        &mut self,
        filter: &UsageFilter,
        sql: String,
    ) -> Result<Vec<T>, Error> {
        match &filter.client {
            Some(client) => self.rows(sql, &[client]).await,
            None => self.rows(sql, &[]).await,
        }
    }

    /// Each tool's usage, most calls first.
    async fn tool_usage(&mut self, filter: &UsageFilter) -> Result<Vec<ToolUsage>, Error> {
        let with = filter.with(
            "usage",
            "instance, tool, calls, errors, dur_n, dur_sum_us, dur_max_us",
            "tool",
        );
        let sql = format!(
            "{with} SELECT {} AS shown, CAST(SUM(calls) AS BIGINT), CAST(SUM(errors) AS BIGINT), \
             COUNT(DISTINCT instance), CAST(SUM(dur_n) AS BIGINT), CAST(SUM(dur_sum_us) AS BIGINT), \
             MAX(dur_max_us) FROM base GROUP BY shown",
            filter.shown("tool", "tool")
        );
        let rows: Vec<(i64, i64, i64, i64, i64, i64, i64)> = self.usage_rows(filter, sql).await?;
        let names = self.names_by_id(Registry::Tools).await?;
        let quantiles =
            if filter.is_fleet() { self.distributions(filter).await? } else { HashMap::new() };
        let mut usage = Vec::with_capacity(rows.len());
        for (tool, calls, errors, instances, n, sum, max) in rows {
            let of_fleet = filter.is_fleet().then(|| quantiles.get(&tool)).flatten();
            usage.push(ToolUsage {
                tool: name(&names, tool)?,
                calls: calls.unsigned_abs(),
                errors: errors.unsigned_abs(),
                error_rate: ratio(errors, calls).unwrap_or(0.0),
                instances: instances.unsigned_abs(),
                duration_ms: stats(n, sum, max, of_fleet.map(Vec::as_slice)),
            });
        }
        usage.sort_by(|a, b| b.calls.cmp(&a.calls).then_with(|| a.tool.cmp(&b.tool)));
        Ok(usage)
    }

    /// The fleet's distributions by tool, with those that too few clients have under `other`.
    async fn distributions(
        &mut self,
        filter: &UsageFilter,
    ) -> Result<HashMap<i64, Vec<(u16, u64)>>, Error> {
        let with = filter.with("usage", "instance, tool", "tool");
        let durations = filter.base("duration", "tool, bucket, n");
        let sql = format!(
            "{with}, spread AS ({durations}) SELECT {} AS shown, bucket, CAST(SUM(n) AS BIGINT) \
             FROM spread GROUP BY shown, bucket ORDER BY shown, bucket",
            filter.shown("tool", "tool")
        );
        let rows: Vec<(i64, i64, i64)> = self.usage_rows(filter, sql).await?;
        let mut spread: HashMap<i64, Vec<(u16, u64)>> = HashMap::new();
        for (tool, bucket, n) in rows {
            let bucket = u16::try_from(bucket).map_err(|_| Error::corrupt("bucket"))?;
            spread.entry(tool).or_default().push((bucket, n.unsigned_abs()));
        }
        Ok(spread)
    }

    /// Usage in each step of the range, of one tool or of all.
    async fn usage_series(
        &mut self,
        filter: &UsageFilter,
        step: Step,
        tool: Option<&str>,
    ) -> Result<Vec<UsageStep>, Error> {
        let hours = hours(step);
        let columns = "instance, tool, calls, errors, dur_n, dur_sum_us";
        let of_tool = match tool {
            Some(tool) => {
                let id = self.tool_id(tool).await?.unwrap_or(-1);
                format!("WHERE {} = {id}", filter.shown("tool", "tool"))
            }
            None => String::new(),
        };
        let sql = format!(
            "{} SELECT (hour / {hours}) * {hours} AS step, CAST(SUM(calls) AS BIGINT), \
             CAST(SUM(errors) AS BIGINT), CAST(SUM(dur_n) AS BIGINT), \
             CAST(SUM(dur_sum_us) AS BIGINT) FROM base {of_tool} GROUP BY step",
            filter.with("usage", columns, "tool")
        );
        let rows: Vec<(i64, i64, i64, i64, i64)> = self.usage_rows(filter, sql).await?;
        let by_step: BTreeMap<i64, _> = rows.into_iter().map(|row| (row.0, row)).collect();
        let UsageRange { since, until } = filter.range;
        let first = since.div_euclid(hours) * hours;
        let steps = (0..).map(|n| first + n * hours).take_while(|step| *step < until);
        let rows = steps.map(|step| {
            let (_, calls, errors, n, sum) =
                by_step.get(&step).copied().unwrap_or((step, 0, 0, 0, 0));
            UsageStep {
                at: at(step),
                calls: calls.unsigned_abs(),
                errors: errors.unsigned_abs(),
                duration_ms_mean: ratio(sum, n).map(|us| us / 1_000.0),
            }
        });
        Ok(rows.collect())
    }

    /// Errors by tool and code, most first.
    async fn usage_errors(&mut self, filter: &UsageFilter) -> Result<Vec<ErrorCount>, Error> {
        let key = "tool, code";
        let sql = format!(
            "{} SELECT {} AS shown_tool, {} AS shown_code, CAST(SUM(n) AS BIGINT) FROM base \
             GROUP BY shown_tool, shown_code",
            filter.with("error", "instance, tool, code, n", key),
            filter.shown(key, "tool"),
            filter.shown(key, "code")
        );
        let rows: Vec<(i64, i64, i64)> = self.usage_rows(filter, sql).await?;
        let tools = self.names_by_id(Registry::Tools).await?;
        let codes = self.names_by_id(Registry::Codes).await?;
        let counts = rows.into_iter().map(|(tool, code, n)| {
            let (tool, code) = (name(&tools, tool)?, name(&codes, code)?);
            Ok(ErrorCount { tool, code, count: n.unsigned_abs() })
        });
        let mut counts: Vec<ErrorCount> = counts.collect::<Result<_, Error>>()?;
        counts.sort_by(|a, b| {
            b.count.cmp(&a.count).then_with(|| (&a.tool, &a.code).cmp(&(&b.tool, &b.code)))
        });
        Ok(counts)
    }

    /// Named counts, by name.
    async fn usage_counts(&mut self, filter: &UsageFilter) -> Result<Vec<NamedCount>, Error> {
        let sql = format!(
            "{} SELECT {} AS shown, CAST(SUM(sum_n) AS BIGINT), MAX(max_n), \
             COUNT(DISTINCT instance) FROM base GROUP BY shown",
            filter.with("count", "instance, name, sum_n, max_n", "name"),
            filter.shown("name", "name")
        );
        let rows: Vec<(i64, i64, i64, i64)> = self.usage_rows(filter, sql).await?;
        let names = self.names_by_id(Registry::Counts).await?;
        let counts = rows.into_iter().map(|(id, sum, max, instances)| {
            Ok(NamedCount {
                name: name(&names, id)?,
                sum: sum.unsigned_abs(),
                max: max.unsigned_abs(),
                instances: instances.unsigned_abs(),
            })
        });
        let mut counts: Vec<NamedCount> = counts.collect::<Result<_, Error>>()?;
        counts.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(counts)
    }

    async fn tool_id(&mut self, tool: &str) -> Result<Option<i64>, Error> {
        self.find("SELECT id FROM tools WHERE name = $1", &[&tool]).await
    }
}

impl Store {
    /// Each tool's usage, most calls first.
    pub(crate) async fn tool_usage(&self, filter: UsageFilter) -> Result<Vec<ToolUsage>, Error> {
        self.scan(filter, |db, filter| Box::pin(db.tool_usage(filter))).await
    }

    /// Usage in each step of the range, of one tool or of all.
    pub(crate) async fn usage_series(
        &self,
        filter: UsageFilter,
        step: Step,
        tool: Option<String>,
    ) -> Result<Vec<UsageStep>, Error> {
        self.scan((filter, tool), move |db, (filter, tool)| {
            Box::pin(db.usage_series(filter, step, tool.as_deref()))
        })
        .await
    }

    /// Errors by tool and code, most first.
    pub(crate) async fn usage_errors(&self, filter: UsageFilter) -> Result<Vec<ErrorCount>, Error> {
        self.scan(filter, |db, filter| Box::pin(db.usage_errors(filter))).await
    }

    /// Named counts, by name.
    pub(crate) async fn usage_counts(&self, filter: UsageFilter) -> Result<Vec<NamedCount>, Error> {
        self.scan(filter, |db, filter| Box::pin(db.usage_counts(filter))).await
    }
}

/// The checked name of an id.
pub(super) fn name<N: std::str::FromStr>(
    names: &HashMap<i64, String>,
    id: i64,
) -> Result<N, Error> {
    let name = names.get(&id).and_then(|name| name.parse().ok());
    name.ok_or_else(|| Error::corrupt("name"))
}

#[expect(clippy::cast_precision_loss, reason = "a mean or a rate is an estimate")]
pub(super) fn ratio(sum: i64, n: i64) -> Option<f64> {
    (n > 0).then(|| sum as f64 / n as f64)
}

fn stats(n: i64, sum: i64, max: i64, fleet: Option<&[(u16, u64)]>) -> Option<DurationStats> {
    let mean = ratio(sum, n)?;
    let quantile = |q: f64| {
        // An estimate lies anywhere in its bucket; nothing took longer than the longest.
        let us = histogram::quantile(fleet?, q)?;
        ratio(max, 1).map(|max| us.min(max) / 1_000.0)
    };
    Some(DurationStats {
        n: n.unsigned_abs(),
        mean: mean / 1_000.0,
        max: ratio(max, 1)? / 1_000.0,
        p50: quantile(0.50),
        p90: quantile(0.90),
        p99: quantile(0.99),
        relative_error: fleet.map(|_| RELATIVE_ERROR),
    })
}
