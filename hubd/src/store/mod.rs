//! The only room with SQL, for both databases.
//!
//! One body of SQL with `$n` places serves SQLite and PostgreSQL; what differs is in [`dialect`].
//! Callers see typed functions, one file a resource, and nothing of either driver. Rooms:
//!
//! - `db`, `row`, `bulk`, `query`: a connection of either database; arguments in, rows out
//! - `jobs`: what runs whole on a connection; `transaction`: what writes; `group`: changes that are
//!   committed together
//! - `sqlite`, `postgres`, `open`, `url`, `migrate`: which connections there are
//! - `backup`: copies of a SQLite file; `transfer`, `end`: from one kind of database to the other
//! - `error`: what can fail
//! - the others: the SQL of a resource each

mod activation;
mod admin_keys;
mod audit;
mod backup;
mod bulk;
mod clients;
mod db;
mod dialect;
mod end;
mod error;
mod group;
mod instances;
mod jobs;
mod keys;
mod migrate;
mod open;
mod postgres;
mod query;
mod reporter;
mod row;
mod sightings;
mod soundness;
mod sqlite;
mod stats;
mod telemetry;
mod transaction;
mod transfer;
mod url;

#[cfg(test)]
mod tests;

pub(crate) use activation::{Activated, LicenseRow};
pub(crate) use admin_keys::AdminKeyRow;
pub(crate) use audit::AuditFilter;
pub(crate) use backup::{CopyError, back_up, back_up_into, last_backup, restore};
pub(crate) use clients::ClientFilter;
pub(crate) use error::Error;
pub(crate) use instances::{InstanceFilter, InstancePlace, InstanceRow, NewInstanceRow};
pub(crate) use keys::{Holder, KnownKey};
pub(crate) use migrate::newest as schema;
pub(crate) use open::{CheckError, Checked, OpenError, refuse_shared_folder};
pub(crate) use postgres::PostgresTuning;
pub(crate) use reporter::Reporter;
pub(crate) use sightings::{GRAIN as SIGHTING_GRAIN, Sighting};
pub(crate) use soundness::Contents;
pub(crate) use telemetry::{
    NewReport, OwnUsageKept, ReportResult, Retention, Series, SeriesFilter, Span, UsageFilter,
    UsageRange,
};
pub(crate) use transaction::{Tx, Way};
pub(crate) use transfer::{TransferError, transfer};
pub use url::{DatabaseUrl, MalformedUrl};

use std::sync::Arc;

use tokio::sync::Semaphore;

use group::Group;
use postgres::Postgres;
use sqlite::Sqlite;
use telemetry::KnownCatalogue;

/// The database, open and migrated.
#[derive(Clone)]
pub(crate) struct Store {
    engine: Arc<Engine>,
    /// How many more reads of SQLite that may be long can begin.
    long_reads: Arc<Semaphore>,
    catalogue: Arc<KnownCatalogue>,
    /// The changes of operators that are committed together.
    group: Arc<Group>,
}

enum Engine {
    Sqlite(Sqlite),
    Postgres(Postgres),
}

impl Store {
    /// `sqlite` or `postgres`.
    pub(crate) fn database(&self) -> &'static str {
        match &*self.engine {
            Engine::Sqlite(_) => "sqlite",
            Engine::Postgres(_) => "postgres",
        }
    }

    /// Whether a read by key is a trip to a server, which many callers had better make together.
    pub(crate) fn is_remote(&self) -> bool {
        matches!(&*self.engine, Engine::Postgres(_))
    }
}
