//! Rewrites schemas into the plainest form that says the same, which generators of clients understand.

use serde_json::{Value, json};

/// Rewrites every schema in `value`.
pub(super) fn simplify(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(simplify),
        Value::Object(members) => {
            members.values_mut().for_each(simplify);
            if let Some(Value::String(text)) = members.get_mut("description") {
                // Links between items of the program mean nothing outside of it.
                *text = text.replace('\n', " ").replace("[`", "`").replace("`]", "`");
            }
            enumerate(value);
        }
        _ => {}
    }
}

/// One of several described constants is an enumeration; the descriptions are joined.
fn enumerate(schema: &mut Value) {
    let Some(options) = schema.get("oneOf").and_then(Value::as_array) else { return };
    let mut names = Vec::new();
    let mut sentences = Vec::new();
    for option in options {
        let listed = option.get("enum").and_then(Value::as_array).cloned();
        let constant = option.get("const").map(|constant| vec![constant.clone()]);
        let Some(values) = constant.or(listed).filter(|values| values.iter().all(Value::is_string))
        else {
            return;
        };
        if let Some(description) = option.get("description").and_then(Value::as_str) {
            let name = values.first().and_then(Value::as_str).unwrap_or_default();
            sentences.push(format!("`{name}`: {description}"));
        }
        names.extend(values);
    }
    let Some(members) = schema.as_object_mut() else { return };
    members.remove("oneOf");
    members.insert("type".to_owned(), "string".into());
    members.insert("enum".to_owned(), names.into());
    let own = members.get("description").and_then(Value::as_str).map(str::to_owned);
    let all: Vec<String> = own.into_iter().chain(sentences).collect();
    if !all.is_empty() {
        members.insert("description".to_owned(), all.join(" ").into());
    }
}

/// Bodies of requests take no member that is not listed.
pub(super) fn close_bodies(definitions: &mut Value, paths: &Value) {
    let operations = paths.as_object().into_iter().flat_map(|paths| paths.values());
    for operation in operations.filter_map(Value::as_object).flat_map(|path| path.values()) {
        let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
        let Some(name) = schema["$ref"].as_str().and_then(|path| path.rsplit('/').next()) else {
            continue;
        };
        let body = &mut definitions[name];
        if body.get("additionalProperties").is_none() {
            body["additionalProperties"] = json!(false);
        }
    }
}
