//! Words that several rooms share: output formats, sinks as they are typed, names, values that may be
//! absent. Nothing here reads, writes or asks, and nothing here knows another room.

mod context_name;
mod end;
mod format;
mod label_change;
mod members;
mod or_none;
mod sink;

pub(crate) use context_name::ContextName;
pub(crate) use end::End;
pub(crate) use format::{FieldPath, Format};
pub(crate) use label_change::LabelChange;
#[cfg(test)]
pub(crate) use members::EXAMPLE;
pub(crate) use members::{CLIENT, FILE, INSTANCE, TELEMETRY, Table, reference};
pub(crate) use or_none::OrNone;
pub(crate) use sink::{ShellName, SinkSpec, StepFile};
