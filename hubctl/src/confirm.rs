//! Questions before what cannot be taken back. Silence is never consent, and nothing ever hangs.

use std::io::{BufRead, IsTerminal, Read, stderr, stdin};

use hub_core::exit::Exit;

use crate::cli::Global;
use crate::error::{Failure, Result};
use crate::{input, output};

/// No answer is anywhere near this long.
const LONGEST_ANSWER: u64 = 1024;

/// Who answers questions in this run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Consent {
    /// It was given with `--yes`.
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
            Self::Nobody => Err(Failure::input_needed(format!("{what} needs a yes"))
                .hint("give --yes, or run this at a terminal")),
            Self::Given | Self::Person => Ok(()),
        }
    }

    /// Fails unless the answer was given beforehand, with `--yes`.
    pub(crate) fn must_be_given(self, option: &str) -> Result<()> {
        match self {
            Self::Given => Ok(()),
            Self::Person | Self::Nobody => {
                Err(Failure::input_needed(format!("{option} needs a yes"))
                    .hint("give --yes: nobody can answer while standard input is a list"))
            }
        }
    }

    /// Asks whether to go on: `what` is about to happen, with these consequences.
    pub(crate) async fn ask(self, what: &str, consequences: &str) -> Result<()> {
        self.needed(what)?;
        if self == Self::Given {
            return Ok(());
        }
        let answer = ask(format!("{what}: {consequences}. Go on? [y/N]")).await?;
        match answer.to_ascii_lowercase().as_str() {
            "y" | "yes" => Ok(()),
            _ => Err(declined()),
        }
    }

    /// Asks for a handle to be typed, so that nobody goes on by habit.
    pub(crate) async fn ask_for(self, what: &str, consequences: &str, handle: &str) -> Result<()> {
        self.needed(what)?;
        if self == Self::Given {
            return Ok(());
        }
        let answer = ask(format!("{what}: {consequences}. Type {handle} to go on")).await?;
        if answer == handle { Ok(()) } else { Err(declined()) }
    }
}

/// Whether a person could be asked, if that is wanted or not.
pub(crate) fn at_terminal() -> bool {
    stdin().is_terminal() && stderr().is_terminal()
}

/// The terminal stays as it is, so that its own keys work: Ctrl-D is an empty answer, Ctrl-C a signal.
async fn ask(prompt: String) -> Result<String> {
    let answer = input::waiting(move || {
        output::write_words(&format!("{prompt}: "));
        let mut line = String::new();
        let read =
            stdin().lock().take(LONGEST_ANSWER).read_line(&mut line).map_err(|error| {
                Failure::input_needed(format!("no answer could be read: {error}"))
            })?;
        if read == 0 {
            output::write_words("\n");
        }
        Ok(line)
    });
    Ok(answer.await?.trim().to_owned())
}

fn declined() -> Failure {
    Failure::new(Exit::InputNeeded, "declined", "the answer was no: nothing was changed")
}
