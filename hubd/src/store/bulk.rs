//! A statement over many rows: run row by row on SQLite, once over arrays on PostgreSQL.

use std::borrow::Cow;
use std::fmt::Write;
use std::sync::OnceLock;

use rusqlite::{Connection, Statement};
use sqlx::postgres::{PgArguments, PgHasArrayType, Postgres};
use sqlx::{Arguments, Encode, Type};

use super::dialect;
use super::error::Error;

/// A statement over rows of named columns, which stand in its text as `bulk.name`.
///
/// The rows themselves stand as `{from}` where they are the only table, and as `{from,}` before the
/// others; `{values}` are all columns of all rows, for an INSERT. On SQLite a column is a parameter and the
/// rows are no table at all; PostgreSQL reads them from arrays.
#[derive(Debug)]
pub(crate) struct Bulk {
    /// The columns' names, in the order of the rows' values.
    pub(crate) columns: &'static [&'static str],
    /// The statement.
    pub(crate) sql: Cow<'static, str>,
    /// The same for one row on SQLite, once that was asked for.
    of_a_row: OnceLock<String>,
}

impl Bulk {
    pub(crate) const fn new(columns: &'static [&'static str], sql: &'static str) -> Self {
        Self { columns, sql: Cow::Borrowed(sql), of_a_row: OnceLock::new() }
    }

    /// A statement that was put together.
    pub(crate) const fn made(columns: &'static [&'static str], sql: String) -> Self {
        Self { columns, sql: Cow::Owned(sql), of_a_row: OnceLock::new() }
    }

    /// The statement for one row.
    pub(super) fn sqlite(&self) -> &str {
        self.of_a_row.get_or_init(|| self.to_sqlite())
    }

    /// Runs the statement for each of the rows on SQLite, and tells for each whether it changed something.
    pub(super) fn run<R: BulkRow>(
        &self,
        db: &Connection,
        rows: &[R],
        mut did: impl FnMut(bool),
    ) -> rusqlite::Result<()> {
        let mut statement = db.prepare_cached(self.sqlite())?;
        rows.iter().try_for_each(|row| {
            row.bind(&mut statement)?;
            did(statement.raw_execute()? > 0);
            Ok(())
        })
    }

    fn to_sqlite(&self) -> String {
        // An INSERT of one row of VALUES needs no journal of its own, unlike one of a SELECT.
        let values = format!("VALUES ({})", self.all());
        let sql = self.sql.replace("{from,}", "FROM").replace("{from}", "");
        let sql = sql.replace("{values}", &values);
        let mut text = String::with_capacity(sql.len());
        let mut rest = sql.as_str();
        while let Some((before, after)) = rest.split_once("bulk.") {
            let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
            let end = after.find(|c| !word(c)).unwrap_or(after.len());
            let column = self.columns.iter().position(|name| *name == &after[..end]);
            let column = column.unwrap_or_else(|| unreachable!("a column of the statement"));
            text.push_str(before);
            write!(text, "?{}", column + 1).unwrap_or_else(|_| unreachable!("a String takes all"));
            rest = &after[end..];
        }
        text.push_str(rest);
        dialect::sqlite(&text)
    }

    /// The statement for all rows.
    pub(super) fn postgres<R: BulkRow>(&self) -> String {
        self.over_arrays::<R>("AS bulk", "", 1)
    }

    /// The same for an UPDATE, which then returns the numbers of the rows that it found something for,
    /// counted from 1.
    pub(super) fn postgres_numbered<R: BulkRow>(&self) -> String {
        self.over_arrays::<R>("WITH ORDINALITY AS bulk", ", nth", 1) + " RETURNING bulk.nth"
    }

    /// `first` is the place of the first array.
    fn over_arrays<R: BulkRow>(&self, name: &str, number: &str, first: usize) -> String {
        let arrays: Vec<String> =
            (first..).zip(R::TYPES).map(|(at, name)| format!("${at}::{name}[]")).collect();
        let (arrays, columns) = (arrays.join(", "), self.columns.join(", "));
        let source = format!("FROM UNNEST({arrays}) {name} ({columns}{number})");
        let sql = self.sql.replace("{from,}", &format!("{source} CROSS JOIN"));
        let sql = sql.replace("{values}", &format!("SELECT {} {source}", self.all()));
        dialect::postgres(sql.replace("{from}", &source).into()).into_owned()
    }

    /// All columns of a row.
    fn all(&self) -> String {
        let columns: Vec<String> = self.columns.iter().map(|name| format!("bulk.{name}")).collect();
        columns.join(", ")
    }
}

/// A statement with its rows.
pub(crate) struct Filled<'a, R>(pub(crate) &'a Bulk, pub(crate) &'a [R]);

/// A [`Filled`] with rows of some type.
pub(crate) trait Part: Sync {
    fn is_empty(&self) -> bool;

    /// Runs the statement for each row.
    fn on_sqlite(&self, db: &Connection) -> rusqlite::Result<()>;

    /// Adds the rows to the arguments of a PostgreSQL statement; the text of this one over them.
    fn on_postgres(&self, arguments: &mut PgArguments) -> Result<String, Error>;
}

impl<R: BulkRow> Part for Filled<'_, R> {
    fn is_empty(&self) -> bool {
        self.1.is_empty()
    }

    fn on_sqlite(&self, db: &Connection) -> rusqlite::Result<()> {
        self.0.run(db, self.1, |_| ())
    }

    fn on_postgres(&self, arguments: &mut PgArguments) -> Result<String, Error> {
        let Self(bulk, rows) = self;
        let sql = bulk.over_arrays::<R>("AS bulk", "", arguments.len() + 1);
        R::add_all(rows, arguments)?;
        Ok(sql)
    }
}

/// One PostgreSQL statement of many, if there are any, which it runs in their order: the main one first,
/// then those of WITH from the last to the first.
pub(super) fn together(statements: &[String]) -> Option<String> {
    let (first, others) = statements.split_first()?;
    if others.is_empty() {
        return Some(first.clone());
    }
    let others = others.iter().enumerate().rev();
    let others: Vec<String> = others.map(|(at, sql)| format!("part_{at} AS ({sql})")).collect();
    Some(format!("WITH {} {first}", others.join(", ")))
}

/// A value of a row.
pub(crate) trait Cell:
    rusqlite::ToSql
    + Copy
    + Send
    + Sync
    + PgHasArrayType
    + Type<Postgres>
    + for<'q> Encode<'q, Postgres>
{
    /// The type in PostgreSQL.
    const TYPE: &'static str;
}

impl Cell for i64 {
    const TYPE: &'static str = "BIGINT";
}
impl Cell for &str {
    const TYPE: &'static str = "TEXT";
}
impl Cell for &[u8] {
    const TYPE: &'static str = "BYTEA";
}
impl Cell for Option<i64> {
    const TYPE: &'static str = "BIGINT";
}

/// The values of a row, in the order of the statement's columns.
pub(crate) trait BulkRow: Copy + Send + Sync {
    /// The columns' types in PostgreSQL.
    const TYPES: &'static [&'static str];

    /// Binds the row to a SQLite statement.
    fn bind(&self, statement: &mut Statement<'_>) -> rusqlite::Result<()>;

    /// Adds all rows to the arguments of a PostgreSQL statement, an array a column.
    fn add_all(rows: &[Self], arguments: &mut PgArguments) -> Result<(), Error>;
}

/// Adds an array to the arguments of a PostgreSQL statement.
pub(super) fn add_array<T: Cell>(
    values: impl Iterator<Item = T>,
    arguments: &mut PgArguments,
) -> Result<(), Error>
where
    Vec<T>: Type<Postgres> + for<'q> Encode<'q, Postgres>,
{
    let added = arguments.add(values.collect::<Vec<T>>());
    added.map_err(|_| Error::internal("an array cannot be encoded"))
}

macro_rules! tuples {
    ($(($($name:ident $at:tt),+))+) => {
        $(impl<$($name: Cell),+> BulkRow for ($($name,)+) {
            const TYPES: &'static [&'static str] = &[$($name::TYPE),+];

            fn bind(&self, statement: &mut Statement<'_>) -> rusqlite::Result<()> {
                $(statement.raw_bind_parameter($at + 1, self.$at)?;)+
                Ok(())
            }

            fn add_all(rows: &[Self], arguments: &mut PgArguments) -> Result<(), Error> {
                $(add_array(rows.iter().map(|row| row.$at), arguments)?;)+
                Ok(())
            }
        })+
    };
}

tuples! {
    (A 0)
    (A 0, B 1)
    (A 0, B 1, C 2)
    (A 0, B 1, C 2, D 3)
    (A 0, B 1, C 2, D 3, E 4)
    (A 0, B 1, C 2, D 3, E 4, F 5)
    (A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8)
}

impl<const N: usize> BulkRow for [i64; N] {
    const TYPES: &'static [&'static str] = &["BIGINT"; N];

    fn bind(&self, statement: &mut Statement<'_>) -> rusqlite::Result<()> {
        (1..).zip(self).try_for_each(|(at, value)| statement.raw_bind_parameter(at, value))
    }

    fn add_all(rows: &[Self], arguments: &mut PgArguments) -> Result<(), Error> {
        (0..N).try_for_each(|at| add_array(rows.iter().map(|row| row[at]), arguments))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    static ADD: Bulk = Bulk::new(
        &["id", "n", "name"],
        "INSERT INTO t (id, n, name) {values} \
         ON CONFLICT (id) DO UPDATE SET n = {least}(t.n, excluded.n)",
    );
    static MOVE: Bulk = Bulk::new(&["id"], "UPDATE t SET n = 1 {from} WHERE t.id = bulk.id");
    static JOIN: Bulk = Bulk::new(
        &["hash", "at"],
        "UPDATE k SET seen = bulk.at {from,} i WHERE k.hash = bulk.hash AND i.id = k.i",
    );

    #[test]
    fn sqlite_takes_a_row_as_parameters() {
        assert_eq!(
            ADD.sqlite(),
            "INSERT INTO t (id, n, name) VALUES (?1, ?2, ?3) \
             ON CONFLICT (id) DO UPDATE SET n = MIN(t.n, excluded.n)"
        );
        assert_eq!(JOIN.sqlite(), "UPDATE k SET seen = ?2 FROM i WHERE k.hash = ?1 AND i.id = k.i");
    }

    #[test]
    fn postgres_takes_all_rows_as_arrays() {
        assert_eq!(
            ADD.postgres::<(i64, Option<i64>, &str)>(),
            "INSERT INTO t (id, n, name) SELECT bulk.id, bulk.n, bulk.name \
             FROM UNNEST($1::BIGINT[], $2::BIGINT[], $3::TEXT[]) AS bulk (id, n, name) \
             ON CONFLICT (id) DO UPDATE SET n = LEAST(t.n, excluded.n)"
        );
        assert_eq!(
            JOIN.postgres::<(&[u8], i64)>(),
            "UPDATE k SET seen = bulk.at FROM UNNEST($1::BYTEA[], $2::BIGINT[]) \
             AS bulk (hash, at) CROSS JOIN i WHERE k.hash = bulk.hash AND i.id = k.i"
        );
        assert_eq!(
            MOVE.postgres_numbered::<(i64,)>(),
            "UPDATE t SET n = 1 FROM UNNEST($1::BIGINT[]) WITH ORDINALITY AS bulk (id, nth) \
             WHERE t.id = bulk.id RETURNING bulk.nth"
        );
    }

    #[test]
    fn postgres_takes_several_statements_at_once() {
        static OTHER: Bulk = Bulk::new(&["id"], "UPDATE u SET n = 2 {from} WHERE u.id = bulk.id");
        let (moved, joined) = ([(7,), (8,)], [([1u8].as_slice(), 2)]);
        let parts: [&dyn Part; 4] = [
            &Filled(&MOVE, &moved),
            &Filled(&OTHER, &[(0,); 0]),
            &Filled(&JOIN, &joined),
            &Filled(&OTHER, &[(3,)]),
        ];
        let mut arguments = PgArguments::default();
        let parts = parts.iter().filter(|part| !part.is_empty());
        let statements: Vec<String> =
            parts.map(|part| part.on_postgres(&mut arguments).unwrap()).collect();
        assert_eq!(
            together(&statements).unwrap(),
            "WITH part_1 AS (UPDATE u SET n = 2 FROM UNNEST($4::BIGINT[]) AS bulk (id) \
             WHERE u.id = bulk.id), part_0 AS (UPDATE k SET seen = bulk.at FROM UNNEST($2::BYTEA[], $3::BIGINT[]) \
             AS bulk (hash, at) CROSS JOIN i WHERE k.hash = bulk.hash AND i.id = k.i) \
             UPDATE t SET n = 1 FROM UNNEST($1::BIGINT[]) AS bulk (id) WHERE t.id = bulk.id"
        );
    }
}
