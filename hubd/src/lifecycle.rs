//! Signals: the first signal stops the hub in good order, the second ends the process at once.

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// A token that the first signal cancels.
///
/// # Errors
/// When the process cannot handle signals.
pub(crate) fn stop_on_signal() -> std::io::Result<CancellationToken> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let stop = CancellationToken::new();
    let token = stop.clone();
    tokio::spawn(async move {
        first_of(&mut terminate, &mut interrupt).await;
        tracing::info!(
            "stopping: answering the requests in progress; a second signal ends the hub at once"
        );
        token.cancel();
        std::process::exit(first_of(&mut terminate, &mut interrupt).await);
    });
    Ok(stop)
}

/// Waits for either signal and returns its exit code.
async fn first_of(terminate: &mut Signal, interrupt: &mut Signal) -> i32 {
    tokio::select! {
        _ = terminate.recv() => 143,
        _ = interrupt.recv() => 130,
    }
}
