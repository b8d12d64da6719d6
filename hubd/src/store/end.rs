//! One end of a copy between databases: tables as they are, values without meaning.

use rusqlite::types::Value;
use rusqlite::{Connection as Sqlite, params_from_iter};
use sqlx::postgres::{PgArguments, PgRow};
use sqlx::{Arguments, AssertSqlSafe, Connection, Executor, PgConnection, Row as _};

use super::error::Error;
use super::url::{DatabaseUrl, Place};

/// A connection that has one transaction.
pub(super) enum End {
    Sqlite(Sqlite),
    Postgres(PgConnection),
}

/// What a column holds; there is nothing else in either schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Number,
    Text,
    Bytes,
}

/// A table.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) name: String,
    pub(super) columns: Vec<(String, Kind)>,
    /// The places of the columns of its primary key.
    key: Vec<usize>,
}

const TABLES_OF_SQLITE: &str = "SELECT name FROM sqlite_schema WHERE type = 'table' \
     AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND name <> '_sqlx_migrations' ORDER BY name";
const COLUMNS_OF_SQLITE: &str = "SELECT name, type, pk FROM pragma_table_info(?1) ORDER BY cid";
const PARENTS_OF_SQLITE: &str = "SELECT \"table\" FROM pragma_foreign_key_list(?1)";

const TABLES_OF_POSTGRES: &str = "SELECT table_name::text FROM information_schema.tables \
     WHERE table_schema = current_schema() AND table_type = 'BASE TABLE' \
     AND table_name <> '_sqlx_migrations' ORDER BY table_name::text COLLATE \"C\"";
const COLUMNS_OF_POSTGRES: &str = "SELECT a.attname::text, format_type(a.atttypid, NULL), \
     COALESCE(array_position(i.indkey::int2[], a.attnum), -1)::bigint + 1 \
     FROM pg_attribute a LEFT JOIN pg_index i ON i.indrelid = a.attrelid AND i.indisprimary \
     WHERE a.attrelid = to_regclass($1) AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum";
const PARENTS_OF_POSTGRES: &str = "SELECT p.relname::text FROM pg_constraint c \
     JOIN pg_class p ON p.oid = c.confrelid WHERE c.conrelid = to_regclass($1) AND c.contype = 'f'";

impl End {
    /// Connects to a database that exists.
    pub(super) async fn connect(url: &DatabaseUrl) -> Result<Self, Error> {
        match &url.0 {
            Place::Sqlite(path) => {
                let file = Sqlite::open(path)?;
                file.execute_batch("PRAGMA foreign_keys = ON; PRAGMA synchronous = FULL")?;
                Ok(Self::Sqlite(file))
            }
            Place::Postgres(options) => {
                Ok(Self::Postgres(PgConnection::connect_with(options).await?))
            }
        }
    }

    pub(super) async fn begin_to_read(&mut self) -> Result<(), Error> {
        self.run("BEGIN", "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await
    }

    pub(super) async fn begin_to_write(&mut self) -> Result<(), Error> {
        self.run("BEGIN IMMEDIATE", "BEGIN").await
    }

    pub(super) async fn commit(&mut self) -> Result<(), Error> {
        self.run("COMMIT", "COMMIT").await.map_err(Error::at_commit)
    }

    pub(super) async fn close(self) -> Result<(), Error> {
        match self {
            Self::Sqlite(file) => file.close().map_err(|(_, error)| error.into()),
            Self::Postgres(server) => Ok(server.close().await?),
        }
    }

    pub(super) async fn newest_migration(&mut self) -> Result<i64, Error> {
        self.number("SELECT COALESCE(MAX(version), 0) FROM _sqlx_migrations".to_owned()).await
    }

    pub(super) async fn count(&mut self, table: &str) -> Result<i64, Error> {
        self.number(format!("SELECT COUNT(*) FROM {table}")).await
    }

    pub(super) async fn empty(&mut self, table: &str) -> Result<(), Error> {
        let sql = format!("DELETE FROM {table}");
        self.run(&sql, &sql).await
    }

    /// All tables, each behind those that its rows refer to.
    pub(super) async fn tables(&mut self) -> Result<Vec<Table>, Error> {
        let mut left = self.texts(TABLES_OF_SQLITE, TABLES_OF_POSTGRES, None).await?;
        let mut tables: Vec<Table> = Vec::new();
        while !left.is_empty() {
            let before = left.len();
            let mut waiting = Vec::new();
            for name in left {
                let parents =
                    self.texts(PARENTS_OF_SQLITE, PARENTS_OF_POSTGRES, Some(&name)).await?;
                let ready = |parent: &String| {
                    *parent == name || tables.iter().any(|table| table.name == *parent)
                };
                if parents.iter().all(ready) {
                    tables.push(self.table(name).await?);
                } else {
                    waiting.push(name);
                }
            }
            if waiting.len() == before {
                return Err(Error::internal("tables refer to each other in a circle"));
            }
            left = waiting;
        }
        Ok(tables)
    }

    async fn table(&mut self, name: String) -> Result<Table, Error> {
        let rows: Vec<(String, String, i64)> = match self {
            Self::Sqlite(file) => file
                .prepare(COLUMNS_OF_SQLITE)?
                .query_map([&name], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
                .collect::<Result<_, _>>()?,
            Self::Postgres(server) => {
                sqlx::query_as(COLUMNS_OF_POSTGRES).bind(&name).fetch_all(server).await?
            }
        };
        let mut columns = Vec::new();
        let mut key = Vec::new();
        for (at, (column, kind, place)) in rows.into_iter().enumerate() {
            let kind = match kind.to_ascii_lowercase().as_str() {
                "integer" | "bigint" => Kind::Number,
                "text" => Kind::Text,
                "blob" | "bytea" => Kind::Bytes,
                _ => return Err(Error::internal("a column of an unknown type")),
            };
            if place > 0 {
                key.push((place, at));
            }
            columns.push((column, kind));
        }
        key.sort_unstable();
        Ok(Table { name, columns, key: key.into_iter().map(|(_, at)| at).collect() })
    }

    /// The rows behind a row, in the order of the primary key.
    pub(super) async fn page(
        &mut self,
        table: &Table,
        after: Option<&[Value]>,
        most: usize,
    ) -> Result<Vec<Vec<Value>>, Error> {
        let all = list(table.columns.iter().map(|(name, _)| name.clone()));
        let key = list(table.key.iter().map(|at| table.columns[*at].0.clone()));
        let sign = if matches!(self, Self::Sqlite(_)) { '?' } else { '$' };
        let places = list((1..=table.key.len()).map(|place| format!("{sign}{place}")));
        let behind = after.map(|_| format!("WHERE ({key}) > ({places})")).unwrap_or_default();
        let sql = format!("SELECT {all} FROM {} {behind} ORDER BY {key} LIMIT {most}", table.name);
        let from = after.map(|row| table.key.iter().map(|at| row[*at].clone()).collect());
        let from: Vec<Value> = from.unwrap_or_default();
        match self {
            Self::Sqlite(file) => {
                let width = table.columns.len();
                let mut statement = file.prepare_cached(&sql)?;
                let rows = statement.query_map(params_from_iter(from), |row| {
                    (0..width).map(|at| row.get(at)).collect::<Result<Vec<Value>, _>>()
                })?;
                Ok(rows.collect::<Result<_, _>>()?)
            }
            Self::Postgres(server) => {
                let mut arguments = PgArguments::default();
                for value in from {
                    add(&mut arguments, value)?;
                }
                let query = sqlx::query_with(AssertSqlSafe(sql), arguments);
                let rows = query.fetch_all(server).await?;
                rows.iter().map(|row| values(row, table)).collect()
            }
        }
    }

    /// Writes rows.
    pub(super) async fn insert(&mut self, table: &Table, rows: &[Vec<Value>]) -> Result<(), Error> {
        if rows.is_empty() {
            return Ok(());
        }
        let all = list(table.columns.iter().map(|(name, _)| name.clone()));
        match self {
            Self::Sqlite(file) => {
                let places = list((1..=table.columns.len()).map(|place| format!("?{place}")));
                let sql = format!("INSERT INTO {} ({all}) VALUES ({places})", table.name);
                let mut statement = file.prepare_cached(&sql)?;
                for row in rows {
                    statement.execute(params_from_iter(row))?;
                }
            }
            Self::Postgres(server) => {
                let mut arguments = PgArguments::default();
                let mut places = Vec::new();
                for (at, (_, kind)) in table.columns.iter().enumerate() {
                    let cells = rows.iter().map(|row| &row[at]);
                    places.push(format!(
                        "${}::{}",
                        at + 1,
                        add_column(&mut arguments, *kind, cells)?
                    ));
                }
                let sql = format!(
                    "INSERT INTO {} ({all}) OVERRIDING SYSTEM VALUE SELECT * FROM UNNEST({})",
                    table.name,
                    list(places.into_iter())
                );
                sqlx::query_with(AssertSqlSafe(sql), arguments).execute(server).await?;
            }
        }
        Ok(())
    }

    /// The last number that the database gave to a row of the table, if it gives any.
    pub(super) async fn last_number(&mut self, table: &Table) -> Result<Option<i64>, Error> {
        match self {
            Self::Sqlite(file) => {
                let sql = "SELECT MAX(seq) FROM sqlite_sequence WHERE name = ?1";
                Ok(file.query_row(sql, [&table.name], |row| row.get(0))?)
            }
            Self::Postgres(server) => {
                let sql = "SELECT pg_sequence_last_value(pg_get_serial_sequence($1, $2)::regclass)";
                let id = &table.columns[table.key[0]].0;
                Ok(sqlx::query_scalar(sql).bind(&table.name).bind(id).fetch_one(server).await?)
            }
        }
    }

    /// Has the database number the next rows of the table behind this number and behind those that are
    /// there, so that no number comes twice.
    pub(super) async fn continue_numbers(
        &mut self,
        table: &Table,
        last: Option<i64>,
    ) -> Result<(), Error> {
        let id = &table.columns[table.key[0]].0;
        match self {
            Self::Sqlite(file) => {
                let sql = "UPDATE sqlite_sequence SET seq = MAX(seq, ?2) WHERE name = ?1";
                file.execute(sql, (&table.name, last.unwrap_or(0)))?;
            }
            Self::Postgres(server) => {
                let sql = format!(
                    "SELECT setval(s, GREATEST(n, $1)) FROM (SELECT \
                     pg_get_serial_sequence('{0}', '{id}')::regclass AS s, \
                     (SELECT COALESCE(MAX({id}), 0) FROM {0}) AS n) AS numbers \
                     WHERE s IS NOT NULL AND GREATEST(n, $1) > 0",
                    table.name
                );
                if table.columns[table.key[0]].1 == Kind::Number {
                    let query = sqlx::query(AssertSqlSafe(sql)).bind(last.unwrap_or(0));
                    query.execute(server).await?;
                }
            }
        }
        Ok(())
    }

    async fn run(&mut self, sqlite: &str, postgres: &str) -> Result<(), Error> {
        match self {
            Self::Sqlite(file) => file.execute_batch(sqlite)?,
            Self::Postgres(server) => {
                server.execute(sqlx::raw_sql(AssertSqlSafe(postgres.to_owned()))).await?;
            }
        }
        Ok(())
    }

    async fn number(&mut self, sql: String) -> Result<i64, Error> {
        match self {
            Self::Sqlite(file) => Ok(file.query_row(&sql, [], |row| row.get(0))?),
            Self::Postgres(server) => {
                Ok(sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(server).await?)
            }
        }
    }

    async fn texts(
        &mut self,
        sqlite: &'static str,
        postgres: &'static str,
        about: Option<&str>,
    ) -> Result<Vec<String>, Error> {
        match self {
            Self::Sqlite(file) => {
                let mut statement = file.prepare(sqlite)?;
                let rows = statement.query_map(params_from_iter(about), |row| row.get(0))?;
                Ok(rows.collect::<Result<_, _>>()?)
            }
            Self::Postgres(server) => {
                let mut query = sqlx::query_scalar(postgres);
                if let Some(about) = about {
                    query = query.bind(about);
                }
                Ok(query.fetch_all(server).await?)
            }
        }
    }
}

fn list(parts: impl Iterator<Item = String>) -> String {
    parts.collect::<Vec<_>>().join(", ")
}

fn values(row: &PgRow, table: &Table) -> Result<Vec<Value>, Error> {
    let value = |(at, (_, kind)): (usize, &(String, Kind))| -> Result<Value, Error> {
        Ok(match kind {
            Kind::Number => row.try_get::<Option<i64>, _>(at)?.map_or(Value::Null, Value::Integer),
            Kind::Text => row.try_get::<Option<String>, _>(at)?.map_or(Value::Null, Value::Text),
            Kind::Bytes => row.try_get::<Option<Vec<u8>>, _>(at)?.map_or(Value::Null, Value::Blob),
        })
    };
    table.columns.iter().enumerate().map(value).collect()
}

fn add(arguments: &mut PgArguments, value: Value) -> Result<(), Error> {
    let added = match value {
        Value::Integer(number) => arguments.add(number),
        Value::Text(text) => arguments.add(text),
        Value::Blob(bytes) => arguments.add(bytes),
        Value::Null | Value::Real(_) => return Err(Error::corrupt("a part of a key")),
    };
    added.map_err(|_| Error::internal("an argument cannot be encoded"))
}

/// Adds one column of many rows as an array; gives the type of the array.
fn add_column<'v>(
    arguments: &mut PgArguments,
    kind: Kind,
    cells: impl Iterator<Item = &'v Value>,
) -> Result<&'static str, Error> {
    macro_rules! array {
        ($variant:ident) => {
            cells
                .map(|cell| match cell {
                    Value::$variant(value) => Ok(Some(value.clone())),
                    Value::Null => Ok(None),
                    _ => Err(Error::corrupt("a value of another type than its column's")),
                })
                .collect::<Result<Vec<_>, Error>>()?
        };
    }
    let (added, name) = match kind {
        Kind::Number => (arguments.add(array!(Integer)), "bigint[]"),
        Kind::Text => (arguments.add(array!(Text)), "text[]"),
        Kind::Bytes => (arguments.add(array!(Blob)), "bytea[]"),
    };
    added.map_err(|_| Error::internal("an argument cannot be encoded"))?;
    Ok(name)
}
