//! YAML and JSON, whose parser gives the place of each value.

use std::fmt;

use serde::Deserialize;
use serde::de::{self, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value as Json;
use serde_saphyr::{DuplicateKeyPolicy, Spanned};

use super::{At, Fault, Node, Value};

/// Reads JSON, which is YAML once it is certain to be JSON.
pub(super) fn read_json(text: &str) -> Result<Node, Fault> {
    serde_json::from_str::<IgnoredAny>(text).map_err(|error| {
        let told = error.to_string();
        // The place is reported separately.
        let message = told.split(" at line ").next().unwrap_or_default().to_owned();
        Fault { at: At { line: error.line().max(1), column: error.column().max(1) }, message }
    })?;
    read(text)
}

/// Reads one YAML document.
pub(super) fn read(text: &str) -> Result<Node, Fault> {
    // The parser's limits are for files from strangers. This file is the operator's own, its size was
    // limited when it was read, and it is as large as the fleet. The limits on aliases stay.
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_events: usize::MAX,
            max_nodes: usize::MAX,
        },
        // Told with both places by the reader.
        duplicate_keys: DuplicateKeyPolicy::PassThrough,
        strict_booleans: true,
        leading_zero_numbers_as_strings: true,
    };
    let read: Result<Node, _> = serde_saphyr::from_str_with_options(text, options);
    read.map_err(|error| {
        let at = error.location().map_or(At { line: 1, column: 1 }, place);
        let told = error.without_snippet().to_string();
        let message = told.rsplit_once(" at line ").map_or(told.as_str(), |(message, _)| message);
        // The rest of the message is for programmers.
        let message = message.split("; use ").next().unwrap_or_default();
        Fault { at, message: message.to_owned() }
    })
}

fn place(location: serde_saphyr::Location) -> At {
    let number = |n: u64| usize::try_from(n).unwrap_or(usize::MAX).max(1);
    At { line: number(location.line()), column: number(location.column()) }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Spanned { value, referenced, .. } = Spanned::<Value>::deserialize(deserializer)?;
        Ok(Self { at: place(referenced), value })
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyValue)
    }
}

struct AnyValue;

impl<'de> Visitor<'de> for AnyValue {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E: de::Error>(self) -> Result<Value, E> {
        Ok(Value::Scalar(Json::Null))
    }

    fn visit_none<E: de::Error>(self) -> Result<Value, E> {
        self.visit_unit()
    }

    fn visit_bool<E: de::Error>(self, truth: bool) -> Result<Value, E> {
        Ok(Value::Scalar(Json::from(truth)))
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Value, E> {
        Ok(Value::Scalar(Json::from(number)))
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Value, E> {
        Ok(Value::Scalar(Json::from(number)))
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<Value, E> {
        Ok(Value::Scalar(Json::from(number)))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Value, E> {
        Ok(Value::Scalar(Json::from(text)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(Value::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut members = Vec::new();
        while let Some((name, value)) = map.next_entry::<Spanned<String>, Node>()? {
            members.push((name.value, place(name.referenced), value));
        }
        Ok(Value::Map(members))
    }
}
