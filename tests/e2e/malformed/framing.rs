//! Where a body ends: lengths, chunks, and messages that stop half-way.

use super::{CLOSED, LICENSE, Row, cut, health, row, validate};

pub(super) fn rows() -> Vec<Row> {
    let mut rows = lengths();
    rows.extend(chunks());
    rows.extend(codings());
    rows
}

fn lengths() -> Vec<Row> {
    let with = |lines: &[&str]| validate(lines, LICENSE);
    let (length, chunked) =
        (format!("Content-Length: {}", LICENSE.len()), "Transfer-Encoding: chunked");
    let ends = format!("{:x}\r\n{LICENSE}\r\n0\r\n\r\n", LICENSE.len());
    vec![
        row("length, then chunked", validate(&[&length, chunked], &ends), &[400]),
        row("chunked, then length", validate(&[chunked, &length], &ends), &[400]),
        row("two different lengths", with(&["Content-Length: 58", "Content-Length: 5"]), &[400]),
        row("a list of different lengths", with(&["Content-Length: 58, 5"]), &[400]),
        row("the same length twice", with(&[&length, &length]), &[200, 400]),
        row("a negative length", with(&["Content-Length: -1"]), &[400]),
        row("a huge length", with(&["Content-Length: 18446744073709551615"]), &[400, 413]),
        row("a length beyond numbers", with(&["Content-Length: 99999999999999999999999"]), &[400]),
        row("a length with a plus", with(&["Content-Length: +58"]), &[400]),
        row("a length in hex", with(&["Content-Length: 0x3a"]), &[400]),
        row("a length with garbage", with(&["Content-Length: 58 bytes"]), &[400]),
        row("an empty length", with(&["Content-Length:"]), &[400]),
        row("a length with a NUL", with(&["Content-Length: 5\08"]), &[400]),
        row("no length, yet a body", with(&[]), &[400]),
        row(
            "a body that a GET does not take",
            health(&["Content-Length: 4"]) + "body",
            &[200, 400, 415],
        ),
        row("more than the limit by length", with(&["Content-Length: 10000000"]), &[413]),
        cut("a head that stops", "POST /api/v1/instances/validate HTTP/1.1\r\nHos", &[CLOSED, 400]),
        row("a head that never ends", "GET /healthz HTTP/1.1\r\nHost: hub\r\n", &[408]),
        cut("a body that stops", with(&["Content-Length: 500"]), &[CLOSED, 400, 408]),
        row("a body that never ends", with(&["Content-Length: 500"]), &[408]),
    ]
}

fn chunks() -> Vec<Row> {
    let with = |body: &str| validate(&["Transfer-Encoding: chunked"], body);
    let size = format!("{:x}", LICENSE.len());
    let huge = format!("{}\r\n", "f".repeat(400));
    let chunk_of_4k = format!("1000\r\n{}\r\n", "x".repeat(4096));
    vec![
        row("a chunked body", with(&format!("{size}\r\n{LICENSE}\r\n0\r\n\r\n")), &[200]),
        row("a size that is no number", with(&format!("zz\r\n{LICENSE}\r\n0\r\n\r\n")), &[400]),
        row("a negative size", with(&format!("-1\r\n{LICENSE}\r\n0\r\n\r\n")), &[400]),
        row("a size with 0x", with(&format!("0x{size}\r\n{LICENSE}\r\n0\r\n\r\n")), &[400]),
        row("a size beyond numbers", with("fffffffffffffffff\r\nabc\r\n0\r\n\r\n"), &[400, 413]),
        row("a size that goes on", with(&huge), &[400, 413]),
        row("an empty size", with(&format!("\r\n{LICENSE}\r\n0\r\n\r\n")), &[400]),
        row("no line end after a chunk", with(&format!("{size}\r\n{LICENSE}0\r\n\r\n")), &[400]),
        cut("chunks that stop", with(&format!("{size}\r\n{LICENSE}")), &[CLOSED, 400, 408]),
        row("chunks beyond the limit", with(&chunk_of_4k.repeat(64)), &[413]),
        row(
            "an extension without end",
            with(&format!("5;{}\r\n", "x".repeat(40_000))),
            &[400, 413],
        ),
    ]
}

fn codings() -> Vec<Row> {
    let with = |line: &str| validate(&[line], &format!("3a\r\n{LICENSE}\r\n0\r\n\r\n"));
    let old = format!(
        "POST /api/v1/instances/validate HTTP/1.0\r\nHost: hub\r\nContent-Type: application/json\r\n\
         Transfer-Encoding: chunked\r\n\r\n3a\r\n{LICENSE}\r\n0\r\n\r\n"
    );
    vec![
        row("identity", with("Transfer-Encoding: identity"), &[400]),
        row("gzip", with("Transfer-Encoding: gzip"), &[400]),
        row("gzip, chunked", with("Transfer-Encoding: gzip, chunked"), &[400, 415]),
        row("chunked, gzip", with("Transfer-Encoding: chunked, gzip"), &[400]),
        row("chunked twice", with("Transfer-Encoding: chunked, chunked"), &[400]),
        row("xchunked", with("Transfer-Encoding: xchunked"), &[400]),
        row("chunked with a tab", with("Transfer-Encoding:\x0bchunked"), &[400]),
        row("chunked on HTTP/1.0", old, &[400]),
    ]
}
