//! The two streams, and how failed writes are handled.

use std::borrow::Cow;
use std::io::{ErrorKind, IsTerminal, Write};
use std::path::Path;

use hub_core::exit::Exit;

use super::text::{harmless, visible_json, wrapped};
use crate::error::{Failure, Result};

/// A failure found before there is an [`Out`].
pub(crate) fn early_failure(failure: &Failure, json: bool) {
    if failure.exit() == Exit::OutputClosed {
        return;
    }
    if json {
        return write_failure_json(failure);
    }
    let plain = console::Style::new().force_styling(false);
    write_words(&failure.to_words(&plain, &plain));
}

/// Why a command failed, as the document that scripts read.
pub(super) fn write_failure_json(failure: &Failure) {
    write_words(&format!("{}\n", visible_json(&failure.to_json())));
}

/// Writes data to standard output, as it is; but nothing in it steers a terminal, or is there unseen.
pub(crate) fn write_data(text: &str) -> Result<()> {
    let mut stdout = std::io::stdout().lock();
    let text = if stdout.is_terminal() { harmless(text) } else { Cow::Borrowed(text) };
    written(stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()))
}

fn written(outcome: std::io::Result<()>) -> Result<()> {
    outcome.map_err(|error| {
        if error.kind() == ErrorKind::BrokenPipe {
            return Failure::output_closed();
        }
        let why = error.to_string();
        let why = why.split(" (os error").next().unwrap_or(&why);
        let message = format!("standard output cannot be written: {why}");
        // As a file that cannot be written.
        Failure::new(Exit::Usage, "output_failed", message).hint(
            "make room or write it elsewhere; what the command has changed stands, and running it \
             again is safe",
        )
    })
}

/// Says at a terminal that somebody has to type what is read from standard input.
pub(crate) fn reads(path: &Path) {
    if path == Path::new("-") && std::io::stdin().is_terminal() {
        write_words("reading standard input; Ctrl-D ends it\n");
    }
}

/// Says at a terminal what is waited for, once.
pub(crate) fn waits(what: &str) {
    if std::io::stderr().is_terminal() {
        write_words(&format!("{what}\n"));
    }
}

/// Writes to standard error, at a terminal in lines that fit. Failures are ignored: there is nobody to
/// report them to.
pub(crate) fn write_words(words: &str) {
    let terminal = console::Term::stderr();
    let width = terminal.is_term().then(|| terminal.size_checked()).flatten();
    let words = match width {
        Some((_, columns)) => Cow::Owned(wrapped(words, usize::from(columns))),
        None => Cow::Borrowed(words),
    };
    // Words that stayed in one line have ordinary blanks between them.
    let words = words.replace('\u{a0}', " ");
    let _ = std::io::stderr().lock().write_all(words.as_bytes());
}
