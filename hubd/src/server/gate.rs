//! The gate in front of hyper: it lets hyper see only complete, well-formed requests.
//!
//! The `framer` decides which bytes pass; the gate moves the bytes and keeps the [`Progress`] that
//! `connection` computes the deadlines from. A read goes straight into hyper's buffer, and usually all
//! bytes may stay there. The gate takes back and holds only the bytes that may not pass yet.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::watch;
use tokio::time::Instant;

use super::framer::{Framer, HeadFault};
use super::progress::Progress;
use super::stream::Stream;

/// The most bytes of one read, when a head arrives in pieces.
const PIECE: usize = 4096;

/// A connection that lets hyper see only complete, well-formed requests.
pub(super) struct Gate {
    io: Stream,
    framer: Framer,
    /// Bytes that arrived and that hyper does not have yet.
    held: Vec<u8>,
    /// How many bytes of `held`, counted from the first, hyper may have.
    passed: usize,
    /// Whether the peer has closed its sending side.
    ended: bool,
    progress: watch::Sender<Progress>,
}

impl Gate {
    pub(super) fn new(io: Stream) -> Self {
        Self {
            io,
            framer: Framer::new(),
            held: Vec::new(),
            passed: 0,
            ended: false,
            progress: watch::Sender::new(Progress::begin(Instant::now())),
        }
    }

    /// The connection's progress. It wakes receivers when a head that arrives in pieces begins and ends,
    /// not for each byte.
    pub(super) fn progress(&self) -> watch::Receiver<Progress> {
        self.progress.subscribe()
    }

    /// The connection, and the fault of its last head, if any.
    pub(super) fn into_parts(self) -> (Stream, Option<HeadFault>) {
        let fault = self.framer.fault();
        (self.io, fault)
    }

    /// Reads into hyper's buffer and takes back the bytes that may not pass yet.
    fn poll_straight(
        &mut self,
        cx: &mut Context<'_>,
        out: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = out.filled().len();
        ready!(Pin::new(&mut self.io).poll_read(cx, out))?;
        let came = &out.filled()[before..];
        let passed = self.framer.pass(came);
        self.ended = came.is_empty();
        self.held.extend_from_slice(&came[passed..]);
        out.set_filled(before + passed);
        self.note();
        Poll::Ready(Ok(()))
    }

    /// Reads the next piece of a head and appends it to the held bytes.
    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut piece = [0; PIECE];
        let mut piece = ReadBuf::new(&mut piece);
        ready!(Pin::new(&mut self.io).poll_read(cx, &mut piece))?;
        self.ended = piece.filled().is_empty();
        self.held.extend_from_slice(piece.filled());
        self.passed = self.framer.pass(&self.held);
        self.note();
        Poll::Ready(Ok(()))
    }

    fn note(&mut self) {
        let left = self.held.len() - self.passed;
        if self.ended {
            self.framer.end(left);
        }
        let in_head = left > 0 && self.framer.fault().is_none();
        let whole = self.framer.whole().filter(|_| self.held.is_empty());
        let now = Instant::now();
        self.progress.send_if_modified(|progress| {
            progress.whole = whole;
            progress.active = now;
            progress.reach(now, in_head)
        });
    }

    fn note_write(&self, written: &Poll<io::Result<usize>>) {
        let (blocked, now) = (written.is_pending(), Instant::now());
        self.progress.send_if_modified(|progress| {
            progress.sent(now, blocked, !blocked);
            false
        });
    }

    /// Waits until there is something to read, without a buffer for it.
    pub(super) async fn readable(&self) -> io::Result<()> {
        self.io.readable().await
    }

    /// Takes back bytes that have passed and were not used.
    pub(super) fn take_back(&mut self, bytes: &[u8]) {
        self.held.splice(..0, bytes.iter().copied());
        self.passed += bytes.len();
    }

    /// Gives hyper the held bytes that passed.
    fn release(&mut self, out: &mut ReadBuf<'_>) {
        let n = self.passed.min(out.remaining());
        out.put_slice(&self.held[..n]);
        self.passed -= n;
        if n == self.held.len() {
            // An idle connection keeps no memory for a head that once arrived in pieces.
            self.held = Vec::new();
            self.progress.send_if_modified(|progress| {
                progress.whole = self.framer.whole();
                false
            });
        } else {
            self.held.drain(..n);
        }
    }
}

impl AsyncRead for Gate {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        out: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let before = out.filled().len();
        while out.filled().len() == before && out.remaining() > 0 {
            if this.passed > 0 {
                this.release(out);
            } else if this.ended || this.framer.fault().is_some() {
                break;
            } else if this.held.is_empty() {
                ready!(this.poll_straight(cx, out))?;
            } else {
                ready!(this.poll_piece(cx))?;
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Gate {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.io).poll_write(cx, data);
        self.note_write(&written);
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    /// Only flushes: `connection` shuts the socket down, after it has answered a fault.
    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_flush(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.io).poll_write_vectored(cx, data);
        self.note_write(&written);
        written
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpStream};

    use super::super::progress::Stage;
    use super::*;

    const GET: &str = "GET / HTTP/1.1\r\nHost: hub\r\n\r\n";

    async fn pair() -> (TcpStream, Gate) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let peer = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        peer.set_nodelay(true).unwrap();
        (peer, Gate::new(Stream::Plain(listener.accept().await.unwrap().0)))
    }

    /// Sends the pieces one after the other and reads what passes, at most `at_once` bytes in one read.
    async fn pass(pieces: Vec<String>, at_once: usize) -> (String, Option<HeadFault>) {
        let (mut peer, mut gate) = pair().await;
        let sent = tokio::spawn(async move {
            for piece in pieces {
                peer.write_all(piece.as_bytes()).await.unwrap();
                tokio::task::yield_now().await;
            }
            peer.shutdown().await.unwrap();
            peer
        });
        let (mut passed, mut buffer) = (Vec::new(), vec![0; at_once]);
        loop {
            match gate.read(&mut buffer).await.unwrap() {
                0 => break,
                n => passed.extend_from_slice(&buffer[..n]),
            }
        }
        sent.await.unwrap();
        (String::from_utf8(passed).unwrap(), gate.into_parts().1)
    }

    #[tokio::test]
    async fn requests_arrive_as_they_were_sent() {
        let post = "POST / HTTP/1.1\r\nHost: hub\r\nContent-Length: 5\r\n\r\nhello";
        let long = format!("GET / HTTP/1.1\r\nHost: hub\r\nX: {}\r\n\r\n", "a".repeat(9_000));
        let all = [GET, post, &long, GET, post].concat();
        for size in [1, 7, 60, 5_000, all.len()] {
            let pieces = all.as_bytes().chunks(size);
            let pieces = pieces.map(|piece| String::from_utf8_lossy(piece).into_owned()).collect();
            for at_once in [3, 8_192] {
                let (passed, fault) = pass(Vec::clone(&pieces), at_once).await;
                assert!(passed == all && fault.is_none(), "pieces of {size}, read by {at_once}");
            }
        }
    }

    #[tokio::test]
    async fn a_faulty_head_does_not_pass() {
        let (passed, fault) = pass(vec![format!("{GET}GET / HTTP/1.1\n\n{GET}")], 8_192).await;
        assert_eq!(passed, GET);
        assert!(matches!(fault, Some(HeadFault::Malformed(_))));
        let (passed, fault) = pass(vec![GET.to_owned(), GET[..9].to_owned()], 8_192).await;
        assert_eq!(passed, GET);
        assert!(matches!(fault, Some(HeadFault::Malformed(_))));
    }

    #[tokio::test]
    async fn progress_tells_where_a_head_begins_and_ends() {
        let (mut peer, mut gate) = pair().await;
        let mut progress = gate.progress();
        assert!(matches!(progress.borrow().stage, Stage::Silent { .. }));
        let reading = tokio::spawn(async move {
            let mut buffer = [0; 100];
            let n = gate.read(&mut buffer).await.unwrap();
            (gate, n)
        });
        peer.write_all(&GET.as_bytes()[..9]).await.unwrap();
        progress.wait_for(|now| matches!(now.stage, Stage::InHead { .. })).await.unwrap();
        peer.write_all(&GET.as_bytes()[9..]).await.unwrap();
        progress.wait_for(|now| now.stage == Stage::Clear).await.unwrap();
        assert_eq!(reading.await.unwrap().1, GET.len());
    }
}
