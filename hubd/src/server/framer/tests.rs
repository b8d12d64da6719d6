//! Tests of the framer: heads, bodies and faults, in one piece and in many.

use super::*;

const GET: &str = "GET / HTTP/1.1\r\nHost: hub\r\n\r\n";

fn post(headers: &str) -> String {
    format!("POST / HTTP/1.1\r\nHost: hub\r\n{headers}\r\n\r\n")
}

/// Feeds the pieces to a framer. Returns the bytes that pass, the bytes that do not, and the fault.
fn feed<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> (Vec<u8>, Vec<u8>, Option<HeadFault>) {
    let (mut framer, mut passed, mut held) = (Framer::new(), Vec::new(), Vec::new());
    for piece in pieces {
        held.extend_from_slice(piece);
        let n = framer.pass(&held);
        passed.extend(held.drain(..n));
    }
    (passed, held, framer.fault())
}

fn whole(bytes: &str) -> (usize, Option<HeadFault>) {
    let (passed, _, fault) = feed([bytes.as_bytes()]);
    (passed.len(), fault)
}

fn fault(head: &str) -> Option<HeadFault> {
    whole(head).1
}

fn is_malformed(head: &str) -> bool {
    matches!(fault(head), Some(HeadFault::Malformed(_)))
}

/// Byte streams whose start is valid, and how many bytes of each pass.
fn connections() -> Vec<(String, usize)> {
    let body = post("Content-Length: 5") + "hello";
    let chunked = post("Transfer-Encoding: chunked") + "5\r\nhello\r\n0\r\n\r\nGET / broken\n\n";
    let all = |text: &str| (text.to_owned(), text.len());
    let then = |text: &str, more: &str| (text.to_owned() + more, text.len());
    vec![
        all(GET),
        all(&body),
        all(&chunked),
        all(&GET.repeat(3)),
        all(&(body.clone() + GET + &body)),
        all(&format!("\r\n\r\n{GET}")),
        all(&format!("{body}\r\n{GET}")),
        then(GET, "GET / HT"),
        then(&body, "GET /\r\n"),
        then(GET, "GET / HTTP/1.1\r\nHost: hub\r\nContent-Length: x\r\n\r\nGET"),
        then(&body, "\x16\x03\x01\x02"),
        then(&GET.repeat(2), "GET / HTTP/1.1\nHost: hub\n\n"),
        then("", "GET / HTTP/1.1\r\nHost: hub\r\nContent-Length: 1, 1\r\n\r\n"),
    ]
}

#[test]
fn whole_requests_pass_and_nothing_else() {
    for (bytes, expected) in connections() {
        assert_eq!(whole(&bytes).0, expected, "{bytes:?}");
    }
}

#[test]
fn it_makes_no_difference_in_which_pieces_the_bytes_come() {
    let kind = |fault: Option<HeadFault>| fault.map(|fault| std::mem::discriminant(&fault));
    for (bytes, expected) in connections() {
        let text = bytes.as_bytes();
        let fault = whole(&bytes).1;
        for at in 0..=text.len() {
            let (passed, _, split) = feed([&text[..at], &text[at..]]);
            assert_eq!(passed, &text[..expected], "{bytes:?} split at {at}");
            assert_eq!(kind(split), kind(fault), "{bytes:?} split at {at}");
        }
        let (passed, _, split) = feed(text.chunks(1));
        assert_eq!(passed, &text[..expected], "{bytes:?} byte by byte");
        assert_eq!(kind(split), kind(fault), "{bytes:?} byte by byte");
    }
}

#[test]
fn a_head_passes_when_it_is_whole() {
    for end in 0..GET.len() {
        assert_eq!(whole(&GET[..end]), (0, None), "{end}");
    }
    let (passed, held, fault) = feed([format!("{GET}rest").as_bytes()]);
    assert_eq!((passed.len(), held.as_slice(), fault), (GET.len(), &b"rest"[..], None));
}

#[test]
fn a_body_passes_as_it_comes_and_is_no_head() {
    let smuggled = post(&format!("Content-Length: {}", GET.len())) + GET;
    let mut framer = Framer::new();
    assert_eq!(framer.pass(smuggled.as_bytes()), smuggled.len());
    assert_eq!(framer.pass(b"x"), 0, "the next head");

    let mut framer = Framer::new();
    let head = post("Content-Length: 10");
    assert_eq!(framer.pass(head.as_bytes()), head.len());
    assert_eq!(framer.pass(b""), 0);
    assert_eq!(framer.pass(b"01234\n"), 6);
    assert_eq!(framer.pass(b"6789GET"), 4);
    assert_eq!(framer.fault(), None);
}

#[test]
fn everything_passes_after_a_chunked_head() {
    let mut framer = Framer::new();
    let head = post("Transfer-Encoding: Chunked") + "5\r\n";
    assert_eq!(framer.pass(head.as_bytes()), head.len());
    for bytes in [&b"hello\r\n0\r\n\r\n"[..], b"\n\n", b"", b"\xff\0"] {
        assert_eq!(framer.pass(bytes), bytes.len());
    }
    assert_eq!(framer.fault(), None);
}

#[test]
fn nothing_passes_after_a_fault() {
    let mut framer = Framer::new();
    let bad = post("Content-Length: x");
    assert_eq!(framer.pass(format!("{GET}{bad}").as_bytes()), GET.len());
    let fault = framer.fault();
    assert!(matches!(fault, Some(HeadFault::Malformed(_))));
    assert_eq!(framer.pass(GET.as_bytes()), 0);
    assert_eq!(framer.fault(), fault);
}

#[test]
fn ambiguous_framing_is_refused() {
    for headers in [
        "Content-Length: 1\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nContent-Length: 1",
        "Content-Length: 1\r\nContent-Length: 2",
        "Content-Length: 1\r\nContent-Length: 1",
        "Content-Length: +1",
        "Content-Length: 0x1",
        "Content-Length:",
        "Content-Length: 1, 1",
        "Content-Length: 18446744073709551616",
        "Content-Length: 18446744073709551615",
        "Transfer-Encoding: gzip, chunked",
        "Transfer-Encoding: chunked, chunked",
        "Transfer-Encoding: xchunked",
        "Transfer-Encoding: identity",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\nContent-Length: 1",
        "Transfer-Encoding:\x0bchunked",
        "Host: other",
        "Content-Length : 1",
        "X: a\r\n Content-Length: 1",
        "X: a\rContent-Length: 1",
    ] {
        assert!(is_malformed(&post(headers)), "{headers}");
    }
    assert!(is_malformed("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"), "HTTP/1.0");
}

#[test]
fn bare_line_feeds_are_refused_wherever_they_are() {
    for head in [
        "\nGET / HTTP/1.1\r\nHost: hub\r\n\r\n",
        "GET / HTTP/1.1\nHost: hub\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: hub\n\r\n",
        "GET / HTTP/1.1\r\nHost: hub\r\n\n",
        "GET / HTTP/1.1\nHost: hub\n\n",
    ] {
        assert!(is_malformed(head), "{head:?}");
    }
}

#[test]
fn a_host_is_needed_once_and_is_one() {
    let with = |host: &str| format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n");
    for host in ["", "hub", "hub.example:8200", "[::1]:8200", "127.0.0.1", "a_b", "hub:"] {
        assert_eq!(fault(&with(host)), None, "{host}");
    }
    for host in ["a b/c", "user@hub", "a/b", "[::1", "hub:80:80"] {
        assert!(is_malformed(&with(host)), "{host}");
    }
    assert!(is_malformed("GET / HTTP/1.1\r\n\r\n"), "no host");
    assert_eq!(fault("GET / HTTP/1.0\r\n\r\n"), None);
}

#[test]
fn bytes_that_are_no_http_are_refused_before_they_end() {
    for noise in ["\x16\x03\x01\x02\0\x01", "GET  / HTTP/1.1", "GET /healthz\r\n", "G(T /", " GET"]
    {
        assert!(is_malformed(noise), "{noise:?}");
    }
    assert!(is_malformed("GET / HTTP/1.2\r\n"), "another version");
}

#[test]
fn large_heads_are_told_apart_from_malformed_ones() {
    let many = "a: b\r\n".repeat(101);
    assert_eq!(fault(&format!("GET / HTTP/1.1\r\n{many}\r\n")), Some(HeadFault::TooLarge));
    let long = "a".repeat(MAX_HEAD);
    assert_eq!(fault(&format!("GET /{long}")), Some(HeadFault::TooLarge));
    let fill = |length: usize| "a".repeat(length - post("X: ").len());
    let most = post(&format!("X: {}", fill(MAX_HEAD)));
    assert_eq!(whole(&most), (MAX_HEAD, None));
    let more = post(&format!("X: {}", fill(MAX_HEAD + 1)));
    assert_eq!(whole(&more), (0, Some(HeadFault::TooLarge)));
    let (passed, _, fault) = feed(more.as_bytes().chunks(100));
    assert_eq!((passed.len(), fault), (0, Some(HeadFault::TooLarge)));
}

#[test]
fn a_connection_that_ends_in_a_head_is_at_fault() {
    let ended = |bytes: &str| {
        let mut framer = Framer::new();
        let left = bytes.len() - framer.pass(bytes.as_bytes());
        framer.end(left);
        framer.fault()
    };
    assert!(matches!(ended("GET / HT"), Some(HeadFault::Malformed(_))));
    assert!(matches!(ended("\r\n"), Some(HeadFault::Malformed(_))));
    assert_eq!(ended(""), None);
    assert_eq!(ended(GET), None);
    assert_eq!(ended(&post("Content-Length: 9")), None, "in a body: hyper's to answer");
}

#[test]
fn a_target_that_hyper_would_refuse_is_a_fault() {
    let with = |target: &str| format!("GET {target} HTTP/1.1\r\nHost: hub\r\n\r\n");
    for target in ["/", "/a?b=c&d=%20", "/a;b", "/!", "/a?b={c}", "*", "http://hub/a", "hub:80"] {
        assert_eq!(fault(&with(target)), None, "{target}");
    }
    for target in ["/a\"b", "?x", "http://[::1", "/a<b", "/a|b", "/a\\b", "/ä"] {
        assert!(is_malformed(&with(target)), "{target}");
    }
}

#[test]
fn it_is_known_when_all_that_arrived_is_whole() {
    let whole = |bytes: &str| {
        let mut framer = Framer::new();
        let left = bytes.len() - framer.pass(bytes.as_bytes());
        framer.whole().filter(|_| left == 0)
    };
    let body = post("Content-Length: 5");
    assert_eq!(whole(""), Some(0));
    assert_eq!(whole(GET), Some(1));
    assert_eq!(whole(&GET.repeat(3)), Some(3));
    assert_eq!(whole(&(body.clone() + "hello")), Some(1));
    for part in ["GET", &body, &(body.clone() + "he"), &post("Transfer-Encoding: chunked")] {
        assert_eq!(whole(part), None, "{part:?}");
    }
}
