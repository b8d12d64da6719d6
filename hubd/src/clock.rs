//! The one place that reads the wall clock.

use hub_core::time::Timestamp;

/// The time now. In a proof build the environment can fix the time.
#[cfg(feature = "proof")]
#[expect(clippy::disallowed_methods, reason = "only proof builds read it")]
pub(crate) fn now() -> Timestamp {
    let frozen = std::env::var("HUBD_PROOF_NOW").ok().and_then(|text| text.parse().ok());
    frozen.unwrap_or_else(|| std::time::SystemTime::now().into())
}

/// The time now.
#[cfg(not(feature = "proof"))]
#[expect(clippy::disallowed_methods, reason = "this is the clock")]
pub(crate) fn now() -> Timestamp {
    std::time::SystemTime::now().into()
}

/// Whether a proof has fixed the time; then nothing of this process is left to chance.
pub(crate) fn is_frozen() -> bool {
    cfg!(feature = "proof") && std::env::var_os("HUBD_PROOF_NOW").is_some()
}
