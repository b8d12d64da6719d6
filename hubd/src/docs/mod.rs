//! The description of the API: the `OpenAPI` document, and the same as a page for people. The page needs
//! nothing from anywhere else and runs no script.

mod html;
mod operation;
mod schema;

use std::sync::LazyLock;

use hub_core::openapi::{OpenApi, document};
use serde_json::Value;
use serde_json::value::{RawValue, to_raw_value};

use html::Html;

const STYLE: &str = include_str!("style.css");

static DOCUMENT: LazyLock<Value> = LazyLock::new(|| document(env!("CARGO_PKG_VERSION")));

static TEXT: LazyLock<Box<RawValue>> = LazyLock::new(|| {
    to_raw_value(&*DOCUMENT).unwrap_or_else(|_| unreachable!("a JSON value can be written"))
});

static PAGE: LazyLock<String> = LazyLock::new(|| page(&DOCUMENT));

/// The document.
pub(crate) fn openapi() -> OpenApi {
    OpenApi(TEXT.clone())
}

/// The page.
pub(crate) fn html() -> &'static str {
    &PAGE
}

fn page(document: &Value) -> String {
    let mut html = Html::default();
    html.raw("<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">");
    html.raw("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">");
    html.raw(
        "<meta name=\"color-scheme\" content=\"light dark\"><title>LetsBe Hub API</title><style>",
    );
    html.raw(STYLE);
    html.raw("</style></head><body><header><h1>LetsBe Hub API</h1><p>Version ");
    html.text(text(document, "/info/version"));
    html.raw(" · <a href=\"/openapi.json\">openapi.json</a></p><p>");
    html.prose(text(document, "/info/description"));
    html.raw("</p></header><nav>");
    let tags = document["tags"].as_array().into_iter().flatten();
    let tags: Vec<&str> = tags.filter_map(|tag| tag["name"].as_str()).collect();
    for tag in &tags {
        html.link(tag, tag);
    }
    html.link("types", "types");
    html.raw("</nav><main>");
    for tag in &tags {
        section(&mut html, document, tag);
    }
    html.raw("<section><h2 id=\"types\">types</h2>");
    for (name, schema) in document["components"]["schemas"].as_object().into_iter().flatten() {
        schema::definition(&mut html, name, schema);
    }
    html.raw("</section></main></body></html>\n");
    html.finish()
}

fn section(html: &mut Html, document: &Value, tag: &str) {
    html.raw("<section><h2 id=\"");
    html.text(tag);
    html.raw("\">");
    html.text(tag);
    html.raw("</h2>");
    for (path, methods) in document["paths"].as_object().into_iter().flatten() {
        for (method, operation) in methods.as_object().into_iter().flatten() {
            if operation["tags"][0] == tag {
                operation::describe(html, document, (method, path), operation);
            }
        }
    }
    html.raw("</section>");
}

fn text<'v>(value: &'v Value, pointer: &str) -> &'v str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use hub_core::api::Route;

    use super::*;

    #[test]
    fn the_page_has_every_operation_and_nothing_from_elsewhere() {
        for route in Route::ALL {
            assert!(html().contains(&format!("<code>{}</code>", route.path())), "{route:?}");
        }
        for outside in ["http://", "https://", "<script", "@import", "url(", "<img"] {
            assert!(!html().contains(outside), "{outside}");
        }
        assert!(html().ends_with("</html>\n"));
    }
}
