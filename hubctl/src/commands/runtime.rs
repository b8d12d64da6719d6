//! The runtime of a command, and the signals that end it.

use hub_core::exit::Exit;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::error::{Failure, Result};

/// Runs a command to its end, or until a signal comes.
pub(super) fn block_on(command: impl Future<Output = Result<Exit>>) -> Result<Exit> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(Exit::Bug, "no_runtime", error.to_string()))?;
    let outcome = runtime.block_on(async {
        // Signals are caught before anything begins that must not be left half done.
        let mut signals = Signals::catch()?;
        tokio::select! {
            outcome = command => outcome,
            failure = signals.any() => Err(failure),
        }
    });
    // The thread of a question that nobody answered is not waited for.
    runtime.shutdown_background();
    outcome
}

/// The signals that end a command. What was begun is dropped, and with it every temporary file.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    fn catch() -> Result<Self> {
        let failed =
            |error: std::io::Error| Failure::new(Exit::Bug, "no_signals", error.to_string());
        let interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
        let terminate = signal(SignalKind::terminate()).map_err(failed)?;
        Ok(Self { interrupt, terminate })
    }

    async fn any(&mut self) -> Failure {
        let exit = tokio::select! {
            _ = self.interrupt.recv() => Exit::Interrupted,
            _ = self.terminate.recv() => Exit::Terminated,
        };
        Failure::new(exit, "interrupted", "interrupted; run the same command again")
    }
}
