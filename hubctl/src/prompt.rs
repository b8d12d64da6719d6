//! Asks a person at the terminal for one line, shown or hidden while it is typed.
//!
//! This is written by hand: dialoguer's `Input` and `Confirm` read single keys in raw mode, in which Ctrl-D
//! is no answer and a signal leaves the terminal raw, and its `Password` leaves the key in a buffer that is
//! never wiped. Here the terminal does the line editing, Ctrl-D is an empty answer, Ctrl-C is a signal, and
//! the answer is in memory that is wiped.

use std::io::{Error, IsTerminal, stdin};
use std::path::Path;
use std::pin::pin;

use rustix::process::{Signal, getpid, kill_process};
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use tokio::signal::unix::{SignalKind, signal};
use zeroize::Zeroizing;

use crate::error::{Failure, Result};
use crate::{input, output};

/// Keys and other answers are far shorter than this.
const LONGEST: usize = 1024;

/// Asks a question. The answer is shown while it is typed.
pub(crate) async fn line(question: &str) -> Result<Zeroizing<String>> {
    let asked = Asked::begin(question);
    let answer = input::waiting(|| answer().map_err(|error| unreadable(&error))).await;
    asked.end();
    answer
}

/// A question whose line is open: where a signal ends the wait for the answer, what is said next begins a
/// line of its own.
struct Asked;

impl Asked {
    fn begin(question: &str) -> Self {
        output::write_words(&format!("{question}: "));
        Self
    }

    /// The answer has ended the line.
    fn end(self) {
        std::mem::forget(self);
    }
}

impl Drop for Asked {
    fn drop(&mut self) {
        output::write_words("\n");
    }
}

/// Asks for a secret, which is not shown, not even after Ctrl-Z and `fg`: a shell switches the echo on
/// for itself, and leaves it so.
pub(crate) async fn secret(question: &str) -> Result<Zeroizing<String>> {
    let failed = |error: Error| unreadable(&error);
    let mut stops = signal(SignalKind::from_raw(Signal::TSTP.as_raw())).map_err(failed)?;
    let mut resumes = signal(SignalKind::from_raw(Signal::CONT.as_raw())).map_err(failed)?;
    // Dropped after the answer, or when a signal ends the wait for it.
    let silence = Silence::begin().map_err(failed)?;
    let asked = Asked::begin(question);
    let mut answer = pin!(input::waiting(|| answer().map_err(|error| unreadable(&error))));
    let answered = loop {
        tokio::select! {
            answered = &mut answer => break answered,
            _ = stops.recv() => {
                silence.end();
                stop();
            }
            _ = resumes.recv() => {
                silence.resume().map_err(failed)?;
                output::write_words(&format!("{question}: "));
            }
        }
    };
    asked.end();
    // Once caught, the signal no longer stops the program by itself.
    tokio::spawn(async move {
        while stops.recv().await.is_some() {
            stop();
        }
    });
    answered
}

/// Reads a secret from standard input. At a terminal somebody types it, unseen.
pub(crate) async fn secret_from_stdin(what: &'static str) -> Result<Zeroizing<String>> {
    if stdin().is_terminal() {
        return secret(what).await;
    }
    input::waiting(move || input::read_secret(Path::new("-"), what)).await
}

/// Reads a secret from a file that nobody else may read or, for `-`, as [`secret_from_stdin`].
pub(crate) async fn private(path: &Path, what: &'static str) -> Result<Zeroizing<String>> {
    if path == Path::new("-") {
        return secret_from_stdin(what).await;
    }
    let path = path.to_owned();
    input::waiting(move || input::read_private(&path, what)).await
}

/// Stops this program until somebody lets it go on.
fn stop() {
    let _ = kill_process(getpid(), Signal::STOP);
}

/// Switches the terminal's echo off until it is dropped.
struct Silence(Termios);

impl Silence {
    fn begin() -> std::io::Result<Self> {
        let silence = Self(tcgetattr(stdin())?);
        silence.resume()?;
        Ok(silence)
    }

    fn resume(&self) -> std::io::Result<()> {
        let mut silent = self.0.clone();
        silent.local_modes.remove(LocalModes::ECHO);
        // The end of the line is still shown.
        silent.local_modes.insert(LocalModes::ECHONL);
        // Text that was typed before the question is not an answer to it.
        Ok(tcsetattr(stdin(), OptionalActions::Flush, &silent)?)
    }

    fn end(&self) {
        let _ = tcsetattr(stdin(), OptionalActions::Now, &self.0);
    }
}

impl Drop for Silence {
    fn drop(&mut self) {
        self.end();
    }
}

/// One line without its end, read without a buffer, which would keep a secret.
fn answer() -> std::io::Result<Zeroizing<String>> {
    let mut line = Zeroizing::new(vec![0; LONGEST]);
    let mut filled = 0;
    while filled < line.len() && !line[..filled].contains(&b'\n') {
        match rustix::io::read(stdin(), &mut line[filled..]) {
            Ok(0) => break,
            Ok(n) => filled += n,
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    if !line[..filled].ends_with(b"\n") {
        // After Ctrl-D the cursor still stands behind the question.
        output::write_words("\n");
    }
    let text = std::str::from_utf8(&line[..filled]).unwrap_or_default();
    Ok(Zeroizing::new(text.trim_end_matches(['\r', '\n']).to_owned()))
}

fn unreadable(error: &Error) -> Failure {
    Failure::input_needed(format!("the answer cannot be read: {error}"))
}
