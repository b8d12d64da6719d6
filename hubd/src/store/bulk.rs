//! Many rows into one statement: arrays with `UNNEST` on PostgreSQL, one JSON text with
//! `json_each` on SQLite. Either way the statement's text does not depend on how many there are, so
//! it is prepared once.
//!
//! Usage: name the columns, take `Bulk::source` into the statement as a table, or `Bulk::one_of` as a
//! condition, and bind the rows.

/// What a column holds.
#[derive(Debug, Clone, Copy)]
pub(super) enum Column {
    Int(&'static str),
    Text(&'static str),
    Bytes(&'static str),
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

pub(super) mod sqlite {
    use std::fmt::Write;

    use serde_json::Value as Json;
    use sqlx::sqlite::SqliteArguments;

    use super::{Column, Value};

    /// Rows as one JSON array of arrays.
    pub(in crate::store) struct Bulk;

    impl Bulk {
        /// A table of these columns for `FROM`, read from parameter 1.
        pub(in crate::store) fn source(columns: &[Column]) -> String {
            let mut sql = String::from("(SELECT ");
            for (at, column) in columns.iter().enumerate() {
                let comma = if at == 0 { "" } else { ", " };
                let written = match column {
                    Column::Int(name) | Column::Text(name) => {
                        write!(sql, "{comma}value ->> {at} AS {name}")
                    }
                    Column::Bytes(name) => write!(sql, "{comma}unhex(value ->> {at}) AS {name}"),
                };
                written.unwrap_or_else(|_| unreachable!("a String takes all that is written"));
            }
            sql.push_str(" FROM json_each($1)) AS bulk");
            sql
        }

        /// A condition: one of the values of this only column.
        pub(in crate::store) fn one_of(column: Column) -> String {
            let (Column::Int(name) | Column::Text(name) | Column::Bytes(name)) = column;
            format!("IN (SELECT {name} FROM {})", Self::source(&[column]))
        }

        /// The arguments that fill it.
        pub(in crate::store) fn bind(_: &[Column], rows: &[Vec<Value>]) -> SqliteArguments {
            let rows: Vec<Json> = rows.iter().map(|row| row.iter().map(json).collect()).collect();
            let mut arguments = SqliteArguments::default();
            sqlx::Arguments::add(&mut arguments, Json::Array(rows).to_string())
                .unwrap_or_else(|_| unreachable!("a text can be bound"));
            arguments
        }

        /// The arguments that fill a source of integers only.
        pub(in crate::store) fn bind_ints<const N: usize>(rows: &[[i64; N]]) -> SqliteArguments {
            let mut json = String::with_capacity(rows.len() * N * 8 + 2);
            json.push('[');
            for (at, row) in rows.iter().enumerate() {
                json.push_str(if at == 0 { "[" } else { ",[" });
                for (at, int) in row.iter().enumerate() {
                    let comma = if at == 0 { "" } else { "," };
                    write!(json, "{comma}{int}")
                        .unwrap_or_else(|_| unreachable!("a String takes all that is written"));
                }
                json.push(']');
            }
            json.push(']');
            let mut arguments = SqliteArguments::default();
            sqlx::Arguments::add(&mut arguments, json)
                .unwrap_or_else(|_| unreachable!("a text can be bound"));
            arguments
        }
    }

    fn json(value: &Value) -> Json {
        match value {
            Value::Int(int) => (*int).into(),
            Value::Text(text) => text.as_str().into(),
            Value::Bytes(bytes) => hex::encode(bytes).into(),
        }
    }
}

pub(super) mod postgres {
    use std::fmt::Write;

    use sqlx::Arguments;
    use sqlx::postgres::PgArguments;

    use super::{Column, Value};

    /// Rows as one array a column.
    pub(in crate::store) struct Bulk;

    impl Bulk {
        /// A table of these columns for `FROM`, read from the first parameters.
        pub(in crate::store) fn source(columns: &[Column]) -> String {
            let (mut arrays, mut names) = (String::new(), String::new());
            for (at, column) in columns.iter().enumerate() {
                let comma = if at == 0 { "" } else { ", " };
                let (name, kind) = name_and_type(*column);
                write!(arrays, "{comma}${}::{kind}[]", at + 1)
                    .and_then(|()| write!(names, "{comma}{name}"))
                    .unwrap_or_else(|_| unreachable!("a String takes all that is written"));
            }
            format!("UNNEST({arrays}) AS bulk({names})")
        }

        /// A condition: one of the values of this only column. The planner takes an array of unknown
        /// length for short and uses the index; it takes an unnested one for long and scans.
        pub(in crate::store) fn one_of(column: Column) -> String {
            format!("= ANY($1::{}[])", name_and_type(column).1)
        }

        /// The arguments that fill it.
        pub(in crate::store) fn bind(columns: &[Column], rows: &[Vec<Value>]) -> PgArguments {
            let mut arguments = PgArguments::default();
            for (at, column) in columns.iter().enumerate() {
                let values = rows.iter().map(|row| &row[at]);
                let added = match column {
                    Column::Int(_) => arguments.add(values.map(int).collect::<Vec<_>>()),
                    Column::Text(_) => arguments.add(values.map(text).collect::<Vec<_>>()),
                    Column::Bytes(_) => arguments.add(values.map(bytes).collect::<Vec<_>>()),
                };
                added.unwrap_or_else(|_| unreachable!("arrays of these types can be bound"));
            }
            arguments
        }

        /// The arguments that fill a source of integers only.
        pub(in crate::store) fn bind_ints<const N: usize>(rows: &[[i64; N]]) -> PgArguments {
            let mut arguments = PgArguments::default();
            for at in 0..N {
                let column: Vec<i64> = rows.iter().map(|row| row[at]).collect();
                arguments
                    .add(column)
                    .unwrap_or_else(|_| unreachable!("arrays of integers can be bound"));
            }
            arguments
        }
    }

    fn name_and_type(column: Column) -> (&'static str, &'static str) {
        match column {
            Column::Int(name) => (name, "BIGINT"),
            Column::Text(name) => (name, "TEXT"),
            Column::Bytes(name) => (name, "BYTEA"),
        }
    }

    fn int(value: &Value) -> Option<i64> {
        if let Value::Int(int) = value { *int } else { unreachable!("an Int column") }
    }

    fn text(value: &Value) -> String {
        if let Value::Text(text) = value { text.clone() } else { unreachable!("a Text column") }
    }

    fn bytes(value: &Value) -> Vec<u8> {
        if let Value::Bytes(bytes) = value { bytes.clone() } else { unreachable!("a Bytes column") }
    }
}
