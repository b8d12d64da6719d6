//! The closed grammars of the names that operators may list.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::fields::Field;

/// The words of a name, each with whether it may begin so and go on so.
struct Grammar {
    /// The longest name.
    length: usize,
    /// What joins two words.
    joints: &'static [char],
    /// The most words.
    words: usize,
    /// The longest first word, and the longest of those after it.
    word: (usize, usize),
    /// Whether a letter is one of this grammar's.
    letter: fn(char) -> bool,
    /// Whether the words after the first may begin with a digit.
    digit_first: bool,
}

impl Grammar {
    fn fits(&self, name: &str) -> bool {
        name.len() <= self.length
            && name.split(self.joints).count() <= self.words
            && name.split(self.joints).enumerate().all(|(at, word)| self.fits_word(at == 0, word))
    }

    fn fits_word(&self, first: bool, word: &str) -> bool {
        let longest = if first { self.word.0 } else { self.word.1 };
        let begins =
            |c: char| (self.letter)(c) || (!first && self.digit_first && c.is_ascii_digit());
        (1..=longest).contains(&word.len())
            && word.starts_with(begins)
            && word.chars().all(|c| (self.letter)(c) || c.is_ascii_digit())
    }
}

macro_rules! checked_name {
    ($(#[doc = $doc:literal])+ $name:ident, $grammar:expr, $pattern:literal, $length:literal, $other:literal) => {
        $(#[doc = $doc])+
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            /// The grammar as a regular expression.
            pub const PATTERN: &str = $pattern;
            const GRAMMAR: Grammar = $grammar;

            /// Takes a name that fits the grammar.
            #[must_use]
            pub fn parse(text: &str) -> Option<Self> {
                Self::GRAMMAR.fits(text).then(|| Self(text.to_owned()))
            }

            /// What the hub counts unlisted names under. No catalogue lists it.
            pub const OTHER: &str = $other;

            /// The name that the hub counts unlisted names under.
            #[must_use]
            pub fn other() -> Self {
                Self(Self::OTHER.to_owned())
            }

            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl std::str::FromStr for $name {
            type Err = &'static str;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::parse(text).ok_or(<Self as Field>::EXPECTED)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
                Self::parse(&text).ok_or_else(|| de::Error::custom("not in the grammar"))
            }
        }

        $crate::schema::inline_schema!($name, {
            "type": "string", "maxLength": $length, "pattern": concat!("^", $pattern, "$")
        });

        impl Field for $name {
            const EXPECTED: &'static str = concat!(
                "must be ", $pattern, ", at most ", $length, " characters"
            );
        }
    };
}

checked_name!(
    /// A tool: words joined by `.`, `_` or `-`.
    ToolName,
    Grammar {
        length: 64,
        joints: &['.', '_', '-'],
        words: 5,
        word: (24, 24),
        letter: |c| c.is_ascii_lowercase(),
        digit_first: false,
    },
    "[a-z][a-z0-9]{0,23}([._-][a-z][a-z0-9]{0,23}){0,4}",
    64,
    "other"
);

checked_name!(
    /// An error code: upper-case words joined by `_`.
    CodeName,
    Grammar {
        length: 48,
        joints: &['_'],
        words: 5,
        word: (16, 15),
        letter: |c| c.is_ascii_uppercase(),
        digit_first: true,
    },
    "[A-Z][A-Z0-9]{0,15}(_[A-Z0-9]{1,15}){0,4}",
    48,
    "OTHER"
);

checked_name!(
    /// A named count: lower-case words joined by `_`.
    CountName,
    Grammar {
        length: 80,
        joints: &['_'],
        words: 5,
        word: (16, 15),
        letter: |c| c.is_ascii_lowercase(),
        digit_first: true,
    },
    "[a-z][a-z0-9]{0,15}(_[a-z0-9]{1,15}){0,4}",
    80,
    "other"
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tools_follow_the_grammar() {
        let long = format!("{}.{}.{}", "a".repeat(24), "b".repeat(24), "c".repeat(14));
        for good in ["browser.navigate", "a", "s3.put_object-v2", "a.b.c.d.e", "other", &long] {
            assert!(ToolName::parse(good).is_some(), "{good}");
        }
        let longer = format!("{long}c");
        for bad in [
            "",
            "Browser",
            "1a",
            "a..b",
            ".a",
            "a.",
            "a b",
            "a.1b",
            "a.b.c.d.e.f",
            "ä",
            "a\u{200b}",
            &"a".repeat(25),
            &longer,
            "a/b",
            "a:b",
        ] {
            assert!(ToolName::parse(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn codes_and_counts_follow_their_grammars() {
        for good in ["TIMEOUT", "HTTP_503", "A", "E2BIG", "OTHER", "A_1_2_3_4"] {
            assert!(CodeName::parse(good).is_some(), "{good}");
        }
        for bad in ["", "timeout", "1A", "A__B", "_A", "A_", "A-B", "A_B_C_D_E_F"] {
            assert!(CodeName::parse(bad).is_none(), "{bad}");
        }
        for good in ["agents_online", "x", "p99_ms", "a_1"] {
            assert!(CountName::parse(good).is_some(), "{good}");
        }
        for bad in ["", "Agents", "agents online", "a.b", "9a"] {
            assert!(CountName::parse(bad).is_none(), "{bad}");
        }
    }
}
