//! The one place that reads the wall clock.

use hub_core::time::Timestamp;

/// The time now.
#[expect(clippy::disallowed_methods, reason = "this is the clock")]
pub(crate) fn now() -> Timestamp {
    std::time::SystemTime::now().into()
}
