//! The two streams, and how failed writes are handled.

use std::io::{ErrorKind, Write};

use hub_core::exit::Exit;

use crate::error::{Failure, Result};

/// A failure found before there is an [`Out`].
pub(crate) fn early_failure(failure: &Failure, json: bool) {
    if json {
        return write_failure_json(failure);
    }
    let plain = console::Style::new().force_styling(false);
    write_words(&failure.to_words(&plain, &plain));
}

/// Why a command failed, as the document that scripts read.
pub(super) fn write_failure_json(failure: &Failure) {
    write_words(&format!("{}\n", failure.to_json()));
}

/// Writes data to standard output, as it is.
pub(crate) fn write_data(text: &str) -> Result<()> {
    let mut stdout = std::io::stdout().lock();
    stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()).map_err(|error| {
        match error.kind() {
            ErrorKind::BrokenPipe => Failure::output_closed(),
            _ => Failure::new(
                Exit::Bug,
                "output_failed",
                format!("cannot write the output: {error}"),
            ),
        }
    })
}

/// Writes to standard error. Failures are ignored: there is nobody to report them to.
pub(crate) fn write_words(words: &str) {
    let _ = std::io::stderr().lock().write_all(words.as_bytes());
}
