//! Finds out where the requests of a connection begin and end. It knows no socket and no clock.
//!
//! hyper answers a malformed head by itself and without a body, takes bare line feeds, and takes a
//! request with both `Content-Length` and `Transfer-Encoding`. The framer reads each head first and lets
//! only whole, well-formed ones pass.
//!
//! To find the next head of a kept-alive connection it counts the bytes of a `Content-Length` body. It
//! does not follow chunks: after a chunked request the connection is closed (see `service`).

use std::mem::MaybeUninit;

use hyper::http::uri::Authority;

/// The most bytes of a request line and its headers.
pub(super) const MAX_HEAD: usize = 16 * 1024;
/// The most headers; hyper's own limit.
pub(super) const MAX_HEADERS: usize = 100;
/// The longest body that is counted; hyper refuses a longer one by itself, without a body.
const MAX_BODY: u64 = 1 << 62;

/// Why a head does not pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum HeadFault {
    /// It breaks the grammar of RFC 9112.
    Malformed(&'static str),
    /// It is longer than [`MAX_HEAD`] or has too many headers.
    TooLarge,
}

/// The state between two looks at the bytes of a connection.
#[derive(Debug)]
pub(super) struct Framer {
    phase: Phase,
}

#[derive(Debug, Clone, Copy)]
enum Phase {
    /// The next head is awaited, or only a part of it has come.
    Head(Lines),
    /// So many bytes of a body are yet to come.
    Body(u64),
    /// Everything passes.
    Open,
    /// Nothing passes any more.
    Faulty(HeadFault),
}

impl Framer {
    pub(super) fn new() -> Self {
        Self { phase: Phase::Head(Lines::default()) }
    }

    /// Looks at `bytes`, which came and have not passed yet, and tells how many of them pass now,
    /// from the first one on. The rest is the start of a head (or follows a fault): it stays with the
    /// caller, who passes it again in front of what comes next.
    pub(super) fn pass(&mut self, bytes: &[u8]) -> usize {
        let mut passed = 0;
        loop {
            let rest = &bytes[passed..];
            match &mut self.phase {
                Phase::Head(lines) => match lines.look(rest) {
                    Ok(None) => return passed,
                    Ok(Some(head)) => {
                        passed += head.length;
                        self.phase = head.then;
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

    /// The connection ended, with so many bytes that did not pass: a part of a head is a fault.
    pub(super) fn end(&mut self, left: usize) {
        if left > 0 && matches!(self.phase, Phase::Head(_)) {
            self.phase = Phase::Faulty(HeadFault::Malformed("the request ends in its head"));
        }
    }

    /// What is wrong with the head after the bytes that passed.
    pub(super) fn fault(&self) -> Option<HeadFault> {
        match self.phase {
            Phase::Faulty(fault) => Some(fault),
            Phase::Head(_) | Phase::Body(_) | Phase::Open => None,
        }
    }
}

/// A whole head at the start of the bytes.
struct Head {
    length: usize,
    /// The phase that follows it.
    then: Phase,
}

/// How far a head was looked at, so that no byte of a head that comes in many pieces is looked at anew
/// with each piece.
#[derive(Debug, Clone, Copy, Default)]
struct Lines {
    /// Where the search for the next line feed goes on.
    searched: usize,
    /// Where the present line starts.
    line: usize,
    /// Whether a line that is not empty has come: empty ones before it are no end.
    begun: bool,
    /// How many bytes the head had when its grammar was last checked; 0 when a check is due.
    parsed: usize,
}

impl Lines {
    /// Looks at what has come of a head; `None` while it is not whole.
    fn look(&mut self, bytes: &[u8]) -> Result<Option<Head>, HeadFault> {
        while let Some(found) = bytes[self.searched..].iter().position(|byte| *byte == b'\n') {
            let feed = self.searched + found;
            // RFC 9112 §2.2 lets a recipient take a bare line feed; two recipients that read lines
            // differently can be played off against each other.
            if feed == 0 || bytes[feed - 1] != b'\r' {
                return Err(HeadFault::Malformed("lines of the request head end with CR LF"));
            }
            let is_empty = feed - self.line == 1;
            (self.searched, self.line) = (feed + 1, feed + 1);
            if is_empty && self.begun {
                return read_whole(&bytes[..=feed]).map(Some);
            }
            if !is_empty && !self.begun {
                // A whole request line tells most of what is not HTTP: a check is due.
                (self.begun, self.parsed) = (true, 0);
            }
        }
        self.searched = bytes.len();
        if bytes.len() > MAX_HEAD {
            return Err(HeadFault::TooLarge);
        }
        // Bytes that are not HTTP are refused without waiting for an end that may never come. A check
        // after each doubling keeps the sum of all checks linear.
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
fn read_whole(bytes: &[u8]) -> Result<Head, HeadFault> {
    if bytes.len() > MAX_HEAD {
        return Err(HeadFault::TooLarge);
    }
    let headers = &mut [const { MaybeUninit::uninit() }; MAX_HEADERS];
    let mut request = httparse::Request::new(&mut []);
    let parsed = request.parse_with_uninit_headers(bytes, headers).map_err(grammar)?;
    if parsed != httparse::Status::Complete(bytes.len()) {
        return Err(HeadFault::Malformed(NOT_WELL_FORMED));
    }
    let then = framing(request.headers, request.version.unwrap_or(0))?;
    Ok(Head { length: bytes.len(), then })
}

const NOT_WELL_FORMED: &str = "the request head is not well-formed";

fn grammar(error: httparse::Error) -> HeadFault {
    match error {
        httparse::Error::TooManyHeaders => HeadFault::TooLarge,
        httparse::Error::Version => HeadFault::Malformed("only HTTP/1.0 and HTTP/1.1 are spoken"),
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

/// What follows the head (RFC 9112 §6.3), strictly: what two parsers could read in two ways is refused.
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
        _ => return Err(HeadFault::Malformed("exactly one Host header is needed, with a host")),
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
        (Once::Absent, _) => "the only Transfer-Encoding is chunked",
        _ => "Content-Length and Transfer-Encoding exclude each other",
    };
    Err(HeadFault::Malformed(why))
}

/// The length of a body: digits and nothing else.
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
        // The usual forms, told without the copy that the full grammar makes.
        [b':', port @ ..] if rest.len() < value.len() && port.iter().all(u8::is_ascii_digit) => {
            true
        }
        _ => !value.contains(&b'@') && Authority::try_from(value).is_ok(),
    }
}

#[cfg(test)]
mod tests;
