//! Handles: the names that operators and scripts use for clients, instances and admin keys.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

use crate::fields::Field;
use crate::from_text::from_text;
use crate::schema::inline_schema;

/// The text is not a handle. The message does not quote the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a handle in an accepted form")]
pub struct MalformedHandle;

/// 2 to 63 of `a-z 0-9 -`, with no `-` at either end, no two in a row, and not in the form of a UUID.
fn is_handle(text: &str) -> bool {
    (2..=63).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && !text.starts_with('-')
        && !text.ends_with('-')
        && !text.contains("--")
        && Uuid::try_parse(text).is_err()
}

macro_rules! handle {
    ($(#[doc = $doc:literal])+ $name:ident, $valid:expr, $expected:literal) => {
        $(#[doc = $doc])+
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = MalformedHandle;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                let valid: fn(&str) -> bool = $valid;
                valid(text).then(|| Self(text.to_owned())).ok_or(MalformedHandle)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                from_text(deserializer)
            }
        }

        inline_schema!($name, {
            "type": "string", "minLength": 2, "maxLength": 63,
            "pattern": "^[a-z0-9]+(-[a-z0-9]+)*$", "examples": ["acme-prod"]
        });

        impl Field for $name {
            const EXPECTED: &'static str = $expected;
        }
    };
}

handle!(
    /// A client's unique handle.
    Slug,
    is_handle,
    "must be 2 to 63 of a-z, 0-9 and single hyphens inside, and not a UUID"
);

handle!(
    /// An instance's handle, unique across all clients.
    InstanceId,
    |text| is_handle(text) && !RESERVED.contains(&text),
    "must be 2 to 63 of a-z, 0-9 and single hyphens inside, not a UUID, and none of activate, \
     validate, self"
);

handle!(
    /// An admin key's name.
    KeyName,
    is_handle,
    "must be 2 to 63 of a-z, 0-9 and single hyphens inside, and not a UUID"
);

/// Words that the public paths use in the place of an instance's handle.
const RESERVED: [&str; 3] = ["activate", "validate", "self"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn handles_follow_the_grammar() {
        for good in ["ab", "a-b", "0", "acme-prod-1", &"a".repeat(63)] {
            assert_eq!(good.parse::<Slug>().is_ok(), good.len() > 1, "{good}");
        }
        let uuid = "0191d6a0-0000-7000-8000-000000000000";
        let too_long = "a".repeat(64);
        for bad in ["", "a", "-ab", "ab-", "a--b", "A-b", "a_b", "a b", "ä-b", uuid, &too_long] {
            assert!(bad.parse::<Slug>().is_err(), "{bad}");
        }
        assert!("0191d6a0000070008000000000000000".parse::<Slug>().is_err(), "a UUID too");
    }

    #[test]
    fn an_instance_cannot_take_a_word_of_the_paths() {
        for word in RESERVED {
            assert!(word.parse::<InstanceId>().is_err());
            assert!(word.parse::<Slug>().is_ok());
        }
    }
}
