//! What the sinks of a fleet hold, and whether they take a key.

use std::collections::BTreeSet;

use hub_core::key::License;

use super::super::file::FleetSink;
use super::super::planner::{ItemState, Plan, SinkState};
use crate::delivery::Delivery;
use crate::error::Result;
use crate::words::SinkSpec;
use crate::{folder, sink};

/// What a sink holds.
pub(super) fn look(sink: &FleetSink) -> SinkState {
    match sink::peek::<License>(&sink.spec) {
        Ok(Some(key)) => SinkState::Holds(key.hash().fingerprint()),
        Ok(None) => SinkState::Empty,
        Err(_) => SinkState::Unreadable,
    }
}

/// Reserves a sink.
pub(super) fn reserve(sink: &FleetSink, allow_open_folder: bool) -> Result<Delivery<License>> {
    Delivery::into_sink(&sink.spec, allow_open_folder)
}

/// Checks every sink before the hub is asked to change anything; the items of a sink that is refused fail
/// now. In each folder one file is made, to see that it can be. Each sink is let go again, as a fleet has
/// more sinks than a process may have open files.
pub(super) fn check(plan: &mut Plan, allow_open_folder: bool) {
    let mut folders = BTreeSet::new();
    for item in plan.items.iter_mut().filter(|item| item.state == ItemState::Planned) {
        let refused = item.sink().and_then(|sink| match &sink.spec {
            SinkSpec::File(path) if !folders.insert(folder::of(path).to_owned()) => {
                sink::check(&sink.spec, allow_open_folder).err()
            }
            _ => reserve(sink, allow_open_folder).err(),
        });
        if let Some(failure) = refused {
            item.fail(failure);
        }
    }
}
