//! Gives a client other fields, as they are computed from those that it has.

use hub_core::api::{Client, GetClient, UpdateClient};
use hub_core::labels::Labels;
use hub_core::model::ClientPatch;
use hub_core::problem::ErrorCode;

use super::{Invocation, outcome, would};
use crate::client::{Answer, Call};
use crate::commands::document;
use crate::commands::targets::Outcome;
use crate::error::{Failure, Result};
use crate::output::FieldChange;

/// How often it is tried again when somebody else changes the client at the same time.
const ROUNDS: u32 = 3;

/// Changes the fields that differ from the wanted ones.
pub(super) async fn change(
    handle: &str,
    mut found: Answer<Client>,
    wanted: impl Fn(&Labels) -> ClientPatch,
    invocation: &Invocation<'_>,
) -> Result<Outcome<Client>> {
    let hub = invocation.hub()?;
    for _ in 0..ROUNDS {
        let patch = wanted(&found.value.labels);
        let Some(patch) = found.value.settings().difference(patch) else {
            return Ok(outcome(found.value, false, "updated"));
        };
        if invocation.settings.dry_run {
            let changes = FieldChange::all(&patch, Some(&document(&found.value.settings())));
            return Ok(would(found.value, "update").changing(changes));
        }
        let if_match = found.etag.as_deref();
        let call = Call::<UpdateClient> { if_match, ..Call::new(handle, &(), &patch) };
        match hub.answer(call).await {
            Ok(answer) => return Ok(outcome(answer.value, true, "updated")),
            Err(failure) if failure.is(ErrorCode::PreconditionFailed) => {
                let own = failure.parts().after_unknown;
                found = hub.answer(Call::<GetClient>::new(handle, &(), &())).await?;
                // A retried request finds what its first attempt changed before the answer was lost.
                if own && found.value.settings().difference(patch).is_none() {
                    return Ok(outcome(found.value, true, "updated"));
                }
            }
            Err(failure) => return Err(failure),
        }
    }
    let message = format!("client {handle} keeps being changed by somebody else");
    Err(Failure::of(ErrorCode::PreconditionFailed, message))
}
