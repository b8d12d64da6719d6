//! Counts of what the database holds, and whether it takes writes.

use std::sync::Arc;
use std::time::Duration;

use hub_core::api::{InstanceCounts, Stats};
use hub_core::time::Timestamp;

use super::clients::COUNT_ALL;
use super::db::Db;
use super::error::Error;
use super::telemetry::hour_of;
use super::transaction::Way;
use super::{Engine, Store};
use crate::domain::Refusal;

const TOTALS: &str = "SELECT (SELECT COUNT(*) FROM clients), \
     (SELECT COUNT(*) FROM admin_keys WHERE revoked_at IS NULL \
      AND (expires_at IS NULL OR expires_at > $1)), \
     (SELECT seq FROM audit_head WHERE id = 1), \
     (SELECT CAST(COALESCE(SUM(n), 0) AS BIGINT) FROM report_hour \
      WHERE hour > $2 AND hour <= $2 + 24)";

/// The number of instances that is kept, and how many there are, in one state of the database.
const TOTAL: &str = "SELECT n, (SELECT COUNT(*) FROM instances) FROM instance_total WHERE id = 1";
const SET_TOTAL: &str = "UPDATE instance_total SET n = $2 WHERE id = 1 AND n = $1";

/// A write that changes nothing, to a row that nobody else writes.
const PROBE: &str = "UPDATE _sqlx_migrations SET success = success WHERE version = 1";

/// How long a database that is ready takes for one write at most.
const READY: Duration = Duration::from_secs(3);

impl Db<'_> {
    async fn stats(&mut self, now: Timestamp, database: &str) -> Result<Stats, Error> {
        let hour = hour_of(now.before(Duration::from_hours(24)).unix_ms());
        let (clients, admin_keys, audit_events, reports_24h) =
            self.one(TOTALS, &[&now.unix_ms(), &hour]).await?;
        let instances: InstanceCounts = self.one(COUNT_ALL, &[]).await?;
        let store_bytes = self.one("{store_bytes}", &[]).await?;
        let database = database.to_owned();
        Ok(Stats {
            clients,
            instances,
            admin_keys,
            reports_24h,
            audit_events,
            store_bytes,
            database,
        })
    }
}

/// Those that end after the first time and before the second, and those in their days of grace.
const ENDING: &str = "SELECT \
     CAST(COALESCE(SUM(CASE WHEN expires_at > $1 THEN 1 ELSE 0 END), 0) AS BIGINT), \
     CAST(COALESCE(SUM(CASE WHEN expires_at > $1 THEN 0 ELSE 1 END), 0) AS BIGINT) \
     FROM instances i JOIN clients c ON c.id = i.client \
     WHERE expires_at < $2 AND expires_at + grace_days * 86400000 > $1 \
     AND i.suspended_at IS NULL AND c.status = 'active'";

impl Store {
    /// How many licenses work and end within this time, and how many are in their days of grace.
    pub(crate) async fn licenses_ending(
        &self,
        now: Timestamp,
        ahead: Duration,
    ) -> Result<(i64, i64), Error> {
        let (now, until) = (now.unix_ms(), now.after(ahead).unix_ms());
        self.scan((now, until), |db, (now, until)| {
            Box::pin(async move { db.one(ENDING, &[now, until]).await })
        })
        .await
    }

    /// Counts everything.
    pub(crate) async fn stats(&self, now: Timestamp) -> Result<Stats, Error> {
        let database = self.database();
        self.scan((), move |db, ()| Box::pin(db.stats(now, database))).await
    }

    /// Puts the number of instances right that is kept. It is wrong after a hub of an earlier version, which does
    /// not keep it, has changed instances while hubs were replaced one by one.
    pub(crate) async fn put_total_right(&self) -> Result<(), Refusal> {
        let read = self.scan((), |db, ()| Box::pin(db.one(TOTAL, &[])));
        let (kept, counted): (i64, i64) = read.await?;
        if kept == counted {
            return Ok(());
        }
        tracing::warn!(kept, counted, "the number of instances that was kept is put right");
        let write = self.transact(Way::Unlocked, "instance total", (), move |tx, ()| {
            // Whoever has changed it since is followed at the next time.
            Box::pin(async move {
                tx.execute(SET_TOTAL, &[&kept, &counted]).await?;
                Ok(())
            })
        });
        write.await
    }

    /// Fails when the database takes no writes, and when a SQLite file is damaged or no longer there. This
    /// waits for no other job but the writer of SQLite.
    pub(crate) async fn check_writes(&self) -> Result<(), Refusal> {
        if let Engine::Sqlite(_) = &*self.engine {
            let engine = Arc::clone(&self.engine);
            let usable = tokio::task::spawn_blocking(move || match &*engine {
                Engine::Sqlite(sqlite) => sqlite.refuse_unusable(),
                Engine::Postgres(_) => Ok(()),
            });
            usable.await.map_err(|_| Error::panicked())??;
        }
        let write = self.transact(Way::Short, "readiness", (), |tx, ()| {
            Box::pin(async { Ok(tx.execute(PROBE, &[]).await.map(|_| ())?) })
        });
        // Whoever asks does not wait for long.
        let written = tokio::time::timeout(READY, write).await;
        written.unwrap_or_else(|_| Err(Error::silent().into()))
    }
}
