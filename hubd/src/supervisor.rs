//! The supervisor of the process: systemd, or whatever speaks its protocol. It may hand a socket over, is
//! told how the hub is, and restarts a hub whose database takes no writes.

use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use listenfd::ListenFd;
use sd_notify::NotifyState;
use tokio_util::sync::CancellationToken;

use crate::hub::Hub;

/// The socket that the supervisor listens on for the hub. Connections wait in it while the hub restarts.
///
/// It takes the socket's variables out of the environment, so it is called before there are threads.
pub(crate) fn inherited_socket() -> io::Result<Option<TcpListener>> {
    let mut sockets = ListenFd::from_env();
    if sockets.len() > 1 {
        return Err(io::Error::other("several sockets were handed over, and the hub serves one"));
    }
    let socket = sockets.take_tcp_listener(0)?;
    if let Some(socket) = &socket {
        socket.set_nonblocking(true)?;
    }
    Ok(socket)
}

/// The hub answers requests.
pub(crate) fn tell_ready() {
    tell(NotifyState::Ready);
}

/// The hub stops.
pub(crate) fn tell_stopping() {
    tell(NotifyState::Stopping);
}

/// A hub without a supervisor tells nobody.
fn tell(state: NotifyState<'_>) {
    if let Err(error) = sd_notify::notify(&[state]) {
        tracing::debug!(%error, "the supervisor was not told");
    }
}

/// Feeds the watchdog, if there is one, for as long as the hub works.
pub(crate) async fn feed_watchdog(hub: Arc<Hub>, stop: CancellationToken) {
    let Some(patience) = sd_notify::watchdog_enabled() else { return };
    let feed = async {
        loop {
            if hub.check_ready().await.is_ok() {
                tell(NotifyState::Watchdog);
            } else {
                tracing::warn!(?patience, "the database takes no writes: the watchdog is not fed");
            }
            tokio::time::sleep(pause(patience)).await;
        }
    };
    tokio::select! {
        () = stop.cancelled() => {}
        () = feed => {}
    }
}

/// Often enough that one late answer of the database does not starve the watchdog.
fn pause(patience: Duration) -> Duration {
    patience / 4
}
