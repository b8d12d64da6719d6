//! Migrations: embedded, numbered alike for both databases, all in one transaction.

use sha2::{Digest, Sha384};

use super::db::Db;
use super::error::Error;

/// One migration, as each of the databases takes it.
struct Migration {
    version: i64,
    name: &'static str,
    sqlite: &'static str,
    postgres: &'static str,
}

macro_rules! migrations {
    ($($version:literal $name:literal $file:literal;)+) => {
        const MIGRATIONS: &[Migration] = &[$(Migration {
            version: $version,
            name: $name,
            sqlite: include_str!(concat!("../../../migrations/sqlite/", $file)),
            postgres: include_str!(concat!("../../../migrations/postgres/", $file)),
        },)+];
    };
}

migrations! {
    1 "registry" "0001_registry.sql";
    2 "telemetry" "0002_telemetry.sql";
    3 "catalogue" "0003_catalogue.sql";
    4 "audit guard" "0004_audit_guard.sql";
    5 "client suspension" "0005_client_suspension.sql";
    6 "instance counts" "0006_instance_counts.sql";
    7 "newest keys" "0007_newest_keys.sql";
    8 "report digests" "0008_report_digests.sql";
    9 "narrow indexes" "0009_narrow_indexes.sql";
    10 "instance total" "0010_instance_total.sql";
}

/// The table of what was done. It has the name and the columns that sqlx's migrator uses.
const TABLE_OF_SQLITE: &str = "CREATE TABLE IF NOT EXISTS _sqlx_migrations (\
     version BIGINT PRIMARY KEY, description TEXT NOT NULL, \
     installed_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP, success BOOLEAN NOT NULL, \
     checksum BLOB NOT NULL, execution_time BIGINT NOT NULL)";
const TABLE_OF_POSTGRES: &str = "CREATE TABLE IF NOT EXISTS _sqlx_migrations (\
     version BIGINT PRIMARY KEY, description TEXT NOT NULL, \
     installed_on TIMESTAMPTZ NOT NULL DEFAULT now(), success BOOLEAN NOT NULL, \
     checksum BYTEA NOT NULL, execution_time BIGINT NOT NULL)";

/// The lock that replicas which start at the same time wait for, until the transaction ends. Waiting
/// and migrating may take longer than any other statement.
const LOCK_OF_POSTGRES: &str = "SET LOCAL lock_timeout = 0; SET LOCAL statement_timeout = 0; \
     SELECT pg_advisory_xact_lock(7165092810)";

const DONE: &str = "SELECT version, checksum FROM _sqlx_migrations ORDER BY version";
const NOTE: &str = "INSERT INTO _sqlx_migrations \
     (version, description, success, checksum, execution_time) VALUES ($1, $2, TRUE, $3, 0)";

/// The number of the newest migration, which every open database has.
pub(crate) fn newest() -> i64 {
    MIGRATIONS.iter().map(|migration| migration.version).max().unwrap_or(0)
}

/// The newest migration of a database that may be of any schema; `None` when it is no hub's.
pub(super) async fn found(db: &mut Db<'_>) -> Result<Option<i64>, Error> {
    let table = match db {
        Db::Sqlite(_) => {
            "SELECT COUNT(*) FROM sqlite_schema WHERE type = 'table' AND name = '_sqlx_migrations'"
        }
        Db::Postgres(..) => {
            "SELECT COUNT(*) FROM information_schema.tables WHERE table_name = '_sqlx_migrations'"
        }
    };
    if db.one::<i64>(table, &[]).await? == 0 {
        return Ok(None);
    }
    db.one("SELECT MAX(version) FROM _sqlx_migrations", &[]).await
}

/// Why a database cannot be brought to this program's schema.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MigrateError {
    #[error(
        "the database has schema {0}, which this hubd does not know: it is older than the database. \
         Install the hubd that wrote it, or a newer one"
    )]
    Newer(i64),
    #[error("migration {0} of the database is not the one that this hubd has")]
    Changed(i64),
    #[error("cannot migrate the database: {0}")]
    Failed(#[from] Error),
}

/// Applies what is missing, inside the transaction that `db` is in.
pub(super) async fn migrate(db: &mut Db<'_>) -> Result<(), MigrateError> {
    match db {
        Db::Sqlite(_) => db.script(TABLE_OF_SQLITE).await?,
        Db::Postgres(..) => {
            db.script(LOCK_OF_POSTGRES).await?;
            db.script(TABLE_OF_POSTGRES).await?;
        }
    }
    let done: Vec<(i64, Vec<u8>)> = db.rows(DONE, &[]).await?;
    if let Some((version, _)) = done.iter().find(|(version, _)| *version > newest()) {
        return Err(MigrateError::Newer(*version));
    }
    for Migration { version, name, sqlite, postgres } in MIGRATIONS {
        let sql = match db {
            Db::Sqlite(_) => sqlite,
            Db::Postgres(..) => postgres,
        };
        let checksum = Sha384::digest(sql);
        match done.iter().find(|(done, _)| done == version) {
            Some((_, applied)) if applied[..] == checksum[..] => {}
            Some(_) => return Err(MigrateError::Changed(*version)),
            None => {
                db.script(sql).await?;
                db.execute(NOTE, &[version, name, &checksum.as_slice()]).await?;
            }
        }
    }
    Ok(())
}
