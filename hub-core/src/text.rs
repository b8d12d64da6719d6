//! Texts and codes that operators set, each with its bounds.

use serde::{Deserialize, Deserializer, Serialize, de};

use crate::fields::Field;
use crate::schema::inline_schema;

/// Whether a character cannot be seen: a control character, one without width, or one that changes the
/// direction of the text around it.
#[must_use]
pub fn is_unseen(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            // Soft hyphen, joiners, marks of direction, fillers, and the parts of what looks like nothing.
            '\u{00ad}' | '\u{034f}' | '\u{061c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
                | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}'
                | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}'
                | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}'
        )
}

macro_rules! text {
    ($(#[doc = $doc:literal])+ $name:ident, $valid:expr, $expected:literal, $schema:tt) => {
        $(#[doc = $doc])+
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// Accepts `text` when it is within the bounds.
            #[must_use]
            pub fn new(text: &str) -> Option<Self> {
                let valid: fn(&str) -> bool = $valid;
                valid(text).then(|| Self(text.to_owned()))
            }

            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::str::FromStr for $name {
            type Err = &'static str;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::new(text).ok_or(<Self as Field>::EXPECTED)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                Self::new(&text).ok_or_else(|| de::Error::custom("text out of bounds"))
            }
        }

        inline_schema!($name, $schema);

        impl Field for $name {
            const EXPECTED: &'static str = $expected;
        }
    };
}

text!(
    /// The name of a client that people read: 1 to 128 characters, one letter or digit at least, and
    /// nothing that cannot be seen or that turns the text around.
    DisplayName,
    |text| {
        (1..=128).contains(&text.chars().count())
            && text.chars().any(char::is_alphanumeric)
            && !text.chars().any(is_unseen)
    },
    "must be 1 to 128 characters, one of them a letter or digit, without control, invisible and direction-changing characters",
    {"type": "string", "minLength": 1, "maxLength": 128, "examples": ["Acme GmbH"]}
);

text!(
    /// A client's place in the operator's own records: up to 128 visible ASCII characters.
    ExternalRef,
    |text| (1..=128).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic()),
    "must be 1 to 128 visible ASCII characters",
    {"type": "string", "pattern": "^[!-~]{1,128}$"}
);

text!(
    /// Why an instance is suspended, as a code.
    ReasonCode,
    |text| {
        text.len() <= 48
            && text.starts_with(|c: char| c.is_ascii_lowercase())
            && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
    },
    "must be a code: a-z, then up to 47 of a-z, 0-9 and _",
    {"type": "string", "pattern": "^[a-z][a-z0-9_]{0,47}$", "examples": ["unpaid"]}
);

text!(
    /// A text to search for in handles and names.
    SearchText,
    |text| {
        !text.is_empty() && text.chars().count() <= 200 && !text.chars().any(char::is_control)
    },
    "must be 1 to 200 characters without control characters",
    {"type": "string", "minLength": 1, "maxLength": 200}
);

text!(
    /// A filter's value: an actor, a target, a handle.
    Word,
    |text| (1..=128).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic()),
    "must be 1 to 128 visible ASCII characters",
    {"type": "string", "pattern": "^[!-~]{1,128}$"}
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_hold() {
        assert!(DisplayName::new("Acme GmbH & Söhne").is_some());
        assert!(DisplayName::new("  ").is_none());
        assert!(DisplayName::new("a\u{1b}[31m").is_none());
        assert!(DisplayName::new(&"ä".repeat(128)).is_some());
        assert!(DisplayName::new(&"ä".repeat(129)).is_none());
        assert!(DisplayName::new("東京").is_some() && DisplayName::new("7").is_some());
        for unseen in ["a\u{202e}b", "a\u{200b}", "\u{feff}a", "a\u{2066}b", "a\nb", "---", "!?"] {
            assert!(DisplayName::new(unseen).is_none(), "{unseen:?}");
        }
        assert!(ExternalRef::new("crm:42").is_some());
        assert!(ExternalRef::new("crm 42").is_none());
        assert!(ReasonCode::new("unpaid").is_some());
        assert!(ReasonCode::new("2late").is_none());
        assert!(ReasonCode::new(&"a".repeat(49)).is_none());
    }
}
