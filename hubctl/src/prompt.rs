//! Asks for a secret at a terminal that shows nothing of it.

use std::io::{Error, stdin};

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use zeroize::Zeroizing;

use crate::error::{Failure, Result};
use crate::{input, output};

/// No key is anywhere near this long.
const LONGEST: usize = 1024;

/// A terminal that shows what is typed again when this is dropped: at the answer, and when a signal ends
/// the wait for it.
struct Silence(Termios);

impl Silence {
    fn begin() -> std::io::Result<Self> {
        let before = tcgetattr(stdin())?;
        let mut silent = before.clone();
        silent.local_modes.remove(LocalModes::ECHO);
        // The end of the line is still shown.
        silent.local_modes.insert(LocalModes::ECHONL);
        // What was typed before the question is no answer to it.
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
    let failed = |error: Error| Failure::input_needed(format!("no answer could be read: {error}"));
    let silence = Silence::begin().map_err(failed)?;
    output::write_words(&format!("{question}: "));
    let answer = input::waiting(move || line().map_err(failed)).await;
    drop(silence);
    answer
}

/// One line, past all buffers: they would keep the secret.
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
