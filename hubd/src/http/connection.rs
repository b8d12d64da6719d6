//! One connection: hyper behind the gate, with its deadlines, until it ends in good order.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use hub_core::problem::ErrorCode;
use hyper::StatusCode;
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use super::gate::{Gate, HeadFault, Watch};
use super::listen::Limits;
use super::problem;
use super::service::HubService;
use crate::domain::Refusal;

/// hyper's buffer for a connection. A head that the gate lets through always fits.
const HYPER_BUFFER: usize = 2 * super::gate::MAX_HEAD;
/// How often a head that has begun is looked at while the hub stops.
const STOP_POLL: Duration = Duration::from_millis(5);

/// How a connection came to its end.
enum End {
    /// hyper is done with it.
    Finished,
    /// The head did not come in time.
    LateHead,
    /// Nothing came for long.
    Idle,
}

/// Serves a connection until it ends, or until `stop` and what was begun is answered.
pub(super) async fn serve(
    io: TcpStream,
    peer: SocketAddr,
    service: HubService,
    limits: Limits,
    stop: CancellationToken,
) {
    let gate = Gate::new(io);
    let watch = gate.watch();
    let mut hyper = http1::Builder::new()
        // A peer that has sent all it has may still wait for the answer.
        .half_close(true)
        .max_buf_size(HYPER_BUFFER)
        .header_read_timeout(None)
        .serve_connection(TokioIo::new(gate), service.of_peer(peer));
    let mut stopping = false;
    let end = loop {
        tokio::select! {
            biased;
            _ = &mut hyper => break End::Finished,
            end = overdue(&watch, limits) => break end,
            // A head that has begun is waited for: its request gets its answer.
            () = stopped(&stop, &watch), if !stopping => {
                stopping = true;
                std::pin::Pin::new(&mut hyper).graceful_shutdown();
            }
        }
    };
    let (io, fault) = hyper.into_parts().io.into_inner().into_parts();
    let answer = last_words(&end, fault)
        .map(|(status, refusal)| problem::raw(status, &refusal, &service.request_ids().next()));
    close(io, answer).await;
}

/// Ends when the connection has run out of time.
async fn overdue(watch: &Watch, limits: Limits) -> End {
    loop {
        let (deadline, end) = match watch.head_began() {
            Some(began) => (began + limits.head_timeout, End::LateHead),
            None => (watch.last_active() + limits.idle_timeout, End::Idle),
        };
        if deadline <= Instant::now() {
            return end;
        }
        tokio::select! {
            () = sleep_until(deadline) => {}
            () = watch.head_begun() => {}
        }
    }
}

/// Ends when the hub stops and no head is half-way in.
async fn stopped(stop: &CancellationToken, watch: &Watch) {
    stop.cancelled().await;
    while watch.in_head() {
        sleep(STOP_POLL).await;
    }
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
            let why = "the request line and headers may have 16 KiB and 100 headers at most";
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
