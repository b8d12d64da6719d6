//! HTTP/2: many requests at once over a connection.
//!
//! They share the task of their connection, so that no peer gets more of the processors by having many of
//! them. What the peer resets is worked on to its end and keeps its turn and its caller's share until then,
//! so that a reset gets nobody more work than waiting does (CVE-2023-44487).

use std::error::Error;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::stream::{FuturesUnordered, StreamExt};
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Incoming};
use hyper::header::{CONTENT_LENGTH, Entry};
use hyper::http::uri::PathAndQuery;
use hyper::rt::Executor;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::connection::{ARRIVAL, End, Event, Serving, close};
use super::framer::{HeadFault, MAX_HEAD, MAX_HEADERS, check_target};
use super::sent::{Load, Open, Sent};
use super::service::Answered;
use super::stream::Stream;
use super::wire::Wire;
use crate::call::{Answer, AnswerBody};

/// The most streams of a connection. Those that have no turn yet wait. Clients open as many as this before
/// they know what the hub allows, and would be refused with a smaller number (RFC 9113 §6.5.2).
const STREAMS: u32 = 100;
/// What h2 accepts of a header list, in its own count. It answers a longer one with a bare 431, so it
/// accepts more than the hub, which refuses what is longer than [`MAX_HEAD`] with a body. h2 ends the
/// connection at four times this size, and after five CONTINUATION frames (CVE-2024-27316).
const HEADER_LIST: u32 = 32 * 1024;
/// The window of a body, and of all bodies of a connection: what h2 holds of bodies that nobody reads yet.
/// This is where every connection begins (RFC 9113 §6.9.2), and enough for 1 MiB in five seconds over a
/// path of 300 ms.
const WINDOW: u32 = 65_535;
/// The largest frame, which h2 reads whole into memory: the smallest that may be asked for.
const FRAME: u32 = 16 * 1024;
/// What h2 takes of an answer before the peer has room for it (CVE-2019-9517).
const SEND_BUFFER: usize = 64 * 1024;
/// Resets of requests that came in the same read. After more, h2 ends the connection (CVE-2023-44487).
const RESETS: usize = 20;
/// Requests that h2 itself resets for an error of the peer, in the life of a connection (CVE-2025-8671).
/// Those beyond [`STREAMS`] count too.
const ERRORS: usize = 256;

/// What the connection's task works on: a request, or the sending of its answer.
type Job<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

/// Takes jobs for the connection's own task.
#[derive(Clone)]
struct Jobs<'a>(mpsc::UnboundedSender<Job<'a>>);

impl<'a, F: Future<Output = ()> + Send + 'a> Executor<F> for Jobs<'a> {
    fn execute(&self, job: F) {
        // The task takes no more when the connection is gone.
        let _ = self.0.send(Box::pin(job));
    }
}

/// A connection of HTTP/2, as its jobs know it.
#[derive(Clone)]
struct Http2<'a> {
    serving: &'a Serving<'a>,
    jobs: Jobs<'a>,
    /// The requests that have no answer yet, or not all of it is sent.
    load: Arc<Load>,
    /// Told when a stranger beyond the limit of its address has its answer.
    enough: CancellationToken,
}

/// Serves a connection until it ends.
pub(super) async fn serve(serving: &Serving<'_>, io: Stream) {
    let (wire, back) = Wire::lend(io);
    // h2 and its buffers are there from the first byte on.
    if let Some(end) = serving.rest(wire.readable(), wire.progress()).await {
        drop(wire);
        return part(back, end).await;
    }
    let (jobs, mut queue) = mpsc::unbounded_channel();
    let mut working = FuturesUnordered::new();
    let (load, enough) = (Arc::default(), CancellationToken::new());
    let connection = Http2 { serving, jobs: Jobs(jobs), load, enough };
    let end = Box::pin(connection.serve(wire, &mut queue, &mut working)).await;
    drop(queue);
    part(back, end).await;
    // Work that has begun ends, though nobody waits for its answer.
    while working.next().await.is_some() {}
}

impl<'a> Http2<'a> {
    /// Has hyper serve requests until the connection ends.
    async fn serve(
        &self,
        wire: Wire,
        queue: &mut mpsc::UnboundedReceiver<Job<'a>>,
        working: &mut FuturesUnordered<Job<'a>>,
    ) -> End {
        let (progress, place) = (wire.progress(), self.serving.place);
        let service = service_fn(|request| {
            let open = Open::new(&self.load, head_of(&request));
            self.clone().answer(request, open)
        });
        let mut hyper = self.builder().serve_connection(TokioIo::new(wire), service);
        let mut events = self.serving.events(&progress);
        events.push(Box::pin(self.enough.cancelled().map(|()| Event::Stop)));
        let end = loop {
            tokio::select! {
                biased;
                served = &mut hyper => {
                    if served.is_err_and(|error| is_flood(&error)) {
                        self.warn();
                    }
                    return End::Finished;
                }
                Some(event) = events.next() => match event {
                    Event::Displaced if !place.is_at_work() => break End::Displaced,
                    Event::Overdue(end) if end != End::Idle || self.load.is_any() => break end,
                    Event::Overdue(_) | Event::Stop | Event::Displaced => {
                        // The peer learns which requests are answered still.
                        Pin::new(&mut hyper).graceful_shutdown();
                        events.push(Box::pin(sleep(ARRIVAL).map(|()| Event::Awaited)));
                    }
                    Event::Awaited => {
                        let now = *progress.borrow();
                        let (deadline, end) = self.serving.deadline(&now);
                        // The peer has had time to say that it knows, and says nothing.
                        if !self.load.is_any() && !now.blocked {
                            break End::Finished;
                        }
                        if deadline <= Instant::now() {
                            break end;
                        }
                        events.push(Box::pin(sleep(ARRIVAL).map(|()| Event::Awaited)));
                    }
                },
                Some(job) = queue.recv() => working.push(job),
                Some(()) = working.next() => {}
            }
        };
        // The peer is told that it may send its requests elsewhere, if it takes that at once.
        Pin::new(&mut hyper).graceful_shutdown();
        let _ = (&mut hyper).now_or_never();
        end
    }

    /// Tells the operator of a flood.
    fn warn(&self) {
        if self.serving.service.lines().is_first("http2", "flood") {
            tracing::warn!("a peer floods the hub with frames of HTTP/2; its connection is closed");
        }
    }

    fn builder(&self) -> http2::Builder<Jobs<'a>> {
        let mut builder = http2::Builder::new(self.jobs.clone());
        builder
            .max_concurrent_streams(STREAMS)
            .max_header_list_size(HEADER_LIST)
            .initial_stream_window_size(WINDOW)
            .initial_connection_window_size(WINDOW)
            .max_frame_size(FRAME)
            .max_send_buf_size(SEND_BUFFER)
            .max_pending_accept_reset_streams(RESETS)
            .max_local_error_reset_streams(ERRORS);
        builder
    }

    /// Answers a request when its turn comes. Until then the peer may take it back.
    async fn answer(
        self,
        request: Request<Incoming>,
        open: Option<Open>,
    ) -> Result<Response<Sent>, NoAnswer> {
        let Serving { place, peer, service, .. } = *self.serving;
        let open = open.ok_or_else(NoAnswer::refused)?;
        let fault = fault_of(&request);
        let is_head = request.method() == Method::HEAD;
        let turn = place.turn().await;
        let (send, answered) = oneshot::channel();
        self.jobs.execute(async move {
            // Nobody takes the answer to a request that was reset.
            let _ = send.send(service.answer(request, fault, peer, turn).await);
        });
        let Answered { answer, body, kept } = answered.await.map_err(|_| NoAnswer::refused())?;
        if let Some(body) = body {
            self.jobs.execute(discard(body));
        }
        if place.is_beyond() {
            self.enough.cancel();
        }
        let answer = if is_head { without_body(answer) } else { answer };
        Ok(answer.map(|body| Sent::new(body, kept, open)))
    }
}

/// Whether the wire or h2 has had enough.
fn is_flood(error: &hyper::Error) -> bool {
    let cause = error.source();
    let (by_wire, by_h2) = (
        cause.and_then(|cause| cause.downcast_ref::<io::Error>()),
        cause.and_then(|cause| cause.downcast_ref::<h2::Error>()),
    );
    by_wire.is_some_and(|cause| cause.kind() == io::ErrorKind::QuotaExceeded)
        || by_h2.is_some_and(|cause| {
            cause.is_library() && cause.reason() == Some(h2::Reason::ENHANCE_YOUR_CALM)
        })
}

/// The request is reset without an answer.
#[derive(Debug, thiserror::Error)]
#[error("the request gets no answer")]
struct NoAnswer(#[source] h2::Error);

impl NoAnswer {
    /// Nothing was done for the request, so the client may send it again (RFC 9113 §8.7).
    fn refused() -> Self {
        Self(h2::Reason::REFUSED_STREAM.into())
    }
}

/// Takes some of a body that the hub does not want, while its answer is sent. A client that is reset while
/// it sends a body may not read the answer.
async fn discard(mut body: Incoming) {
    const LINGER: Duration = Duration::from_secs(2);
    const MOST: usize = 1 << 20;
    let discarding = async {
        let mut taken = 0;
        while taken < MOST {
            let Some(Ok(frame)) = body.frame().await else { return };
            taken += frame.data_ref().map_or(0, Bytes::len);
        }
    };
    // After that the rest of the stream is not worth its time.
    let _ = timeout(LINGER, discarding).await;
}

/// The answer to HEAD. hyper leaves out the body over HTTP/1.1 alone.
fn without_body(mut answer: Answer) -> Answer {
    let length = answer.body().size_hint().exact();
    if let (Some(length), Entry::Vacant(entry)) =
        (length, answer.headers_mut().entry(CONTENT_LENGTH))
    {
        entry.insert(length.into());
    }
    answer.map(|_| AnswerBody::Left(Full::default()))
}

/// How many bytes the head of a request would have over HTTP/1.1, but for a few.
fn head_of<B>(request: &Request<B>) -> usize {
    let target = request.uri().path_and_query().map_or("", PathAndQuery::as_str);
    let lines = request.headers().iter().map(|(name, value)| name.as_str().len() + value.len() + 4);
    request.method().as_str().len() + target.len() + lines.sum::<usize>()
}

/// The fault of a head that the gate would not let pass over HTTP/1.1; h2 has checked the rest.
fn fault_of<B>(request: &Request<B>) -> Option<HeadFault> {
    if head_of(request) > MAX_HEAD || request.headers().len() > MAX_HEADERS {
        return Some(HeadFault::TooLarge);
    }
    // CONNECT has no target.
    let target = request.uri().path_and_query().map_or("", PathAndQuery::as_str);
    check_target(target).err()
}

/// Closes the connection that comes back from h2, unless it is to make room at once.
async fn part(back: oneshot::Receiver<Stream>, end: End) {
    if let (Ok(io), true) = (back.await, end != End::Displaced) {
        close(io, None).await;
    }
}
