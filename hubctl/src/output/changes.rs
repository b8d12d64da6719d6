//! What a change does to each field, before it is made.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A field that gets another value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FieldChange {
    /// Its name in the API.
    pub(crate) field: String,
    /// What it was.
    pub(crate) before: Value,
    /// What it becomes.
    pub(crate) after: Value,
}

impl FieldChange {
    /// Each field of a request, with its present value.
    pub(crate) fn all(request: &impl Serialize, present: Option<&Value>) -> Vec<Self> {
        let Ok(Value::Object(members)) = serde_json::to_value(request) else {
            return Vec::new();
        };
        let before = |field: &str| present.and_then(|present| present.get(field)).cloned();
        let change = |(field, after): (String, Value)| Self {
            before: before(&field).unwrap_or(Value::Null),
            field,
            after,
        };
        members.into_iter().map(change).filter(|change| change.before != change.after).collect()
    }

    /// A line for each, as a plan has them.
    pub(crate) fn lines(changes: &[Self]) -> String {
        let mut lines = String::new();
        for Self { field, before, after } in changes {
            let _ =
                writeln!(lines, "    {field}: {} → {}", value(field, before), value(field, after));
        }
        lines
    }
}

fn value(field: &str, value: &Value) -> String {
    match value {
        Value::Null if field == "expires_at" => "never".to_owned(),
        Value::Null => "none".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(items) if items.is_empty() => "none".to_owned(),
        Value::Array(items) => {
            items.iter().map(|item| item.as_str().unwrap_or_default()).collect::<Vec<_>>().join(",")
        }
        Value::Object(pairs) if pairs.is_empty() => "none".to_owned(),
        Value::Object(pairs) => {
            let pair = |(key, value): (&String, &Value)| {
                format!("{key}={}", value.as_str().unwrap_or_default())
            };
            pairs.iter().map(pair).collect::<Vec<_>>().join(",")
        }
        other => other.to_string(),
    }
}
