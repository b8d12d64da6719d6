//! Times for requests. Nothing here waits, and no test asserts how long something took.

use std::time::{Duration, SystemTime};

use hub_core::time::Timestamp;

/// A day.
pub const DAY: Duration = Duration::from_hours(24);

/// The present time.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "the one clock of the tests")]
pub fn now() -> Timestamp {
    SystemTime::now().into()
}

/// This long from now, as the wire writes it.
#[must_use]
pub fn later(span: Duration) -> String {
    now().after(span).to_string()
}

/// This long ago, as the wire writes it.
#[must_use]
pub fn ago(span: Duration) -> String {
    now().before(span).to_string()
}

/// This long after a time on the wire.
///
/// # Panics
/// If the text is no time.
#[must_use]
pub fn later_than(at: &str, span: Duration) -> String {
    let at: Timestamp = at.parse().expect("a time on the wire");
    at.after(span).to_string()
}
