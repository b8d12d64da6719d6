//! Counts of what the database holds, and whether it answers.

use std::time::Duration;

use hub_core::api::Stats;
use hub_core::time::Timestamp;
use sqlx::AssertSqlSafe;

use super::clients::{COUNTS, CountsRow, counts};
use super::error::Error;
use super::telemetry::hour_of;
use super::{Engine, Store, on};

const TOTALS: &str = "SELECT (SELECT COUNT(*) FROM clients), \
     (SELECT COUNT(*) FROM admin_keys WHERE revoked_at IS NULL \
      AND (expires_at IS NULL OR expires_at > $1)), \
     (SELECT seq FROM audit_head WHERE id = 1), \
     (SELECT CAST(COALESCE(SUM(n), 0) AS BIGINT) FROM report_hour WHERE hour > $2)";

impl Store {
    /// Counts everything.
    pub(crate) async fn stats(&self, now: Timestamp) -> Result<Stats, Error> {
        let day_ago = now.before(Duration::from_hours(24)).unix_ms();
        let hour = hour_of(day_ago);
        let (clients, admin_keys, audit_events, reports): (i64, i64, i64, i64) =
            on!(self.reader(), |db| {
                sqlx::query_as(TOTALS).bind(now.unix_ms()).bind(hour).fetch_one(db).await?
            });
        let instances: CountsRow = on!(self.reader(), |db| {
            let query = format!("SELECT {COUNTS} FROM instances");
            sqlx::query_as(AssertSqlSafe(query)).fetch_one(db).await?
        });
        let store_bytes: i64 =
            on!(self.reader(), |db| sqlx::query_scalar(dialect::STORE_BYTES).fetch_one(db).await?);
        Ok(Stats {
            clients: clients.unsigned_abs(),
            instances: counts(instances),
            admin_keys: admin_keys.unsigned_abs(),
            reports_24h: reports.unsigned_abs(),
            audit_events: audit_events.unsigned_abs(),
            store_bytes: store_bytes.unsigned_abs(),
            database: self.database().to_owned(),
        })
    }

    /// Has a SQLite file checked page by page. PostgreSQL has its own tools for that.
    pub(crate) async fn check_integrity(&self) -> Result<(), Error> {
        if let Engine::Sqlite(db) = self.reader() {
            let found: Vec<String> =
                sqlx::query_scalar("PRAGMA integrity_check").fetch_all(db).await?;
            if found != ["ok"] {
                return Err(Error::corrupt("integrity check"));
            }
        }
        Ok(())
    }

    /// Fails when the database does not answer.
    pub(crate) async fn ping(&self) -> Result<(), Error> {
        let _: i64 = on!(self.reader(), |db| {
            sqlx::query_scalar("SELECT seq FROM audit_head WHERE id = 1").fetch_one(db).await?
        });
        Ok(())
    }
}
