//! The signals that end a command.

use std::fs::File;
use std::io;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use hub_core::exit::Exit;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::error::{Failure, Result};
use crate::output;

/// SIGINT and SIGTERM. What was begun is dropped, and with it every temporary file.
pub(crate) struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    /// Catches them from now on.
    pub(crate) fn catch() -> Result<Self> {
        let failed = |error: io::Error| Failure::new(Exit::Bug, "no_signals", error.to_string());
        let interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
        let terminate = signal(SignalKind::terminate()).map_err(failed)?;
        Ok(Self { interrupt, terminate })
    }

    /// Waits for one.
    pub(crate) async fn any(&mut self) -> Failure {
        let exit = tokio::select! {
            _ = self.interrupt.recv() => Exit::Interrupted,
            _ = self.terminate.recv() => Exit::Terminated,
        };
        Failure::new(exit, "interrupted", "interrupted; run the same command again")
    }
}

/// How often a lock that another program has is tried.
const TRY: Duration = Duration::from_millis(10);
/// How long it is tried: a hubctl has it for moments.
const MOST: Duration = Duration::from_secs(30);

/// Takes the lock of a file or folder, in this thread. Where another program has it, a person is told, and a
/// signal is an error as well as the end of patience: others who may open it can hold it for ever.
pub(crate) fn lock(file: &File) -> io::Result<()> {
    if file.try_lock().is_ok() {
        return Ok(());
    }
    // The runtime of this thread notices no signals while it waits.
    let (tell, told) = channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let failure = runtime.ok()?.block_on(async { Some(Signals::catch().ok()?.any().await) });
        tell.send(failure?).ok()
    });
    let begun = Instant::now();
    let mut is_told = false;
    while begun.elapsed() < MOST {
        match told.recv_timeout(TRY) {
            Ok(_) => return Err(io::ErrorKind::Interrupted.into()),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => std::thread::sleep(TRY),
        }
        if file.try_lock().is_ok() {
            return Ok(());
        }
        if !is_told && begun.elapsed() > output::MOMENT {
            is_told = true;
            output::waits("waiting for another program that locks the folder");
        }
    }
    Err(io::Error::other("another program has locked its folder: run this again once it is done"))
}
