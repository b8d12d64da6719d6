//! HTTP/1.1: hyper behind the gate.
//!
//! hyper and its buffers are there only while requests come. A connection that rests holds a socket, a
//! gate, and its place in the roster.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::stream::StreamExt;
use hub_core::problem::ErrorCode;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::header::{CONNECTION, HeaderValue, TRANSFER_ENCODING};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use super::connection::{End, Event, Serving, close};
use super::framer::{HeadFault, MAX_HEAD};
use super::gate::Gate;
use super::progress::{Progress, Stage};
use super::service::{Answered, beyond, refusal_of};
use super::stream::Stream;
use crate::call::{AnswerBody, problem};
use crate::domain::Refusal;

/// The size of hyper's buffer for a connection. Every head that passes the gate fits into it.
const HYPER_BUFFER: usize = 2 * MAX_HEAD;
/// After this time without a byte a connection rests. Its next request costs a new buffer, so this is
/// longer than a busy client pauses.
const REST: Duration = Duration::from_millis(500);

/// A connection of HTTP/1.1.
struct Http1<'a> {
    serving: &'a Serving<'a>,
    /// How many requests were answered.
    answered: Arc<AtomicU64>,
}

/// Serves a connection until it ends.
pub(super) async fn serve(serving: &Serving<'_>, io: Stream) {
    let connection = Http1 { serving, answered: Arc::default() };
    let mut gate = Gate::new(io);
    let end = loop {
        // An error shows again when hyper reads.
        if let Some(end) = serving.rest(gate.readable(), gate.progress()).await {
            break end;
        }
        let (back, end) = Box::pin(connection.serve(gate)).await;
        gate = back;
        if let Some(end) = end {
            break end;
        }
    };
    let (io, fault) = gate.into_parts();
    if let End::Displaced = end {
        return;
    }
    let answer = connection
        .answer_to_fault(end, fault)
        .map(|(status, refusal)| problem::raw(status, &refusal, serving.service.next_id()));
    close(io, answer).await;
}

impl Http1<'_> {
    /// Has hyper serve requests until none comes for a while, or the connection ends.
    async fn serve(&self, gate: Gate) -> (Gate, Option<End>) {
        let (progress, place) = (gate.progress(), self.serving.place);
        let mut hyper = http1::Builder::new()
            // A peer that has closed its sending side may still wait for the answer.
            .half_close(true)
            .max_buf_size(HYPER_BUFFER)
            .header_read_timeout(None)
            .serve_connection(TokioIo::new(gate), service_fn(|request| self.answer(request)));
        let mut events = self.serving.events(&progress);
        events.push(Box::pin(quiet(progress.clone())));
        let end = loop {
            tokio::select! {
                biased;
                _ = &mut hyper => break Some(End::Finished),
                Some(event) = events.next() => match event {
                    Event::Overdue(end) => break Some(end),
                    Event::Awaited if self.all_is_answered(&progress.borrow()) => break None,
                    Event::Awaited => events.push(Box::pin(quiet(progress.clone()))),
                    Event::Displaced if !place.is_at_work() => break Some(End::Displaced),
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

    async fn answer(&self, request: Request<Incoming>) -> Result<Response<Counted>, Infallible> {
        let Serving { place, peer, service, .. } = *self.serving;
        // The framer does not parse chunks, so it cannot find a head behind them.
        let is_chunked = request.headers().contains_key(TRANSFER_ENCODING);
        let turn = place.turn().await;
        let Answered { mut answer, body, kept } = service.answer(request, None, peer, turn).await;
        // The next request comes behind this answer anyway.
        drop(kept);
        if is_chunked || body.is_some() || place.is_beyond() {
            answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        let answered = Arc::clone(&self.answered);
        Ok(answer.map(|body| Counted { body, answered }))
    }

    /// Whether hyper holds nothing of a request or an answer.
    fn all_is_answered(&self, progress: &Progress) -> bool {
        let answered = self.answered.load(Ordering::Relaxed);
        progress.whole == Some(answered) && !progress.blocked
    }

    /// The answer to a head that never reached hyper.
    fn answer_to_fault(&self, end: End, fault: Option<HeadFault>) -> Option<(StatusCode, Refusal)> {
        match end {
            End::Idle | End::Displaced => None,
            End::LateHead if self.serving.place.is_beyond() => {
                Some((StatusCode::TOO_MANY_REQUESTS, beyond()))
            }
            End::LateHead => {
                Some((StatusCode::REQUEST_TIMEOUT, Refusal::new(ErrorCode::RequestTimeout)))
            }
            End::Finished => fault.map(refusal_of),
        }
    }
}

/// Waits until no byte has come or gone for a while, and no head has arrived in part.
async fn quiet(mut progress: watch::Receiver<Progress>) -> Event {
    let began = Instant::now();
    loop {
        let clear = progress.wait_for(|now| now.stage == Stage::Clear).await;
        let Ok(active) = clear.map(|now| now.active) else { return std::future::pending().await };
        let quiet = active.max(began) + REST;
        if quiet <= Instant::now() {
            return Event::Awaited;
        }
        sleep_until(quiet).await;
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
