//! Direct access to the hub's database: tests check what was stored, and tamper with it.

use std::time::Duration;

use rusqlite::OpenFlags;
use rusqlite::types::{FromSql, ValueRef};
use sqlx::postgres::Postgres;
use sqlx::{AssertSqlSafe, Connection, Decode, PgConnection, Type};

use crate::Hub;

/// A connection to a hub's database that does not go through the hub.
#[derive(Debug)]
pub enum Sql {
    /// To the file.
    Sqlite(rusqlite::Connection),
    /// To the server.
    Postgres(PgConnection),
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
        let Some(path) = url.strip_prefix("sqlite://") else {
            return Self::Postgres(PgConnection::connect(url).await.expect("PostgreSQL answers"));
        };
        // Only hubd creates the file.
        let file = rusqlite::Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE);
        let file = file.expect("the file opens");
        file.busy_timeout(Duration::from_secs(30)).expect("a setting");
        file.pragma_update(None, "foreign_keys", "ON").expect("a setting");
        Self::Sqlite(file)
    }

    /// Executes one statement; gives the number of rows that it changed, or what the database says.
    pub async fn try_execute(&mut self, sql: &str) -> Result<u64, String> {
        match self {
            Self::Sqlite(file) => {
                let changed = file.execute(sql, []).map_err(|error| error.to_string())?;
                Ok(u64::try_from(changed).expect("a number of rows"))
            }
            Self::Postgres(server) => {
                let done = sqlx::query(AssertSqlSafe(sql)).execute(server).await;
                Ok(done.map_err(|error| error.to_string())?.rows_affected())
            }
        }
    }

    /// As [`Self::try_execute`]; panics when the database refuses.
    pub async fn execute(&mut self, sql: &str) -> u64 {
        self.try_execute(sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"))
    }

    /// Executes several statements, such as the beginning of a transaction that stays open.
    pub async fn script(&mut self, sql: &str) {
        match self {
            Self::Sqlite(file) => file.execute_batch(sql).expect("SQLite takes it"),
            Self::Postgres(server) => {
                let done = sqlx::raw_sql(AssertSqlSafe(sql)).execute(server).await;
                done.expect("PostgreSQL takes it");
            }
        }
    }

    /// The one number of a query.
    pub async fn number(&mut self, sql: &str) -> i64 {
        let rows = self.column(sql).await;
        *rows.first().unwrap_or_else(|| panic!("{sql}: no row"))
    }

    /// The one text column of a query.
    pub async fn texts(&mut self, sql: &str) -> Vec<String> {
        self.column(sql).await
    }

    /// The one column of bytes of a query.
    pub async fn blobs(&mut self, sql: &str) -> Vec<Vec<u8>> {
        self.column(sql).await
    }

    /// Every row of a table, with all its values as text.
    pub async fn rows_as_text(&mut self, table: &str) -> Vec<String> {
        match self {
            Self::Sqlite(file) => {
                let mut statement =
                    file.prepare(&format!("SELECT * FROM {table}")).expect("a table");
                let columns = statement.column_count();
                let text = |row: &rusqlite::Row<'_>| {
                    let values = (0..columns).map(|at| match row.get_ref_unwrap(at) {
                        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => {
                            String::from_utf8_lossy(bytes).into_owned()
                        }
                        other => format!("{other:?}"),
                    });
                    Ok(values.collect::<Vec<_>>().join(" "))
                };
                let rows = statement.query_map([], text).expect("rows");
                rows.map(|row| row.expect("a row")).collect()
            }
            Self::Postgres(_) => self.texts(&format!("SELECT t::text FROM {table} t")).await,
        }
    }

    async fn column<T>(&mut self, sql: &str) -> Vec<T>
    where
        T: FromSql + Type<Postgres> + for<'r> Decode<'r, Postgres> + Send + Unpin,
    {
        match self {
            Self::Sqlite(file) => column(file, sql).map_err(|error| error.to_string()),
            Self::Postgres(server) => {
                let rows = sqlx::query_scalar(AssertSqlSafe(sql)).fetch_all(server).await;
                rows.map_err(|error| error.to_string())
            }
        }
        .unwrap_or_else(|error| panic!("{sql}: {error}"))
    }
}

fn column<T: FromSql>(file: &rusqlite::Connection, sql: &str) -> rusqlite::Result<Vec<T>> {
    file.prepare(sql)?.query_map([], |row| row.get(0))?.collect()
}
