//! An instance that exists already: what `issue` and `ensure` do with it.

use hub_core::api::{GetInstance, Instance, UpdateInstance};
use hub_core::problem::ErrorCode;

use super::Invocation;
use crate::cli::InstanceNewArgs;
use crate::client::{Answer, Call};
use crate::commands::exists;
use crate::error::{Failure, Result};

/// How often `ensure` tries again when somebody else changes the instance at the same time.
const ROUNDS: u32 = 3;

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

/// Changes the terms that differ from those on the command line. Gives the instance, and whether it was
/// changed.
pub(super) async fn converge(
    args: &InstanceNewArgs,
    mut found: Answer<Instance>,
    invocation: &Invocation<'_>,
) -> Result<(Instance, bool)> {
    let hub = invocation.hub()?;
    let handle = args.instance.as_str();
    for _ in 0..ROUNDS {
        let wanted = args.terms.patch()?;
        let Some(patch) = found.value.terms().difference(wanted) else {
            return Ok((found.value, false));
        };
        if invocation.settings.dry_run {
            return Ok((found.value, true));
        }
        let if_match = found.etag.as_deref();
        let call = Call::<UpdateInstance> { if_match, ..Call::new(handle, &(), &patch) };
        match hub.answer(call).await {
            Ok(answer) => return Ok((answer.value, true)),
            Err(failure) if failure.is(ErrorCode::PreconditionFailed) => {
                found = hub.answer(Call::<GetInstance>::new(handle, &(), &())).await?;
            }
            Err(failure) => return Err(failure),
        }
    }
    let message = format!("instance {handle} keeps being changed by somebody else");
    Err(Failure::of(ErrorCode::PreconditionFailed, message))
}
