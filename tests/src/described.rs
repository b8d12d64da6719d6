//! Checks every answer of a hub against the description of the API: the status, the media type and the
//! schema must be listed for the route. So a test of anything is a test of the description too.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex, PoisonError};

use http::{Method, StatusCode};
use hub_core::api::Route;
use hub_core::openapi::document;
use jsonschema::Validator;
use serde_json::{Value, json};

use crate::http::Answer;

/// The document with every named object closed: an answer has no member that is not described.
static DOCUMENT: LazyLock<Value> = LazyLock::new(|| {
    let mut document = document("tests");
    let schemas = document["components"]["schemas"].as_object_mut().expect("an object");
    for (_, schema) in schemas.iter_mut().filter(|(_, schema)| schema["properties"].is_object()) {
        if schema.get("additionalProperties").is_none() {
            schema["additionalProperties"] = json!(false);
        }
    }
    document
});

/// Panics unless the answer is described.
pub(crate) fn check(method: &Method, target: &str, answer: &Answer) {
    let path = target.split('?').next().unwrap_or_default();
    let Some(route) = route_of(method, path) else { return };
    let pointer = format!(
        "/paths/{}/{}/responses/{}",
        route.path().replace('/', "~1"),
        method.as_str().to_ascii_lowercase(),
        answer.status.as_str()
    );
    let described = DOCUMENT.pointer(&pointer).map(resolved);
    let described = described.unwrap_or_else(|| panic!("{pointer} is not described: {answer}"));
    let media_type = answer.header("content-type").split(';').next().unwrap_or_default();
    if [StatusCode::NO_CONTENT, StatusCode::NOT_MODIFIED].contains(&answer.status) {
        return assert!(answer.body.is_empty(), "{answer}");
    }
    let content = described["content"].get(media_type);
    let content = content.unwrap_or_else(|| panic!("{media_type} is not described: {answer}"));
    if let Some(codes) = described["x-error-codes"].as_array() {
        assert!(codes.contains(&answer.json()["code"]), "the code is not described: {answer}");
    }
    if media_type != "text/html" {
        validate(&content["schema"], &answer.json(), &format!("{answer}"));
    }
}

/// Panics unless the value has this schema of the document.
pub fn validate(schema: &Value, value: &Value, what: &str) {
    static VALIDATORS: LazyLock<Mutex<HashMap<String, &'static Validator>>> =
        LazyLock::new(Mutex::default);
    let mut validators = VALIDATORS.lock().unwrap_or_else(PoisonError::into_inner);
    let validator = *validators.entry(schema.to_string()).or_insert_with(|| {
        let mut whole = schema.clone();
        whole["components"] = DOCUMENT["components"].clone();
        let options = jsonschema::draft202012::options().should_validate_formats(true);
        // Kept for as long as the tests run.
        Box::leak(Box::new(options.build(&whole).expect("a schema of JSON Schema 2020-12")))
    });
    drop(validators);
    let faults: Vec<String> = validator
        .iter_errors(value)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    assert!(faults.is_empty(), "{}\n{what}", faults.join("\n"));
}

/// What a reference in the document stands for.
#[must_use]
pub fn resolved(value: &Value) -> &Value {
    let pointer = value["$ref"].as_str().and_then(|reference| reference.strip_prefix('#'));
    pointer.and_then(|pointer| DOCUMENT.pointer(pointer)).unwrap_or(value)
}

/// The route of a request, if there is one. A word in a path goes before a handle in the same place.
fn route_of(method: &Method, path: &str) -> Option<Route> {
    let path: Vec<&str> = path.split('/').collect();
    let fits = |route: &&Route| {
        let template: Vec<&str> = route.path().split('/').collect();
        route.method() == method
            && template.len() == path.len()
            && template.iter().zip(&path).all(|(expected, part)| {
                expected == part || (expected.starts_with('{') && !part.is_empty())
            })
    };
    Route::ALL.iter().filter(fits).min_by_key(|route| route.takes_handle()).copied()
}
