//! One operation of the document: a route with its parameters, its body and its answers.

use std::collections::BTreeMap;

use http::{Method, StatusCode};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::{Map, Value, json};

use super::examples;
use crate::api::{Access, Endpoint, Route};
use crate::name::{InstanceId, KeyName};
use crate::problem::{ErrorCode, Problem};

/// The schemas of a route's types.
pub(crate) struct RouteSchemas {
    /// The parameters, as an object.
    query: Schema,
    body: Schema,
    reply: Schema,
}

impl RouteSchemas {
    /// Makes them.
    pub(crate) fn of<E: Endpoint>(generator: &mut SchemaGenerator) -> Self {
        Self {
            query: E::Query::json_schema(generator),
            body: generator.subschema_for::<E::Body>(),
            reply: generator.subschema_for::<E::Reply>(),
        }
    }
}

/// The name of an operation in generated clients: the route's, with a small first letter.
#[must_use]
pub fn operation_id(route: Route) -> String {
    let name = format!("{route:?}");
    name[..1].to_ascii_lowercase() + &name[1..]
}

/// Describes a route.
pub(super) fn describe(route: Route, generator: &mut SchemaGenerator) -> Value {
    let schemas = route.schemas(generator);
    let mut operation = json!({
        "operationId": operation_id(route),
        "summary": route.summary().trim_end_matches('.'),
        "description": description(route),
        "tags": [tag(route)],
        "security": security(route.access()),
        "responses": responses(route, &schemas),
    });
    let parameters = parameters(route, &schemas, generator);
    if !parameters.is_empty() {
        operation["parameters"] = parameters.into();
    }
    if let Some(body) = request_body(route, &schemas, generator) {
        operation["requestBody"] = body;
    }
    operation
}

fn description(route: Route) -> String {
    let caller = match route.access() {
        Access::Public => "Anyone may call it.".to_owned(),
        Access::Open => "Anyone may call it; whoever sends an admin key is told more.".to_owned(),
        Access::License => "The license key is in the body.".to_owned(),
        Access::Hub => "Needs a hub key.".to_owned(),
        Access::Reporter => "Needs the hub key of this instance.".to_owned(),
        Access::Admin(role) => format!("Needs an admin key with the role {role} or a higher one."),
    };
    format!("{} {caller}", route.summary())
}

fn tag(route: Route) -> &'static str {
    let admin = route.path().strip_prefix("/api/v1/admin/");
    match (route.access(), admin) {
        (_, Some(path)) if path.starts_with("telemetry") => "telemetry",
        (_, Some(path)) if path.contains("instances") => "instances",
        (_, Some(path)) if path.starts_with("clients") => "clients",
        (_, Some(_)) => "administration",
        (Access::Public | Access::Open, None) => "hub",
        (_, None) => "instance",
    }
}

fn security(access: Access) -> Value {
    match access {
        Access::Public | Access::License => json!([]),
        Access::Open => json!([{}, {"AdminKey": []}, {"AdminBearer": []}]),
        Access::Hub | Access::Reporter => json!([{"HubKey": []}]),
        Access::Admin(_) => json!([{"AdminKey": []}, {"AdminBearer": []}]),
    }
}

fn parameters(route: Route, schemas: &RouteSchemas, generator: &mut SchemaGenerator) -> Vec<Value> {
    let mut parameters = Vec::new();
    if let Some(name) = route.path().split_once('{').and_then(|(_, rest)| rest.split_once('}')) {
        parameters.push(path_parameter(name.0, generator));
    }
    let query = schemas.query.get("properties").and_then(Value::as_object);
    for (name, schema) in query.into_iter().flatten() {
        let mut schema = schema.clone();
        let description = schema.as_object_mut().and_then(|schema| schema.remove("description"));
        let schema = without_null(schema);
        let mut parameter = json!({"name": name, "in": "query", "schema": schema});
        if let Some(description) = description {
            parameter["description"] = description;
        }
        parameters.push(parameter);
    }
    if route.changes_something() {
        parameters.push(json!({
            "name": "If-Match", "in": "header", "schema": {"type": "string"},
            "description": "The ETag of the object that is to be changed; another one is 412.",
        }));
    }
    parameters
}

fn path_parameter(name: &str, generator: &mut SchemaGenerator) -> Value {
    let (schema, description) = match name {
        "instance_id" => (InstanceId::json_schema(generator), "The instance's handle."),
        "name" => (KeyName::json_schema(generator), "The key's name."),
        _ => {
            let schema = schemars::json_schema!({
                "type": "string", "minLength": 1, "examples": ["acme"]
            });
            (schema, "The client's UUID or slug.")
        }
    };
    json!({
        "name": name, "in": "path", "required": true, "schema": schema, "description": description,
    })
}

/// A parameter is absent or has a value: it cannot be null.
fn without_null(mut schema: Value) -> Value {
    if let Some(kinds) = schema.get_mut("type").and_then(Value::as_array_mut) {
        kinds.retain(|kind| kind != "null");
        if let [kind] = kinds.as_slice() {
            schema["type"] = kind.clone();
        }
    }
    for any in ["anyOf", "enum"] {
        if let Some(options) = schema.get_mut(any).and_then(Value::as_array_mut) {
            options.retain(|option| !option.is_null() && *option != json!({"type": "null"}));
            if let ("anyOf", [only]) = (any, options.as_slice()) {
                return only.clone();
            }
        }
    }
    schema
}

fn request_body(
    route: Route,
    schemas: &RouteSchemas,
    generator: &SchemaGenerator,
) -> Option<Value> {
    let schema = schemas.body.as_value();
    let name = schema.get("$ref")?.as_str()?.rsplit('/').next()?;
    let required = generator.definitions().get(name).and_then(|body| body.get("required"));
    let mut content = json!({"schema": schema});
    if let Some(example) = examples::request(route) {
        content["example"] = example;
    }
    Some(json!({
        "required": required.is_some_and(|names| names.as_array().is_some_and(|n| !n.is_empty())),
        "content": {"application/json": content},
    }))
}

fn responses(route: Route, schemas: &RouteSchemas) -> Value {
    let mut responses = Map::new();
    for status in route.successes() {
        responses.insert(status.as_str().to_owned(), success(route, *status, schemas));
    }
    if route.is_tagged() && route.method() == Method::GET {
        let unchanged = json!({
            "description": "The object is the one that `If-None-Match` names.",
            "headers": {"X-Request-Id": header("RequestId")},
        });
        responses.insert("304".to_owned(), unchanged);
    }
    for (status, codes) in codes_by_status(route) {
        let name = failure_name(&codes);
        responses
            .insert(status.to_string(), json!({"$ref": format!("#/components/responses/{name}")}));
    }
    Value::Object(responses)
}

fn success(route: Route, status: StatusCode, schemas: &RouteSchemas) -> Value {
    let mut headers = json!({"X-Request-Id": header("RequestId")});
    if status == StatusCode::CREATED && route != Route::CreateAdminKey {
        headers["Location"] = header("Location");
    }
    if route.is_tagged() {
        headers["ETag"] = header("ETag");
    }
    let description = match (route, status) {
        (Route::SendReport, StatusCode::OK) => "What would be stored; nothing was.",
        (Route::SendReport, _) => "The report is on disk.",
        (_, StatusCode::CREATED) => "The new object.",
        (_, StatusCode::NO_CONTENT) => "It is gone.",
        (Route::IssueInstance | Route::CreateAdminKey, _) => {
            "The object exists with the same hash: nothing was changed."
        }
        _ => "The answer.",
    };
    let mut response = json!({"description": description, "headers": headers});
    if route == Route::GetDocs {
        response["content"] = json!({"text/html": {"schema": {"type": "string"}}});
    } else if status != StatusCode::NO_CONTENT {
        let mut content = json!({"schema": schemas.reply});
        if let Some(example) = examples::reply(route, status) {
            content["example"] = example;
        }
        response["content"] = json!({"application/json": content});
    }
    if let Some(links) = examples::links(route, status) {
        response["links"] = links;
    }
    response
}

/// Every failure that some route refers to, by name.
pub(super) fn failures() -> Value {
    let mut failures = Map::new();
    for route in Route::ALL {
        for (status, codes) in codes_by_status(*route) {
            failures.entry(failure_name(&codes)).or_insert_with(|| failure(status, &codes));
        }
    }
    Value::Object(failures)
}

fn codes_by_status(route: Route) -> BTreeMap<u16, Vec<ErrorCode>> {
    let mut by_status: BTreeMap<u16, Vec<ErrorCode>> = BTreeMap::new();
    for code in route.error_codes() {
        by_status.entry(code.status().as_u16()).or_default().push(code);
    }
    by_status
}

fn failure_name(codes: &[ErrorCode]) -> String {
    codes.iter().map(|code| format!("{code:?}")).collect::<Vec<_>>().join("Or")
}

/// The answer with any of these codes, which share a status.
fn failure(status: u16, codes: &[ErrorCode]) -> Value {
    let names: Vec<&str> = codes.iter().map(|code| code.as_str()).collect();
    let sentences: Vec<String> =
        codes.iter().map(|code| format!("`{code}`: {}", code.summary())).collect();
    let mut headers = json!({"X-Request-Id": header("RequestId")});
    match status {
        401 => headers["WWW-Authenticate"] = header("WwwAuthenticate"),
        429 | 503 => headers["Retry-After"] = header("RetryAfter"),
        _ => {}
    }
    json!({
        "description": sentences.join(" "),
        "headers": headers,
        "content": {Problem::MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
        // Generators of clients cannot merge schemas that say the same more narrowly.
        "x-error-codes": names,
    })
}

fn header(name: &str) -> Value {
    json!({"$ref": format!("#/components/headers/{name}")})
}
