//! What asks the hub and fills sinks: reading what there is, and carrying a plan out.
//!
//! - `observe`: what the hub has · `saved`: plans in files · `resume`: whether they still fit
//! - `execute`: the order of steps · `steps`: each as a request · `sinks`: where new keys go

mod execute;
mod observe;
mod resume;
mod saved;
mod sinks;
mod steps;

pub(super) use execute::execute;
pub(super) use observe::{clients, instances, observe};
pub(super) use saved::{load, save};
