//! TOML, whose parser gives places as offsets.

use serde_json::Value as Json;
use toml::de::{DeTable, DeValue};

use super::{At, Fault, Node, Value};

/// Reads TOML; tells every fault of its syntax.
pub(super) fn read(text: &str) -> Result<Node, Vec<Fault>> {
    let places = Places::of(text);
    let (table, errors) = DeTable::parse_recoverable(text);
    if !errors.is_empty() {
        let fault = |error: &toml::de::Error| Fault {
            at: places.at(error.span().map_or(0, |span| span.start)),
            message: error.message().to_owned(),
        };
        return Err(errors.iter().map(fault).collect());
    }
    Ok(Node { at: places.at(0), value: Value::Map(members(table.get_ref(), &places)) })
}

fn members(table: &DeTable<'_>, places: &Places<'_>) -> Vec<(String, At, Node)> {
    let members = table.iter().map(|(name, value)| {
        let node = node(value.get_ref(), places.at(value.span().start), places);
        (name.get_ref().to_string(), places.at(name.span().start), node)
    });
    members.collect()
}

fn node(value: &DeValue<'_>, at: At, places: &Places<'_>) -> Node {
    let value = match value {
        DeValue::Table(table) => Value::Map(members(table, places)),
        DeValue::Array(items) => {
            let node = |item: &toml::Spanned<DeValue<'_>>| {
                node(item.get_ref(), places.at(item.span().start), places)
            };
            Value::List(items.iter().map(node).collect())
        }
        DeValue::String(text) => Value::Scalar(Json::from(text.as_ref())),
        DeValue::Boolean(truth) => Value::Scalar(Json::from(*truth)),
        // A date needs no quotes in TOML.
        DeValue::Datetime(time) => Value::Scalar(Json::from(time.to_string())),
        DeValue::Integer(number) => {
            let parsed = i64::from_str_radix(number.as_str(), number.radix());
            Value::Scalar(parsed.map_or(Json::from(f64::MAX), Json::from))
        }
        DeValue::Float(number) => {
            Value::Scalar(Json::from(number.as_str().parse::<f64>().unwrap_or(f64::MAX)))
        }
    };
    Node { at, value }
}

/// Offsets in bytes → lines and columns.
struct Places<'a> {
    text: &'a str,
    starts: Vec<usize>,
}

impl<'a> Places<'a> {
    fn of(text: &'a str) -> Self {
        let ends = text.match_indices('\n').map(|(at, _)| at + 1);
        Self { text, starts: std::iter::once(0).chain(ends).collect() }
    }

    fn at(&self, offset: usize) -> At {
        let line = self.starts.partition_point(|start| *start <= offset);
        let start = self.starts[line - 1];
        let before = self.text.get(start..offset).unwrap_or_default();
        At { line, column: before.chars().count() + 1 }
    }
}
