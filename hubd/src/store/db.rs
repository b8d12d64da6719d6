//! A connection of either database: values go in as arguments, typed rows come out.
//!
//! In the SQLite arm nothing ever waits: a future made of these calls is ready at its first poll, so a
//! whole job runs to its end on the thread that owns the connection. In the PostgreSQL arm the same
//! code awaits the server.

use std::borrow::Cow;
use std::collections::HashSet;

use rusqlite::{CachedStatement, Connection};
use sqlx::postgres::{PgArguments, Postgres};
use sqlx::query::Query;
use sqlx::{Arguments, AssertSqlSafe, Encode, Executor, PgConnection, Type};

use super::bulk::{Bulk, BulkRow, Cell, Filled, Part, add_array, together};
use super::dialect;
use super::error::Error;
use super::postgres::{Statements, answered};
use super::row::{FromRow, Row};

/// A connection.
pub(crate) enum Db<'c> {
    /// To the SQLite file.
    Sqlite(&'c mut Connection),
    /// To PostgreSQL.
    Postgres(&'c mut PgConnection, Statements),
}

/// A value that both databases take as an argument of a statement.
pub(crate) trait Arg: rusqlite::ToSql + Sync {
    /// Adds it to the arguments of a PostgreSQL statement.
    fn add_to(&self, arguments: &mut PgArguments) -> Result<(), Error>;
}

impl<T> Arg for T
where
    T: rusqlite::ToSql + Sync + Type<Postgres> + for<'q> Encode<'q, Postgres>,
{
    fn add_to(&self, arguments: &mut PgArguments) -> Result<(), Error> {
        arguments.add(self).map_err(|_| Error::internal("an argument cannot be encoded"))
    }
}

/// The arguments `$1`, `$2`, … of a statement.
pub(crate) type Args<'a> = &'a [&'a dyn Arg];

/// The text of a statement with `$1`, `$2`, … and the tokens of [`dialect`].
pub(crate) type Sql = Cow<'static, str>;

impl Db<'_> {
    /// All rows of a query.
    pub(crate) async fn rows<T: FromRow>(
        &mut self,
        sql: impl Into<Sql>,
        args: Args<'_>,
    ) -> Result<Vec<T>, Error> {
        let sql = sql.into();
        match self {
            Self::Sqlite(db) => {
                let mut statement = prepare(db, &dialect::sqlite(&sql))?;
                let mut found = Vec::new();
                read_into(&mut found, &mut statement, rusqlite::params_from_iter(args))?;
                Ok(found)
            }
            Self::Postgres(db, kept) => {
                fetch(db, kept.query(AssertSqlSafe(dialect::postgres(sql)), encode(args)?)).await
            }
        }
    }

    /// The first row of a query, if there is one.
    pub(crate) async fn find<T: FromRow>(
        &mut self,
        sql: impl Into<Sql>,
        args: Args<'_>,
    ) -> Result<Option<T>, Error> {
        let sql = sql.into();
        match self {
            Self::Sqlite(db) => {
                let mut statement = prepare(db, &dialect::sqlite(&sql))?;
                let mut rows = statement.query(rusqlite::params_from_iter(args))?;
                rows.next()?.map(|row| T::from_row(&mut Row::sqlite(row))).transpose()
            }
            Self::Postgres(db, kept) => {
                let query = kept.query(AssertSqlSafe(dialect::postgres(sql)), encode(args)?);
                let row = answered(query.fetch_optional(&mut **db)).await?;
                row.map(|row| T::from_row(&mut Row::postgres(&row))).transpose()
            }
        }
    }

    /// The one row of a query that always has one.
    pub(crate) async fn one<T: FromRow>(
        &mut self,
        sql: impl Into<Sql>,
        args: Args<'_>,
    ) -> Result<T, Error> {
        self.find(sql, args).await?.ok_or(Error::corrupt("a row that is always there"))
    }

    /// Runs a statement; how many rows it changed.
    pub(crate) async fn execute(
        &mut self,
        sql: impl Into<Sql>,
        args: Args<'_>,
    ) -> Result<u64, Error> {
        let sql = sql.into();
        match self {
            Self::Sqlite(db) => {
                let mut statement = prepare(db, &dialect::sqlite(&sql))?;
                Ok(statement.execute(rusqlite::params_from_iter(args))? as u64)
            }
            Self::Postgres(db, kept) => {
                let query = kept.query(AssertSqlSafe(dialect::postgres(sql)), encode(args)?);
                Ok(answered(query.execute(&mut **db)).await?.rows_affected())
            }
        }
    }

    /// Runs several statements without arguments, such as a migration.
    pub(crate) async fn script(&mut self, sql: &'static str) -> Result<(), Error> {
        match self {
            Self::Sqlite(db) => db.execute_batch(sql)?,
            Self::Postgres(db, _) => {
                db.execute(sqlx::raw_sql(sql)).await?;
            }
        }
        Ok(())
    }

    /// The rows that a query finds by each of the keys, which stand in its text as `{key}`.
    pub(crate) async fn rows_by<T: FromRow, K: Cell>(
        &mut self,
        sql: impl Into<Sql>,
        keys: &[K],
    ) -> Result<Vec<T>, Error> {
        let sql = sql.into();
        match self {
            _ if keys.is_empty() => Ok(Vec::new()),
            Self::Sqlite(db) => {
                let mut found = Vec::with_capacity(keys.len());
                let mut statement = prepare(db, &dialect::sqlite(&sql))?;
                for key in keys {
                    read_into(&mut found, &mut statement, [key])?;
                }
                Ok(found)
            }
            Self::Postgres(db, kept) => {
                let mut arguments = PgArguments::default();
                add_array(keys.iter().copied(), &mut arguments)?;
                fetch(db, kept.query(AssertSqlSafe(dialect::postgres(sql)), arguments)).await
            }
        }
    }

    /// Runs a statement once for each of the keys, which stand in its text as `{key}`.
    pub(crate) async fn execute_by<K: Cell>(
        &mut self,
        sql: impl Into<Sql>,
        keys: &[K],
    ) -> Result<(), Error> {
        self.rows_by::<(), K>(sql, keys).await.map(|_| ())
    }

    /// Runs a statement for each of the rows; see [`Bulk`].
    pub(crate) async fn bulk<R: BulkRow>(&mut self, bulk: &Bulk, rows: &[R]) -> Result<(), Error> {
        self.bulks(&[&Filled(bulk, rows)]).await
    }

    /// Runs statements for each of their rows, one after the other: on PostgreSQL in one trip. None may read or
    /// write a row that another one writes.
    pub(crate) async fn bulks(&mut self, parts: &[&dyn Part]) -> Result<(), Error> {
        let parts = parts.iter().filter(|part| !part.is_empty());
        match self {
            Self::Sqlite(db) => {
                for part in parts {
                    part.on_sqlite(db)?;
                }
            }
            Self::Postgres(db, kept) => {
                let mut arguments = PgArguments::default();
                let statements: Result<Vec<String>, Error> =
                    parts.map(|part| part.on_postgres(&mut arguments)).collect();
                if let Some(sql) = together(&statements?) {
                    let query = kept.query(AssertSqlSafe(sql), arguments);
                    answered(query.execute(&mut **db)).await?;
                }
            }
        }
        Ok(())
    }

    /// Runs an UPDATE for each of the rows; those that it found nothing for, in order.
    pub(crate) async fn bulk_missed<R: BulkRow>(
        &mut self,
        bulk: &Bulk,
        rows: &[R],
    ) -> Result<Vec<R>, Error> {
        match self {
            _ if rows.is_empty() => Ok(Vec::new()),
            Self::Sqlite(db) => {
                let missed = rows.iter().zip(changed(db, bulk, rows)?).filter(|(_, did)| !did);
                Ok(missed.map(|(row, _)| *row).collect())
            }
            Self::Postgres(db, kept) => {
                let sql = AssertSqlSafe(bulk.postgres_numbered::<R>());
                let found: Vec<i64> = fetch(db, kept.query(sql, arrays(rows)?)).await?;
                let found: HashSet<i64> = found.into_iter().collect();
                let missed = (1..).zip(rows).filter(|(nth, _)| !found.contains(nth));
                Ok(missed.map(|(_, row)| *row).collect())
            }
        }
    }

    /// Runs an INSERT for each of the rows which skips those that are there; the keys of those that it added.
    /// They are in these columns, and are what `key` gives for the number of a row, counted from 0.
    pub(crate) async fn bulk_new<K: FromRow, R: BulkRow>(
        &mut self,
        bulk: &Bulk,
        rows: &[R],
        columns: &'static str,
        key: impl Fn(usize) -> K,
    ) -> Result<Vec<K>, Error> {
        match self {
            _ if rows.is_empty() => Ok(Vec::new()),
            // RETURNING would make a temporary table for each row.
            Self::Sqlite(db) => {
                let added = (0..).zip(changed(db, bulk, rows)?).filter(|(_, did)| *did);
                Ok(added.map(|(at, _)| key(at)).collect())
            }
            Self::Postgres(db, kept) => {
                let sql = format!("{} RETURNING {columns}", bulk.postgres::<R>());
                fetch(db, kept.query(AssertSqlSafe(sql), arrays(rows)?)).await
            }
        }
    }

    /// Runs a statement for each of the rows, and gives all rows that it returns.
    pub(crate) async fn bulk_rows<T: FromRow, R: BulkRow>(
        &mut self,
        bulk: &Bulk,
        rows: &[R],
    ) -> Result<Vec<T>, Error> {
        match self {
            _ if rows.is_empty() => Ok(Vec::new()),
            Self::Sqlite(db) => {
                let mut found = Vec::new();
                let mut statement = prepare(db, bulk.sqlite())?;
                for row in rows {
                    row.bind(&mut statement)?;
                    let mut returned = statement.raw_query();
                    while let Some(row) = returned.next()? {
                        found.push(T::from_row(&mut Row::sqlite(row))?);
                    }
                }
                Ok(found)
            }
            Self::Postgres(db, kept) => {
                let sql = AssertSqlSafe(bulk.postgres::<R>());
                fetch(db, kept.query(sql, arrays(rows)?)).await
            }
        }
    }
}

fn prepare<'c>(db: &'c Connection, sql: &str) -> Result<CachedStatement<'c>, Error> {
    Ok(db.prepare_cached(sql)?)
}

/// Runs a statement for each of the rows; whether it changed something for each.
fn changed<R: BulkRow>(db: &Connection, bulk: &Bulk, rows: &[R]) -> Result<Vec<bool>, Error> {
    let mut changed = Vec::with_capacity(rows.len());
    bulk.run(db, rows, |did| changed.push(did))?;
    Ok(changed)
}

fn read_into<T: FromRow>(
    found: &mut Vec<T>,
    statement: &mut CachedStatement<'_>,
    params: impl rusqlite::Params,
) -> Result<(), Error> {
    let mut rows = statement.query(params)?;
    while let Some(row) = rows.next()? {
        found.push(T::from_row(&mut Row::sqlite(row))?);
    }
    Ok(())
}

/// All rows of a PostgreSQL statement.
async fn fetch<T: FromRow>(
    db: &mut PgConnection,
    query: Query<'static, Postgres, PgArguments>,
) -> Result<Vec<T>, Error> {
    let rows = answered(query.fetch_all(db)).await?;
    rows.iter().map(|row| T::from_row(&mut Row::postgres(row))).collect()
}

fn arrays<R: BulkRow>(rows: &[R]) -> Result<PgArguments, Error> {
    let mut arguments = PgArguments::default();
    R::add_all(rows, &mut arguments)?;
    Ok(arguments)
}

fn encode(args: Args<'_>) -> Result<PgArguments, Error> {
    let mut arguments = PgArguments::default();
    for arg in args {
        arg.add_to(&mut arguments)?;
    }
    Ok(arguments)
}
