//! Signals: the first stops the hub in good order, the second ends it at once.

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Cancelled when the process is asked to stop.
///
/// # Errors
/// When the signals cannot be listened to.
pub(crate) fn stop_on_signal() -> std::io::Result<CancellationToken> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let stop = CancellationToken::new();
    let asked = stop.clone();
    tokio::spawn(async move {
        first_of(&mut terminate, &mut interrupt).await;
        tracing::info!(
            "stopping: requests that were begun are answered; a second signal ends the hub at once"
        );
        asked.cancel();
        std::process::exit(first_of(&mut terminate, &mut interrupt).await);
    });
    Ok(stop)
}

/// Waits for either of them and returns the exit code that it stands for.
async fn first_of(terminate: &mut Signal, interrupt: &mut Signal) -> i32 {
    tokio::select! {
        _ = terminate.recv() => 143,
        _ = interrupt.recv() => 130,
    }
}
