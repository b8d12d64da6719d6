//! The process: signals, and what it leaves behind. The first signal to stop ends the hub in good order,
//! the second ends the process at once; other signals end nothing.

use std::io;

use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Turns core dumps off: memory holds keys.
///
/// # Errors
/// When the system refuses.
pub fn forbid_core_dumps() -> io::Result<()> {
    let limited = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
    // The limit does not hold for a program that takes dumps through a pipe.
    let hidden = set_dumpable_behavior(DumpableBehavior::NotDumpable);
    Ok(limited.and(hidden)?)
}

/// Lets the hub outlive the signals that would end a process: of a terminal that was closed, of scripts
/// that mean another program, and of a log that has reached the limit on the size of files.
///
/// # Errors
/// When the process cannot handle signals.
pub(crate) fn outlive_other_signals() -> io::Result<()> {
    const FILE_SIZE: i32 = 25;
    for (kind, name) in [
        (SignalKind::hangup(), "SIGHUP"),
        (SignalKind::user_defined1(), "SIGUSR1"),
        (SignalKind::user_defined2(), "SIGUSR2"),
        (SignalKind::from_raw(FILE_SIZE), "SIGXFSZ"),
    ] {
        let mut received = signal(kind)?;
        tokio::spawn(async move {
            while received.recv().await.is_some() {
                tracing::info!(signal = name, "the hub goes on");
            }
        });
    }
    Ok(())
}

/// A token that the first signal cancels.
///
/// # Errors
/// When the process cannot handle signals.
pub(crate) fn stop_on_signal() -> io::Result<CancellationToken> {
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
