//! The exit codes, from the enum that the program ends with.

use hub_core::exit::Exit;
use serde::Serialize;

use crate::output::{Column, Row, Times, column};

/// An exit code, explained.
#[derive(Debug, Serialize)]
pub(crate) struct ExitCodeRow {
    exit: u8,
    meaning: &'static str,
    retry: &'static str,
}

impl ExitCodeRow {
    /// All of them.
    pub(crate) fn all() -> Vec<Self> {
        let code =
            |exit: Exit| Self { exit: exit.code(), meaning: exit.meaning(), retry: retry(exit) };
        Exit::ALL.into_iter().map(code).collect()
    }
}

/// Whether the same command may succeed when it is run again.
fn retry(exit: Exit) -> &'static str {
    match exit {
        Exit::Limited => "later",
        Exit::Partial => "items",
        Exit::Done | Exit::ChangesPending | Exit::OutputClosed => "",
        exit if exit.retryable() => "yes",
        _ => "no",
    }
}

impl Row for ExitCodeRow {
    const COLUMNS: &'static [Column] =
        &[column("EXIT", 0), column("RETRY", 0), column("MEANING", 0)];

    fn handle(&self) -> String {
        self.exit.to_string()
    }

    fn cells(&self, _: &Times) -> Vec<String> {
        vec![self.handle(), self.retry.to_owned(), self.meaning.to_owned()]
    }
}
