//! A key that is written to standard output: alone for a script, or once for a person at a terminal.

use std::fs::File;
use std::io::stdout;
use std::os::fd::AsFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{major, minor};
use zeroize::Zeroizing;

use super::{Display, Sink};
use crate::error::{Failure, Result};
use crate::output;

/// `--sink stdout`: standard output is for the key alone, or for the one document that has it.
pub(super) struct Stdout {
    in_document: bool,
}

impl Stdout {
    /// Makes sure that somebody can read what is written.
    pub(super) fn reserve(in_document: bool) -> Result<Self> {
        match fault() {
            None => Ok(Self { in_document }),
            Some(fault) => Err(Failure::sink(format!("standard output {fault}"))
                .hint("let a program or a file take it, or give --sink file:PATH")),
        }
    }
}

/// Why a key that is written to standard output would be lost. One that was closed is `/dev/null` by now:
/// the start of every program sees to that.
fn fault() -> Option<&'static str> {
    let Ok(about) =
        stdout().as_fd().try_clone_to_owned().map(File::from).and_then(|f| f.metadata())
    else {
        return Some("is closed");
    };
    let device = (major(about.rdev()), minor(about.rdev()));
    match device {
        (1, 3) if about.file_type().is_char_device() => return Some("is closed, or /dev/null"),
        (1, 7) if about.file_type().is_char_device() => return Some("is full"),
        _ => {}
    }
    let stdout = stdout();
    let mut polled = [PollFd::new(&stdout, PollFlags::OUT)];
    let now = Timespec { tv_sec: 0, tv_nsec: 0 };
    let gone = poll(&mut polled, Some(&now)).is_ok()
        && polled[0].revents().intersects(PollFlags::ERR | PollFlags::NVAL);
    gone.then_some("has no reader")
}

impl Sink for Stdout {
    /// Writes the key, unless a document will have it: that comes last.
    fn put(&mut self, secret: &str) -> Result<()> {
        if self.in_document {
            return Ok(());
        }
        output::write_data(&Zeroizing::new(format!("{secret}\n")))
            .map_err(|error| Failure::sink(format!("standard output: {}", error.parts().message)))
    }

    fn display(&self) -> Display {
        Display::Alone
    }
}

/// No `--sink` at a terminal: the key is shown once, with the words of the result.
pub(super) struct Screen;

impl Sink for Screen {
    fn put(&mut self, _: &str) -> Result<()> {
        Ok(())
    }

    fn display(&self) -> Display {
        Display::Once
    }
}
