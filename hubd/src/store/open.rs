//! Opening a database: the file or the pool, then its schema.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::db::Db;
use super::migrate::{MigrateError, migrate};
use super::postgres::{Postgres, PostgresTuning};
use super::sqlite::Sqlite;
use super::transaction::LONG_READS;
use super::url::{DatabaseUrl, Place};
use super::{Engine, Store};
use tokio::sync::Semaphore;

/// Why the database could not be opened. The text is for the operator.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OpenError {
    #[error("cannot use {path}: {source}")]
    File { path: PathBuf, source: io::Error },
    #[error("another hubd uses {0}: stop it, or use PostgreSQL for several replicas")]
    InUse(PathBuf),
    #[error("cannot open the database {url}: {source}")]
    Connect { url: DatabaseUrl, source: Box<dyn std::error::Error + Send + Sync> },
    #[error(transparent)]
    Migrate(#[from] MigrateError),
}

impl OpenError {
    pub(super) fn connect(path: &Path, error: rusqlite::Error) -> Self {
        Self::Connect { url: DatabaseUrl::sqlite(path), source: Box::new(error) }
    }
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
                    postgres.begin().await.map_err(MigrateError::Failed)?;
                migrate(&mut Db::Postgres(&mut transaction)).await?;
                transaction.commit().await.map_err(connect)?;
                Engine::Postgres(postgres)
            }
        };
        let long_reads = Arc::new(Semaphore::new(LONG_READS));
        Ok(Self { engine: Arc::new(engine), long_reads, catalogue: Arc::default() })
    }

    /// Writes a SQLite log back into its file and closes all connections.
    pub(crate) async fn close(&self) {
        match &*self.engine {
            Engine::Sqlite(sqlite) => sqlite.close(),
            Engine::Postgres(postgres) => postgres.close().await,
        }
    }
}
