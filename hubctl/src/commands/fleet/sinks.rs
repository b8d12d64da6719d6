//! What the sinks of a fleet hold, and whether they take a key.

use hub_core::key::License;

use crate::delivery::Delivery;
use crate::error::{Failure, Result};
use crate::fleet::{Plan, SinkState, Status};
use crate::sink;
use crate::words::SinkSpec;

/// What a sink holds.
pub(super) fn look(spec: &SinkSpec) -> SinkState {
    match sink::peek::<License>(spec) {
        Ok(Some(key)) => SinkState::Holds(key.hash().fingerprint()),
        Ok(None) => SinkState::Empty,
        Err(_) => SinkState::Unreadable,
    }
}

/// Reserves the sink of an item.
pub(super) fn reserve(text: &str, allow_open_folder: bool) -> Result<Delivery<License>> {
    let spec = text.parse().map_err(|expected| Failure::usage(format!("sink {expected}")))?;
    Delivery::into_sink(&spec, allow_open_folder)
}

/// Reserves every sink before the hub is asked to change anything; what goes into one that is refused
/// fails now. Each is let go again, as a fleet has more sinks than a process may have open files.
pub(super) fn check(plan: &mut Plan, allow_open_folder: bool) {
    for item in plan.items.iter_mut().filter(|item| item.status == Status::Planned) {
        let reserved = item.sink.as_deref().map(|text| reserve(text, allow_open_folder));
        if let Some(Err(failure)) = reserved {
            item.fail(failure);
        }
    }
}
