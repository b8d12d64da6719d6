//! The results of the checks.

use hub_core::exit::Exit;
use serde::Serialize;

use crate::error::{Failure, Result};
use crate::output::{Column, Out, Row, Times, column, fitted, write_data};
use crate::words::Format;

/// The result of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Status {
    Ok,
    Warn,
    Fail,
}

impl Status {
    fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Fail => "fail",
        }
    }
}

/// One check.
#[derive(Debug, Serialize)]
pub(super) struct Check {
    name: &'static str,
    status: Status,
    detail: String,
    hint: Option<String>,
}

/// All checks, and the exit code of the first that failed.
#[derive(Debug, Default)]
pub(super) struct Report {
    checks: Vec<Check>,
    failed: Option<Exit>,
}

#[derive(Serialize)]
struct Document<'a> {
    ok: bool,
    checks: &'a [Check],
}

impl Report {
    /// This is fine.
    pub(super) fn ok(&mut self, name: &'static str, detail: String) {
        self.checks.push(Check { name, status: Status::Ok, detail, hint: None });
    }

    /// This works, but somebody should look at it.
    pub(super) fn warn(&mut self, name: &'static str, detail: String, hint: &str) {
        let hint = Some(hint.to_owned());
        self.checks.push(Check { name, status: Status::Warn, detail, hint });
    }

    /// This keeps commands from working.
    pub(super) fn fail(&mut self, name: &'static str, failure: &Failure) {
        self.failed.get_or_insert(failure.exit());
        let (detail, hint) = (failure.parts().message.clone(), failure.parts().hint.clone());
        self.checks.push(Check { name, status: Status::Fail, detail, hint });
    }

    /// Whether nothing failed so far.
    pub(super) fn is_well(&self) -> bool {
        self.failed.is_none()
    }

    /// Writes the report, and gives the exit code.
    pub(super) fn tell(&self, out: &Out) -> Result<Exit> {
        match out.format() {
            Format::Table | Format::Wide if out.at_terminal() => {
                write_data(&self.lines(out.columns()))?;
            }
            Format::Table | Format::Wide | Format::Csv | Format::Name => {
                out.list(&self.checks, "")?;
            }
            _ => out.record(&Document { ok: self.is_well(), checks: &self.checks }, "", &[])?,
        }
        Ok(self.failed.unwrap_or(Exit::Done))
    }

    /// One line for each check, and another where something needs to be done.
    fn lines(&self, width: Option<usize>) -> String {
        const MARGIN: usize = 20;
        let line = |check: &Check| {
            let Check { name, status, detail, hint } = check;
            let hint = hint.as_ref().map(|hint| format!("help: {hint}"));
            let hint = hint.map(|hint| fitted("", MARGIN, &hint, width)).unwrap_or_default();
            fitted(&format!("{:<6}{name}", status.as_str()), MARGIN, detail, width) + &hint
        };
        self.checks.iter().map(line).collect()
    }
}

impl Row for Check {
    const COLUMNS: &'static [Column] =
        &[column("CHECK", 0), column("STATUS", 0), column("DETAIL", 0), column("WHAT TO DO", 0)];

    fn handle(&self) -> String {
        self.name.to_owned()
    }

    fn cells(&self, _: &Times) -> Vec<String> {
        let hint = self.hint.clone().unwrap_or_default();
        vec![self.handle(), self.status.as_str().to_owned(), self.detail.clone(), hint]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_failure_is_what_it_ends_with() {
        let mut report = Report::default();
        report.warn("a", "x".to_owned(), "y");
        assert!(report.is_well());
        report.fail("b", &Failure::new(Exit::Unreachable, "unreachable", "x"));
        report.fail("c", &Failure::new(Exit::Incompatible, "not_understood", "x"));
        assert_eq!(report.failed, Some(Exit::Unreachable));
    }
}
