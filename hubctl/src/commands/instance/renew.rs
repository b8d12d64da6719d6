//! `hubctl instance renew`: moves the end of licenses on.

use hub_core::api::{GetInstance, Instance};
use hub_core::exit::Exit;
use hub_core::fields::Patch;
use hub_core::model::InstancePatch;
use hub_core::time::Timestamp;

use super::Invocation;
use super::change::change;
use crate::cli::InstanceRenewArgs;
use crate::client::Call;
use crate::commands::targets::each;
use crate::error::{Failure, Result};

/// Runs it.
pub(super) async fn run(args: InstanceRenewArgs, invocation: &Invocation<'_>) -> Result<Exit> {
    let now = invocation.out.times().now;
    each(args.targets.clone(), false, invocation, async |handle| {
        let found = invocation.hub()?.answer(Call::<GetInstance>::new(handle, &(), &())).await?;
        // Computed once: a second round must not add the span to what the first may have set.
        let end = end(&args, &found.value, now)?;
        let wanted =
            |_: &Instance| Ok(InstancePatch { expires_at: Patch::Set(end), ..Default::default() });
        let mut outcome = change(handle, found, ("renew", "renewed"), wanted, invocation).await?;
        if outcome.changed && !outcome.dry_run {
            let until = invocation.out.times().write(end);
            outcome.words = format!("{}   ends {until}", outcome.words);
        }
        Ok(outcome)
    })
    .await
}

/// The new end: a span later than the present one, or than now where that has passed.
fn end(args: &InstanceRenewArgs, instance: &Instance, now: Timestamp) -> Result<Timestamp> {
    let Some(present) = instance.license.expires_at else {
        let message = format!("the license of {} has no end", instance.instance_id);
        return Err(Failure::new(Exit::Conflict, "no_end", message)
            .hint("it works for ever; hubctl instance update --expires-at gives it an end"));
    };
    Ok(match (args.span, args.until) {
        (Some(span), _) => present.max(now).after(span.duration()),
        (None, Some(until)) => until.resolve(now),
        (None, None) => present,
    })
}
