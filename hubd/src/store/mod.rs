//! The only room with SQL, for both databases.
//!
//! One body of SQL with `$n` placeholders serves SQLite and PostgreSQL; what differs is in
//! [`dialect`]. Callers see typed functions, one file a resource, and nothing of sqlx.

mod activation;
mod admin_keys;
mod audit;
mod bulk;
mod clients;
mod connect;
mod dialect;
mod error;
mod instances;
mod keys;
mod lookup;
mod sightings;
mod stats;
mod telemetry;
mod tx;

pub(crate) use activation::{ActivationResult, ActivationWish, HotWrite, HotWritten};
pub(crate) use admin_keys::AdminKeyRecord;
pub(crate) use audit::{AuditFilter, Event};
pub(crate) use clients::{ClientFilter, ClientRecord};
pub use connect::{DatabaseUrl, MalformedUrl};
pub(crate) use connect::{OpenError, PostgresTuning, Store};
pub(crate) use error::{Error, Kind as ErrorKind};
pub(crate) use instances::{InstanceFilter, InstanceRecord, InstanceRow, TermsRow};
pub(crate) use keys::{Kind as KeyKind, NewKey};
pub(crate) use lookup::KnownKey;
pub(crate) use sightings::Sighting;
pub(crate) use telemetry::{ReportResult, ReportWish, Retention, UsageFilter, UsageRange};
pub(crate) use tx::{Tx, transact, worth_another_try};

use sqlx::{PgConnection, PgPool, SqliteConnection, SqlitePool};

/// One of two: what SQLite has, or what PostgreSQL has.
#[derive(Clone)]
pub(crate) enum Engine<S, P> {
    Sqlite(S),
    Postgres(P),
}

/// Where a single read goes.
type Reader<'a> = Engine<&'a SqlitePool, &'a PgPool>;
/// Where a statement of a transaction goes.
type Writer<'a> = Engine<&'a mut SqliteConnection, &'a mut PgConnection>;

/// Expands one expression for either database: `$db` is that database's executor in it, and
/// `dialect` what differs between the two.
macro_rules! on {
    ($engine:expr, |$db:ident| $body:expr) => {
        match $engine {
            $crate::store::Engine::Sqlite($db) => {
                use $crate::store::dialect::sqlite as dialect;
                let _ = dialect::BEGIN; // most statements do not differ
                $body
            }
            $crate::store::Engine::Postgres($db) => {
                use $crate::store::dialect::postgres as dialect;
                let _ = dialect::BEGIN;
                $body
            }
        }
    };
}
use on;
