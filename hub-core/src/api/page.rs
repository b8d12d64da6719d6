//! Pages of a list, and the cursors between them.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::fields::Field;
use crate::schema::inline_schema;

/// A page of a list, in the order of the list.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "PageOf{T}")]
pub struct Page<T> {
    /// The rows of the page.
    pub items: Vec<T>,
    /// The cursor of the next page; `null` on the last page.
    pub next_cursor: Option<Cursor>,
}

/// An opaque position in a list. A cursor names the last row of the previous page, so rows that are
/// added or deleted meanwhile neither repeat nor hide other rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Cursor(String);

impl Cursor {
    /// The position after the row with the key `key` in the list `list`.
    #[must_use]
    pub fn after(list: &str, key: &str) -> Self {
        Self(URL_SAFE_NO_PAD.encode(format!("{list}:{key}")))
    }

    /// The key of the row, if the cursor belongs to the list `list`.
    #[must_use]
    pub fn key(&self, list: &str) -> Option<String> {
        let text = String::from_utf8(URL_SAFE_NO_PAD.decode(&self.0).ok()?).ok()?;
        let key = text.strip_prefix(list)?.strip_prefix(':')?;
        // No key of a row has one, and PostgreSQL takes no text with a NUL.
        (!key.contains(char::is_control)).then(|| key.to_owned())
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

inline_schema!(Cursor, {"type": "string", "maxLength": 512});

impl Field for Cursor {
    const EXPECTED: &'static str = "must be a next_cursor of this list";
}

/// The most rows on a page: 1 to 500.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u16", into = "u16")]
pub struct Limit(u16);

impl Limit {
    /// The largest limit.
    pub const MAX: Self = Self(500);

    /// The number.
    #[must_use]
    pub fn get(self) -> usize {
        usize::from(self.0)
    }
}

impl Default for Limit {
    fn default() -> Self {
        Self(50)
    }
}

impl TryFrom<u16> for Limit {
    type Error = &'static str;
    fn try_from(limit: u16) -> Result<Self, Self::Error> {
        (1..=500).contains(&limit).then_some(Self(limit)).ok_or(Self::EXPECTED)
    }
}

impl From<Limit> for u16 {
    fn from(limit: Limit) -> Self {
        limit.0
    }
}

inline_schema!(Limit, {"type": "integer", "minimum": 1, "maximum": 500, "default": 50});

impl Field for Limit {
    const EXPECTED: &'static str = "must be a number from 1 to 500";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_belongs_to_its_list() {
        let cursor = Cursor::after("clients", "acme");
        assert_eq!(cursor.key("clients").as_deref(), Some("acme"));
        assert_eq!(cursor.key("instances"), None);
        for forged in ["", "!", "YWNtZQ", "____"] {
            assert_eq!(Cursor(forged.to_owned()).key("clients"), None, "{forged}");
        }
        assert_eq!(Cursor::after("clients", "ac\0me").key("clients"), None);
    }
}
