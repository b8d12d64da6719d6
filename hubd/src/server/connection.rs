//! One connection: hyper behind the gate, with its deadlines, until it ends in good order.

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
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use super::framer::{HeadFault, MAX_HEAD, MAX_HEADERS};
use super::gate::{Gate, Progress, Stage};
use super::service::HubService;
use super::settings::ServerSettings;
use crate::call::problem;
use crate::domain::Refusal;

/// hyper's buffer for a connection. A head that passes the gate always fits.
const HYPER_BUFFER: usize = 2 * MAX_HEAD;

/// How a connection came to its end.
enum End {
    /// hyper is done with it.
    Finished,
    /// The head did not come in time.
    LateHead,
    /// Nothing came for long.
    Idle,
}

/// What happens beside hyper.
enum Event {
    /// A deadline has passed.
    Overdue(End),
    /// The hub stops, and no head is half-way in.
    Stop,
}

/// Serves a connection until it ends, or until `stop` and what was begun is answered.
pub(super) async fn serve(
    io: TcpStream,
    peer: SocketAddr,
    service: Arc<HubService>,
    settings: ServerSettings,
    stop: CancellationToken,
) {
    let gate = Gate::new(io);
    let progress = gate.progress();
    let (service, peer) = (&*service, peer.ip());
    let mut hyper = http1::Builder::new()
        // A peer that has sent all it has may still wait for the answer.
        .half_close(true)
        .max_buf_size(HYPER_BUFFER)
        .header_read_timeout(None)
        .serve_connection(
            TokioIo::new(gate),
            service_fn(move |request| async move {
                Ok::<_, Infallible>(service.answer(request, peer).await)
            }),
        );
    // The set polls what was woken and nothing else, so a request costs no look at timers and locks.
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
    let answer = last_words(&end, fault)
        .map(|(status, refusal)| problem::raw(status, &refusal, service.request_ids().next()));
    close(io, answer).await;
}

/// Ends when the connection has run out of time. Most deadlines move on before they are reached: the
/// timer is set again when it fires, not when the deadline moves.
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

/// Ends when the hub stops. A head that has begun is waited for: its request gets its answer.
async fn stopped(mut progress: watch::Receiver<Progress>, stop: CancellationToken) -> Event {
    stop.cancelled().await;
    // It fails when the gate is gone, and the connection with it.
    let _ = progress.wait_for(|now| !matches!(now.stage, Stage::InHead { .. })).await;
    Event::Stop
}

/// What is said of a head that never got to hyper.
fn last_words(end: &End, fault: Option<HeadFault>) -> Option<(StatusCode, Refusal)> {
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
                "the request line and headers may have {} KiB and {MAX_HEADERS} headers at most",
                MAX_HEAD / 1024
            );
            let status = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
            Some((status, Refusal::because(code, why)))
        }
    }
}

/// Says the last words, then waits a moment for the peer to close: a socket closed over unread bytes
/// resets the connection, and the peer may lose the answer (RFC 9112 §9.6).
async fn close(mut io: TcpStream, answer: Option<Bytes>) {
    const LINGER: Duration = Duration::from_secs(2);
    const MOST: u64 = 1 << 20;
    let goodbye = async {
        if let Some(answer) = answer {
            io.write_all(&answer).await?;
        }
        io.shutdown().await?;
        tokio::io::copy(&mut (&mut io).take(MOST), &mut tokio::io::sink()).await
    };
    // A peer that is gone already needs no goodbye.
    let _ = timeout(LINGER, goodbye).await;
}
