//! Rows of either database → typed values, column by column. What does not fit is an error, never a
//! default.

use hub_core::api::Role;
use hub_core::key::KeyHash;
use hub_core::labels::{Entitlements, Labels};
use hub_core::model::{ActivationLimit, ClientStatus, GraceDays};
use hub_core::name::{InstanceId, KeyName, Slug};
use hub_core::redact::{CodeName, CountName, ToolName};
use hub_core::text::{DisplayName, ExternalRef, ReasonCode};
use hub_core::time::Timestamp;
use rusqlite::types::ValueRef;
use serde::de::DeserializeOwned;
use sqlx::postgres::PgRow;
use sqlx::{Row as _, ValueRef as _};

use super::error::Error;

/// A row whose columns are read in order.
pub(crate) struct Row<'r> {
    source: Source<'r>,
    at: usize,
}

enum Source<'r> {
    /// With the next value, if it was looked at.
    Sqlite(&'r rusqlite::Row<'r>, Option<ValueRef<'r>>),
    Postgres(&'r PgRow),
}

/// What one or several columns of a row are read as.
pub(crate) trait FromRow: Sized {
    /// Reads the next columns, as many as it is made of.
    fn from_row(row: &mut Row<'_>) -> Result<Self, Error>;
}

impl<'r> Row<'r> {
    pub(super) fn sqlite(row: &'r rusqlite::Row<'r>) -> Self {
        Self { source: Source::Sqlite(row, None), at: 0 }
    }

    pub(super) fn postgres(row: &'r PgRow) -> Self {
        Self { source: Source::Postgres(row), at: 0 }
    }

    /// The next columns.
    pub(crate) fn next<T: FromRow>(&mut self) -> Result<T, Error> {
        T::from_row(self)
    }

    /// Whether the next column is NULL. If it is, it is read.
    fn skip_null(&mut self) -> Result<bool, Error> {
        let is_null = match &mut self.source {
            Source::Sqlite(row, next) => {
                *next = match row.get_ref(self.at)? {
                    ValueRef::Null => None,
                    value => Some(value),
                };
                next.is_none()
            }
            Source::Postgres(row) => row.try_get_raw(self.at)?.is_null(),
        };
        self.at += usize::from(is_null);
        Ok(is_null)
    }

    fn int(&mut self) -> Result<i64, Error> {
        let at = self.step();
        match &mut self.source {
            Source::Sqlite(row, next) => match value(row, next, at)? {
                ValueRef::Integer(int) => Ok(int),
                _ => Err(Error::corrupt("integer")),
            },
            Source::Postgres(row) => Ok(row.try_get(at)?),
        }
    }

    /// The next column as text.
    pub(super) fn text(&mut self) -> Result<&'r str, Error> {
        let at = self.step();
        match &mut self.source {
            Source::Sqlite(row, next) => {
                value(row, next, at)?.as_str().map_err(|_| Error::corrupt("text"))
            }
            Source::Postgres(row) => Ok(row.try_get(at)?),
        }
    }

    /// The next column as bytes.
    pub(super) fn bytes(&mut self) -> Result<&'r [u8], Error> {
        let at = self.step();
        match &mut self.source {
            Source::Sqlite(row, next) => {
                value(row, next, at)?.as_blob().map_err(|_| Error::corrupt("bytes"))
            }
            Source::Postgres(row) => Ok(row.try_get(at)?),
        }
    }

    fn parsed<T: std::str::FromStr>(&mut self, what: &'static str) -> Result<T, Error> {
        self.text()?.parse().map_err(|_| Error::corrupt(what))
    }

    /// The next column, a text in JSON. Most are `empty`, which need not be parsed.
    pub(super) fn json<T>(&mut self, what: &'static str, empty: &str) -> Result<T, Error>
    where
        T: DeserializeOwned + Default,
    {
        match self.text()? {
            text if text == empty => Ok(T::default()),
            text => serde_json::from_str(text).map_err(|_| Error::corrupt(what)),
        }
    }

    fn step(&mut self) -> usize {
        self.at += 1;
        self.at - 1
    }
}

/// The value of a column, which may have been looked at.
fn value<'r>(
    row: &'r rusqlite::Row<'r>,
    next: &mut Option<ValueRef<'r>>,
    at: usize,
) -> rusqlite::Result<ValueRef<'r>> {
    next.take().map_or_else(|| row.get_ref(at), Ok)
}

/// A value that is read from one column.
impl<T: FromRow> FromRow for Option<T> {
    fn from_row(row: &mut Row<'_>) -> Result<Self, Error> {
        if row.skip_null()? { Ok(None) } else { row.next().map(Some) }
    }
}

impl FromRow for i64 {
    fn from_row(row: &mut Row<'_>) -> Result<Self, Error> {
        row.int()
    }
}

/// A number that is never negative.
impl FromRow for u64 {
    fn from_row(row: &mut Row<'_>) -> Result<Self, Error> {
        row.int()?.try_into().map_err(|_| Error::corrupt("count"))
    }
}

impl FromRow for u32 {
    fn from_row(row: &mut Row<'_>) -> Result<Self, Error> {
        row.int()?.try_into().map_err(|_| Error::corrupt("count"))
    }
}

impl FromRow for String {
    fn from_row(row: &mut Row<'_>) -> Result<Self, Error> {
        row.text().map(str::to_owned)
    }
}

impl FromRow for Vec<u8> {
    fn from_row(row: &mut Row<'_>) -> Result<Self, Error> {
        row.bytes().map(<[u8]>::to_vec)
    }
}

impl<const N: usize> FromRow for [u8; N] {
    fn from_row(row: &mut Row<'_>) -> Result<Self, Error> {
        row.bytes()?.try_into().map_err(|_| Error::corrupt("hash"))
    }
}

impl FromRow for KeyHash {
    fn from_row(row: &mut Row<'_>) -> Result<Self, Error> {
        Self::from_bytes(row.bytes()?).ok_or(Error::corrupt("key hash"))
    }
}

/// Unix milliseconds.
impl FromRow for Timestamp {
    fn from_row(row: &mut Row<'_>) -> Result<Self, Error> {
        row.int().map(Self::from_unix_ms)
    }
}

impl FromRow for GraceDays {
    fn from_row(row: &mut Row<'_>) -> Result<Self, Error> {
        row.next::<u32>()?.try_into().map_err(|_| Error::corrupt("grace days"))
    }
}

impl FromRow for ActivationLimit {
    fn from_row(row: &mut Row<'_>) -> Result<Self, Error> {
        row.next::<u32>()?.try_into().map_err(|_| Error::corrupt("activation limit"))
    }
}

impl FromRow for Labels {
    fn from_row(row: &mut Row<'_>) -> Result<Self, Error> {
        row.json("labels", "{}")
    }
}

impl FromRow for Entitlements {
    fn from_row(row: &mut Row<'_>) -> Result<Self, Error> {
        row.json("entitlements", "[]")
    }
}

macro_rules! parsed_columns {
    ($($name:ident)+) => {
        $(impl FromRow for $name {
            fn from_row(row: &mut Row<'_>) -> Result<Self, Error> {
                row.parsed(stringify!($name))
            }
        })+
    };
}

parsed_columns!(InstanceId Slug KeyName DisplayName ExternalRef ReasonCode ClientStatus Role);
parsed_columns!(ToolName CodeName CountName);

/// A statement that returns nothing.
impl FromRow for () {
    fn from_row(_: &mut Row<'_>) -> Result<Self, Error> {
        Ok(())
    }
}

macro_rules! tuples {
    ($(($($name:ident)+))+) => {
        $(impl<$($name: FromRow),+> FromRow for ($($name,)+) {
            fn from_row(row: &mut Row<'_>) -> Result<Self, Error> {
                Ok(($(row.next::<$name>()?,)+))
            }
        })+
    };
}

tuples!((A B)(A B C)(A B C D)(A B C D E)(A B C D E F)(A B C D E F G));
