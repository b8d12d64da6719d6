//! Serves one connection: shakes hands, chooses its protocol, knows its deadlines, and closes it in an
//! orderly way.
//!
//! `http1` and `http2` serve the requests. Both are told of the same [`Event`]s.

use std::net::IpAddr;
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::FuturesUnordered;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use super::progress::{Progress, Stage};
use super::service::HubService;
use super::settings::ServerSettings;
use super::stream::Stream;
use super::tls::Tls;
use super::{http1, http2};
use crate::limits::Place;
use crate::metrics;

/// How long the head of a request, and the handshake before it, may take on a connection beyond the limit of
/// its address.
const BEYOND: Duration = Duration::from_secs(1);

/// How long a stopping hub waits for the request of a connection that has sent none yet, and for one that
/// may be on its way while the peer is told that the connection ends.
pub(super) const ARRIVAL: Duration = Duration::from_secs(1);

/// Why a connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
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
pub(super) enum Event {
    /// A deadline has passed.
    Overdue(End),
    /// The hub is stopping, and no head has arrived in part.
    Stop,
    /// The connection is to make room for another.
    Displaced,
    /// What the protocol itself waits for has come to pass.
    Awaited,
}

/// The events of a connection that may still happen. The set polls only futures that were woken, so a
/// request does not touch timers and locks.
pub(super) type Events<'a> = FuturesUnordered<Pin<Box<dyn Future<Output = Event> + Send + 'a>>>;

/// What a connection is served with.
pub(super) struct Serving<'a> {
    pub(super) place: &'a Place,
    pub(super) peer: IpAddr,
    pub(super) service: &'a HubService,
    pub(super) settings: ServerSettings,
    pub(super) stop: &'a CancellationToken,
}

/// Serves a connection until it ends. After `stop`, the connection ends once its requests are answered.
pub(super) async fn serve(serving: &Serving<'_>, io: TcpStream, tls: Option<&Tls>) {
    let Some(io) = serving.open(io, tls).await else { return };
    let _open = metrics::Connection::open();
    if io.is_http2() {
        http2::serve(serving, io).await;
    } else {
        http1::serve(serving, io).await;
    }
}

impl Serving<'_> {
    /// Shakes hands where the hub speaks TLS. `None` when that fails, or the connection ends before it is done.
    async fn open(&self, io: TcpStream, tls: Option<&Tls>) -> Option<Stream> {
        let stopping = async {
            self.stop.cancelled().await;
            sleep(ARRIVAL).await;
        };
        tokio::select! {
            biased;
            opened = timeout(self.head_patience(), Stream::open(io, tls)) => opened.ok()?,
            () = self.place.closing() => None,
            () = stopping => None,
        }
    }

    /// How long the head of a request may take, and the handshake before it.
    fn head_patience(&self) -> Duration {
        let patience = self.settings.head_timeout;
        if self.place.is_beyond() { patience.min(BEYOND) } else { patience }
    }

    /// Waits until something can be read, without hyper; or tells why the connection ends.
    pub(super) async fn rest(
        &self,
        readable: impl Future,
        progress: watch::Receiver<Progress>,
    ) -> Option<End> {
        let (deadline, end) = self.deadline(&progress.borrow());
        tokio::select! {
            biased;
            _ = readable => None,
            () = left(progress, self.stop) => Some(End::Finished),
            () = self.place.closing() => Some(End::Displaced),
            () = sleep_until(deadline) => Some(end),
        }
    }

    /// The events of a connection with this progress.
    pub(super) fn events(&self, progress: &watch::Receiver<Progress>) -> Events<'_> {
        let events = Events::new();
        events.push(Box::pin(self.overdue(progress.clone())));
        events.push(Box::pin(stopped(progress.clone(), self.stop)));
        events.push(Box::pin(async {
            self.place.closing().await;
            Event::Displaced
        }));
        events
    }

    /// Waits until the connection misses a deadline. Most deadlines move before they are reached, so the
    /// timer is reset when it fires and not whenever the deadline moves.
    async fn overdue(&self, mut progress: watch::Receiver<Progress>) -> Event {
        loop {
            let (deadline, end) = self.deadline(&progress.borrow_and_update());
            if deadline <= Instant::now() {
                return Event::Overdue(end);
            }
            tokio::select! {
                () = sleep_until(deadline) => {}
                Ok(()) = progress.changed() => {}
            }
        }
    }

    pub(super) fn deadline(&self, progress: &Progress) -> (Instant, End) {
        match progress.stage {
            Stage::Silent { since } | Stage::InHead { since } => {
                (since + self.head_patience(), End::LateHead)
            }
            Stage::Clear => (progress.active + self.settings.idle_timeout, End::Idle),
        }
    }
}

/// Waits until the hub stops, and then a moment for the request of a new connection: it may be on its way.
async fn left(mut progress: watch::Receiver<Progress>, stop: &CancellationToken) {
    stop.cancelled().await;
    let begun = progress.wait_for(|now| !matches!(now.stage, Stage::Silent { .. }));
    // It may not come, or the connection may be gone.
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
pub(super) async fn close(mut io: Stream, answer: Option<Bytes>) {
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
