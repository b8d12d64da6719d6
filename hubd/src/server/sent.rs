//! The requests of a connection of HTTP/2, until the last byte of their answers is written.
//!
//! h2 takes all bytes of an answer at once, whether or not the peer has room for them. A peer that takes no
//! answer must not make the hub hold many (CVE-2019-9517), so each byte keeps what its request has.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};

use super::framer::MAX_HEAD;
use super::service::Kept;
use crate::call::AnswerBody;

/// The most bytes of heads that a connection may have open at once.
const HEADS: usize = 8 * MAX_HEAD;
/// So many open requests, over all connections, are a crowd. One takes 2 to 6 KiB until it has its turn.
const CROWD: usize = 16_384;
/// What a connection may have open in a crowd.
const FEW: usize = 4;

/// The open requests of all connections.
static ALL: AtomicUsize = AtomicUsize::new(0);

/// The requests of a connection that are open: not answered, or not all of the answer is sent.
#[derive(Debug, Default)]
pub(super) struct Load {
    requests: AtomicUsize,
    heads: AtomicUsize,
}

impl Load {
    /// Whether a request is open.
    pub(super) fn is_any(&self) -> bool {
        self.requests.load(Ordering::Relaxed) > 0
    }

    /// Whether there is more than a connection may have: too many bytes of heads, or several requests
    /// while the hub has a crowd of them.
    fn is_too_much(&self) -> bool {
        let is_crowd = ALL.load(Ordering::Relaxed) > CROWD;
        self.heads.load(Ordering::Relaxed) > HEADS
            || is_crowd && self.requests.load(Ordering::Relaxed) > FEW
    }
}

/// An open request.
pub(super) struct Open {
    load: Arc<Load>,
    head: usize,
}

impl Open {
    /// Counts one more, with a head of this size, until it is dropped; `None` when that is too much.
    pub(super) fn new(load: &Arc<Load>, head: usize) -> Option<Self> {
        ALL.fetch_add(1, Ordering::Relaxed);
        load.requests.fetch_add(1, Ordering::Relaxed);
        load.heads.fetch_add(head, Ordering::Relaxed);
        let open = Self { load: Arc::clone(load), head };
        (!load.is_too_much()).then_some(open)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        ALL.fetch_sub(1, Ordering::Relaxed);
        self.load.requests.fetch_sub(1, Ordering::Relaxed);
        self.load.heads.fetch_sub(self.head, Ordering::Relaxed);
    }
}

/// The body of an answer. What its request has is free when the body and all its bytes are gone.
pub(super) struct Sent {
    body: AnswerBody,
    held: Arc<Held>,
}

/// What a request has, and that it is open.
struct Held {
    _kept: Kept,
    _open: Open,
}

impl Sent {
    pub(super) fn new(body: AnswerBody, kept: Kept, open: Open) -> Self {
        Self { body, held: Arc::new(Held { _kept: kept, _open: open }) }
    }
}

/// Bytes that hold what their request has.
struct Piece {
    bytes: Bytes,
    _held: Arc<Held>,
}

impl AsRef<[u8]> for Piece {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Body for Sent {
    type Data = Bytes;
    type Error = <AnswerBody as Body>::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let held = Arc::clone(&self.held);
        Pin::new(&mut self.body)
            .poll_frame(cx)
            .map_ok(|frame| frame.map_data(|bytes| Bytes::from_owner(Piece { bytes, _held: held })))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
