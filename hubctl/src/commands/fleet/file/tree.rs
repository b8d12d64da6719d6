//! TOML, YAML and JSON → one tree, in which every value knows its place.
//!
//! JSON is read by the YAML parser, which knows places, after a JSON parser found it to be JSON.

mod toml;
mod yaml;

use std::fmt;
use std::path::Path;

use serde_json::Value as Json;

/// A place in a file; both count from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct At {
    /// The line.
    pub(crate) line: usize,
    /// The character in the line.
    pub(crate) column: usize,
}

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// A fault at a place in the file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Fault {
    /// The place.
    pub(crate) at: At,
    /// What is wrong there.
    pub(crate) message: String,
}

/// A value and its place.
#[derive(Debug)]
pub(crate) struct Node {
    /// Where it begins.
    pub(crate) at: At,
    /// The value.
    pub(crate) value: Value,
}

/// A value.
#[derive(Debug)]
pub(crate) enum Value {
    /// Text, a number, true, false or null.
    Scalar(Json),
    /// A list.
    List(Vec<Node>),
    /// Names and values, in the order of the file where its parser keeps that.
    Map(Vec<(String, At, Node)>),
}

/// How a file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Syntax {
    /// TOML.
    Toml,
    /// YAML 1.2.
    Yaml,
    /// JSON.
    Json,
}

impl Syntax {
    /// The syntax of a file: its name says it, or else its first line with content.
    pub(crate) fn of(path: &Path, text: &str) -> Self {
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("toml") => Self::Toml,
            Some("yaml" | "yml") => Self::Yaml,
            Some("json") => Self::Json,
            _ => Self::of_text(text),
        }
    }

    fn of_text(text: &str) -> Self {
        let mut lines = text.lines().map(str::trim);
        let first = lines.find(|line| !line.is_empty() && !line.starts_with('#')).unwrap_or("");
        let (equals, colon) = (first.find('='), first.find(':'));
        match first.chars().next() {
            Some('{') => Self::Json,
            Some('[') | None => Self::Toml,
            _ if equals.is_some_and(|at| colon.is_none_or(|colon| at < colon)) => Self::Toml,
            _ => Self::Yaml,
        }
    }
}

/// Reads a file's text.
pub(crate) fn parse(text: &str, syntax: Syntax) -> Result<Node, Vec<Fault>> {
    match syntax {
        Syntax::Toml => toml::read(text),
        Syntax::Yaml => yaml::read(text).map_err(|fault| vec![fault]),
        Syntax::Json => yaml::read_json(text).map_err(|fault| vec![fault]),
    }
}

impl Node {
    /// The value as JSON, for the types of the API to read.
    pub(crate) fn to_json(&self) -> Json {
        match &self.value {
            Value::Scalar(scalar) => scalar.clone(),
            Value::List(items) => items.iter().map(Self::to_json).collect(),
            Value::Map(members) => {
                Json::Object(members.iter().map(|(n, _, v)| (n.clone(), v.to_json())).collect())
            }
        }
    }

    /// Whether it is null.
    pub(crate) fn is_null(&self) -> bool {
        matches!(self.value, Value::Scalar(Json::Null))
    }

    /// Why a value that should be text is none, if it only lacks quotes: `1.10` is the number 1.1, and `no`
    /// is false.
    pub(crate) fn unquoted(&self) -> Option<&'static str> {
        let lacks =
            matches!(self.value, Value::Scalar(Json::Number(_) | Json::Bool(_) | Json::Null));
        lacks.then_some("must be text: put it in quotes, such as \"1.10\"")
    }

    /// The text, if it is one.
    pub(crate) fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar(Json::String(text)) => Some(text),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member<'a>(node: &'a Node, name: &str) -> (At, &'a Node) {
        let Value::Map(members) = &node.value else { panic!("{node:?}") };
        let found = members.iter().find(|(member, _, _)| member == name);
        found.map(|(_, at, value)| (*at, value)).unwrap()
    }

    #[test]
    fn all_three_give_the_same_tree_with_places() {
        let toml = "version = 1\nclient = [{ slug = \"ä\", b = [true, 0x10] }]\n";
        let yaml = "version: 1\nclient:\n- {slug: ä, b: [true, 16]}\n";
        let json = "{\"version\": 1,\n\t\"client\": [{\"slug\": \"\\u00e4\", \"b\": [true, 16]}]}";
        let expected =
            serde_json::json!({"version": 1, "client": [{"slug": "ä", "b": [true, 16]}]});
        for (text, syntax, line, column) in
            [(toml, Syntax::Toml, 2, 20), (yaml, Syntax::Yaml, 3, 10), (json, Syntax::Json, 2, 22)]
        {
            let tree = parse(text, syntax).unwrap();
            assert_eq!(tree.to_json(), expected, "{syntax:?}");
            let (_, clients) = member(&tree, "client");
            let Value::List(clients) = &clients.value else { panic!("no list") };
            assert_eq!(member(&clients[0], "slug").1.at, At { line, column }, "{syntax:?}");
            assert_eq!(Syntax::of(Path::new("-"), text), syntax);
        }
    }

    #[test]
    fn what_cannot_be_parsed_says_where() {
        let faults = |text: &str, syntax| parse(text, syntax).unwrap_err();
        let toml = faults("a = \nb = 1\nb = 2\n", Syntax::Toml);
        let places: Vec<_> = toml.iter().map(|fault| fault.at.line).collect();
        assert_eq!(places, [1, 3], "{toml:?}");
        let yaml = faults("a: 1\n  b: 2\n", Syntax::Yaml);
        assert_eq!(yaml[0].at, At { line: 2, column: 4 });
        assert_eq!(yaml[0].message, "mapping values are not allowed in this context");
        let two = faults("a: 1\n---\nb: 2\n", Syntax::Yaml);
        assert_eq!(two[0].message, "multiple YAML documents detected");
        let json = faults("{\"a\": 1,\n]", Syntax::Json);
        assert_eq!(json[0].at, At { line: 2, column: 1 }, "{json:?}");
        assert!(!json[0].message.contains("line"), "{json:?}");
        assert!(!faults("{a: 1}", Syntax::Json).is_empty(), "YAML is no JSON");
    }

    #[test]
    fn a_syntax_is_known_by_name_or_by_content() {
        assert_eq!(Syntax::of(Path::new("a.json"), "version = 1"), Syntax::Json);
        assert_eq!(Syntax::of(Path::new("a.yml"), "version = 1"), Syntax::Yaml);
        for (text, syntax) in [
            ("# a fleet: mine\nversion = 1", Syntax::Toml),
            ("[[client]]", Syntax::Toml),
            ("fleet = \"a:b\"", Syntax::Toml),
            ("---\nversion: 1", Syntax::Yaml),
            ("fleet: a=b", Syntax::Yaml),
            (" {", Syntax::Json),
            ("", Syntax::Toml),
        ] {
            assert_eq!(Syntax::of(Path::new("-"), text), syntax, "{text}");
        }
    }

    #[test]
    fn a_large_yaml_file_is_within_limits() {
        let row = "- {slug: ab, labels: {a: b, c: d}, entitlements: [a, b, c, d]}\n";
        let tree = parse(&row.repeat(40_000), Syntax::Yaml).unwrap();
        assert!(matches!(tree.value, Value::List(rows) if rows.len() == 40_000));
    }
}
