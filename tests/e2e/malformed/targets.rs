//! Methods and targets: what a path may contain, and the forms of a target.

use super::{Row, head, row};

pub(super) fn rows() -> Vec<Row> {
    let mut rows = paths();
    rows.extend(forms());
    rows.extend(methods());
    rows
}

fn get(path: &str) -> String {
    head(&format!("GET {path} HTTP/1.1"), &[])
}

fn paths() -> Vec<Row> {
    let mut not_utf8 = b"GET /api/v1/\xff\xfe HTTP/1.1\r\nHost: hub\r\n".to_vec();
    not_utf8.extend(b"Connection: close\r\n\r\n");
    vec![
        row("a path that is not UTF-8", not_utf8, &[400, 404]),
        row("a NUL in the path", get("/healthz\0"), &[400]),
        row("bad percent-encoding", get("/api/v1/instances/%zz/telemetry"), &[400, 401, 404]),
        row("percent-encoding that stops", get("/healthz%2"), &[400, 404]),
        row("percent-encoding of no UTF-8", get("/api/v1/admin/clients/%ff"), &[400, 401, 404]),
        row("an encoded slash", get("/api/v1/admin/clients/a%2Fb"), &[400, 401, 404]),
        row("an encoded NUL", get("/api/v1/admin/clients/a%00b"), &[400, 401, 404]),
        row("dot segments", get("/api/v1/../../healthz"), &[400, 404]),
        row("encoded dot segments", get("/api/v1/%2e%2e/healthz"), &[400, 404]),
        row("two slashes", get("//healthz"), &[400, 404]),
        row("a slash at the end", get("/healthz/"), &[404]),
        row("another case", get("/HEALTHZ"), &[404]),
        row("an encoded path", get("/%68ealthz"), &[200, 404]),
        row("a parameter of a segment", get("/healthz;a=b"), &[404]),
        row("an unknown parameter", get("/api/v1/privacy?secret=1"), &[422]),
        row("an unknown parameter that is no UTF-8", get("/api/v1/privacy?%ff=%zz"), &[400, 422]),
        row("a fragment", get("/healthz#x"), &[200, 400, 404]),
        row("a backslash", get("/api\\v1"), &[400, 404]),
        row("an empty handle", get("/api/v1/admin/clients/"), &[401, 404]),
    ]
}

fn forms() -> Vec<Row> {
    vec![
        row("the absolute form", get("http://hub/healthz"), &[200]),
        row("the absolute form without a path", get("http://hub"), &[404]),
        row("another scheme", get("ftp://hub/healthz"), &[200, 400, 404]),
        row("the asterisk form", head("OPTIONS * HTTP/1.1", &[]), &[200, 204, 400, 404, 405]),
        row("the asterisk with GET", get("*"), &[400, 404]),
        row("the authority form", get("hub:80"), &[400, 404]),
        row("no slash first", get("healthz"), &[400, 404]),
        row("CONNECT", head("CONNECT hub:443 HTTP/1.1", &[]), &[400, 404, 405]),
    ]
}

fn methods() -> Vec<Row> {
    let on = |method: &str, path: &str| head(&format!("{method} {path} HTTP/1.1"), &[]);
    vec![
        row("TRACE", on("TRACE", "/healthz"), &[405]),
        row("OPTIONS", on("OPTIONS", "/healthz"), &[200, 204, 405]),
        row("a lower-case method", on("get", "/healthz"), &[400, 405]),
        row("an unknown method", on("BREW", "/healthz"), &[400, 405]),
        row("the wrong method", on("DELETE", "/healthz"), &[405]),
        row("the wrong method on an admin path", on("PUT", "/api/v1/admin/clients"), &[401, 405]),
        row(
            "the wrong method where others have it",
            on("GET", "/api/v1/instances/activate"),
            &[405],
        ),
    ]
}
