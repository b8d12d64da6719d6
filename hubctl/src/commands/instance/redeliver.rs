//! A new license for an instance whose license was lost: with the machine that had it, or with a run that
//! was killed while it replaced the license.

use hub_core::api::{GetInstance, Instance, RotateLicense, RotateLicenseRequest};
use hub_core::exit::Exit;
use hub_core::key::{KeyHash, License};
use hub_core::problem::ErrorCode;

use super::change::change;
use super::existing::{Existing, holds_another};
use super::{Invocation, would};
use crate::cli::InstanceNewArgs;
use crate::client::{Answer, Call};
use crate::delivery::Delivery;
use crate::error::Result;
use crate::output::Done;

/// Makes the sink hold the live license, then changes the terms that differ.
pub(super) async fn run(
    args: &InstanceNewArgs,
    existing: Existing,
    found: Answer<Instance>,
    delivery: Delivery<License>,
    invocation: &Invocation<'_>,
) -> Result<Exit> {
    if invocation.settings.dry_run {
        return would(&found.value, "make a new license for").tell(invocation);
    }
    let hub = invocation.hub()?;
    let handle = args.instance.as_str();
    let register = async |hash: KeyHash| {
        let body = RotateLicenseRequest { license_sha256: Some(hash), overlap_seconds: None };
        hub.call::<RotateLicense>(handle, &(), &body).await
    };
    let asked = existing == Existing::Converge { redeliver: true };
    let delivered = if delivery.found().is_some() && !asked {
        // The key in the sink may be another instance's: without --redeliver it is replaced only if the
        // hub has never seen it.
        delivery.hold()?.register(register).await.map_err(|failure| {
            if failure.is(ErrorCode::KeyConflict) { holds_another(&found.value) } else { failure }
        })?
    } else {
        let live = &found.value.license.fingerprint;
        delivery.hold_next(live)?.register_or_renew(register).await?
    };
    let found = hub.answer(Call::<GetInstance>::new(handle, &(), &())).await?;
    let now = invocation.out.times().now;
    let wanted = |present: &Instance| args.terms.patch(&present.labels, now);
    let instance = change(handle, found, ("update", "updated"), wanted, invocation).await?.object;
    let words = format!("{handle} has a new license   {}", delivered.told());
    invocation.out.done(&Done::new(&instance, handle, true, words).reveal(delivered.reveal()))?;
    Ok(Exit::Done)
}
