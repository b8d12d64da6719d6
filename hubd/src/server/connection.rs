//! Serves one connection: hyper behind the gate, the deadlines, and an orderly close.
//!
//! hyper and its buffers are there only while requests come. A connection that rests holds a socket, a
//! gate, and its place in the roster.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{FuturesUnordered, StreamExt};
use hub_core::problem::ErrorCode;
use hyper::StatusCode;
use hyper::body::{Body, Frame, SizeHint};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use super::framer::{HeadFault, MAX_HEAD, MAX_HEADERS};
use super::gate::{Gate, Progress, Stage};
use super::service::HubService;
use super::settings::ServerSettings;
use super::stream::Stream;
use crate::call::{AnswerBody, problem};
use crate::domain::Refusal;
use crate::limits::Place;
use crate::metrics;

/// The size of hyper's buffer for a connection. Every head that passes the gate fits into it.
const HYPER_BUFFER: usize = 2 * MAX_HEAD;
/// After this time without a byte a connection rests. Its next request costs a new buffer, so this is
/// longer than a busy client pauses.
const REST: Duration = Duration::from_millis(500);
/// How long the head of a request may take on a connection beyond the limit of its address.
const BEYOND: Duration = Duration::from_secs(1);

/// How long a stopping hub waits for the request of a connection that has sent none yet.
const ARRIVAL: Duration = Duration::from_secs(1);

/// Why a connection ends.
#[derive(Debug, Clone, Copy)]
enum End {
    /// hyper has finished with the connection, or the hub stops.
    Finished,
    /// The head of a request did not arrive in time.
    LateHead,
    /// The connection was idle for too long.
    Idle,
    /// It makes room for another.
    Displaced,
}

/// Something that happens to a connection while hyper serves it.
enum Event {
    /// A deadline has passed.
    Overdue(End),
    /// No byte has come or gone for a while.
    Quiet,
    /// The hub is stopping, and no head has arrived in part.
    Stop,
    /// The connection is to make room for another.
    Displaced,
}

/// What a connection is served with.
struct Serving<'a> {
    place: &'a Place,
    peer: IpAddr,
    service: &'a HubService,
    settings: ServerSettings,
    stop: &'a CancellationToken,
    /// How many requests were answered.
    answered: Arc<AtomicU64>,
}

/// Serves a connection until it ends. After `stop`, the connection ends once its request is answered.
pub(super) async fn serve(
    io: Stream,
    place: Place,
    peer: SocketAddr,
    service: Arc<HubService>,
    settings: ServerSettings,
    stop: CancellationToken,
) {
    let _open = metrics::Connection::open();
    let (place, service, stop) = (&place, &*service, &stop);
    let answered = Arc::default();
    let serving = Serving { place, peer: peer.ip(), service, settings, stop, answered };
    let mut gate = Gate::new(io);
    let end = loop {
        if let Some(end) = serving.rest(&gate).await {
            break end;
        }
        let (back, end) = Box::pin(serving.serve(gate)).await;
        gate = back;
        if let Some(end) = end {
            break end;
        }
    };
    let (io, fault) = gate.into_parts();
    if let End::Displaced = end {
        return;
    }
    let answer = serving
        .answer_to_fault(end, fault)
        .map(|(status, refusal)| problem::raw(status, &refusal, service.request_ids().next()));
    close(io, answer).await;
}

impl Serving<'_> {
    /// Waits until something arrives, without hyper; or tells why the connection ends.
    async fn rest(&self, gate: &Gate) -> Option<End> {
        let (deadline, end) = self.deadline(&gate.progress().borrow());
        tokio::select! {
            biased;
            // An error shows again when hyper reads.
            _ = gate.readable() => None,
            () = left(gate.progress(), self.stop) => Some(End::Finished),
            () = self.place.closing() => Some(End::Displaced),
            () = sleep_until(deadline) => Some(end),
        }
    }

    /// Has hyper serve requests until none comes for a while, or the connection ends.
    async fn serve(&self, gate: Gate) -> (Gate, Option<End>) {
        let progress = gate.progress();
        let mut hyper = http1::Builder::new()
            // A peer that has closed its sending side may still wait for the answer.
            .half_close(true)
            .max_buf_size(HYPER_BUFFER)
            .header_read_timeout(None)
            .serve_connection(
                TokioIo::new(gate),
                service_fn(|request| async {
                    let answer = self.service.answer(request, self.peer, self.place).await;
                    let answered = Arc::clone(&self.answered);
                    Ok::<_, Infallible>(answer.map(|body| Counted { body, answered }))
                }),
            );
        // The set polls only futures that were woken, so a request does not touch timers and locks.
        let mut events =
            FuturesUnordered::<Pin<Box<dyn Future<Output = Event> + Send + '_>>>::new();
        events.push(Box::pin(self.overdue(progress.clone())));
        events.push(Box::pin(stopped(progress.clone(), self.stop)));
        events.push(Box::pin(async {
            self.place.closing().await;
            Event::Displaced
        }));
        let end = loop {
            tokio::select! {
                biased;
                _ = &mut hyper => break Some(End::Finished),
                Some(event) = events.next() => match event {
                    Event::Overdue(end) => break Some(end),
                    Event::Quiet if self.all_is_answered(&progress.borrow()) => break None,
                    Event::Quiet => events.push(Box::pin(self.overdue(progress.clone()))),
                    Event::Displaced if !self.place.is_at_work() => break Some(End::Displaced),
                    Event::Stop | Event::Displaced => Pin::new(&mut hyper).graceful_shutdown(),
                },
            }
        };
        drop(events);
        let parts = hyper.into_parts();
        let mut gate = parts.io.into_inner();
        gate.take_back(&parts.read_buf);
        (gate, end)
    }

    /// Whether hyper holds nothing of a request or an answer.
    fn all_is_answered(&self, progress: &Progress) -> bool {
        let answered = self.answered.load(Ordering::Relaxed);
        progress.whole == Some(answered) && !progress.blocked
    }

    /// Waits until the connection misses a deadline or is quiet. Most deadlines move before they are
    /// reached, so the timer is reset when it fires and not whenever the deadline moves.
    async fn overdue(&self, mut progress: watch::Receiver<Progress>) -> Event {
        let began = Instant::now();
        loop {
            let now = *progress.borrow_and_update();
            let (deadline, end) = self.deadline(&now);
            let quiet = match now.stage {
                Stage::Clear => now.active.max(began) + REST,
                Stage::Silent { .. } | Stage::InHead { .. } => deadline,
            };
            if deadline <= Instant::now() {
                return Event::Overdue(end);
            }
            if quiet <= Instant::now() {
                return Event::Quiet;
            }
            tokio::select! {
                () = sleep_until(deadline.min(quiet)) => {}
                Ok(()) = progress.changed() => {}
            }
        }
    }

    fn deadline(&self, progress: &Progress) -> (Instant, End) {
        match progress.stage {
            Stage::Silent { since } | Stage::InHead { since } => {
                let patience = self.settings.head_timeout;
                let patience = if self.place.is_beyond() { patience.min(BEYOND) } else { patience };
                (since + patience, End::LateHead)
            }
            Stage::Clear => (progress.active + self.settings.idle_timeout, End::Idle),
        }
    }

    /// The answer to a head that never reached hyper.
    fn answer_to_fault(&self, end: End, fault: Option<HeadFault>) -> Option<(StatusCode, Refusal)> {
        let code = ErrorCode::InvalidRequestTarget;
        match (end, fault) {
            (End::Idle | End::Displaced, _) | (End::Finished, None) => None,
            (End::LateHead, _) if self.place.is_beyond() => {
                Some((StatusCode::TOO_MANY_REQUESTS, super::service::beyond()))
            }
            (End::LateHead, _) => {
                Some((StatusCode::REQUEST_TIMEOUT, Refusal::new(ErrorCode::RequestTimeout)))
            }
            (End::Finished, Some(HeadFault::Malformed(why))) => {
                Some((StatusCode::BAD_REQUEST, Refusal::because(code, why)))
            }
            (End::Finished, Some(HeadFault::TooLarge)) => {
                let why = format!(
                    "the request line and headers may have at most {} KiB and {MAX_HEADERS} headers",
                    MAX_HEAD / 1024
                );
                let status = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
                Some((status, Refusal::because(code, why)))
            }
        }
    }
}

/// The body of an answer, which counts as answered when hyper has all of it.
struct Counted {
    body: AnswerBody,
    answered: Arc<AtomicU64>,
}

impl Body for Counted {
    type Data = <AnswerBody as Body>::Data;
    type Error = <AnswerBody as Body>::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.answered.fetch_add(1, Ordering::Relaxed);
    }
}

/// Waits until the hub stops, and then a moment for the request of a new connection: it may be on its way.
async fn left(mut progress: watch::Receiver<Progress>, stop: &CancellationToken) {
    stop.cancelled().await;
    let begun = progress.wait_for(|now| !matches!(now.stage, Stage::Silent { .. }));
    // It may not come, or the gate may be gone and the connection with it.
    let _ = timeout(ARRIVAL, begun).await;
}

/// Waits as [`left`] does, and then for the rest of a head that has arrived in part, so that its request is
/// answered.
async fn stopped(mut progress: watch::Receiver<Progress>, stop: &CancellationToken) -> Event {
    left(progress.clone(), stop).await;
    let _ = progress.wait_for(|now| !matches!(now.stage, Stage::InHead { .. })).await;
    Event::Stop
}

/// Sends the answer, if there is one, and waits a moment for the peer to close. Closing a socket with
/// unread bytes would reset the connection, and the peer could lose the answer (RFC 9112 §9.6).
async fn close(mut io: Stream, answer: Option<Bytes>) {
    const LINGER: Duration = Duration::from_secs(2);
    const MOST: u64 = 1 << 20;
    let closing = async {
        if let Some(answer) = answer {
            io.write_all(&answer).await?;
        }
        io.shutdown().await?;
        tokio::io::copy(&mut (&mut io).take(MOST), &mut tokio::io::sink()).await
    };
    // An error means that the peer is gone already.
    let _ = timeout(LINGER, closing).await;
}
