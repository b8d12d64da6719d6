//! The description of the whole API in `OpenAPI` 3.1, made from the route table and the wire types.
//!
//! Nothing here is written by hand but the introduction and the examples.

mod examples;
mod operation;
mod schemas;

pub(crate) use operation::RouteSchemas;
pub use operation::operation_id;

use schemars::generate::SchemaSettings;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use crate::api::{ADMIN_KEY_HEADER, HUB_KEY_HEADER, REQUEST_ID_HEADER, Route};
use crate::problem::Problem;

const INTRODUCTION: &str = "\
The central licensing and telemetry service of the LetsBe Cloud platform. Times are RFC 3339 in UTC. \
Unknown members of a body (but of a telemetry report) and unknown parameters are refused. Every error is \
RFC 9457 with a stable `code`. Every answer carries `X-Request-Id`. A request that repeats a `…_sha256` \
is safe: it changes nothing. Beyond the statuses that each operation lists, a path that does not exist is \
404 `route_not_found`, a method that a path does not take is 405 `method_not_allowed` with `Allow`, and a \
head that is too large is 431 `invalid_request_target`.";

/// The document, as it is sent.
#[derive(Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct OpenApi(pub Box<RawValue>);

crate::schema::inline_schema!(OpenApi, {"type": "object"});

/// Makes the document of a hub with this version.
#[must_use]
pub fn document(version: &str) -> Value {
    let settings = SchemaSettings::draft2020_12().for_serialize().with(|settings| {
        settings.definitions_path = "/components/schemas".into();
        settings.meta_schema = None;
    });
    let mut generator = settings.into_generator();
    let mut paths = Map::new();
    for &route in Route::ALL {
        let operation = operation::describe(route, &mut generator);
        let path = paths.entry(route.path()).or_insert_with(|| json!({}));
        path[route.method().as_str().to_ascii_lowercase()] = operation;
    }
    generator.subschema_for::<Problem>();
    let mut definitions = Value::Object(generator.take_definitions(true));
    let mut paths = Value::Object(paths);
    schemas::simplify(&mut definitions);
    schemas::simplify(&mut paths);
    schemas::close_bodies(&mut definitions, &paths);
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "LetsBe Hub",
            "version": version,
            "description": INTRODUCTION,
            "license": {"name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "tags": tags(),
        "paths": paths,
        "components": {
            "schemas": definitions,
            "securitySchemes": security_schemes(),
            "responses": operation::failures(),
            "headers": headers(),
        },
    })
}

fn tags() -> Value {
    json!([
        {"name": "instance", "description": "What an instance and its bootstrap script call."},
        {"name": "hub", "description": "The hub itself: health, keys, promises."},
        {"name": "clients", "description": "The customers that instances are issued to."},
        {"name": "instances", "description": "Installations, each with its license and hub key."},
        {"name": "telemetry", "description": "How the tools of all instances are used."},
        {"name": "administration", "description": "Admin keys, the audit log, counts."},
    ])
}

fn security_schemes() -> Value {
    json!({
        "AdminKey": {"type": "apiKey", "in": "header", "name": ADMIN_KEY_HEADER,
            "description": "The key of an operator; its role decides what it may do."},
        "AdminBearer": {"type": "http", "scheme": "bearer",
            "description": "The same key in the header Authorization."},
        "HubKey": {"type": "apiKey", "in": "header", "name": HUB_KEY_HEADER,
            "description": "The key that an activation gave to an instance."},
    })
}

fn headers() -> Value {
    let text =
        |description: &str| json!({"description": description, "schema": {"type": "string"}});
    json!({
        "RequestId": {"description": format!("The id of the request, as `{REQUEST_ID_HEADER}`."),
            "required": true, "schema": {"type": "string", "pattern": "^[A-Za-z0-9._-]{1,64}$"}},
        "Location": text("The path of the new object."),
        "ETag": text("Stands for what operators set of the object; `If-Match` takes it."),
        "WwwAuthenticate": text("How the caller can authenticate."),
        "RetryAfter": {"description": "In how many seconds to try again.",
            "schema": {"type": "integer", "minimum": 1}},
    })
}
