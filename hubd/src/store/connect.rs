//! Opening either database: settings, pools, file modes, the lock on a SQLite file, migrations.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use sqlx::migrate::Migrator;
use sqlx::pool::PoolConnectionMetadata;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions, Executor, PgConnection, PgPool, SqlitePool};

use super::telemetry::Names;
use super::{Engine, Reader};

static SQLITE: Migrator = sqlx::migrate!("../migrations/sqlite");
static POSTGRES: Migrator = sqlx::migrate!("../migrations/postgres");

/// Where the database is: `sqlite:…` or `postgres://…`. Its texts hide the password.
#[derive(Clone)]
pub struct DatabaseUrl(Engine<Box<SqliteConnectOptions>, Box<PgConnectOptions>>);

/// The text is neither a `sqlite:` nor a `postgres:` URL. Says nothing of the text, which may hold a
/// password.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("must be sqlite://PATH or postgres://USER@HOST/DATABASE")]
pub struct MalformedUrl;

impl DatabaseUrl {
    /// The SQLite file at `path`.
    #[must_use]
    pub fn sqlite(path: &Path) -> Self {
        Self(Engine::Sqlite(Box::new(SqliteConnectOptions::new().filename(path))))
    }
}

impl FromStr for DatabaseUrl {
    type Err = MalformedUrl;
    fn from_str(url: &str) -> Result<Self, Self::Err> {
        let engine = match url.split_once(':') {
            Some(("sqlite", path))
                if !path.contains(":memory:") && !path.contains("mode=memory") =>
            {
                Engine::Sqlite(Box::new(url.parse().map_err(|_| MalformedUrl)?))
            }
            Some(("postgres" | "postgresql", _)) => {
                Engine::Postgres(Box::new(url.parse().map_err(|_| MalformedUrl)?))
            }
            _ => return Err(MalformedUrl),
        };
        Ok(Self(engine))
    }
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Engine::Sqlite(options) => write!(f, "sqlite://{}", options.get_filename().display()),
            Engine::Postgres(options) => write!(
                f,
                "postgres://{}@{}:{}/{}",
                options.get_username(),
                options.get_host(),
                options.get_port(),
                options.get_database().unwrap_or_default()
            ),
        }
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// How PostgreSQL is talked to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PostgresTuning {
    /// Connections of this replica.
    pub(crate) connections: u32,
    /// A pooler in transaction mode is in between: no named statements, no session settings.
    pub(crate) pgbouncer: bool,
}

/// Why the database could not be opened. The text is for the operator.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OpenError {
    #[error("cannot use {path}: {source}")]
    File { path: PathBuf, source: io::Error },
    #[error("another hubd uses {0}: stop it, or use PostgreSQL for several replicas")]
    InUse(PathBuf),
    #[error("cannot open the database {url}: {source}")]
    Connect { url: DatabaseUrl, source: sqlx::Error },
    #[error(
        "the database has schema {0}, which this hubd does not know: it is older than the database. \
         Install the hubd that wrote it, or a newer one"
    )]
    Newer(i64),
    #[error("cannot migrate the database: {0}")]
    Migrate(sqlx::migrate::MigrateError),
}

/// The database, open and migrated.
#[derive(Clone)]
pub(crate) struct Store {
    engine: Arc<Engine<Sqlite, PgPool>>,
    names: Arc<Names>,
}

struct Sqlite {
    writer: SqlitePool,
    readers: SqlitePool,
    /// Held while the database is open.
    _lock: File,
}

impl Store {
    /// Opens the database, makes it when it is a SQLite file that does not exist, and migrates it.
    pub(crate) async fn open(url: &DatabaseUrl, tuning: PostgresTuning) -> Result<Self, OpenError> {
        let connect = |source| OpenError::Connect { url: url.clone(), source };
        let engine = match &url.0 {
            Engine::Sqlite(options) => {
                let path = options.get_filename().to_owned();
                let lock = lock_file(&path)?;
                let options = sqlite_options(options);
                let writer = SqlitePoolOptions::new()
                    .max_connections(1)
                    .min_connections(1)
                    .idle_timeout(None)
                    .max_lifetime(None)
                    .test_before_acquire(false)
                    .connect_with(options.clone())
                    .await
                    .map_err(connect)?;
                migrate(&SQLITE, &writer).await?;
                let readers = SqlitePoolOptions::new()
                    .max_connections(4)
                    .idle_timeout(None)
                    .max_lifetime(None)
                    .test_before_acquire(false)
                    .connect_with(options.pragma("query_only", "ON"))
                    .await
                    .map_err(connect)?;
                Engine::Sqlite(Sqlite { writer, readers, _lock: lock })
            }
            Engine::Postgres(options) => {
                let pool = postgres_pool(options, tuning).await.map_err(connect)?;
                migrate(&POSTGRES, &pool).await?;
                Engine::Postgres(pool)
            }
        };
        Ok(Self { engine: Arc::new(engine), names: Arc::default() })
    }

    /// What this process remembers of telemetry's names.
    pub(super) fn names(&self) -> &Names {
        &self.names
    }

    pub(super) fn reader(&self) -> Reader<'_> {
        match &*self.engine {
            Engine::Sqlite(sqlite) => Engine::Sqlite(&sqlite.readers),
            Engine::Postgres(pool) => Engine::Postgres(pool),
        }
    }

    pub(super) fn writer(&self) -> Reader<'_> {
        match &*self.engine {
            Engine::Sqlite(sqlite) => Engine::Sqlite(&sqlite.writer),
            Engine::Postgres(pool) => Engine::Postgres(pool),
        }
    }

    /// `sqlite` or `postgres`.
    pub(crate) fn database(&self) -> &'static str {
        match &*self.engine {
            Engine::Sqlite(_) => "sqlite",
            Engine::Postgres(_) => "postgres",
        }
    }

    /// The number of the newest migration, which every open database has.
    pub(crate) fn schema() -> i64 {
        SQLITE.iter().map(|migration| migration.version).max().unwrap_or(0)
    }

    /// Writes a SQLite log back into its file and closes all connections.
    pub(crate) async fn close(&self) {
        match &*self.engine {
            Engine::Sqlite(sqlite) => {
                sqlite.readers.close().await;
                let checkpoint = "PRAGMA wal_checkpoint(TRUNCATE)";
                if let Err(error) = sqlite.writer.execute(checkpoint).await {
                    tracing::warn!(%error, "the write-ahead log stays beside the database");
                }
                sqlite.writer.close().await;
            }
            Engine::Postgres(pool) => pool.close().await,
        }
    }
}

async fn migrate<'a, A>(migrator: &Migrator, pool: A) -> Result<(), OpenError>
where
    A: sqlx::Acquire<'a>,
    <A::Connection as std::ops::Deref>::Target: sqlx::migrate::Migrate,
{
    migrator.run(pool).await.map_err(|error| match error {
        sqlx::migrate::MigrateError::VersionMissing(version)
        | sqlx::migrate::MigrateError::VersionTooNew(version, _) => OpenError::Newer(version),
        other => OpenError::Migrate(other),
    })
}

fn sqlite_options(options: &SqliteConnectOptions) -> SqliteConnectOptions {
    options
        .clone()
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        // An answered write survives power loss; NORMAL would lose it.
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(Duration::from_secs(5))
        .pragma("trusted_schema", "OFF")
        .pragma("secure_delete", "ON")
        .pragma("cell_size_check", "ON")
        .pragma("mmap_size", "0")
        .pragma("temp_store", "MEMORY")
        .pragma("cache_size", "-16384")
        // In pages. Batches touch many of them: written back rarely, each is written back once for
        // many commits.
        .pragma("wal_autocheckpoint", "10000")
        .pragma("journal_size_limit", "67108864")
        // Each statement over many rows has a few sizes.
        .statement_cache_capacity(256)
        .log_statements(tracing::log::LevelFilter::Off)
        .log_slow_statements(tracing::log::LevelFilter::Off, Duration::ZERO)
}

async fn postgres_pool(
    options: &PgConnectOptions,
    tuning: PostgresTuning,
) -> Result<PgPool, sqlx::Error> {
    let options = options
        .clone()
        .application_name("hubd")
        .log_statements(tracing::log::LevelFilter::Off)
        .log_slow_statements(tracing::log::LevelFilter::Off, Duration::ZERO);
    let options = if tuning.pgbouncer {
        options.statement_cache_capacity(0)
    } else {
        options.options([
            ("statement_timeout", "5s"),
            ("lock_timeout", "4s"),
            ("idle_in_transaction_session_timeout", "10s"),
            ("synchronous_commit", "on"),
            ("client_min_messages", "error"),
            // Every statement finds few rows by an index, whatever it is asked for: planning it anew
            // each time would cost more than running it.
            ("plan_cache_mode", "force_generic_plan"),
            // A plan that was made while a table was small would scan it for as long as it is kept:
            // joins go in the order in which they are written, row by row, each by an index.
            ("enable_seqscan", "off"),
            ("enable_hashjoin", "off"),
            ("enable_mergejoin", "off"),
            ("enable_material", "off"),
            ("join_collapse_limit", "1"),
            // Starting workers takes longer than reading a page, and compiling a plan longer than
            // running it; and no read of a usage report is to take all cores from the hot requests.
            ("max_parallel_workers_per_gather", "0"),
            ("jit", "off"),
        ])
    };
    PgPoolOptions::new()
        .max_connections(tuning.connections)
        .acquire_timeout(Duration::from_secs(2))
        .max_lifetime(Duration::from_mins(15))
        .idle_timeout(Duration::from_mins(5))
        .test_before_acquire(false)
        // A cancelled `begin` would leave a transaction open on its connection. Nothing is cancelled:
        // all calls come from tasks of their own. A rollback at each release would cost a round trip,
        // and a warning in the server's log.
        .before_acquire(|db, meta| Box::pin(answers(db, meta)))
        .connect_with(options)
        .await
}

/// Whether a connection that was idle for long still answers, and to a server that takes writes:
/// after a failover an old connection answers reads and refuses writes for as long as it lives.
async fn answers(db: &mut PgConnection, meta: PoolConnectionMetadata) -> Result<bool, sqlx::Error> {
    if meta.idle_for < Duration::from_secs(5) {
        return Ok(true);
    }
    let asked = sqlx::query_scalar::<_, String>("SHOW transaction_read_only").fetch_one(db);
    match tokio::time::timeout(Duration::from_millis(250), asked).await {
        Ok(Ok(read_only)) => Ok(read_only == "off"),
        Ok(Err(_)) | Err(_) => Ok(false),
    }
}

/// Makes the database file for its owner only, and takes the lock that keeps a second hubd off it.
fn lock_file(path: &Path) -> Result<File, OpenError> {
    let fail = |source| OpenError::File { path: path.to_owned(), source };
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(fail)?;
    }
    let mut options = OpenOptions::new();
    options.create(true).truncate(false).write(true).mode(0o600);
    options.open(path).map_err(fail)?;
    let lock_path = path.with_added_extension("lock");
    let lock = options
        .open(&lock_path)
        .map_err(|source| OpenError::File { path: lock_path.clone(), source })?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(fs::TryLockError::WouldBlock) => Err(OpenError::InUse(path.to_owned())),
        Err(fs::TryLockError::Error(source)) => Err(OpenError::File { path: lock_path, source }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_not_shown() {
        let url: DatabaseUrl = "postgres://hub:s3cret@db.example:5433/hub".parse().unwrap();
        assert_eq!(url.to_string(), "postgres://hub@db.example:5433/hub");
        assert!(!format!("{url:?}").contains("s3cret"));
    }

    #[test]
    fn other_schemes_are_refused() {
        for wrong in ["", "hub.db", "mysql://x", "sqlite::memory:", "postgres//x"] {
            assert!(wrong.parse::<DatabaseUrl>().is_err(), "{wrong}");
        }
    }
}
