//! The redactor turns the body of a request into a [`CleanReport`] by an allow-list. Nothing else makes
//! a `CleanReport`, and the telemetry writer accepts nothing else.
//!
//! It keeps the report's id, its window, counts, durations, and names that fit a closed grammar. Nothing
//! else of the body reaches an error, a log or a store.

mod name;
mod parse;
mod report;
mod scalar;

pub use name::{CodeName, CountName, ToolName};
pub use parse::{MOST_DAYS_LATE, redact};
pub use report::{CleanReport, MOST_CODES, MOST_COUNTS, MOST_TOOLS, Usage};
pub use scalar::{LONGEST_MS, MOST_CALLS};

use crate::fields::{Fault, ReadBody, Unknown};
use crate::time::Timestamp;

impl ReadBody for CleanReport {
    fn read_body(bytes: &[u8], _: Unknown, now: Timestamp) -> Result<Self, Fault> {
        redact(bytes, now)
    }
}

#[cfg(any(test, fuzzing))]
pub mod invariants;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
