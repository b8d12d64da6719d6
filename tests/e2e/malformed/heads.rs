//! Heads: lines, names and versions, and bytes that are not HTTP/1.1.

use super::{CLOSED, Row, cut, health, row};

pub(super) fn rows() -> Vec<Row> {
    let mut rows = lines();
    rows.extend(sizes());
    rows.extend(hosts());
    rows.extend(versions());
    rows
}

fn lines() -> Vec<Row> {
    vec![
        row("a folded line", health(&["X-A: one", " two"]), &[400]),
        row(
            "bare line feeds",
            "GET /healthz HTTP/1.1\nHost: hub\nConnection: close\n\n",
            &[200, 400],
        ),
        row("a NUL in a value", health(&["X-A: a\0b"]), &[400]),
        row("a bare CR in a value", health(&["X-A: a\rb"]), &[400]),
        row("a blank before the colon", health(&["X-A : a"]), &[400]),
        row("an empty name", health(&[": a"]), &[400]),
        row("a line without a colon", health(&["X-A"]), &[400]),
        row("a name that is no token", health(&["X(A): a"]), &[400]),
        row("a name that is not ASCII", health(&["X-Ä: a"]), &[400]),
        row("a value that is not ASCII", health(&["X-A: ä"]), &[200, 400]),
        row("a key that is not ASCII", health(&["X-Admin-Api-Key: ä"]), &[200, 401]),
        row("a blank first", " GET /healthz HTTP/1.1\r\nHost: hub\r\n\r\n", &[400]),
        row("a method that is no token", "G(T /healthz HTTP/1.1\r\nHost: hub\r\n\r\n", &[400]),
        row("a method without a target", "GET\r\nHost: hub\r\n\r\n", &[400]),
        row("two blanks", "GET  /healthz HTTP/1.1\r\nHost: hub\r\n\r\n", &[400]),
        row("one word more", "GET /healthz HTTP/1.1 x\r\nHost: hub\r\n\r\n", &[400]),
    ]
}

fn sizes() -> Vec<Row> {
    let many: Vec<String> = (0..200).map(|n| format!("X-{n}: a")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let long = format!("X-A: {}", "a".repeat(20_000));
    let longer: Vec<String> = (0..50).map(|n| format!("X-{n}: {}", "a".repeat(2_000))).collect();
    let longer: Vec<&str> = longer.iter().map(String::as_str).collect();
    let target = format!("GET /{} HTTP/1.1\r\nHost: hub\r\n\r\n", "a".repeat(20_000));
    vec![
        row("200 headers", health(&many), &[400, 431]),
        row("a line of 20 KB", health(&[&long]), &[400, 431]),
        row("100 KB of headers", health(&longer), &[400, 431]),
        row("a target of 20 KB", target, &[400, 414, 431]),
        row("a method of 20 KB", "M".repeat(20_000), &[400, 431]),
    ]
}

fn hosts() -> Vec<Row> {
    vec![
        row("no Host", "GET /healthz HTTP/1.1\r\nConnection: close\r\n\r\n", &[400]),
        row("two Hosts", health(&["Host: other"]), &[400]),
        row("no Host on HTTP/1.0", "GET /healthz HTTP/1.0\r\n\r\n", &[200]),
        row("an odd Host", "GET /healthz HTTP/1.1\r\nHost: a b/c\r\n\r\n", &[400]),
    ]
}

fn versions() -> Vec<Row> {
    let hello = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".repeat(8);
    let noise: Vec<u8> =
        (0..4096_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    vec![
        row("HTTP/0.9", "GET /healthz\r\n", &[CLOSED, 400, 408]),
        row("HTTP/1.2", "GET /healthz HTTP/1.2\r\nHost: hub\r\n\r\n", &[400]),
        row("HTTP/2.0", "GET /healthz HTTP/2.0\r\nHost: hub\r\n\r\n", &[400]),
        row("HTTP/3.0", "GET /healthz HTTP/3.0\r\nHost: hub\r\n\r\n", &[400]),
        row("http/1.1", "GET /healthz http/1.1\r\nHost: hub\r\n\r\n", &[400]),
        row("the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", &[CLOSED, 400]),
        row("a TLS hello", hello, &[CLOSED, 400]),
        row("noise", noise, &[CLOSED, 400, 408, 431]),
        cut("nothing at all", "", &[CLOSED]),
        cut("line ends only", "\r\n\r\n\r\n", &[CLOSED, 400]),
        row("an upgrade", health(&["Upgrade: h2c", "HTTP2-Settings: AAMAAABk"]), &[200, 400]),
    ]
}
