//! Pages of a list. A handler reads one row more than a page holds, to see whether there is a next page.

use hub_core::api::{Cursor, Limit, Page};
use hub_core::problem::ErrorCode;

use crate::domain::Refusal;

/// Where a page starts and how long it is.
#[derive(Debug)]
pub(super) struct Paging {
    list: String,
    /// The key of the last row on the previous page.
    pub(super) after: Option<String>,
    limit: usize,
}

impl Paging {
    /// The paging of the list named `list`.
    pub(super) fn new(
        list: &str,
        limit: Option<Limit>,
        cursor: Option<&Cursor>,
    ) -> Result<Self, Refusal> {
        let after = cursor.map(|cursor| cursor.key(list).ok_or(ErrorCode::InvalidCursor));
        let limit = limit.unwrap_or_default().get();
        Ok(Self { list: list.to_owned(), after: after.transpose()?, limit })
    }

    /// How many rows to read.
    pub(super) fn rows(&self) -> i64 {
        i64::try_from(self.limit + 1).unwrap_or(i64::MAX)
    }

    /// Makes a page of the rows that were read.
    pub(super) fn page<T>(&self, mut items: Vec<T>, key: impl Fn(&T) -> String) -> Page<T> {
        let more = items.len() > self.limit;
        items.truncate(self.limit);
        let last = items.last().filter(|_| more);
        let next_cursor = last.map(|last| Cursor::after(&self.list, &key(last)));
        Page { items, next_cursor }
    }
}
