//! The redactor turns the body of a request into a [`CleanReport`] by an allow-list. Nothing else makes
//! a `CleanReport`, and the telemetry writer accepts nothing else.
//!
//! It keeps the report's id, its window, counts, durations, and for each name that the operator's
//! catalogue lists the number of that name. So no text of the body reaches an error, a log or a store.

mod listed;
mod name;
mod parse;
mod place;
mod places;
mod reason;
mod report;
mod scalar;
mod tool;

pub use listed::{Listed, Numbered, OTHER};
pub use name::{CodeName, CountName, ToolName};
pub use parse::{MOST_DAYS_LATE, inspect, redact};
pub use places::Places;
pub use reason::{Dropped, Reason, Reasons};
pub use report::{CleanReport, MOST_CODES, MOST_COUNTS, MOST_PAIRS, MOST_TOOLS, Usage};
pub use scalar::{LONGEST_MS, MOST_CALLS};

use std::fmt;

use serde::{Serialize, Serializer};
use zeroize::Zeroizing;

use crate::fields::{Fault, ReadBody, Unknown};
use crate::time::Timestamp;

/// The largest body of a report in bytes.
pub const LARGEST_BODY: usize = 1024 * 1024;

/// The body of a telemetry request as it came. Only the redactor looks into it.
pub struct RawReport(Zeroizing<Vec<u8>>);

impl RawReport {
    /// Turns the body into what may be kept of it.
    ///
    /// # Errors
    /// As [`redact`].
    pub fn redact(&self, listed: &Listed, now: Timestamp) -> Result<CleanReport, Fault> {
        redact(&self.0, listed, now)
    }

    /// The same, and the first 100 places where something is not kept as it was sent.
    ///
    /// # Errors
    /// As [`redact`].
    pub fn inspect(&self, listed: &Listed, now: Timestamp) -> Result<(CleanReport, Places), Fault> {
        inspect(&self.0, listed, now)
    }
}

#[cfg(feature = "proof")]
impl RawReport {
    /// The body as text, for a hub that is told to keep it.
    #[must_use]
    pub fn leaked(&self) -> String {
        String::from_utf8_lossy(&self.0).into_owned()
    }
}

impl fmt::Debug for RawReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RawReport")
    }
}

impl ReadBody for RawReport {
    fn read_body(bytes: &[u8], _: Unknown, _: Timestamp) -> Result<Self, Fault> {
        Ok(Self(bytes.to_vec().into()))
    }
}

/// hubctl sends a report as the bytes of a file, and never as this type.
impl Serialize for RawReport {
    fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        Err(serde::ser::Error::custom("a report is sent as it is"))
    }
}

#[cfg(any(test, fuzzing))]
pub mod invariants;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
