//! The closed grammars of names, and what looks like a key or an identifier.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::fields::Field;

/// What known keys start with, in lower case. `eyj`, `akia` and `asia` are told by what follows.
const KEY_FORMS: [&str; 18] = [
    "lb_inst_",
    "lb_admin_",
    "hk_",
    "ghp_",
    "gho_",
    "ghs_",
    "ghu_",
    "github_pat_",
    "glpat-",
    "sk_live_",
    "sk_test_",
    "pk_live_",
    "rk_live_",
    "sk-ant-",
    "sk-proj-",
    "xoxa-",
    "xoxb-",
    "xoxp-",
];
/// The same, when 10 letters or digits follow.
const KEY_STARTS: [&str; 3] = ["eyj", "akia", "asia"];

/// Whether a name that fits a grammar has the look of a key or an identifier.
fn looks_like_a_key(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    let known = KEY_FORMS.iter().any(|form| lower.starts_with(form));
    let started = KEY_STARTS.iter().any(|start| {
        lower
            .strip_prefix(start)
            .is_some_and(|rest| rest.bytes().take_while(u8::is_ascii_alphanumeric).count() >= 10)
    });
    let hex = lower.split(|c: char| !c.is_ascii_hexdigit());
    let hex =
        hex.into_iter().any(|run| run.len() >= 12 && run.contains(|c: char| c.is_ascii_digit()));
    let digits = lower.split(|c: char| !c.is_ascii_digit()).any(|run| run.len() > 4);
    known || started || hex || digits
}

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
    /// The most digits of a word.
    digits: usize,
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
            && word.chars().filter(char::is_ascii_digit).count() <= self.digits
    }
}

macro_rules! clean_name {
    ($(#[doc = $doc:literal])+ $name:ident, $grammar:expr, $pattern:literal, $length:literal, $other:literal) => {
        $(#[doc = $doc])+
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            /// The grammar as a regular expression.
            pub const PATTERN: &str = $pattern;
            const GRAMMAR: Grammar = $grammar;

            /// Takes a name that fits the grammar and does not look like a key or an identifier.
            #[must_use]
            pub fn clean(text: &str) -> Option<Self> {
                #[cfg(feature = "proof")]
                if crate::proof::leak() == Some(crate::proof::Leak::Names) {
                    return Some(Self(text.to_owned()));
                }
                let clean = Self::GRAMMAR.fits(text) && !looks_like_a_key(text);
                clean.then(|| Self(text.to_owned()))
            }

            /// What names that are not kept are counted under.
            #[must_use]
            pub fn other() -> Self {
                Self($other.to_owned())
            }

            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
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
                Self::clean(text).ok_or(<Self as Field>::EXPECTED)
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
                Self::clean(&text).ok_or_else(|| de::Error::custom("not a name that is kept"))
            }
        }

        $crate::schema::inline_schema!($name, {
            "type": "string", "maxLength": $length, "pattern": concat!("^", $pattern, "$")
        });

        impl Field for $name {
            const EXPECTED: &'static str = concat!(
                "must be ", $pattern, ", at most ", $length,
                " characters, and not look like a key or an identifier"
            );
        }
    };
}

clean_name!(
    /// A tool: words joined by `.`, `_` or `-`, with at most 2 digits each.
    ToolName,
    Grammar {
        length: 64,
        joints: &['.', '_', '-'],
        words: 5,
        word: (24, 24),
        letter: |c| c.is_ascii_lowercase(),
        digit_first: false,
        digits: 2,
    },
    "[a-z][a-z0-9]{0,23}([._-][a-z][a-z0-9]{0,23}){0,4}",
    64,
    "other"
);

clean_name!(
    /// An error code: upper-case words joined by `_`.
    CodeName,
    Grammar {
        length: 48,
        joints: &['_'],
        words: 5,
        word: (16, 15),
        letter: |c| c.is_ascii_uppercase(),
        digit_first: true,
        digits: usize::MAX,
    },
    "[A-Z][A-Z0-9]{0,15}(_[A-Z0-9]{1,15}){0,4}",
    48,
    "OTHER"
);

clean_name!(
    /// A named count: lower-case words joined by `_`.
    CountName,
    Grammar {
        length: 80,
        joints: &['_'],
        words: 5,
        word: (16, 15),
        letter: |c| c.is_ascii_lowercase(),
        digit_first: true,
        digits: usize::MAX,
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
            assert!(ToolName::clean(good).is_some(), "{good}");
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
            "abc123",
            &"a".repeat(25),
            &longer,
            "a/b",
            "a:b",
        ] {
            assert!(ToolName::clean(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn codes_and_counts_follow_their_grammars() {
        for good in ["TIMEOUT", "HTTP_503", "A", "E2BIG", "OTHER", "A_1_2_3_4"] {
            assert!(CodeName::clean(good).is_some(), "{good}");
        }
        for bad in ["", "timeout", "1A", "A__B", "_A", "A_", "A-B", "A_B_C_D_E_F", "HTTP_50312"] {
            assert!(CodeName::clean(bad).is_none(), "{bad}");
        }
        for good in ["agents_online", "x", "p99_ms", "a_1"] {
            assert!(CountName::clean(good).is_some(), "{good}");
        }
        for bad in ["", "Agents", "agents online", "a.b", "user_12345", "9a"] {
            assert!(CountName::clean(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn what_looks_like_a_key_is_no_name() {
        for key in [
            "hk_live",
            "ghp_abc",
            "sk_live_x",
            "glpat-x",
            "sk-ant-x",
            "xoxb-a",
            "github_pat_a",
            "eyjhbgcioijiuzi",
            "akiaiosfodnnab",
            "asia.b.c",
            "lb_inst_a",
            "lb_admin_a",
        ] {
            assert_eq!(ToolName::clean(key).is_some(), key == "asia.b.c", "{key}");
        }
        assert!(CodeName::clean("AKIAIOSFODNN7EXA").is_none());
        assert!(CountName::clean("deadbeef0cafe").is_none(), "a run of 12 hex digits with a digit");
        assert!(CountName::clean("deadbeefcafe").is_some(), "letters only may be a word");
        assert!(CountName::clean("port_8080").is_some());
        assert!(CountName::clean("port_80800").is_none());
    }
}
