//! The bytes of a connection of HTTP/2, as h2 reads and writes them. They pass unchanged; the wire keeps
//! the [`Progress`] that the deadlines depend on, and ends a flood.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::{oneshot, watch};
use tokio::time::Instant;

use super::frames::Frames;
use super::progress::Progress;
use super::stream::Stream;

/// A connection that is lent to h2. It comes back when the wire is dropped.
pub(super) struct Wire {
    /// There until the wire is dropped.
    io: Option<Stream>,
    back: Option<oneshot::Sender<Stream>>,
    incoming: Frames,
    outgoing: Frames,
    progress: watch::Sender<Progress>,
}

impl Wire {
    /// Lends the connection, which the receiver gets back.
    pub(super) fn lend(io: Stream) -> (Self, oneshot::Receiver<Stream>) {
        let (back, receiver) = oneshot::channel();
        let progress = watch::Sender::new(Progress::begin(Instant::now()));
        let (incoming, outgoing) = (Frames::of_client(), Frames::of_hub());
        let wire = Self { io: Some(io), back: Some(back), incoming, outgoing, progress };
        (wire, receiver)
    }

    /// The connection's progress.
    pub(super) fn progress(&self) -> watch::Receiver<Progress> {
        self.progress.subscribe()
    }

    /// Waits until there is something to read.
    pub(super) async fn readable(&self) -> io::Result<()> {
        match &self.io {
            Some(io) => io.readable().await,
            None => Err(io::ErrorKind::NotConnected.into()),
        }
    }

    fn io(&mut self) -> io::Result<Pin<&mut Stream>> {
        self.io.as_mut().map(Pin::new).ok_or_else(|| io::ErrorKind::NotConnected.into())
    }

    fn received(&mut self, bytes: &[u8]) -> io::Result<()> {
        let content = self.incoming.follow(bytes);
        if self.incoming.is_flood() {
            return Err(io::ErrorKind::QuotaExceeded.into());
        }
        let (has_begun, in_head) = (self.incoming.has_begun(), self.incoming.is_in_head());
        let now = Instant::now();
        self.progress.send_if_modified(|progress| {
            if content.any {
                progress.active = now;
            }
            has_begun && progress.reach(now, in_head)
        });
        Ok(())
    }

    /// Notes what was written of the buffers.
    fn written<'a>(
        &mut self,
        written: &Poll<io::Result<usize>>,
        buffers: impl IntoIterator<Item = &'a [u8]>,
    ) {
        let mut left = match written {
            Poll::Ready(Ok(written)) => *written,
            Poll::Ready(Err(_)) | Poll::Pending => 0,
        };
        let mut any = false;
        for buffer in buffers {
            let sent = &buffer[..buffer.len().min(left)];
            left -= sent.len();
            let content = self.outgoing.follow(sent);
            self.incoming.settle(content);
            any |= content.any;
        }
        self.note(written.is_pending(), any);
    }

    /// Notes whether the peer takes nothing, and whether something of an answer went.
    fn note(&self, blocked: bool, any: bool) {
        let now = Instant::now();
        self.progress.send_if_modified(|progress| {
            progress.sent(now, blocked, any);
            false
        });
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        out: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = out.filled().len();
        ready!(self.io()?.poll_read(cx, out))?;
        Poll::Ready(self.received(&out.filled()[before..]))
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = self.io()?.poll_write(cx, data);
        self.written(&written, [data]);
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = self.io()?.poll_flush(cx);
        // What TLS has taken may not have gone.
        self.note(flushed.is_pending(), false);
        flushed
    }

    /// Only flushes: the socket is shut down when it is back.
    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_flush(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = self.io()?.poll_write_vectored(cx, data);
        self.written(&written, data.iter().map(|slice| &**slice));
        written
    }

    fn is_write_vectored(&self) -> bool {
        self.io.as_ref().is_some_and(Stream::is_write_vectored)
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        if let (Some(io), Some(back)) = (self.io.take(), self.back.take()) {
            // Nobody wants it back when the whole connection is dropped.
            let _ = back.send(io);
        }
    }
}
