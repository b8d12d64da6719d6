//! Bodies: media types, and JSON that is invalid or ambiguous.

use super::{LICENSE, Row, head, json, row};

pub(super) fn rows(admin_key: &str) -> Vec<Row> {
    let mut rows = documents();
    rows.extend(media_types());
    rows.extend(admin(admin_key));
    rows
}

fn documents() -> Vec<Row> {
    let deep = format!(r#"{{"license_key":{}}}"#, "[".repeat(3_000));
    let wide = format!(r#"{{"license_key":"{}"}}"#, "a".repeat(4_000));
    let key = &LICENSE[1..LICENSE.len() - 1];
    let twice = format!("{{{key},{key}}}");
    let escaped = format!(r#"{{{key},"license\u005fkey":"x"}}"#);
    vec![
        row("a good body", json(LICENSE.as_bytes()), &[200]),
        row("an empty body", json(b""), &[400]),
        row("blanks", json(b"   "), &[400]),
        row("not JSON", json(b"license_key=lb_inst_0"), &[400]),
        row("JSON that is not UTF-8", json(b"{\"license_key\":\"\xff\xfe\"}"), &[400]),
        row("half a surrogate", json(br#"{"license_key":"\ud800"}"#), &[400, 422]),
        row("deep nesting", json(deep.as_bytes()), &[400]),
        row("a value of 4000 letters", json(wide.as_bytes()), &[200]),
        row("a member twice", json(twice.as_bytes()), &[400]),
        row("a member twice, once escaped", json(escaped.as_bytes()), &[400]),
        row("something after the end", json(format!("{LICENSE}x").as_bytes()), &[400]),
        row("two documents", json(format!("{LICENSE}{LICENSE}").as_bytes()), &[400]),
        row("an array", json(b"[]"), &[400, 422]),
        row("a string", json(b"\"license_key\""), &[400, 422]),
        row("null", json(b"null"), &[400, 422]),
        row("a key that is null", json(br#"{"license_key":null}"#), &[422]),
        row("NaN", json(br#"{"license_key":NaN}"#), &[400]),
        row("a trailing comma", json(br#"{"license_key":"x",}"#), &[400]),
        row("a comment", json(br#"{"license_key":"x"/**/}"#), &[400]),
        row("a byte order mark", json(format!("\u{feff}{LICENSE}").as_bytes()), &[400]),
        row("UTF-16", json(&utf16(LICENSE)), &[400]),
        row("a line feed in a string", json(b"{\"license_key\":\"\n\"}"), &[400]),
        row("just beyond the limit", json(&vec![b' '; 4097]), &[413]),
    ]
}

fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

fn media_types() -> Vec<Row> {
    let with = |lines: &[&str]| {
        let length = format!("Content-Length: {}", LICENSE.len());
        let mut all = vec![length.as_str()];
        all.extend(lines);
        head("POST /api/v1/instances/validate HTTP/1.1", &all) + LICENSE
    };
    let typed = "Content-Type: application/json";
    vec![
        row("no media type", with(&[]), &[415]),
        row("another media type", with(&["Content-Type: text/plain"]), &[415]),
        row("a form", with(&["Content-Type: application/x-www-form-urlencoded"]), &[415]),
        row("almost the media type", with(&["Content-Type: application/jsonx"]), &[415]),
        row("with a charset", with(&["Content-Type: application/json; charset=utf-8"]), &[200]),
        row("in capitals", with(&["Content-Type: Application/JSON"]), &[200]),
        row("gzip", with(&[typed, "Content-Encoding: gzip"]), &[415]),
        row("identity", with(&[typed, "Content-Encoding: identity"]), &[200]),
        row("an expectation", with(&[typed, "Expect: 100-continue"]), &[200]),
        row("an unknown expectation", with(&[typed, "Expect: tea"]), &[200, 400, 417]),
    ]
}

fn admin(admin_key: &str) -> Vec<Row> {
    let key = format!("X-Admin-Api-Key: {admin_key}");
    let bad = "X-Admin-Api-Key: lb_admin_00000000000000000000000000000000";
    let typed = "Content-Type: application/json";
    let expect = [bad, typed, "Expect: 100-continue", "Content-Length: 50"];
    let create = "POST /api/v1/admin/clients HTTP/1.1";
    let list = |query: &str| head(&format!("GET /api/v1/admin/clients?{query} HTTP/1.1"), &[&key]);
    let huge = [&key, typed, "Content-Length: 65537"];
    let two_keys = [key.as_str(), bad];
    vec![
        // Answered before the body is asked for.
        row("an expectation with a wrong key", head(create, &expect), &[401]),
        row("an admin body beyond the limit", head(create, &huge), &[413]),
        row("two keys", head("GET /api/v1/admin/whoami HTTP/1.1", &two_keys), &[400, 401]),
        row("an unknown parameter", list("color=red"), &[422]),
        row("a parameter twice", list("limit=1&limit=2"), &[422]),
        row("a parameter that is no UTF-8", list("q=%ff"), &[200, 400, 422]),
        row("a NUL in a parameter", list("q=%00"), &[400, 422]),
        row("an empty query", list(""), &[200]),
        row("a thousand labels", list(&"label=a%3Db&".repeat(1_000)), &[200, 400, 422, 431]),
    ]
}
