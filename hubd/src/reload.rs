//! Reads files again while the hub runs: on SIGHUP, and once a minute for replicas that nobody signals.

use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

const EVERY: Duration = Duration::from_mins(1);

/// Calls `reload` until the hub stops.
pub(crate) async fn keep_current(stop: CancellationToken, reload: impl Fn()) {
    let mut hangup = match signal(SignalKind::hangup()) {
        Ok(hangup) => hangup,
        Err(error) => return tracing::warn!(%error, "files are not read again on SIGHUP"),
    };
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = hangup.recv() => {}
            () = tokio::time::sleep(EVERY) => {}
        }
        reload();
    }
}
