//! The gate before hyper: hands it whole, well-formed request heads and nothing else.
//!
//! hyper answers a malformed head on its own, without a body; takes bare line feeds, and a request with
//! both `Content-Length` and `Transfer-Encoding`; and has one timeout for a slow head and an idle
//! connection. The gate reads each head itself first, so a fault becomes a problem body like any
//! other (see [`HeadFault`]), and it knows at any time whether a head has begun.
//!
//! To find the next head on a kept-alive connection it counts the bytes of a `Content-Length` body. It
//! does not follow chunks: after a chunked request the connection is closed (see `service`).

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};

use hyper::http::uri::Authority;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::time::Instant;

/// The most bytes of a request line and its headers.
pub(super) const MAX_HEAD: usize = 16 * 1024;
/// The most headers; hyper's own limit.
const MAX_HEADERS: usize = 100;

/// Why a head was not handed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum HeadFault {
    /// It breaks the grammar of RFC 9112.
    Malformed(&'static str),
    /// It is longer than [`MAX_HEAD`] or has too many headers.
    TooLarge,
}

/// A connection's state, shared with the task that watches its deadlines.
#[derive(Debug)]
pub(super) struct Watch {
    start: Instant,
    /// Milliseconds after `start` of the last byte in either direction.
    active: AtomicU64,
    /// 0 between requests, 1 before the first byte of all, else when the present head began:
    /// milliseconds after `start`, plus two.
    head: AtomicU64,
    /// Told when a head begins that does not come whole, whose deadline is nearer than the idle one.
    begun: Notify,
}

impl Watch {
    fn new() -> Self {
        // A connection that never says anything is one whose first head never ends.
        Self {
            start: Instant::now(),
            active: AtomicU64::new(0),
            head: AtomicU64::new(1),
            begun: Notify::new(),
        }
    }

    fn elapsed(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn touch(&self) {
        self.active.store(self.elapsed(), Ordering::Relaxed);
    }

    fn head_begins(&self) {
        if self.head.load(Ordering::Relaxed) <= 1 {
            self.head.store(self.elapsed() + 2, Ordering::Relaxed);
            self.begun.notify_one();
        }
    }

    fn head_ends(&self) {
        self.head.store(0, Ordering::Relaxed);
    }

    /// Whether some bytes of a head have come, and not yet all.
    pub(super) fn in_head(&self) -> bool {
        self.head.load(Ordering::Relaxed) > 1
    }

    /// When the present head began.
    pub(super) fn head_began(&self) -> Option<Instant> {
        let head = self.head.load(Ordering::Relaxed);
        (head > 0).then(|| self.start + std::time::Duration::from_millis(head.saturating_sub(2)))
    }

    /// Waits until a head begins.
    pub(super) async fn head_begun(&self) {
        self.begun.notified().await;
    }

    /// When the last byte went in either direction.
    pub(super) fn last_active(&self) -> Instant {
        self.start + std::time::Duration::from_millis(self.active.load(Ordering::Relaxed))
    }
}

enum Phase {
    /// A head is being collected in `held`, or the next request is awaited.
    Head,
    /// So many bytes of `held` go to hyper, then the phase after it begins.
    Release(usize, After),
    /// So many bytes of a body are yet to come.
    Body(u64),
    /// All that comes goes to hyper.
    Open,
    /// Nothing more goes to hyper.
    Shut,
}

#[derive(Clone, Copy)]
enum After {
    Body(u64),
    Open,
}

/// A connection of which hyper sees only what the gate lets through.
pub(super) struct Gate {
    io: TcpStream,
    phase: Phase,
    held: Vec<u8>,
    watch: Arc<Watch>,
    fault: Option<HeadFault>,
}

impl Gate {
    pub(super) fn new(io: TcpStream) -> Self {
        let watch = Arc::new(Watch::new());
        Self { io, phase: Phase::Head, held: Vec::new(), watch, fault: None }
    }

    pub(super) fn watch(&self) -> Arc<Watch> {
        Arc::clone(&self.watch)
    }

    /// What was wrong with the last head, and the connection to say so on.
    pub(super) fn into_parts(self) -> (TcpStream, Option<HeadFault>) {
        (self.io, self.fault)
    }

    /// Reads what there is into `held`; false at the end of the stream.
    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<bool>> {
        let mut chunk = [0; 4096];
        let mut buf = ReadBuf::new(&mut chunk);
        ready!(Pin::new(&mut self.io).poll_read(cx, &mut buf))?;
        self.watch.touch();
        self.held.extend_from_slice(buf.filled());
        Poll::Ready(Ok(!buf.filled().is_empty()))
    }

    fn shut(&mut self, fault: Option<HeadFault>) {
        self.fault = fault;
        self.phase = Phase::Shut;
    }
}

impl AsyncRead for Gate {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        out: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        loop {
            match this.phase {
                Phase::Shut => return Poll::Ready(Ok(())),
                Phase::Head => {
                    match inspect(&this.held) {
                        Ok(Some(head)) => {
                            this.phase = Phase::Release(head.length, head.after);
                            this.watch.head_ends();
                            continue;
                        }
                        Ok(None) => {}
                        Err(fault) => {
                            this.shut(Some(fault));
                            continue;
                        }
                    }
                    if !this.held.is_empty() {
                        this.watch.head_begins();
                    }
                    if !ready!(this.poll_fill(cx))? {
                        let cut = (!this.held.is_empty())
                            .then_some(HeadFault::Malformed("the request ends in its head"));
                        this.shut(cut);
                    }
                }
                Phase::Release(left, after) => {
                    let n = left.min(out.remaining());
                    out.put_slice(&this.held[..n]);
                    this.held.drain(..n);
                    this.phase = match (left - n, after) {
                        (0, After::Body(0)) => Phase::Head,
                        (0, After::Body(length)) => Phase::Body(length),
                        (0, After::Open) => Phase::Open,
                        (left, after) => Phase::Release(left, after),
                    };
                    return Poll::Ready(Ok(()));
                }
                Phase::Body(left) => {
                    if this.held.is_empty() && !ready!(this.poll_fill(cx))? {
                        this.shut(None);
                        continue;
                    }
                    let n = this.held.len().min(usize::try_from(left).unwrap_or(usize::MAX));
                    let after = After::Body(left - n as u64);
                    this.phase = Phase::Release(n, after);
                }
                Phase::Open => {
                    if this.held.is_empty() && !ready!(this.poll_fill(cx))? {
                        this.shut(None);
                        continue;
                    }
                    this.phase = Phase::Release(this.held.len(), After::Open);
                }
            }
        }
    }
}

impl AsyncWrite for Gate {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.io).poll_write(cx, data))?;
        self.watch.touch();
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    /// Only flushes: the socket is shut down in `connection`, after a fault was answered.
    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_flush(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.io).poll_write_vectored(cx, data))?;
        self.watch.touch();
        Poll::Ready(Ok(written))
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }
}

/// A whole head at the start of the bytes.
struct Head {
    length: usize,
    after: After,
}

/// Reads a head; `None` while it is not whole.
fn inspect(bytes: &[u8]) -> Result<Option<Head>, HeadFault> {
    let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut request = httparse::Request::new(&mut headers);
    let status = request.parse(bytes).map_err(|error| match error {
        httparse::Error::TooManyHeaders => HeadFault::TooLarge,
        httparse::Error::Version => HeadFault::Malformed("only HTTP/1.0 and HTTP/1.1 are spoken"),
        _ => HeadFault::Malformed("the request head is not well-formed"),
    })?;
    let length = match status {
        httparse::Status::Complete(length) => length,
        httparse::Status::Partial if bytes.len() > MAX_HEAD => return Err(HeadFault::TooLarge),
        httparse::Status::Partial => return refuse_bare_line_feeds(bytes).map(|()| None),
    };
    if length > MAX_HEAD {
        return Err(HeadFault::TooLarge);
    }
    refuse_bare_line_feeds(&bytes[..length])?;
    let version = request.version.unwrap_or(0);
    let after = framing(request.headers, version)?;
    Ok(Some(Head { length, after }))
}

/// RFC 9112 §2.2 lets a recipient take them; two that read lines differently can be played off
/// against each other.
fn refuse_bare_line_feeds(head: &[u8]) -> Result<(), HeadFault> {
    let bare = |at: usize| at == 0 || head[at - 1] != b'\r';
    if (0..head.len()).any(|at| head[at] == b'\n' && bare(at)) {
        return Err(HeadFault::Malformed("lines of the request head end with CR LF"));
    }
    Ok(())
}

/// `uri-host [ ":" port ]` (RFC 9110 §7.2), which may be empty.
fn is_host(value: &[u8]) -> bool {
    value.is_empty() || (!value.contains(&b'@') && Authority::try_from(value).is_ok())
}

/// How long the body is (RFC 9112 §6.3), strictly: what two parsers could read in two ways is refused.
fn framing(headers: &[httparse::Header<'_>], version: u8) -> Result<After, HeadFault> {
    const MOST: u64 = 1 << 62;
    let values = |name: &'static str| {
        headers.iter().filter(move |h| h.name.eq_ignore_ascii_case(name)).map(|h| h.value)
    };
    let mut hosts = values("host");
    match (hosts.next(), hosts.next()) {
        (Some(host), None) if is_host(host) => {}
        (None, None) if version == 0 => {}
        _ => return Err(HeadFault::Malformed("exactly one Host header is needed, with a host")),
    }
    let mut lengths = values("content-length");
    let mut encodings = values("transfer-encoding");
    match (lengths.next(), encodings.next()) {
        (None, None) => Ok(After::Body(0)),
        (Some(length), None) => {
            let digits = !length.is_empty() && length.iter().all(u8::is_ascii_digit);
            let number = std::str::from_utf8(length).ok().and_then(|text| text.parse().ok());
            match number {
                // Beyond that hyper answers on its own.
                Some(number) if digits && number <= MOST && lengths.next().is_none() => {
                    Ok(After::Body(number))
                }
                _ => Err(HeadFault::Malformed("Content-Length must be given once, as a number")),
            }
        }
        (None, Some(encoding))
            if version == 1
                && encodings.next().is_none()
                && encoding.eq_ignore_ascii_case(b"chunked") =>
        {
            Ok(After::Open)
        }
        (None, Some(_)) => Err(HeadFault::Malformed("the only Transfer-Encoding is chunked")),
        (Some(_), Some(_)) => {
            Err(HeadFault::Malformed("Content-Length and Transfer-Encoding exclude each other"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(head: &str) -> Option<HeadFault> {
        inspect(head.as_bytes()).err()
    }

    #[test]
    fn a_head_is_handed_on_when_it_is_whole() {
        let head = "GET / HTTP/1.1\r\nHost: hub\r\n\r\n";
        for end in 0..head.len() {
            assert!(matches!(inspect(&head.as_bytes()[..end]), Ok(None)), "{end}");
        }
        let found = inspect(format!("{head}rest").as_bytes()).unwrap().unwrap();
        assert_eq!(found.length, head.len());
    }

    #[test]
    fn ambiguous_framing_is_refused() {
        for headers in [
            "Content-Length: 1\r\nTransfer-Encoding: chunked",
            "Transfer-Encoding: chunked\r\nContent-Length: 1",
            "Content-Length: 1\r\nContent-Length: 2",
            "Content-Length: 1\r\nContent-Length: 1",
            "Content-Length: +1",
            "Content-Length: 1, 1",
            "Content-Length: 18446744073709551616",
            "Transfer-Encoding: gzip, chunked",
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
            "Host: other",
            "Content-Length: 18446744073709551615",
        ] {
            let head = format!("POST / HTTP/1.1\r\nHost: hub\r\n{headers}\r\n\r\n");
            assert!(matches!(fault(&head), Some(HeadFault::Malformed(_))), "{headers}");
        }
        assert!(fault("GET / HTTP/1.1\nHost: hub\n\n").is_some(), "bare line feeds");
        assert!(fault("GET / HTTP/1.1\r\n\r\n").is_some(), "no host");
        assert!(fault("GET / HTTP/1.1\r\nHost: a b/c\r\n\r\n").is_some(), "no valid host");
        assert!(fault("GET / HTTP/1.1\r\nHost: [::1]:8200\r\n\r\n").is_none());
        assert!(fault("GET / HTTP/1.0\r\n\r\n").is_none());
    }

    #[test]
    fn large_heads_are_told_apart_from_malformed_ones() {
        let many = "a: b\r\n".repeat(101);
        assert_eq!(fault(&format!("GET / HTTP/1.1\r\n{many}\r\n")), Some(HeadFault::TooLarge));
        let long = "a".repeat(MAX_HEAD);
        assert_eq!(fault(&format!("GET /{long}")), Some(HeadFault::TooLarge));
    }
}
