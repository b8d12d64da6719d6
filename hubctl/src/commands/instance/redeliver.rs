//! A new license for an instance whose license was lost: in a sink that is gone with its machine, or with
//! a run that was killed while it replaced one.

use hub_core::api::{GetInstance, Instance, RotateLicense, RotateLicenseRequest};
use hub_core::exit::Exit;
use hub_core::key::{KeyHash, License, LicenseKey};
use hub_core::problem::ErrorCode;

use super::issue::{Existing, converged, holds_another};
use super::{Context, rotate, would};
use crate::cli::InstanceNewArgs;
use crate::client::{Answer, Call};
use crate::error::Result;
use crate::output::Done;
use crate::sink::Sink;

/// Makes the sink hold the live license, then changes what else differs.
pub(super) async fn run(
    args: &InstanceNewArgs,
    existing: Existing,
    found: Answer<Instance>,
    held: Option<LicenseKey>,
    sink: &mut Sink,
    context: &Context<'_>,
) -> Result<Exit> {
    if context.settings.dry_run {
        return would(&found.value, "make a new license for").tell(context);
    }
    let hub = context.hub()?;
    let handle = args.instance.as_str();
    let asked = existing == Existing::Converge { redeliver: true };
    let register = async |hash: KeyHash| {
        let body = RotateLicenseRequest { license_sha256: Some(hash), overlap_seconds: None };
        hub.call::<RotateLicense>(handle, &(), &body).await
    };
    let live = &found.value.license.fingerprint;
    let key = match held {
        // Whose key it is, is unknown: without being asked, only one that no hub knows is replaced.
        Some(key) if !asked => match register(key.hash()).await {
            Err(failure) if failure.is(ErrorCode::KeyConflict) => {
                return Err(holds_another(&found.value));
            }
            answer => answer.map(|_| key)?,
        },
        held => rotate::replace::<License, _>(sink, held, live, register).await?.0,
    };
    let found = hub.answer(Call::<GetInstance>::new(handle, &(), &())).await?;
    let (instance, _) = converged(args, found, context).await?;
    let fingerprint = key.hash().fingerprint();
    context.out.done(
        &Done::new(
            &instance,
            handle,
            true,
            format!("{handle} has a new license   {}…{}", &fingerprint.as_str()[..6], sink.told()),
        )
        .reveal(sink.reveal("license_key", &key)),
    )?;
    Ok(Exit::Done)
}
