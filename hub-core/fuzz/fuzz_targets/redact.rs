//! Any bytes as a telemetry report: `cargo fuzz run -s none redact`, in `hub-core`.

#![no_main]

use hub_core::redact::invariants;

libfuzzer_sys::fuzz_target!(|body: &[u8]| {
    if let Some(invariant) = invariants::broken(body, invariants::real) {
        panic!("does not hold: {invariant}");
    }
});
