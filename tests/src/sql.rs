//! The hub's database from behind: to look whether the hub kept its word, and to tamper with it.

use std::str::FromStr;
use std::time::Duration;

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, PgConnection, SqliteConnection};

use crate::Hub;

/// A connection to a hub's database that does not go through the hub.
#[derive(Debug)]
pub enum Sql {
    /// To the file.
    Sqlite(SqliteConnection),
    /// To the server.
    Postgres(PgConnection),
}

/// The same on both connections: one block, two match arms.
macro_rules! on_either {
    ($sql:expr, |$connection:ident| $block:expr) => {
        match $sql {
            Sql::Sqlite($connection) => $block,
            Sql::Postgres($connection) => $block,
        }
    };
}

impl Hub {
    /// Opens the hub's database; on SQLite the hub may be running, for writes are short.
    pub async fn sql(&self) -> Sql {
        Sql::open(&self.database_url()).await
    }
}

impl Sql {
    /// Opens the database at this URL.
    pub async fn open(url: &str) -> Self {
        if url.starts_with("sqlite:") {
            let options = SqliteConnectOptions::from_str(url).expect("a URL of our own");
            let options = options.busy_timeout(Duration::from_secs(30)).foreign_keys(true);
            return Self::Sqlite(options.connect().await.expect("the file opens"));
        }
        Self::Postgres(PgConnection::connect(url).await.expect("PostgreSQL answers"))
    }

    /// Executes one statement; gives the number of rows that it changed.
    pub async fn try_execute(&mut self, sql: &str) -> Result<u64, sqlx::Error> {
        let query = AssertSqlSafe(sql.to_owned());
        on_either!(self, |connection| {
            sqlx::query(query).execute(connection).await.map(|done| done.rows_affected())
        })
    }

    /// As [`Self::try_execute`], for what must work.
    pub async fn execute(&mut self, sql: &str) -> u64 {
        self.try_execute(sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"))
    }

    /// The one number of a query.
    pub async fn number(&mut self, sql: &str) -> i64 {
        let query = AssertSqlSafe(sql.to_owned());
        on_either!(self, |connection| {
            sqlx::query_scalar::<_, i64>(query).fetch_one(connection).await
        })
        .unwrap_or_else(|error| panic!("{sql}: {error}"))
    }

    /// The one text column of a query.
    pub async fn texts(&mut self, sql: &str) -> Vec<String> {
        let query = AssertSqlSafe(sql.to_owned());
        on_either!(self, |connection| {
            sqlx::query_scalar::<_, String>(query).fetch_all(connection).await
        })
        .unwrap_or_else(|error| panic!("{sql}: {error}"))
    }

    /// The one column of bytes of a query.
    pub async fn blobs(&mut self, sql: &str) -> Vec<Vec<u8>> {
        let query = AssertSqlSafe(sql.to_owned());
        on_either!(self, |connection| {
            sqlx::query_scalar::<_, Vec<u8>>(query).fetch_all(connection).await
        })
        .unwrap_or_else(|error| panic!("{sql}: {error}"))
    }
}
