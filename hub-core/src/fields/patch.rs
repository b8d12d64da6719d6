//! What a PATCH does to one field.

use std::borrow::Cow;

use serde::{Serialize, Serializer};

/// What a PATCH does to a field that may be null.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Patch<T> {
    /// The member is absent: the field stays as it is.
    #[default]
    Keep,
    /// The member is `null`: the field is cleared.
    Clear,
    /// The member is a value: the field gets it.
    Set(T),
}

impl<T> Patch<T> {
    /// Whether the field stays as it is; for `skip_serializing_if`.
    pub fn is_keep(&self) -> bool {
        matches!(self, Self::Keep)
    }

    /// The same patch, or `Keep` when it would not change `current`.
    #[must_use]
    pub fn unless_set(self, current: &Option<T>) -> Self
    where
        T: PartialEq,
    {
        let same = match (&self, current) {
            (Self::Clear, None) => true,
            (Self::Set(value), Some(current)) => value == current,
            _ => false,
        };
        if same { Self::Keep } else { self }
    }

    /// The value of the field after the PATCH.
    pub fn apply(self, current: Option<T>) -> Option<T> {
        match self {
            Self::Keep => current,
            Self::Clear => None,
            Self::Set(value) => Some(value),
        }
    }
}

impl<T: schemars::JsonSchema> schemars::JsonSchema for Patch<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        Option::<T>::schema_name()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        Option::<T>::json_schema(generator)
    }
}

impl<T: Serialize> Serialize for Patch<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Set(value) => value.serialize(serializer),
            Self::Keep | Self::Clear => serializer.serialize_none(),
        }
    }
}
