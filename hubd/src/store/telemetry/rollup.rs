//! Turns hours of usage into days, and deletes old usage.
//!
//! A day is made once its hours are past their retention, long after the hub took the last report for
//! it, so its hours do not change any more. Each part of the day is replaced and never added to, so a run
//! that was killed can simply be run again. The horizon moves when the day is complete; reads go by the
//! horizon and see no difference. Each part is made under a lock of the horizon, and only while the
//! horizon is not past the day: of several hubs one works at a time, and none makes a day again after
//! its hours were deleted.
//!
//! All of it goes by a clock that is trusted; see [`crate::domain::Clock`].

use std::time::Duration;

use hub_core::privacy::DIGEST_DAYS;
use hub_core::time::Timestamp;

use super::hour_of;
use crate::domain::{Judgement, Refusal};
use crate::store::Store;
use crate::store::db::Db;
use crate::store::error::Error;
use crate::store::transaction::Way;

/// How long usage is kept.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Retention {
    /// Usage by hour.
    pub(crate) hours: Duration,
    /// Usage by day.
    pub(crate) days: Duration,
}

/// Instances in one transaction that makes a part of a day.
const INSTANCES: i64 = 2_000;
/// Instances in one transaction that goes through their digests: a week of them each.
const INSTANCES_OF_DIGESTS: i64 = 200;
/// Rows that one transaction deletes: other writes wait for it.
const ROWS: i64 = 5_000;

/// A pair of tables (hours and days), the key beside the time, and how the values of hours add up.
type Rollup = (&'static str, &'static str, &'static str);

const TABLES: [Rollup; 4] = [
    (
        "usage",
        "instance, tool",
        "SUM(calls) AS calls, SUM(errors) AS errors, SUM(dur_n) AS dur_n, \
         SUM(dur_sum_us) AS dur_sum_us, MAX(dur_max_us) AS dur_max_us",
    ),
    ("error", "instance, tool, code", "SUM(n) AS n"),
    ("count", "instance, name", "SUM(sum_n) AS sum_n, MAX(max_n) AS max_n"),
    ("duration", "tool, bucket", "SUM(n) AS n"),
];

/// The tables of names, and where usage refers to them.
type Uses = (&'static str, &'static [(&'static str, &'static str)]);

const NAMES: [Uses; 3] = [
    (
        "tools",
        &[
            ("fleet_hour", "tool"),
            ("fleet_day", "tool"),
            ("duration_hour", "tool"),
            ("duration_day", "tool"),
            ("usage_hour", "tool"),
            ("usage_day", "tool"),
            ("error_hour", "tool"),
            ("error_day", "tool"),
            ("last_use", "tool"),
        ],
    ),
    ("error_codes", &[("error_hour", "code"), ("error_day", "code")]),
    ("count_names", &[("count_hour", "name"), ("count_day", "name")]),
];

fn day_of(at: Timestamp) -> i64 {
    hour_of(at.unix_ms()).div_euclid(24)
}

impl Store {
    /// Makes the days that are due and deletes old usage.
    pub(crate) async fn roll_up(
        &self,
        now: Timestamp,
        retention: Retention,
    ) -> Result<(), Refusal> {
        if let Judgement::Doubted { trusted } = self.judge_clock(now).await? {
            tracing::warn!(
                %now, %trusted,
                "the clock disagrees with the last time that the database knows by more than a day: \
                 no old telemetry is moved or deleted until it has been so for 24 hours"
            );
            return Ok(());
        }
        self.put_times_right(now).await?;
        let due = day_of(now.before(retention.hours));
        while let Some(day) = self.next_day(due).await? {
            if !self.make_day(day).await? {
                return Ok(()); // another hub makes it
            }
        }
        self.delete_old_usage(now, retention).await?;
        self.delete_unused_names(now).await
    }

    async fn delete_old_usage(&self, now: Timestamp, retention: Retention) -> Result<(), Refusal> {
        let horizon = self.horizon().await?;
        let first_day = day_of(now.before(retention.days));
        let digests = day_of(now.before(Duration::from_hours(24) * DIGEST_DAYS));
        let hour = hour_of(now.before(retention.hours).unix_ms());
        self.delete_old_digests(digests).await?;
        self.delete_old("report_hour", "hour", &format!("hour < {hour}")).await?;
        let fleet = ("fleet", "tool", "");
        for (table, key, _) in TABLES.into_iter().chain([fleet]) {
            let (hours, days) = (format!("{table}_hour"), format!("{table}_day"));
            let (before, of_days) =
                (format!("hour < {}", horizon * 24), format!("day < {first_day}"));
            self.delete_old(&hours, &format!("hour, {key}"), &before).await?;
            self.delete_old(&days, &format!("day, {key}"), &of_days).await?;
        }
        // There is no index by hour over all last uses: only when some are old are they gone through.
        let too_old = format!("hour < {}", first_day * 24);
        let old = format!("SELECT MIN(hour) FROM last_use_hour WHERE n > 0 AND {too_old}");
        if self.number(old).await?.is_some() {
            self.delete_old("last_use", "instance, tool", &too_old).await?;
        }
        self.delete_old("last_use_hour", "tool, hour", &format!("{too_old} OR n <= 0")).await
    }

    /// Deletes digests of reports that end before a day. There is no index by day: once a day all of them are
    /// gone through.
    async fn delete_old_digests(&self, day: i64) -> Result<(), Refusal> {
        let from = "SELECT digests_from FROM telemetry_horizon WHERE id = 1".to_owned();
        if self.number(from).await? >= Some(day) {
            return Ok(());
        }
        for part in self.parts(INSTANCES_OF_DIGESTS).await? {
            let old = format!("{part} AND day < {day}");
            self.delete_old("reports", "instance, report_hash", &old).await?;
        }
        let write = self.transact(Way::Unlocked, "old digests", day, |tx, day| {
            Box::pin(async { Ok(tx.set_digests_from(*day).await?) })
        });
        write.await
    }

    /// A condition for each so many instances, of all there are.
    async fn parts(&self, instances: i64) -> Result<Vec<String>, Refusal> {
        let last = self.number("SELECT MAX(id) FROM instances".to_owned()).await?.unwrap_or(0);
        let firsts = std::iter::successors(Some(0), |first| Some(first + instances));
        let firsts = firsts.take_while(|first| *first <= last);
        let part = |first| format!("instance >= {first} AND instance < {}", first + instances);
        Ok(firsts.map(part).collect())
    }

    /// Deletes names that the catalogue lists no longer and that no usage refers to. A batch that was read
    /// by the old catalogue is long over by then.
    async fn delete_unused_names(&self, now: Timestamp) -> Result<(), Refusal> {
        let before = now.before(Duration::from_hours(1)).unix_ms();
        for (table, uses) in NAMES {
            let find = format!("SELECT id FROM {table} WHERE id > 0 AND removed_at < {before}");
            let removed: Vec<i64> =
                self.scan(find, |db, find| Box::pin(db.rows(find.clone(), &[]))).await?;
            for id in removed {
                let mut used = false;
                for (of, column) in uses {
                    let find = format!("SELECT 1 FROM {of} WHERE {column} = {id} LIMIT 1");
                    let found: Option<i64> =
                        self.scan(find, |db, find| Box::pin(db.find(find.clone(), &[]))).await?;
                    used |= found.is_some();
                }
                if !used {
                    let delete =
                        format!("DELETE FROM {table} WHERE id = {id} AND removed_at < {before}");
                    let delete =
                        self.transact(Way::Unlocked, "unused name", delete, |tx, delete| {
                            Box::pin(async { Ok(tx.execute(delete.clone(), &[]).await?) })
                        });
                    delete.await?;
                }
            }
        }
        Ok(())
    }

    /// The first day from the horizon on, and before `due`, that has hours; without one the horizon
    /// moves there.
    async fn next_day(&self, due: i64) -> Result<Option<i64>, Refusal> {
        let horizon = self.horizon().await?;
        if horizon >= due {
            return Ok(None);
        }
        let mut first = i64::MAX;
        for (table, ..) in TABLES {
            let find = format!(
                "SELECT MIN(hour) FROM {}_hour WHERE hour >= {} AND hour < {}",
                table,
                horizon * 24,
                due * 24
            );
            let hour: Option<i64> = self.number(find).await?;
            first = first.min(hour.map_or(i64::MAX, |hour| hour.div_euclid(24)));
        }
        if first < due {
            return Ok(Some(first));
        }
        self.move_horizon(due).await?;
        Ok(None)
    }

    /// Makes a day; false when another hub makes it or has made it.
    async fn make_day(&self, day: i64) -> Result<bool, Refusal> {
        for part in self.parts(INSTANCES).await? {
            let part = format!(" AND {part}");
            let part = self.transact(Way::Unlocked, "part of a day", part, move |tx, part| {
                Box::pin(async move {
                    let ours = tx.lock_horizon(day).await?;
                    for table in TABLES.iter().filter(|table| ours && is_of_instances(table)) {
                        tx.replace_day(table, day, part).await?;
                    }
                    Ok(ours)
                })
            });
            let made = part.await?;
            if !made {
                return Ok(false);
            }
        }
        let end = self.transact(Way::Unlocked, "end of a day", (), move |tx, ()| {
            Box::pin(async move {
                let ours = tx.lock_horizon(day).await?;
                for table in TABLES.iter().filter(|table| ours && !is_of_instances(table)) {
                    tx.replace_day(table, day, "").await?;
                }
                if ours {
                    tx.set_horizon(day + 1).await?;
                }
                Ok(ours)
            })
        });
        end.await
    }

    async fn move_horizon(&self, day: i64) -> Result<(), Refusal> {
        let write = self.transact(Way::Unlocked, "horizon", day, |tx, day| {
            Box::pin(async { Ok(tx.set_horizon(*day).await?) })
        });
        write.await
    }

    async fn horizon(&self) -> Result<i64, Error> {
        self.scan((), |db, ()| Box::pin(db.horizon())).await
    }

    async fn number(&self, sql: String) -> Result<Option<i64>, Error> {
        self.scan(sql, |db, sql| Box::pin(db.one(sql.clone(), &[]))).await
    }

    /// Deletes the rows that meet a condition, some at a time.
    async fn delete_old(&self, table: &str, key: &str, condition: &str) -> Result<(), Refusal> {
        loop {
            let texts = (table.to_owned(), key.to_owned(), condition.to_owned());
            let delete = self.transact(
                Way::Unlocked,
                "old telemetry",
                texts,
                |tx, (table, key, condition)| {
                    Box::pin(async { Ok(tx.delete_some(table, key, condition).await?) })
                },
            );
            let deleted = delete.await?;
            if deleted == 0 {
                return Ok(());
            }
        }
    }
}

impl Db<'_> {
    /// Locks the horizon; false when it is locked by another, or the day is behind it.
    async fn lock_horizon(&mut self, day: i64) -> Result<bool, Error> {
        const LOCK: &str = "SELECT day FROM telemetry_horizon WHERE id = 1{skip_locked}";
        let horizon: Option<i64> = self.find(LOCK, &[]).await?;
        Ok(horizon.is_some_and(|horizon| horizon <= day))
    }

    /// Makes a day of a table, or the part of it that the condition names, out of its hours.
    async fn replace_day(
        &mut self,
        (table, key, values): &Rollup,
        day: i64,
        part: &str,
    ) -> Result<(), Error> {
        let columns = values.split(", ").filter_map(|value| value.rsplit(' ').next());
        let columns = columns.collect::<Vec<_>>().join(", ");
        let delete = format!("DELETE FROM {table}_day WHERE day = {day}{part}");
        let insert = format!(
            "INSERT INTO {table}_day (day, {key}, {columns}) \
             SELECT {day}, {key}, {values} FROM {table}_hour \
             WHERE hour >= {} AND hour < {}{part} GROUP BY {key}",
            day * 24,
            (day + 1) * 24
        );
        self.execute(delete, &[]).await?;
        self.execute(insert, &[]).await?;
        Ok(())
    }

    async fn set_horizon(&mut self, day: i64) -> Result<(), Error> {
        const MOVE: &str = "UPDATE telemetry_horizon SET day = $1 WHERE id = 1 AND day < $1";
        self.execute(MOVE, &[&day]).await?;
        Ok(())
    }

    async fn set_digests_from(&mut self, day: i64) -> Result<(), Error> {
        const MOVE: &str =
            "UPDATE telemetry_horizon SET digests_from = $1 WHERE id = 1 AND digests_from < $1";
        self.execute(MOVE, &[&day]).await?;
        Ok(())
    }

    /// Deletes some of the rows that meet a condition; how many.
    async fn delete_some(&mut self, table: &str, key: &str, condition: &str) -> Result<u64, Error> {
        let delete = format!(
            "DELETE FROM {table} WHERE ({key}) IN \
             (SELECT {key} FROM {table} WHERE {condition} LIMIT {ROWS})"
        );
        self.execute(delete, &[]).await
    }
}

fn is_of_instances((_, key, _): &Rollup) -> bool {
    key.starts_with("instance")
}
