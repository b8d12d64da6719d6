//! The accept loop, with the limits on connections.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::connection::{self, Serving};
use super::descriptors;
use super::service::HubService;
use super::settings::ServerSettings;
use super::tls::Tls;
use crate::limits::Roster;

/// A bound socket.
pub(crate) struct Listener {
    socket: TcpListener,
    tls: Option<Arc<Tls>>,
    settings: ServerSettings,
}

/// How many connections wait until they are accepted; the system may allow fewer.
const QUEUE: u32 = 4096;
/// The pause after `accept` failed, usually for lack of descriptors or memory.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

impl Listener {
    /// Takes the socket that is given, or binds one.
    pub(crate) fn open(
        settings: ServerSettings,
        tls: Option<Arc<Tls>>,
        given: Option<std::net::TcpListener>,
    ) -> io::Result<Self> {
        let socket = match given {
            Some(socket) => TcpListener::from_std(socket)?,
            None => bind(settings.listen)?,
        };
        Ok(Self { socket, tls, settings })
    }

    /// `http` or `https`.
    pub(crate) fn scheme(&self) -> &'static str {
        if self.tls.is_some() { "https" } else { "http" }
    }

    pub(crate) fn address(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// Serves until `stop`, then waits until every connection has ended.
    pub(crate) async fn run(self, service: HubService, stop: CancellationToken) {
        let service = Arc::new(service);
        let most = descriptors::room_for(self.settings.max_connections);
        let roster = Roster::new(most, service.limits());
        let connections = TaskTracker::new();
        loop {
            let accepted = tokio::select! {
                biased;
                () = stop.cancelled() => break,
                accepted = self.socket.accept() => accepted,
            };
            let (io, peer) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    if service.lines().is_first("accept", "failed") {
                        tracing::warn!(%error, "cannot accept a connection");
                    }
                    // The descriptor of an idle connection serves the next one.
                    roster.close_one();
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            };
            tune(&io);
            let place = tokio::select! {
                // First, because a connection that was accepted is not left behind if it need not be.
                biased;
                place = roster.enter(peer.ip()) => place,
                () = stop.cancelled() => break,
            };
            let (service, stop) = (Arc::clone(&service), stop.clone());
            let (tls, settings) = (self.tls.clone(), self.settings);
            connections.spawn(async move {
                let serving = Serving {
                    place: &place,
                    peer: peer.ip(),
                    service: &service,
                    settings,
                    stop: &stop,
                };
                connection::serve(&serving, io, tls.as_deref()).await;
            });
        }
        drop(self.socket);
        connections.close();
        connections.wait().await;
    }
}

/// Binds a socket. The default of the standard library is a queue of 128: a connection beyond it is tried again
/// only a second later, while its client takes it for open.
fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // A hub that is started again need not wait for the connections of the one before.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(QUEUE)
}

/// Makes the operating system notice a peer that vanished, even while the hub sends an answer. The
/// connection also works without an option that the system does not support.
fn tune(io: &TcpStream) {
    let keepalive = TcpKeepalive::new()
        .with_time(Duration::from_mins(1))
        .with_interval(Duration::from_secs(10))
        .with_retries(3);
    let socket = SockRef::from(io);
    let tuned = [
        socket.set_tcp_nodelay(true),
        socket.set_tcp_keepalive(&keepalive),
        socket.set_tcp_user_timeout(Some(Duration::from_secs(30))),
    ];
    for error in tuned.into_iter().filter_map(Result::err) {
        tracing::debug!(%error, "socket option not set");
    }
}
