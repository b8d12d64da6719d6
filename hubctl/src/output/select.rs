//! `--fields`: only the named members of the API's JSON, in that order.

use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::{Map, Value};

use crate::error::{Failure, Result};
use crate::words::FieldPath;

/// The values of an object at each path; `None` where it has none.
pub(super) fn values<'a>(object: &'a Value, paths: &[FieldPath]) -> Vec<Option<&'a Value>> {
    paths.iter().map(|path| at(object, path.names())).collect()
}

fn at<'a>(value: &'a Value, names: &[String]) -> Option<&'a Value> {
    let [name, rest @ ..] = names else {
        return Some(value);
    };
    let members = value.as_object()?;
    // A label's name may have dots.
    members.get(&names.join(".")).or_else(|| at(members.get(name)?, rest))
}

/// Refuses a path that no object can have: it is a mistake. An empty list has no mistakes.
pub(super) fn check(objects: &[Value], paths: &[FieldPath]) -> Result<()> {
    let Some(Value::Object(first)) = objects.first() else {
        return Ok(());
    };
    let wrong = |path: &&FieldPath| objects.iter().all(|object| !may_be(object, path.names()));
    let Some(path) = paths.iter().find(wrong) else {
        return Ok(());
    };
    let failure = Failure::usage(format!("--fields: there is no field {path}"));
    let inside = path.names().last().and_then(|name| inside(first, name));
    Err(failure.hint(match inside {
        Some(path) => format!("did you mean {path}?"),
        None => format!("there are {}", names_of(first).join(", ")),
    }))
}

fn names_of(object: &Map<String, Value>) -> Vec<&str> {
    object.keys().map(String::as_str).collect()
}

/// The path of a member of this name that stands in a member: `expires_at` is `license.expires_at`.
fn inside(object: &Map<String, Value>, name: &str) -> Option<String> {
    let outer = object.iter().find(|(_, member)| member.get(name).is_some());
    outer.map(|(outer, _)| format!("{outer}.{name}"))
}

/// Whether the object has such a member, or could have it where it has null. Labels can have any name.
fn may_be(value: &Value, names: &[String]) -> bool {
    match (names, value) {
        ([], _) | (_, Value::Null) => true,
        ([name, _, ..], Value::Object(members)) if name == "labels" => members.contains_key(name),
        ([name, rest @ ..], Value::Object(members)) => {
            members.get(name).is_some_and(|member| may_be(member, rest))
        }
        _ => false,
    }
}

/// The members of an object at some paths, nested as they are in the object.
pub(super) struct Selected<'a> {
    members: Vec<(&'a str, Member<'a>)>,
}

enum Member<'a> {
    Value(&'a Value),
    Object(Selected<'a>),
}

impl<'a> Selected<'a> {
    /// Of this object.
    pub(super) fn of(object: &'a Value, paths: &'a [FieldPath]) -> Self {
        let mut selected = Self { members: Vec::new() };
        for (path, value) in paths.iter().zip(values(object, paths)) {
            selected.add(path.names(), value.unwrap_or(&Value::Null));
        }
        selected
    }

    fn add(&mut self, names: &'a [String], value: &'a Value) {
        let [name, rest @ ..] = names else { return };
        let at = self.members.iter().position(|(known, _)| known == name);
        if rest.is_empty() {
            match at {
                Some(at) => self.members[at].1 = Member::Value(value),
                None => self.members.push((name, Member::Value(value))),
            }
            return;
        }
        let at = at.unwrap_or_else(|| {
            let empty = Self { members: Vec::new() };
            self.members.push((name, Member::Object(empty)));
            self.members.len() - 1
        });
        // If the whole object was selected too, it contains this already.
        if let Member::Object(object) = &mut self.members[at].1 {
            object.add(rest, value);
        }
    }
}

impl Serialize for Selected<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.members.len()))?;
        for (name, member) in &self.members {
            match member {
                Member::Value(value) => map.serialize_entry(name, value)?,
                Member::Object(object) => map.serialize_entry(name, object)?,
            }
        }
        map.end()
    }
}

/// A value as a cell: text as it is, lists with commas, objects as `key=value`.
pub(super) fn cell(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(items)) => {
            items.iter().map(|item| cell(Some(item))).collect::<Vec<_>>().join(",")
        }
        Some(Value::Object(members)) => {
            let pairs = members.iter().map(|(name, value)| format!("{name}={}", cell(Some(value))));
            pairs.collect::<Vec<_>>().join(",")
        }
        Some(Value::Number(number)) => match number.as_f64() {
            Some(share) if number.is_f64() => rounded(share),
            _ => number.to_string(),
        },
        Some(other) => other.to_string(),
    }
}

/// A fraction with up to six decimals: nobody reads more, and a spreadsheet has no use for them.
pub(super) fn rounded(number: f64) -> String {
    let text = format!("{number:.6}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    // A share above zero is never shown as zero.
    if text == "0" && number != 0.0 { format!("{number:e}") } else { text.to_owned() }
}

/// The same as a number.
pub(crate) fn short(number: f64) -> f64 {
    rounded(number).parse().unwrap_or(number)
}

/// All members of an object that are no objects themselves, each under its path.
pub(super) fn leaves(object: &Value) -> Vec<(String, String)> {
    fn add(leaves: &mut Vec<(String, String)>, path: &str, value: &Value) {
        match value {
            Value::Object(members) => {
                for (name, value) in members {
                    let path =
                        if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                    add(leaves, &path, value);
                }
            }
            value => leaves.push((path.to_owned(), cell(Some(value)))),
        }
    }
    let mut leaves = Vec::new();
    add(&mut leaves, "", object);
    leaves
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn paths(text: &str) -> Vec<FieldPath> {
        use clap::Parser;
        let cli = crate::cli::Cli::try_parse_from(["hubctl", "stats", "--fields", text]);
        cli.unwrap().global.fields
    }

    #[test]
    fn fields_come_in_the_order_asked_for_nested_as_they_are() {
        let object = json!({"a": 1, "b": {"c": [1, 2], "d": null}, "e": {"f": "x"}});
        let selected =
            |text: &str| serde_json::to_string(&Selected::of(&object, &paths(text))).unwrap();
        assert_eq!(selected("b.d,a,b.c"), r#"{"b":{"d":null,"c":[1,2]},"a":1}"#);
        assert_eq!(selected("b,b.c"), r#"{"b":{"c":[1,2],"d":null}}"#);
        assert_eq!(selected("a,missing"), r#"{"a":1,"missing":null}"#);
    }

    #[test]
    fn a_field_that_nothing_has_is_a_mistake() {
        let objects = [json!({"a": 1, "key": null}), json!({"a": 1, "key": {"n": 2}})];
        assert!(check(&objects, &paths("a,key.n")).is_ok());
        assert!(check(&objects[..1], &paths("key.n")).is_ok(), "it may be null in each");
        assert!(check(&[], &paths("anything")).is_ok());
        let labelled = [json!({"labels": {"hubctl.fleet": "x"}})];
        assert!(check(&labelled, &paths("labels.env,labels.hubctl.fleet")).is_ok());
        assert_eq!(values(&labelled[0], &paths("labels.hubctl.fleet"))[0], Some(&json!("x")));
        for (wrong, hint) in [
            ("b", "there are a, key"),
            ("a.b", "there are a, key"),
            ("n", "did you mean key.n?"),
            ("other.n", "did you mean key.n?"),
        ] {
            let json = check(&objects[1..], &paths(wrong)).unwrap_err().to_json();
            assert!(json.contains(hint), "{wrong}: {json}");
        }
    }

    #[test]
    fn cells_hold_no_json() {
        let object = json!({"set": {"env": "prod", "n": 1}, "list": ["a", "b"], "none": null});
        let cells: Vec<_> =
            values(&object, &paths("set,list,none")).into_iter().map(cell).collect();
        assert_eq!(cells, ["env=prod,n=1", "a,b", ""]);
    }
}
