//! The runtime of a command.

use futures_util::FutureExt;
use hub_core::exit::Exit;

use crate::error::{Failure, Result};
use crate::interrupt::Signals;

/// Runs a command to its end, or until a signal comes.
pub(super) fn block_on(command: impl Future<Output = Result<Exit>>) -> Result<Exit> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(Exit::Bug, "no_runtime", error.to_string()))?;
    let outcome = runtime.block_on(async {
        // Signals are caught before anything begins that must not be left half done.
        let mut signals = Signals::catch()?;
        let outcome = tokio::select! {
            outcome = command => outcome,
            failure = signals.any() => return Err(failure),
        };
        if outcome.is_err() {
            // What failed may have failed because of a signal: it ended a wait in this thread, or a program
            // that this one had started.
            tokio::task::yield_now().await;
            if let Some(failure) = signals.any().now_or_never() {
                return Err(failure);
            }
        }
        outcome
    });
    // The thread of a question that nobody answered is not waited for.
    runtime.shutdown_background();
    outcome
}
