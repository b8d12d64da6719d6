//! Many rows into one statement: arrays with `UNNEST` on PostgreSQL, parameters of their own on
//! SQLite, where reading them out of a JSON text takes several times as long.
//!
//! Usage: take the rows in [`parts`](sqlite::parts), a statement each; name the columns, take `source`
//! into the statement as a table, or `one_of` as a condition, and bind the part.

/// What a column holds.
#[derive(Debug, Clone, Copy)]
pub(super) enum Column {
    Int(&'static str),
    Text(&'static str),
    Bytes(&'static str),
}

impl Column {
    /// What it is called.
    fn name(self) -> &'static str {
        let (Self::Int(name) | Self::Text(name) | Self::Bytes(name)) = self;
        name
    }
}

/// One value of a row.
#[derive(Debug, Clone)]
pub(super) enum Value {
    Int(Option<i64>),
    Text(String),
    Bytes(Vec<u8>),
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Int(Some(value))
    }
}

impl From<Option<i64>> for Value {
    fn from(value: Option<i64>) -> Self {
        Self::Int(value)
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}

impl From<&hub_core::key::KeyHash> for Value {
    fn from(value: &hub_core::key::KeyHash) -> Self {
        Self::Bytes(value.as_bytes().to_vec())
    }
}

impl From<&[u8]> for Value {
    fn from(value: &[u8]) -> Self {
        Self::Bytes(value.to_vec())
    }
}

/// A row as parameters of SQLite, or as values of columns for PostgreSQL.
pub(super) trait Row {
    /// The value of a column.
    fn value(&self, column: usize) -> ValueRef<'_>;
}

/// A value where it stands.
#[derive(Debug, Clone, Copy)]
pub(super) enum ValueRef<'a> {
    Int(Option<i64>),
    Text(&'a str),
    Bytes(&'a [u8]),
}

impl Row for Vec<Value> {
    fn value(&self, column: usize) -> ValueRef<'_> {
        match &self[column] {
            Value::Int(int) => ValueRef::Int(*int),
            Value::Text(text) => ValueRef::Text(text),
            Value::Bytes(bytes) => ValueRef::Bytes(bytes),
        }
    }
}

impl<const N: usize> Row for [i64; N] {
    fn value(&self, column: usize) -> ValueRef<'_> {
        ValueRef::Int(Some(self[column]))
    }
}

pub(super) mod sqlite {
    use std::fmt::Write;

    use sqlx::Arguments;
    use sqlx::sqlite::SqliteArguments;

    use super::{Column, Row, ValueRef};

    /// The most parameters of a part, half of what SQLite takes: each statement is a trip to the thread
    /// that has the connection, and on a busy machine a trip costs more than many rows.
    const MOST: usize = 16_384;

    /// Rows for one statement, whose text has a power of two places, so that there are few of them.
    /// Places without a row hold NULL; the first column of a row is never that.
    pub(in crate::store) struct Part<'a, R> {
        columns: &'a [Column],
        rows: &'a [R],
        places: usize,
    }

    /// The rows in parts.
    pub(in crate::store) fn parts<'a, R: Row>(
        columns: &'a [Column],
        rows: &'a [R],
    ) -> impl Iterator<Item = Part<'a, R>> {
        let most = 1 << (MOST / columns.len()).ilog2();
        let part = move |rows: &'a [R]| {
            let places = rows.len().next_power_of_two();
            Part { columns, rows, places }
        };
        rows.chunks(most).map(part)
    }

    impl<R: Row> Part<'_, R> {
        /// A table of the columns for `FROM`.
        pub(in crate::store) fn source(&self) -> String {
            let mut sql = String::from("(SELECT ");
            for (at, column) in self.columns.iter().enumerate() {
                let comma = if at == 0 { "" } else { ", " };
                write!(sql, "{comma}column{} AS {}", at + 1, column.name())
                    .unwrap_or_else(|_| unreachable!("a String takes all that is written"));
            }
            let row = format!("({})", vec!["?"; self.columns.len()].join(", "));
            let rows = vec![row; self.places].join(", ");
            sql + " FROM (VALUES " + &rows + ") WHERE column1 IS NOT NULL) AS bulk"
        }

        /// A condition: one of the values of the only column.
        pub(in crate::store) fn one_of(&self) -> String {
            format!("IN ({})", vec!["?"; self.places].join(", "))
        }

        /// The arguments that fill it.
        pub(in crate::store) fn bind(&self) -> SqliteArguments {
            let columns = self.columns.len();
            let mut arguments = SqliteArguments::default();
            arguments.reserve(self.places * columns, 0);
            let values = |row| (0..columns).map(move |column| R::value(row, column));
            for value in self.rows.iter().flat_map(values) {
                let added = match value {
                    ValueRef::Int(int) => arguments.add(int),
                    ValueRef::Text(text) => arguments.add(text.to_owned()),
                    ValueRef::Bytes(bytes) => arguments.add(bytes.to_vec()),
                };
                added.unwrap_or_else(|_| unreachable!("values of these types can be bound"));
            }
            for _ in self.rows.len() * columns..self.places * columns {
                arguments.add(None::<i64>).unwrap_or_else(|_| unreachable!("NULL can be bound"));
            }
            arguments
        }
    }
}

pub(super) mod postgres {
    use std::fmt::Write;

    use sqlx::Arguments;
    use sqlx::postgres::PgArguments;

    use super::{Column, Row, ValueRef};

    /// All the rows: an array takes any number.
    pub(in crate::store) struct Part<'a, R> {
        columns: &'a [Column],
        rows: &'a [R],
    }

    /// The rows in parts, of which there is one.
    pub(in crate::store) fn parts<'a, R: Row>(
        columns: &'a [Column],
        rows: &'a [R],
    ) -> impl Iterator<Item = Part<'a, R>> {
        (!rows.is_empty()).then_some(Part { columns, rows }).into_iter()
    }

    impl<R: Row> Part<'_, R> {
        /// A table of the columns for `FROM`.
        pub(in crate::store) fn source(&self) -> String {
            let (mut arrays, mut names) = (String::new(), String::new());
            for (at, column) in self.columns.iter().enumerate() {
                let comma = if at == 0 { "" } else { ", " };
                write!(arrays, "{comma}${}::{}[]", at + 1, kind(*column))
                    .and_then(|()| write!(names, "{comma}{}", column.name()))
                    .unwrap_or_else(|_| unreachable!("a String takes all that is written"));
            }
            format!("UNNEST({arrays}) AS bulk({names})")
        }

        /// A condition: one of the values of the only column. The planner takes an array of unknown
        /// length for short and uses the index; it takes an unnested one for long and scans.
        pub(in crate::store) fn one_of(&self) -> String {
            format!("= ANY($1::{}[])", kind(self.columns[0]))
        }

        /// The arguments that fill it, an array a column.
        pub(in crate::store) fn bind(&self) -> PgArguments {
            let mut arguments = PgArguments::default();
            for (at, column) in self.columns.iter().enumerate() {
                let values = self.rows.iter().map(|row| row.value(at));
                let added = match column {
                    Column::Int(_) => arguments.add(values.map(int).collect::<Vec<_>>()),
                    Column::Text(_) => arguments.add(values.map(text).collect::<Vec<_>>()),
                    Column::Bytes(_) => arguments.add(values.map(bytes).collect::<Vec<_>>()),
                };
                added.unwrap_or_else(|_| unreachable!("arrays of these types can be bound"));
            }
            arguments
        }
    }

    fn kind(column: Column) -> &'static str {
        match column {
            Column::Int(_) => "BIGINT",
            Column::Text(_) => "TEXT",
            Column::Bytes(_) => "BYTEA",
        }
    }

    fn int(value: ValueRef<'_>) -> Option<i64> {
        if let ValueRef::Int(int) = value { int } else { unreachable!("an Int column") }
    }

    fn text(value: ValueRef<'_>) -> String {
        if let ValueRef::Text(text) = value {
            text.to_owned()
        } else {
            unreachable!("a Text column")
        }
    }

    fn bytes(value: ValueRef<'_>) -> Vec<u8> {
        if let ValueRef::Bytes(bytes) = value {
            bytes.to_vec()
        } else {
            unreachable!("a Bytes column")
        }
    }
}
