//! A key that is written to standard output: alone for a script, or once for a person at a terminal.
//! The output writes it together with the result; these sinks only say so.

use super::{Display, Sink};
use crate::error::Result;

/// `--sink stdout`: standard output is for the key alone.
pub(super) struct Stdout;

impl Sink for Stdout {
    fn put(&mut self, _: &str) -> Result<()> {
        Ok(())
    }

    fn display(&self) -> Display {
        Display::Alone
    }
}

/// No `--sink` at a terminal: the key is shown once.
pub(super) struct Screen;

impl Sink for Screen {
    fn put(&mut self, _: &str) -> Result<()> {
        Ok(())
    }

    fn display(&self) -> Display {
        Display::Once
    }
}
