//! Counts of what the database holds, and whether it answers.

use std::time::Duration;

use hub_core::api::{InstanceCounts, Stats};
use hub_core::time::Timestamp;

use super::clients::COUNT_ALL;
use super::db::Db;
use super::error::Error;
use super::telemetry::hour_of;
use super::{Engine, Store};

const TOTALS: &str = "SELECT (SELECT COUNT(*) FROM clients), \
     (SELECT COUNT(*) FROM admin_keys WHERE revoked_at IS NULL \
      AND (expires_at IS NULL OR expires_at > $1)), \
     (SELECT seq FROM audit_head WHERE id = 1), \
     (SELECT CAST(COALESCE(SUM(n), 0) AS BIGINT) FROM report_hour \
      WHERE hour > $2 AND hour <= $2 + 24)";

const CHECK: &str = "PRAGMA integrity_check";
const PING: &str = "SELECT seq FROM audit_head WHERE id = 1";

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

impl Store {
    /// Counts everything.
    pub(crate) async fn stats(&self, now: Timestamp) -> Result<Stats, Error> {
        let database = self.database();
        self.scan((), move |db, ()| Box::pin(db.stats(now, database))).await
    }

    /// Has a SQLite file checked page by page. PostgreSQL has its own tools for that.
    pub(crate) async fn check_integrity(&self) -> Result<(), Error> {
        if let Engine::Postgres(_) = &*self.engine {
            return Ok(());
        }
        let found: Vec<String> = self.scan((), |db, ()| Box::pin(db.rows(CHECK, &[]))).await?;
        if found != ["ok"] {
            return Err(Error::corrupt("integrity check"));
        }
        Ok(())
    }

    /// Fails when the database does not answer.
    pub(crate) async fn ping(&self) -> Result<(), Error> {
        let _: i64 = self.point((), |db, ()| Box::pin(db.one(PING, &[]))).await?;
        Ok(())
    }
}
