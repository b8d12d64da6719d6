//! An instance that exists already: what `issue` and `ensure` do with it.

use hub_core::api::Instance;
use hub_core::problem::ErrorCode;

use crate::commands::exists;
use crate::error::Failure;

/// What to do with an instance that exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Existing {
    /// Fail, and change nothing.
    Refuse,
    /// Succeed, and change nothing.
    Take,
    /// Give it the terms of the command line.
    Converge {
        /// Give it a new license if the sink does not hold the live one.
        redeliver: bool,
    },
}

/// The sink holds a key that is not the instance's.
pub(super) fn holds_another(instance: &Instance) -> Failure {
    let id = &instance.instance_id;
    let message = format!("instance {id} exists, and the sink holds a different key");
    exists(ErrorCode::InstanceExists, message, instance)
        .hint(format!("hubctl instance rotate-license {id} makes a new license"))
}
