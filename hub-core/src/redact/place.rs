//! A place in a report where an object or a list is expected.

use std::borrow::Cow;

use serde::de::{DeserializeSeed, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use crate::members::MemberName;

/// How a report is read. A name may hold half of a character, and a number may have any exponent: that is JSON
/// (RFC 8259 §8.2, §6), and yet serde calls it an error wherever it looks at a value to tell its type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// As almost all can be.
    Fast,
    /// For what is JSON and could not be read so: the types of values are told from their first characters,
    /// and names are read as bytes.
    Patient,
}

/// What is expected in a place. Whatever else stands there is skipped, never collected.
pub(super) trait Expected<'de>: Sized {
    /// Notes that something else stands there.
    fn wrong(self);

    /// How the report is read.
    fn way(&self) -> Way;

    fn object<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        self.wrong();
        Ok(())
    }

    fn list<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        self.wrong();
        Ok(())
    }
}

/// Reads a value as what is expected in its place.
pub(super) struct Place<X>(pub(super) X);

impl<'de, X: Expected<'de>> DeserializeSeed<'de> for Place<X> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        if self.0.way() == Way::Fast {
            return deserializer.deserialize_any(self);
        }
        let value = <&RawValue>::deserialize(deserializer)?.get();
        if value.starts_with(['{', '[']) {
            let mut json = serde_json::Deserializer::from_str(value);
            return json.deserialize_any(self).map_err(D::Error::custom);
        }
        self.scalar();
        Ok(())
    }
}

impl<X> Place<X> {
    fn scalar<'de>(self)
    where
        X: Expected<'de>,
    {
        self.0.wrong();
    }
}

impl<'de, X: Expected<'de>> Visitor<'de> for Place<X> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("part of a report")
    }
    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<(), A::Error> {
        self.0.object(map)
    }
    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<(), A::Error> {
        self.0.list(list)
    }
    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        self.scalar();
        Ok(())
    }
    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        self.scalar();
        Ok(())
    }
    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        self.scalar();
        Ok(())
    }
    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        self.scalar();
        Ok(())
    }
    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        self.scalar();
        Ok(())
    }
    fn visit_unit<E>(self) -> Result<(), E> {
        self.scalar();
        Ok(())
    }
}

/// Reads the name of a member, borrowed when it contains no escapes.
pub(super) struct Name(pub(super) Way);

impl<'de> DeserializeSeed<'de> for Name {
    type Value = Cow<'de, str>;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        match self.0 {
            Way::Fast => MemberName::deserialize(deserializer).map(|MemberName(name)| name),
            Way::Patient => deserializer.deserialize_bytes(self),
        }
    }
}

impl<'de> Visitor<'de> for Name {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a name")
    }
    fn visit_bytes<E>(self, name: &[u8]) -> Result<Self::Value, E> {
        // What is no text is like no name that is known, and unlike any other of its kind.
        Ok(str::from_utf8(name)
            .map_or_else(|_| name.escape_ascii().to_string(), str::to_owned)
            .into())
    }
}
