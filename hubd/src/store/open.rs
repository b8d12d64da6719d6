//! Opening a database: the file or the pool, then its schema.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::db::Db;
use super::jobs::LONG_READS;
use super::migrate::{MigrateError, migrate, newest};
use super::postgres::Lane;
use super::postgres::{Postgres, PostgresTuning};
use super::sqlite::{Opened, Sqlite, Unreadable, refuse_shared};
use super::url::{DatabaseUrl, Place};
use super::{Engine, Store};
use tempfile::TempDir;
use tokio::sync::Semaphore;

/// Why the database could not be opened. The text is for the operator.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OpenError {
    #[error("cannot use {path}: {source}")]
    File { path: PathBuf, source: io::Error },
    #[error("another hubd uses {0}: stop it, or use PostgreSQL for several replicas")]
    InUse(PathBuf),
    #[error(
        "everybody on this machine can write to the folder {0}: give it to the hub's user alone \
         (chmod 700)"
    )]
    SharedFolder(PathBuf),
    #[error(
        "the database {path} is damaged: {problem}. If a copy was put in its place, remove {path}-wal and \
         {path}-shm, which belong to the file before, and copy it again; otherwise restore a backup"
    )]
    Damaged { path: PathBuf, problem: String },
    #[error("there is no database {0}")]
    Missing(PathBuf),
    #[error("the database has schema {0}, and this hubd has another: use the hubd that serves it")]
    OtherSchema(i64),
    #[error("cannot open the database {url}: {source}")]
    Connect { url: DatabaseUrl, source: Box<dyn std::error::Error + Send + Sync> },
    #[error(transparent)]
    Migrate(#[from] MigrateError),
}

/// Why a database cannot be checked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CheckError {
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
    #[error(transparent)]
    Open(#[from] OpenError),
}

/// A database that is opened to be checked.
pub(crate) struct Checked {
    pub(crate) store: Store,
    /// Whether a hub uses the SQLite file.
    pub(crate) in_use: bool,
    _copy: Option<TempDir>,
}

impl OpenError {
    pub(super) fn connect(path: &Path, error: rusqlite::Error) -> Self {
        Self::Connect { url: DatabaseUrl::sqlite(path), source: Box::new(error) }
    }
}

/// Refuses a data folder that everybody can write to. One that does not exist is made later, for its
/// owner alone.
pub(crate) fn refuse_shared_folder(folder: &Path) -> Result<(), OpenError> {
    if folder.exists() { refuse_shared(folder) } else { Ok(()) }
}

impl Store {
    /// Opens the database, makes it when it is a SQLite file that does not exist, and migrates it.
    pub(crate) async fn open(url: &DatabaseUrl, tuning: PostgresTuning) -> Result<Self, OpenError> {
        let connect =
            |source: sqlx::Error| OpenError::Connect { url: url.clone(), source: Box::new(source) };
        let engine = match &url.0 {
            Place::Sqlite(path) => {
                let sqlite = Sqlite::open(path)?;
                sqlite.migrate().await?;
                Engine::Sqlite(sqlite)
            }
            Place::Postgres(options) => {
                let postgres = Postgres::open(options, tuning).await.map_err(connect)?;
                let (_permit, mut transaction) =
                    postgres.begin(Lane::Batch).await.map_err(MigrateError::Failed)?;
                migrate(&mut Db::Postgres(&mut transaction, postgres.statements())).await?;
                transaction.commit().await.map_err(connect)?;
                Engine::Postgres(postgres)
            }
        };
        Ok(Self::with(engine))
    }

    /// Opens a database that exists, also beside the hub that uses it.
    pub(crate) async fn open_beside(
        url: &DatabaseUrl,
        tuning: PostgresTuning,
    ) -> Result<Self, OpenError> {
        let Place::Sqlite(path) = &url.0 else { return Self::open(url, tuning).await };
        if path.metadata().map_or(0, |found| found.len()) == 0 {
            return Err(OpenError::Missing(path.clone()));
        }
        match Self::open(url, tuning).await {
            Err(OpenError::InUse(_)) => {}
            opened => return opened,
        }
        let store = Self::with(Engine::Sqlite(Sqlite::open_beside(path)?));
        match store.schema_found().await.map_err(MigrateError::Failed)? {
            Some(version) if version == newest() => Ok(store),
            other => Err(OpenError::OtherSchema(other.unwrap_or(0))),
        }
    }

    /// Opens a database to check it: nothing is written or migrated.
    pub(crate) async fn open_to_check(
        url: &DatabaseUrl,
        tuning: PostgresTuning,
    ) -> Result<Checked, CheckError> {
        match &url.0 {
            Place::Sqlite(path) => {
                let Opened { sqlite, in_use, copy } = Sqlite::open_to_check(path)?;
                Ok(Checked { store: Self::with(Engine::Sqlite(sqlite)), in_use, _copy: copy })
            }
            Place::Postgres(options) => {
                let options = options.as_ref().clone();
                let options = if tuning.pgbouncer {
                    options
                } else {
                    options.options([("default_transaction_read_only", "on")])
                };
                let postgres = Postgres::open(&options, tuning).await.map_err(|source| {
                    OpenError::Connect { url: url.clone(), source: Box::new(source) }
                })?;
                let store = Self::with(Engine::Postgres(postgres));
                Ok(Checked { store, in_use: false, _copy: None })
            }
        }
    }

    fn with(engine: Engine) -> Self {
        Self {
            engine: Arc::new(engine),
            long_reads: Arc::new(Semaphore::new(LONG_READS)),
            group: Arc::default(),
            catalogue: Arc::default(),
        }
    }

    /// Writes a SQLite log back into its file and closes all connections.
    pub(crate) async fn close(&self) {
        match &*self.engine {
            Engine::Sqlite(sqlite) => sqlite.close(),
            Engine::Postgres(postgres) => postgres.close().await,
        }
    }
}
