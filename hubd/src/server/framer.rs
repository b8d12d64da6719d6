//! Finds where the requests of a connection begin and end, without a socket or a clock.
//!
//! hyper answers a malformed head itself and without a body, accepts bare line feeds, and accepts a
//! request with both `Content-Length` and `Transfer-Encoding`. So the framer reads each head before
//! hyper does and lets only complete, well-formed heads pass.
//!
//! To find the next head of a kept-alive connection, the framer counts the bytes of a `Content-Length`
//! body. It does not parse chunks: `service` closes the connection after a chunked request.

use std::mem::MaybeUninit;

use hyper::Uri;
use hyper::http::uri::Authority;

/// The most bytes of a request line and its headers.
pub(super) const MAX_HEAD: usize = 16 * 1024;
/// The most headers; hyper's own limit.
pub(super) const MAX_HEADERS: usize = 100;
/// The largest `Content-Length` that the framer accepts. hyper would refuse larger ones without a body.
const MAX_BODY: u64 = 1 << 62;

/// Why a head does not pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum HeadFault {
    /// The head violates the grammar of RFC 9112.
    Malformed(&'static str),
    /// The head is longer than [`MAX_HEAD`] or has too many headers.
    TooLarge,
}

/// Follows the bytes of a connection.
#[derive(Debug)]
pub(super) struct Framer {
    phase: Phase,
    /// How many heads have passed.
    heads: u64,
}

#[derive(Debug, Clone, Copy)]
enum Phase {
    /// The next head has not arrived, or only in part.
    Head(Lines),
    /// This many bytes of a body have not arrived yet.
    Body(u64),
    /// Everything passes.
    Open,
    /// A head was faulty: nothing more passes.
    Faulty(HeadFault),
}

impl Framer {
    pub(super) fn new() -> Self {
        Self { phase: Phase::Head(Lines::default()), heads: 0 }
    }

    /// Returns how many of `bytes`, counted from the first, may pass now. `bytes` must start with the
    /// first byte that has not passed yet. The rest is an incomplete head (or follows a fault): the
    /// caller keeps it and gives it again, with the bytes that arrive next behind it.
    pub(super) fn pass(&mut self, bytes: &[u8]) -> usize {
        let mut passed = 0;
        loop {
            let rest = &bytes[passed..];
            match &mut self.phase {
                Phase::Head(lines) => match lines.read(rest) {
                    Ok(None) => return passed,
                    Ok(Some(head)) => {
                        passed += head.length;
                        self.heads += 1;
                        self.phase = head.next;
                    }
                    Err(fault) => self.phase = Phase::Faulty(fault),
                },
                Phase::Body(left) => {
                    let here = rest.len().min(usize::try_from(*left).unwrap_or(usize::MAX));
                    passed += here;
                    *left -= here as u64;
                    if *left > 0 {
                        return passed;
                    }
                    self.phase = Phase::Head(Lines::default());
                }
                Phase::Open => return bytes.len(),
                Phase::Faulty(_) => return passed,
            }
        }
    }

    /// How many heads have passed when all that has arrived belongs to whole requests; `None` otherwise.
    pub(super) fn whole(&self) -> Option<u64> {
        matches!(self.phase, Phase::Head(Lines { searched: 0, .. })).then_some(self.heads)
    }

    /// Notes that the peer sends no more, while `left` bytes have not passed. An incomplete head is a
    /// fault.
    pub(super) fn end(&mut self, left: usize) {
        if left > 0 && matches!(self.phase, Phase::Head(_)) {
            self.phase = Phase::Faulty(HeadFault::Malformed(
                "the request ended before its head was complete",
            ));
        }
    }

    /// The fault of the head behind the bytes that passed.
    pub(super) fn fault(&self) -> Option<HeadFault> {
        match self.phase {
            Phase::Faulty(fault) => Some(fault),
            Phase::Head(_) | Phase::Body(_) | Phase::Open => None,
        }
    }
}

/// A complete head at the start of the bytes.
struct Head {
    length: usize,
    /// The phase after the head.
    next: Phase,
}

/// How far an incomplete head was read, so that a head in many pieces is not read again from its start
/// with each piece.
#[derive(Debug, Clone, Copy, Default)]
struct Lines {
    /// Where the search for the next line feed continues.
    searched: usize,
    /// Where the current line starts.
    line: usize,
    /// Whether a line with content has arrived. Empty lines before it do not end the head.
    begun: bool,
    /// The length of the head when its grammar was last checked; 0 when a check is due.
    parsed: usize,
}

impl Lines {
    /// Reads on in a head; `None` while the head is incomplete.
    fn read(&mut self, bytes: &[u8]) -> Result<Option<Head>, HeadFault> {
        while let Some(found) = bytes[self.searched..].iter().position(|byte| *byte == b'\n') {
            let feed = self.searched + found;
            // RFC 9112 §2.2 allows a recipient to accept a bare line feed. But two recipients that
            // split lines differently can be tricked into seeing different requests.
            if feed == 0 || bytes[feed - 1] != b'\r' {
                return Err(HeadFault::Malformed(
                    "every line of the request head must end with CR LF",
                ));
            }
            let is_empty = feed - self.line == 1;
            (self.searched, self.line) = (feed + 1, feed + 1);
            if is_empty && self.begun {
                return read_complete(&bytes[..=feed]).map(Some);
            }
            if !is_empty && !self.begun {
                // A complete request line exposes most of what is not HTTP, so check it now.
                (self.begun, self.parsed) = (true, 0);
            }
        }
        self.searched = bytes.len();
        if bytes.len() > MAX_HEAD {
            return Err(HeadFault::TooLarge);
        }
        // Refuse bytes that are not HTTP without waiting for an end that may never arrive. A check
        // after each doubling of the length keeps the total work linear.
        if bytes.len() >= 2 * self.parsed {
            self.parsed = bytes.len();
            let headers = &mut [const { MaybeUninit::uninit() }; MAX_HEADERS];
            let mut request = httparse::Request::new(&mut []);
            request.parse_with_uninit_headers(bytes, headers).map_err(grammar)?;
        }
        Ok(None)
    }
}

/// Reads a head that ends with the last of `bytes`.
fn read_complete(bytes: &[u8]) -> Result<Head, HeadFault> {
    if bytes.len() > MAX_HEAD {
        return Err(HeadFault::TooLarge);
    }
    let headers = &mut [const { MaybeUninit::uninit() }; MAX_HEADERS];
    let mut request = httparse::Request::new(&mut []);
    let parsed = request.parse_with_uninit_headers(bytes, headers).map_err(grammar)?;
    if parsed != httparse::Status::Complete(bytes.len()) {
        return Err(HeadFault::Malformed(NOT_WELL_FORMED));
    }
    check_target(request.path.unwrap_or_default())?;
    let next = framing(request.headers, request.version.unwrap_or(0))?;
    Ok(Head { length: bytes.len(), next })
}

const NOT_WELL_FORMED: &str = "the request head is not well-formed";

fn grammar(error: httparse::Error) -> HeadFault {
    match error {
        httparse::Error::TooManyHeaders => HeadFault::TooLarge,
        httparse::Error::Version => {
            HeadFault::Malformed("the hub speaks only HTTP/1.0 and HTTP/1.1")
        }
        _ => HeadFault::Malformed(NOT_WELL_FORMED),
    }
}

/// A header that may be given once.
#[derive(Default)]
enum Once<'a> {
    #[default]
    Absent,
    Given(&'a [u8]),
    Repeated,
}

impl<'a> Once<'a> {
    fn take(&mut self, value: &'a [u8]) {
        *self = match self {
            Self::Absent => Self::Given(value),
            Self::Given(_) | Self::Repeated => Self::Repeated,
        };
    }
}

/// The phase after a head (RFC 9112 §6.3). It is strict: it refuses a head that two parsers could read
/// differently.
fn framing(headers: &[httparse::Header<'_>], version: u8) -> Result<Phase, HeadFault> {
    let (mut host, mut length, mut encoding) = (Once::Absent, Once::Absent, Once::Absent);
    for header in headers {
        if header.name.eq_ignore_ascii_case("host") {
            host.take(header.value);
        } else if header.name.eq_ignore_ascii_case("content-length") {
            length.take(header.value);
        } else if header.name.eq_ignore_ascii_case("transfer-encoding") {
            encoding.take(header.value);
        }
    }
    match host {
        Once::Given(host) if is_host(host) => {}
        Once::Absent if version == 0 => {}
        _ => {
            return Err(HeadFault::Malformed(
                "the request must have exactly one Host header with a valid host",
            ));
        }
    }
    let why = match (length, encoding) {
        (Once::Absent, Once::Absent) => return Ok(Phase::Body(0)),
        (Once::Given(digits), Once::Absent) => match number(digits) {
            Some(number) => return Ok(Phase::Body(number)),
            None => "Content-Length must be given once, as a number",
        },
        (Once::Absent, Once::Given(coding))
            if version == 1 && coding.eq_ignore_ascii_case(b"chunked") =>
        {
            return Ok(Phase::Open);
        }
        (Once::Repeated, Once::Absent) => "Content-Length must be given once, as a number",
        (Once::Absent, _) => "the only supported Transfer-Encoding is chunked",
        _ => "Content-Length and Transfer-Encoding exclude each other",
    };
    Err(HeadFault::Malformed(why))
}

/// Refuses a target that is not well-formed.
pub(super) fn check_target(target: &str) -> Result<(), HeadFault> {
    if is_target(target) {
        Ok(())
    } else {
        Err(HeadFault::Malformed("the request target is not well-formed"))
    }
}

/// Whether the path has only characters of a path (RFC 3986 §3.3), and hyper accepts the target: it
/// would refuse another without a body.
fn is_target(target: &str) -> bool {
    let is_usual = |byte: u8| byte.is_ascii_alphanumeric() || b"/-._~%?=&:+,".contains(&byte);
    if target.starts_with('/') && target.bytes().all(is_usual) {
        return true; // no second look is needed
    }
    let path = target.split(['?', '#']).next().unwrap_or_default();
    let is_of_path = |byte: u8| is_usual(byte) || b"!$'()*;@[]".contains(&byte);
    path.bytes().all(is_of_path) && Uri::try_from(target).is_ok()
}

/// The length of a body, written with digits only.
fn number(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let number = std::str::from_utf8(digits).ok()?.parse().ok()?;
    (number <= MAX_BODY).then_some(number)
}

/// `uri-host [ ":" port ]` (RFC 9110 §7.2), which may be empty.
fn is_host(value: &[u8]) -> bool {
    let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-');
    let rest = value.iter().position(|byte| !is_name(byte)).map_or(&[][..], |at| &value[at..]);
    match rest {
        [] => true,
        // The usual forms need no copy, unlike the check of the full grammar.
        [b':', port @ ..] if rest.len() < value.len() && port.iter().all(u8::is_ascii_digit) => {
            true
        }
        _ => !value.contains(&b'@') && Authority::try_from(value).is_ok(),
    }
}

#[cfg(test)]
mod tests;
