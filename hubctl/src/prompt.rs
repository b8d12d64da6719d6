//! Asks for a secret while the terminal shows nothing that is typed.
//!
//! This is written by hand, because dialoguer's `Password` reads through a buffer that is freed with the
//! key still in it. Here the key is in one piece of memory, which is wiped. And here the terminal gets
//! its echo back when a signal ends the wait, too.

use std::io::{Error, stdin};

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use zeroize::Zeroizing;

use crate::error::{Failure, Result};
use crate::{input, output};

/// No key is anywhere near this long.
const LONGEST: usize = 1024;

/// Switches the terminal's echo off until it is dropped: after the answer, or when a signal ends the
/// wait for it.
struct Silence(Termios);

impl Silence {
    fn begin() -> std::io::Result<Self> {
        let before = tcgetattr(stdin())?;
        let mut silent = before.clone();
        silent.local_modes.remove(LocalModes::ECHO);
        // The end of the line is still shown.
        silent.local_modes.insert(LocalModes::ECHONL);
        // Text that was typed before the question is not an answer to it.
        tcsetattr(stdin(), OptionalActions::Flush, &silent)?;
        Ok(Self(before))
    }
}

impl Drop for Silence {
    fn drop(&mut self) {
        let _ = tcsetattr(stdin(), OptionalActions::Now, &self.0);
    }
}

/// Asks for a secret.
pub(crate) async fn secret(question: &str) -> Result<Zeroizing<String>> {
    let failed =
        |error: Error| Failure::input_needed(format!("the answer cannot be read: {error}"));
    let silence = Silence::begin().map_err(failed)?;
    output::write_words(&format!("{question}: "));
    let answer = input::waiting(move || line().map_err(failed)).await;
    drop(silence);
    answer
}

/// One line, read without a buffer, which would keep the secret.
fn line() -> std::io::Result<Zeroizing<String>> {
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
    let text = std::str::from_utf8(&line[..filled]).unwrap_or_default();
    Ok(Zeroizing::new(text.trim_end_matches(['\r', '\n']).to_owned()))
}
