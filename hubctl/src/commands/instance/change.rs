//! Gives an instance other terms, as they are computed from those that it has.

use hub_core::api::{GetInstance, Instance, UpdateInstance};
use hub_core::model::InstancePatch;
use hub_core::problem::ErrorCode;

use super::{Invocation, outcome, would};
use crate::client::{Answer, Call};
use crate::commands::document;
use crate::commands::targets::Outcome;
use crate::error::{Failure, Result};
use crate::output::FieldChange;

/// How often it is tried again when somebody else changes the instance at the same time.
const ROUNDS: u32 = 3;

/// Changes the terms that differ from the wanted ones; `did` is a verb such as `updated`.
pub(super) async fn change(
    handle: &str,
    mut found: Answer<Instance>,
    (act, did): (&str, &str),
    wanted: impl Fn(&Instance) -> Result<InstancePatch>,
    invocation: &Invocation<'_>,
) -> Result<Outcome<Instance>> {
    let hub = invocation.hub()?;
    for _ in 0..ROUNDS {
        let Some(patch) = found.value.terms().difference(wanted(&found.value)?) else {
            return Ok(outcome(found.value, false, did));
        };
        if invocation.settings.dry_run {
            let changes = FieldChange::all(&patch, Some(&document(&found.value.terms())));
            return Ok(would(found.value, act).changing(changes));
        }
        let if_match = found.etag.as_deref();
        let call = Call::<UpdateInstance> { if_match, ..Call::new(handle, &(), &patch) };
        match hub.answer(call).await {
            Ok(answer) => return Ok(outcome(answer.value, true, did)),
            Err(failure) if failure.is(ErrorCode::PreconditionFailed) => {
                let own = failure.parts().after_unknown;
                found = hub.answer(Call::<GetInstance>::new(handle, &(), &())).await?;
                // A retried request finds what its first attempt changed before the answer was lost.
                if own && found.value.terms().difference(patch).is_none() {
                    return Ok(outcome(found.value, true, did));
                }
            }
            Err(failure) => return Err(failure),
        }
    }
    let message = format!("instance {handle} keeps being changed by somebody else");
    Err(Failure::of(ErrorCode::PreconditionFailed, message))
}
