//! Types on the page.

use serde_json::Value;

use super::html::Html;
use super::text;

/// Writes a named type with its members.
pub(super) fn definition(html: &mut Html, name: &str, schema: &Value) {
    html.raw("<details id=\"type-");
    html.text(name);
    html.raw("\"><summary>");
    html.element("code", name);
    html.raw("</summary><p>");
    html.prose(text(schema, "/description"));
    html.raw("</p>");
    let required: Vec<&str> =
        schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    if let Some(members) = schema["properties"].as_object() {
        html.raw("<dl>");
        for (member, schema) in members {
            html.raw("<dt>");
            html.element("code", member);
            html.raw(" <small>");
            kind(html, schema);
            if !required.contains(&member.as_str()) {
                html.raw(", optional");
            }
            html.raw("</small></dt><dd>");
            html.prose(text(schema, "/description"));
            html.raw("</dd>");
        }
        html.raw("</dl>");
    } else {
        html.raw("<p>");
        kind(html, schema);
        html.raw("</p>");
    }
    html.raw("</details>");
}

/// Writes a type in a few words, with a link where it has a name.
pub(super) fn kind(html: &mut Html, schema: &Value) {
    if let Some(name) = schema["$ref"].as_str().and_then(|path| path.rsplit('/').next()) {
        return html.link(&format!("type-{name}"), name);
    }
    for (word, between) in [("anyOf", " or "), ("allOf", " and ")] {
        if let Some(options) = schema[word].as_array() {
            return joined(html, options, between);
        }
    }
    if let Some(values) = schema["enum"].as_array() {
        let values: Vec<&str> = values.iter().filter_map(Value::as_str).collect();
        return html.text(&values.join(" | "));
    }
    let kinds = match &schema["type"] {
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect(),
        other => vec![other.as_str().unwrap_or("any")],
    };
    html.text(&kinds.join(" or "));
    if let Some(format) = schema["format"].as_str().filter(|format| !format.starts_with("uint")) {
        html.text(&format!(" ({format})"));
    }
    if let (Some(least), Some(most)) = (schema["minimum"].as_u64(), schema["maximum"].as_u64()) {
        html.text(&format!(" {least}…{most}"));
    }
    if let Some(pattern) = schema["pattern"].as_str() {
        html.raw(" ");
        html.element("code", pattern);
    }
    if schema["items"].is_object() {
        html.text(" of ");
        kind(html, &schema["items"]);
    }
}

fn joined(html: &mut Html, options: &[Value], between: &str) {
    for (at, option) in options.iter().enumerate() {
        if at > 0 {
            html.raw(between);
        }
        kind(html, option);
    }
}
