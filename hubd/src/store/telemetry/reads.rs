//! Usage by tool, errors and counts. Each answer comes from one state of the database: hours from the
//! horizon on, days before it; when the horizon moves meanwhile, the read begins anew.
//!
//! Numbers stand in the statements as they are; texts are bound.

use std::collections::HashMap;

use hub_core::api::{DurationStats, ErrorCount, NamedCount, Step, ToolUsage};
use hub_core::histogram::{self, RELATIVE_ERROR};
use hub_core::redact::{CodeName, CountName, ToolName};

use super::OTHER;
use super::catalogue::name;
use super::range::{UsageFilter, UsageRange};
use super::sum::{Sum, sum};
use crate::store::Store;
use crate::store::db::Db;
use crate::store::error::Error;
use crate::store::row::FromRow;

/// A filter whose range is rounded to what is kept.
pub(super) struct Rounded<'f> {
    pub(super) filter: &'f UsageFilter,
    pub(super) range: UsageRange,
}

impl Rounded<'_> {
    /// Rows of an instance's table by hour and its table by day, with these columns; `$1` is the client.
    fn base(&self, table: &str, columns: &str) -> String {
        let one = self.filter.instance.map(|instance| format!(" AND instance = {instance}"));
        let of_client = " AND instance IN (SELECT id FROM instances WHERE client = $1)";
        let of = one.unwrap_or_default() + self.filter.client.as_ref().map_or("", |_| of_client);
        kept(&self.range, table, columns, &of)
    }

    /// The base as a common table, and beside it the keys that too few clients have.
    pub(super) fn with(&self, table: &str, columns: &str, key: &str) -> String {
        let base = self.base(table, columns);
        let by = key.split(", ").map(|column| format!("b.{column}")).collect::<Vec<_>>().join(", ");
        format!(
            "WITH base AS ({base}), few AS (SELECT {by} FROM base b JOIN instances i \
             ON i.id = b.instance GROUP BY {by} HAVING COUNT(DISTINCT i.client) < {})",
            self.filter.min_clients
        )
    }

    /// A key's column, or `other` where too few clients have the key.
    pub(super) fn shown(&self, key: &str, column: &str) -> String {
        if self.filter.min_clients <= 1 {
            return column.to_owned();
        }
        let row = if key.contains(',') { format!("({key})") } else { key.to_owned() };
        format!("CASE WHEN {row} IN (SELECT {key} FROM few) THEN {OTHER} ELSE {column} END")
    }
}

/// Rows of a table by hour from the horizon on, and of its table by day before.
fn kept(range: &UsageRange, table: &str, columns: &str, condition: &str) -> String {
    let UsageRange { since, until, horizon } = *range;
    let first_hour = since.max(horizon * 24);
    let (first_day, end_day) = (since.div_euclid(24), until.div_euclid(24).min(horizon));
    format!(
        "SELECT hour, {columns} FROM {table}_hour \
         WHERE hour >= {first_hour} AND hour < {until}{condition} \
         UNION ALL SELECT day * 24 AS hour, {columns} FROM {table}_day \
         WHERE day >= {first_day} AND day < {end_day}{condition}"
    )
}

/// A tool, and its calls, errors, instances, and number, sum and maximum of durations.
type ToolRow = (i64, Sum, Sum, u64, Sum, Sum, u64);

impl Db<'_> {
    /// The range of a filter, as the hub keeps it now.
    pub(super) async fn usage_range(
        &mut self,
        filter: &UsageFilter,
        step: Step,
    ) -> Result<UsageRange, Error> {
        Ok(UsageRange::new(filter, self.horizon().await?, step))
    }

    /// Whether hours have become days since the range was rounded. What was read in between may then be of
    /// neither, and is read again.
    pub(super) async fn has_moved(&mut self, range: &UsageRange) -> Result<bool, Error> {
        Ok(self.horizon().await? != range.horizon)
    }

    /// The rows of a statement over a filter's base.
    pub(super) async fn usage_rows<T: FromRow>(
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
    async fn tool_usage(&mut self, of: &Rounded<'_>) -> Result<Vec<ToolUsage>, Error> {
        let rows = if of.filter.is_of_sums() {
            self.tools_of_fleet(&of.range).await?
        } else {
            let columns = "instance, tool, calls, errors, dur_n, dur_sum_us, dur_max_us";
            let sql = format!(
                "{} SELECT {} AS shown, {}, {}, COUNT(DISTINCT instance), {}, {}, MAX(dur_max_us) \
                 FROM base GROUP BY shown",
                of.with("usage", columns, "tool"),
                of.shown("tool", "tool"),
                sum("calls"),
                sum("errors"),
                sum("dur_n"),
                sum("dur_sum_us"),
            );
            self.usage_rows(of.filter, sql).await?
        };
        let names: HashMap<i64, ToolName> =
            self.names(rows.iter().map(|row: &ToolRow| row.0)).await?;
        let quantiles =
            if of.filter.is_fleet() { self.distributions(of).await? } else { HashMap::new() };
        let mut usage = Vec::with_capacity(rows.len());
        for (tool, calls, errors, instances, n, took, max) in rows {
            let of_fleet = of.filter.is_fleet().then(|| quantiles.get(&tool)).flatten();
            usage.push(ToolUsage {
                tool: name(&names, tool)?,
                calls: calls.0,
                errors: errors.0,
                error_rate: ratio(errors.0, calls.0).unwrap_or(0.0),
                instances,
                duration_ms: stats(n.0, took.0, max, of_fleet.map(Vec::as_slice)),
            });
        }
        usage.sort_by(|a, b| b.calls.cmp(&a.calls).then_with(|| a.tool.cmp(&b.tool)));
        Ok(usage)
    }

    /// The fleet's sums by tool: whole days by day, and the hours before and after them.
    async fn tools_of_fleet(&mut self, range: &UsageRange) -> Result<Vec<ToolRow>, Error> {
        let UsageRange { since, until, .. } = *range;
        let (first, end) = range.whole_days();
        let columns = "tool, calls, errors, dur_n, dur_sum_us, dur_max_us";
        let edges = if first < end {
            format!(
                "(hour >= {since} AND hour < {}) OR (hour >= {} AND hour < {until})",
                first * 24,
                end * 24
            )
        } else {
            format!("hour >= {since} AND hour < {until}")
        };
        let sql = format!(
            "SELECT tool, {}, {}, {}, {}, MAX(dur_max_us) FROM \
             (SELECT {columns} FROM fleet_day WHERE day >= {first} AND day < {end} \
             UNION ALL SELECT {columns} FROM fleet_hour WHERE {edges}) AS sums \
             WHERE tool >= 0 GROUP BY tool",
            sum("calls"),
            sum("errors"),
            sum("dur_n"),
            sum("dur_sum_us"),
        );
        let sums: Vec<(i64, Sum, Sum, Sum, Sum, u64)> = self.rows(sql, &[]).await?;
        let instances = self.instances_of_tools(range).await?;
        // What was reported by instances that are deleted is left as a distribution, which names no use.
        let rows = sums.into_iter().filter_map(|(tool, calls, errors, n, took, max)| {
            let instances = *instances.get(&tool).filter(|instances| **instances > 0)?;
            Some((tool, calls, errors, instances, n, took, max))
        });
        Ok(rows.collect())
    }

    /// How many instances reported each tool. From an hour up to now that is known; for other ranges usage
    /// is gone through.
    async fn instances_of_tools(&mut self, range: &UsageRange) -> Result<HashMap<i64, u64>, Error> {
        let UsageRange { since, until, .. } = *range;
        let last = "SELECT MAX(hour) FROM last_use_hour WHERE n > 0";
        let last: Option<i64> = self.one(last, &[]).await?;
        let sql = if last.is_none_or(|last| last < until) {
            format!(
                "SELECT tool, CAST(SUM(n) AS BIGINT) FROM last_use_hour WHERE hour >= {since} GROUP BY tool"
            )
        } else {
            let base = kept(range, "usage", "instance, tool", "");
            format!("SELECT tool, COUNT(DISTINCT instance) FROM ({base}) AS base GROUP BY tool")
        };
        Ok(self.rows(sql, &[]).await?.into_iter().collect())
    }

    /// The fleet's distributions by tool, with those that too few clients have under `other`.
    async fn distributions(
        &mut self,
        of: &Rounded<'_>,
    ) -> Result<HashMap<i64, Vec<(u16, u64)>>, Error> {
        let spread = kept(&of.range, "duration", "tool, bucket, n", "");
        let few = if of.filter.min_clients > 1 {
            format!("{}, ", of.with("usage", "instance, tool", "tool"))
        } else {
            "WITH ".to_owned()
        };
        let sql = format!(
            "{few}spread AS ({spread}) SELECT {} AS shown, bucket, {} \
             FROM spread GROUP BY shown, bucket ORDER BY shown, bucket",
            of.shown("tool", "tool"),
            sum("n"),
        );
        let rows: Vec<(i64, i64, Sum)> = self.usage_rows(of.filter, sql).await?;
        let mut spread: HashMap<i64, Vec<(u16, u64)>> = HashMap::new();
        for (tool, bucket, n) in rows {
            let bucket = u16::try_from(bucket).map_err(|_| Error::corrupt("bucket"))?;
            spread.entry(tool).or_default().push((bucket, n.0));
        }
        Ok(spread)
    }

    /// Errors by tool and code, most first.
    async fn usage_errors(&mut self, of: &Rounded<'_>) -> Result<Vec<ErrorCount>, Error> {
        let key = "tool, code";
        let sql = format!(
            "{} SELECT {} AS shown_tool, {} AS shown_code, {} FROM base \
             GROUP BY shown_tool, shown_code",
            of.with("error", "instance, tool, code, n", key),
            of.shown(key, "tool"),
            of.shown(key, "code"),
            sum("n"),
        );
        let rows: Vec<(i64, i64, Sum)> = self.usage_rows(of.filter, sql).await?;
        let tools: HashMap<i64, ToolName> = self.names(rows.iter().map(|row| row.0)).await?;
        let codes: HashMap<i64, CodeName> = self.names(rows.iter().map(|row| row.1)).await?;
        let counts = rows.into_iter().map(|(tool, code, n)| {
            Ok(ErrorCount { tool: name(&tools, tool)?, code: name(&codes, code)?, count: n.0 })
        });
        let mut counts: Vec<ErrorCount> = counts.collect::<Result<_, Error>>()?;
        counts.sort_by(|a, b| {
            b.count.cmp(&a.count).then_with(|| (&a.tool, &a.code).cmp(&(&b.tool, &b.code)))
        });
        Ok(counts)
    }

    /// Named counts, by name.
    async fn usage_counts(&mut self, of: &Rounded<'_>) -> Result<Vec<NamedCount>, Error> {
        let sql = format!(
            "{} SELECT {} AS shown, {}, MAX(max_n), COUNT(DISTINCT instance) FROM base GROUP BY shown",
            of.with("count", "instance, name, sum_n, max_n", "name"),
            of.shown("name", "name"),
            sum("sum_n"),
        );
        let rows: Vec<(i64, Sum, u64, u64)> = self.usage_rows(of.filter, sql).await?;
        let names: HashMap<i64, CountName> = self.names(rows.iter().map(|row| row.0)).await?;
        let counts = rows.into_iter().map(|(id, sum, max, instances)| {
            Ok(NamedCount { name: name(&names, id)?, sum: sum.0, max, instances })
        });
        let mut counts: Vec<NamedCount> = counts.collect::<Result<_, Error>>()?;
        counts.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(counts)
    }
}

/// A read by a filter, rounded to what is kept: begun anew when hours become days meanwhile.
macro_rules! rounded {
    ($(#[doc = $doc:literal])+ $name:ident -> $item:ty) => {
        $(#[doc = $doc])+
        pub(crate) async fn $name(
            &self,
            filter: UsageFilter,
        ) -> Result<(UsageRange, Vec<$item>), Error> {
            self.scan(filter, |db, filter| {
                Box::pin(async move {
                    loop {
                        let range = db.usage_range(filter, Step::Hour).await?;
                        let found = db.$name(&Rounded { filter, range }).await?;
                        if !db.has_moved(&range).await? {
                            return Ok((range, found));
                        }
                    }
                })
            })
            .await
        }
    };
}

impl Store {
    rounded! {
        /// Each tool's usage, most calls first.
        tool_usage -> ToolUsage
    }
    rounded! {
        /// Errors by tool and code, most first.
        usage_errors -> ErrorCount
    }
    rounded! {
        /// Named counts, by name.
        usage_counts -> NamedCount
    }
}

#[expect(clippy::cast_precision_loss, reason = "a mean or a rate is an estimate")]
pub(super) fn ratio(sum: u64, n: u64) -> Option<f64> {
    (n > 0).then(|| sum as f64 / n as f64)
}

fn stats(n: u64, sum: u64, max: u64, fleet: Option<&[(u16, u64)]>) -> Option<DurationStats> {
    let mean = ratio(sum, n)?;
    let quantile = |q: f64| {
        // An estimate lies anywhere in its bucket; nothing took longer than the longest.
        let us = histogram::quantile(fleet?, q)?;
        ratio(max, 1).map(|max| us.min(max) / 1_000.0)
    };
    Some(DurationStats {
        n,
        mean: mean / 1_000.0,
        max: ratio(max, 1)? / 1_000.0,
        p50: quantile(0.50),
        p90: quantile(0.90),
        p99: quantile(0.99),
        relative_error: fleet.map(|_| RELATIVE_ERROR),
    })
}
