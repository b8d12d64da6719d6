//! Labels and entitlements: small sets that operators attach to clients and instances.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::fields::{Field, Fields};
use crate::from_text::from_text;
use crate::schema::inline_schema;

/// Up to 32 pairs; key `[a-z][a-z0-9_.-]{0,62}`, value `[A-Za-z0-9_.-]{0,63}`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Labels(BTreeMap<String, String>);

const MOST_LABELS: usize = 32;

fn is_label_key(text: &str) -> bool {
    text.len() <= 63 && is_dotted_word(text)
}

fn is_label_value(text: &str) -> bool {
    text.len() <= 63
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-'))
}

fn is_dotted_word(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.bytes().all(|b| {
            b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'_' | b'.' | b'-')
        })
}

impl Labels {
    /// The pairs, ordered by key.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// Whether the set is empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<LabelPair> for Labels {
    fn from_iter<I: IntoIterator<Item = LabelPair>>(pairs: I) -> Self {
        Self(pairs.into_iter().map(|pair| (pair.key, pair.value)).collect())
    }
}

impl<'de> Deserialize<'de> for Labels {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct LabelsVisitor;
        impl<'de> Visitor<'de> for LabelsVisitor {
            type Value = Labels;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("labels")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Labels, A::Error> {
                let mut labels = BTreeMap::new();
                while let Some((key, value)) = map.next_entry::<String, String>()? {
                    let fits = is_label_key(&key) && is_label_value(&value);
                    if !fits || labels.insert(key, value).is_some() || labels.len() > MOST_LABELS {
                        return Err(de::Error::custom("labels out of bounds"));
                    }
                }
                Ok(Labels(labels))
            }
        }
        deserializer.deserialize_map(LabelsVisitor)
    }
}

inline_schema!(Labels, {
    "type": "object", "maxProperties": 32,
    "propertyNames": {"pattern": "^[a-z][a-z0-9_.-]{0,62}$"},
    "additionalProperties": {"type": "string", "pattern": "^[A-Za-z0-9_.-]{0,63}$"},
    "examples": [{"env": "prod"}]
});

impl Field for Labels {
    const EXPECTED: &'static str = "must be an object of up to 32 pairs, each key once: \
        key [a-z][a-z0-9_.-]{0,62}, value [A-Za-z0-9_.-]{0,63}";
}

/// One `key=value` pair, as hubctl sets it and as lists are filtered by it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabelPair {
    /// The label's key.
    pub key: String,
    /// The label's value, which may be empty.
    pub value: String,
}

/// The text is not `key=value`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be key=value: key [a-z][a-z0-9_.-]{{0,62}}, value [A-Za-z0-9_.-]{{0,63}}")]
pub struct MalformedLabel;

impl FromStr for LabelPair {
    type Err = MalformedLabel;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (key, value) = text.split_once('=').ok_or(MalformedLabel)?;
        if !is_label_key(key) || !is_label_value(value) {
            return Err(MalformedLabel);
        }
        Ok(Self { key: key.to_owned(), value: value.to_owned() })
    }
}

impl fmt::Display for LabelPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.key, self.value)
    }
}

impl Serialize for LabelPair {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for LabelPair {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        from_text(deserializer)
    }
}

inline_schema!(LabelPair, {
    "type": "string", "pattern": "^[a-z][a-z0-9_.-]{0,62}=[A-Za-z0-9_.-]{0,63}$",
    "examples": ["env=prod"]
});

impl Field for LabelPair {
    const EXPECTED: &'static str =
        "must be key=value: key [a-z][a-z0-9_.-]{0,62}, value [A-Za-z0-9_.-]{0,63}";
}

impl LabelPair {
    /// Reads the query parameter `label`, which may be repeated as often as a set can have labels.
    pub(crate) fn filters(fields: &mut Fields<'_>) -> Vec<Self> {
        let labels = fields.repeated("label");
        if labels.len() > MOST_LABELS {
            fields.fault("label", "may be given 32 times at most");
        }
        labels
    }
}

/// Up to 64 distinct `[a-z][a-z0-9_.-]{0,63}`, ordered.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Entitlements(BTreeSet<String>);

const MOST_ENTITLEMENTS: usize = 64;

impl Entitlements {
    /// Accepts the names when they are within the bounds.
    pub fn new(names: impl IntoIterator<Item = String>) -> Option<Self> {
        let names: Vec<String> = names.into_iter().take(MOST_ENTITLEMENTS + 1).collect();
        let fits = names.len() <= MOST_ENTITLEMENTS
            && names.iter().all(|name| name.len() <= 64 && is_dotted_word(name));
        fits.then(|| Self(names.into_iter().collect()))
    }

    /// The names, ordered.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

impl<'de> Deserialize<'de> for Entitlements {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let names = Vec::<String>::deserialize(deserializer)?;
        Self::new(names).ok_or_else(|| de::Error::custom("entitlements out of bounds"))
    }
}

inline_schema!(Entitlements, {
    "type": "array", "maxItems": 64,
    "items": {"type": "string", "pattern": "^[a-z][a-z0-9_.-]{0,63}$"}, "examples": [["sso"]]
});

impl Field for Entitlements {
    const EXPECTED: &'static str = "must be a list of up to 64 of [a-z][a-z0-9_.-]{0,63}";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_bounded_and_unambiguous() {
        let read = |json: &str| serde_json::from_str::<Labels>(json);
        assert!(read(r#"{"env": "prod", "region": ""}"#).is_ok());
        for wrong in [r#"{"Env": "x"}"#, r#"{"a": "x y"}"#, r#"{"a": 1}"#, r#"{"a":"1","a":"1"}"#] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
        let many = |n: usize| {
            let pairs: Vec<_> = (0..n).map(|i| format!(r#""k{i}":"v""#)).collect();
            format!("{{{}}}", pairs.join(","))
        };
        assert!(read(&many(32)).is_ok());
        assert!(read(&many(33)).is_err());
        assert!("env=prod".parse::<LabelPair>().is_ok());
        assert!("env".parse::<LabelPair>().is_err());
    }

    #[test]
    fn entitlements_are_a_set() {
        let read = |json: &str| serde_json::from_str::<Entitlements>(json);
        let set = read(r#"["b.c", "a", "a"]"#).unwrap();
        assert_eq!(set.iter().collect::<Vec<_>>(), ["a", "b.c"]);
        assert!(read(r#"["A"]"#).is_err());
        assert!(Entitlements::new((0..65).map(|i| format!("e{i}"))).is_none());
    }
}
