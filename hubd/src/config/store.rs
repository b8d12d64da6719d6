//! The settings of the database.

use std::convert::Infallible;
use std::path::PathBuf;

use clap::Args;

use super::ConfigError;
use crate::store::{DatabaseUrl, MalformedUrl, PostgresTuning};

/// The flags of the database.
#[derive(Debug, Args)]
pub(super) struct StoreArgs {
    /// Folder for the SQLite file and the owner key
    #[arg(long, default_value = "hub-data")]
    data_dir: PathBuf,

    /// `sqlite://PATH` or `postgres://USER@HOST/DATABASE` [default: hub.db in the data folder]
    #[arg(long = "database", value_name = "URL", value_parser = GivenUrl::read)]
    database_url: Option<GivenUrl>,

    /// PostgreSQL connections of this replica
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(2..=1000))]
    database_connections: u32,

    /// Connect through `PgBouncer` in transaction mode: nothing is kept beyond a transaction
    #[arg(long)]
    pgbouncer: bool,
}

/// A database URL, or why it is not valid. clap accepts both, because it quotes a value that it refuses,
/// and a URL may contain a password.
#[derive(Debug, Clone)]
struct GivenUrl(Result<DatabaseUrl, MalformedUrl>);

impl GivenUrl {
    #[expect(clippy::unnecessary_wraps, reason = "clap requires a parser that can fail")]
    fn read(text: &str) -> Result<Self, Infallible> {
        Ok(Self(text.parse()))
    }
}

/// The settings of the database.
#[derive(Debug, Clone)]
pub(crate) struct StoreSettings {
    pub(crate) url: DatabaseUrl,
    /// The folder that the owner key is written to.
    pub(crate) data_dir: PathBuf,
    pub(crate) connections: u32,
    pub(crate) pgbouncer: bool,
}

impl StoreSettings {
    /// Where the owner key is.
    pub(crate) fn key_file(&self) -> PathBuf {
        self.data_dir.join("admin.key")
    }

    /// How PostgreSQL is talked to.
    pub(crate) fn tuning(&self) -> PostgresTuning {
        PostgresTuning { connections: self.connections, pgbouncer: self.pgbouncer }
    }
}

impl StoreArgs {
    pub(super) fn resolve(self) -> Result<StoreSettings, ConfigError> {
        let url = match self.database_url {
            Some(GivenUrl(url)) => url?,
            None => DatabaseUrl::sqlite(&self.data_dir.join("hub.db")),
        };
        Ok(StoreSettings {
            url,
            data_dir: self.data_dir,
            connections: self.database_connections,
            pgbouncer: self.pgbouncer,
        })
    }
}
