//! Questions before a change that cannot be taken back. Silence is never consent, and nothing hangs.

use std::io::{IsTerminal, stderr, stdin};

use hub_core::exit::Exit;

use crate::cli::Global;
use crate::error::{Failure, Result};
use crate::prompt;

/// Who answers questions in this run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Consent {
    /// `--yes` has answered them.
    Given,
    /// A person at a terminal.
    Person,
    /// Nobody.
    Nobody,
}

impl Consent {
    /// Who answers, with these options and this terminal.
    pub(crate) fn of(global: &Global, no_input: bool) -> Self {
        let person = at_terminal();
        match (global.yes, no_input) {
            (true, _) => Self::Given,
            (false, false) if person => Self::Person,
            (false, _) => Self::Nobody,
        }
    }

    /// Fails unless somebody can answer.
    pub(crate) fn needed(self, what: &str) -> Result<()> {
        match self {
            Self::Nobody => Err(Failure::input_needed(format!("{what} must be confirmed"))
                .hint("give --yes, or run this at a terminal")),
            Self::Given | Self::Person => Ok(()),
        }
    }

    /// Fails unless somebody can answer, about so many objects.
    pub(crate) fn needed_for(self, objects: usize) -> Result<()> {
        self.needed(&format!("this change of {objects} objects"))
    }

    /// Fails unless `--yes` was given.
    pub(crate) fn must_be_given(self, option: &str) -> Result<()> {
        match self {
            Self::Given => Ok(()),
            Self::Person | Self::Nobody => {
                Err(Failure::input_needed(format!("{option} cannot ask for confirmation"))
                    .hint("give --yes: standard input is a list, so nobody can answer there"))
            }
        }
    }

    /// Asks whether to go on: `what` is about to happen, with these consequences.
    pub(crate) async fn ask(self, what: &str, consequences: &str) -> Result<()> {
        self.needed(what)?;
        if self == Self::Given {
            return Ok(());
        }
        let answer = prompt::line(&format!("{what}: {consequences}. {GO_ON}")).await?;
        match answer.trim().to_ascii_lowercase().as_str() {
            "y" | "yes" => Ok(()),
            _ => Err(declined()),
        }
    }

    /// Asks for a handle to be typed, so that nobody goes on out of habit.
    pub(crate) async fn ask_for(self, what: &str, consequences: &str, handle: &str) -> Result<()> {
        self.needed(what)?;
        if self == Self::Given {
            return Ok(());
        }
        let answer = prompt::line(&format!("{what}: {consequences}. {}", together(handle))).await?;
        if answer.trim() == handle { Ok(()) } else { Err(declined()) }
    }
}

/// The question, whose words stay in one line.
const GO_ON: &str = "Go\u{a0}on?\u{a0}[y/N]";

/// The same, for an answer that nobody gives out of habit.
fn together(handle: &str) -> String {
    format!("Type\u{a0}{handle}\u{a0}to\u{a0}go\u{a0}on")
}

/// Whether there is a person who could answer.
pub(crate) fn at_terminal() -> bool {
    stdin().is_terminal() && stderr().is_terminal()
}

fn declined() -> Failure {
    Failure::new(Exit::InputNeeded, "declined", "the answer was no: nothing was changed")
}
