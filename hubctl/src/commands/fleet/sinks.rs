//! What the sinks of a fleet hold, and whether they take a key.

use hub_core::key::{License, LicenseKey};

use super::Context;
use crate::cli::SinkArgs;
use crate::error::{Failure, Result};
use crate::fleet::{Plan, SinkState, Status};
use crate::sink::{Sink, SinkSpec};

/// What a sink holds.
pub(super) fn look(spec: &SinkSpec) -> SinkState {
    match Sink::peek::<License>(spec) {
        Ok(Some(key)) => SinkState::Holds(key.hash().fingerprint()),
        Ok(None) => SinkState::Empty,
        Err(_) => SinkState::Unreadable,
    }
}

/// How an item's sink is reserved.
fn args(text: &str, allow_open_folder: bool) -> Result<SinkArgs> {
    let sink = text.parse().map_err(|expected| Failure::usage(format!("sink {expected}")))?;
    Ok(SinkArgs { sink: Some(sink), allow_open_folder })
}

/// Reserves the sink of an item.
pub(super) fn reserve(text: &str, allow_open_folder: bool, context: &Context<'_>) -> Result<Sink> {
    Sink::reserve(&args(text, allow_open_folder)?, context.out)
}

/// The key that a run which was killed has left in a sink that takes another. The sink is let go again:
/// two instances may have theirs in one file.
pub(super) fn held(
    text: &str,
    allow_open_folder: bool,
    context: &Context<'_>,
) -> Result<Option<LicenseKey>> {
    reserve(text, allow_open_folder, context)?.held()
}

/// Reserves every sink before the hub is asked to change anything; what goes into one that is refused
/// fails now. Each is let go again, as a fleet has more sinks than a process may have open files.
pub(super) fn check(plan: &mut Plan, allow_open_folder: bool, context: &Context<'_>) {
    for item in plan.items.iter_mut().filter(|item| item.status == Status::Planned) {
        let held = item.sink.as_deref().map(|text| held(text, allow_open_folder, context));
        if let Some(Err(failure)) = held {
            item.fail(failure);
        }
    }
}
