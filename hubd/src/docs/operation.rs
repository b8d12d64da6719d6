//! One operation on the page.

use serde_json::Value;

use super::html::Html;
use super::{schema, text};

/// Writes an operation, which a reader can open.
pub(super) fn describe(
    html: &mut Html,
    document: &Value,
    (method, path): (&str, &str),
    operation: &Value,
) {
    let id = text(operation, "/operationId");
    html.raw("<details id=\"");
    html.text(id);
    html.raw("\"><summary><b class=\"");
    html.text(method);
    html.raw("\">");
    html.text(&method.to_ascii_uppercase());
    html.raw("</b> ");
    html.element("code", path);
    html.raw(" <span>");
    html.prose(text(operation, "/summary"));
    html.raw("</span></summary><p>");
    html.prose(text(operation, "/description"));
    html.raw("</p>");
    parameters(html, operation);
    body(html, operation);
    answers(html, document, operation);
    html.raw("</details>");
}

fn parameters(html: &mut Html, operation: &Value) {
    let Some(parameters) = operation["parameters"].as_array() else { return };
    html.raw("<h3>Parameters</h3><dl>");
    for parameter in parameters {
        html.raw("<dt>");
        html.element("code", text(parameter, "/name"));
        html.raw(" <small>");
        html.text(text(parameter, "/in"));
        html.raw(", ");
        schema::kind(html, &parameter["schema"]);
        html.raw("</small></dt><dd>");
        html.prose(text(parameter, "/description"));
        html.raw("</dd>");
    }
    html.raw("</dl>");
}

fn body(html: &mut Html, operation: &Value) {
    let Some(content) = operation.pointer("/requestBody/content/application~1json") else { return };
    html.raw("<h3>Body</h3><p>");
    schema::kind(html, &content["schema"]);
    html.raw("</p>");
    if let Some(example) = content.get("example") {
        html.example(example);
    }
}

fn answers(html: &mut Html, document: &Value, operation: &Value) {
    html.raw("<h3>Answers</h3><dl>");
    for (status, answer) in operation["responses"].as_object().into_iter().flatten() {
        let answer = resolved(document, answer);
        html.raw("<dt>");
        html.element("b", status);
        if let Some(content) = answer.pointer("/content/application~1json") {
            html.raw(" <small>");
            schema::kind(html, &content["schema"]);
            html.raw("</small>");
        }
        html.raw("</dt><dd>");
        html.prose(text(answer, "/description"));
        if let Some(example) = answer.pointer("/content/application~1json/example") {
            html.example(example);
        }
        html.raw("</dd>");
    }
    html.raw("</dl>");
}

/// The answer itself, where only its name stands.
fn resolved<'v>(document: &'v Value, answer: &'v Value) -> &'v Value {
    let name = answer["$ref"].as_str().and_then(|path| path.strip_prefix('#'));
    name.and_then(|pointer| document.pointer(pointer)).unwrap_or(answer)
}
