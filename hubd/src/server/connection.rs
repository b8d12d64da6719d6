//! Serves one connection: hyper behind the gate, the deadlines, and an orderly close.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{FuturesUnordered, StreamExt};
use hub_core::problem::ErrorCode;
use hyper::StatusCode;
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
use crate::call::problem;
use crate::domain::Refusal;
use crate::metrics;

/// The size of hyper's buffer for a connection. Every head that passes the gate fits into it.
const HYPER_BUFFER: usize = 2 * MAX_HEAD;

/// Why a connection ends.
enum End {
    /// hyper has finished with the connection.
    Finished,
    /// The head of a request did not arrive in time.
    LateHead,
    /// The connection was idle for too long.
    Idle,
}

/// Something that happens to a connection while hyper serves it.
enum Event {
    /// A deadline has passed.
    Overdue(End),
    /// The hub is stopping, and no head has arrived in part.
    Stop,
}

/// Serves a connection until it ends. After `stop`, the connection ends once its request is answered.
pub(super) async fn serve(
    io: Stream,
    peer: SocketAddr,
    service: Arc<HubService>,
    settings: ServerSettings,
    stop: CancellationToken,
) {
    let _open = metrics::Connection::open();
    let gate = Gate::new(io);
    let progress = gate.progress();
    let (service, peer) = (&*service, peer.ip());
    let mut hyper = http1::Builder::new()
        // A peer that has closed its sending side may still wait for the answer.
        .half_close(true)
        .max_buf_size(HYPER_BUFFER)
        .header_read_timeout(None)
        .serve_connection(
            TokioIo::new(gate),
            service_fn(move |request| async move {
                Ok::<_, Infallible>(service.answer(request, peer).await)
            }),
        );
    // The set polls only futures that were woken, so a request does not touch timers and locks.
    let mut events = FuturesUnordered::<Pin<Box<dyn Future<Output = Event> + Send>>>::new();
    events.push(Box::pin(overdue(progress.clone(), settings)));
    events.push(Box::pin(stopped(progress, stop)));
    let end = loop {
        tokio::select! {
            biased;
            _ = &mut hyper => break End::Finished,
            Some(event) = events.next() => match event {
                Event::Overdue(end) => break end,
                Event::Stop => Pin::new(&mut hyper).graceful_shutdown(),
            },
        }
    };
    let (io, fault) = hyper.into_parts().io.into_inner().into_parts();
    let answer = answer_to_fault(&end, fault)
        .map(|(status, refusal)| problem::raw(status, &refusal, service.request_ids().next()));
    close(io, answer).await;
}

/// Waits until the connection misses a deadline. Most deadlines move before they are reached, so the
/// timer is reset when it fires and not whenever the deadline moves.
async fn overdue(mut progress: watch::Receiver<Progress>, settings: ServerSettings) -> Event {
    loop {
        let Progress { stage, active } = *progress.borrow_and_update();
        let (deadline, end) = match stage {
            Stage::Silent { since } | Stage::InHead { since } => {
                (since + settings.head_timeout, End::LateHead)
            }
            Stage::Clear => (active + settings.idle_timeout, End::Idle),
        };
        if deadline <= Instant::now() {
            return Event::Overdue(end);
        }
        tokio::select! {
            () = sleep_until(deadline) => {}
            Ok(()) = progress.changed() => {}
        }
    }
}

/// Waits until the hub stops, and then for the rest of a head that has arrived in part, so that its
/// request is answered.
async fn stopped(mut progress: watch::Receiver<Progress>, stop: CancellationToken) -> Event {
    stop.cancelled().await;
    // The wait fails when the gate is gone; then the connection is gone too.
    let _ = progress.wait_for(|now| !matches!(now.stage, Stage::InHead { .. })).await;
    Event::Stop
}

/// The answer to a head that never reached hyper.
fn answer_to_fault(end: &End, fault: Option<HeadFault>) -> Option<(StatusCode, Refusal)> {
    let code = ErrorCode::InvalidRequestTarget;
    match (end, fault) {
        (End::Idle, _) | (End::Finished, None) => None,
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
