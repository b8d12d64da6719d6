//! `hubctl activate`: a license in, a hub key in the sink. Made to be run at every start of a machine.

use hub_core::api::{
    Activate, ActivateRequest, Activated, GetSelf, SelfInstance, Validate, ValidateRequest, Verdict,
};
use hub_core::exit::Exit;
use hub_core::key::{Fingerprint, Hub, HubKey, KeyHash, LicenseKey, Presented};
use hub_core::problem::ErrorCode;
use serde::Serialize;

use super::Context;
use crate::cli::ActivateArgs;
use crate::client::Call;
use crate::commands::targets::Outcome;
use crate::delivery::{Delivered, Delivery};
use crate::error::{Failure, Result};
use crate::output::Done;

/// Runs it.
pub(super) async fn run(args: ActivateArgs, context: &Context<'_>) -> Result<Exit> {
    let delivery = Delivery::reserve(&args.sink, context.out)?;
    let live = match delivery.found() {
        Some(key) => who_is(key, context).await?,
        None => None,
    };
    if args.if_needed
        && let (Some(key), Some(instance)) = (delivery.found(), &live)
    {
        return needless(key, instance, context);
    }
    let license = context.license(&args.license_file).await?.ok_or_else(|| {
        Failure::of(ErrorCode::LicenseInvalid, "the text that was given is not a license key")
            .hint("a license key starts with lb_inst_; the file must hold nothing else")
    })?;
    if context.settings.dry_run {
        return dry_run(license, context).await;
    }
    let hub = context.hub()?;
    let register = async |hash: KeyHash| {
        let body = ActivateRequest {
            license_key: Presented(Ok(license.clone())),
            instance_id: args.instance.clone(),
            hub_key_sha256: Some(hash),
        };
        hub.call::<Activate>("", &(), &body).await
    };
    let delivered = delivery.hold()?.register_or_renew(register).await?;
    let newest = live.and_then(|instance| instance.hub_key);
    let was_live = newest.is_some_and(|newest| newest.fingerprint == delivered.fingerprint());
    tell(&delivered, !was_live, context)
}

/// Asks whether the license is valid, which changes nothing.
async fn dry_run(license: LicenseKey, context: &Context<'_>) -> Result<Exit> {
    let body = ValidateRequest { license_key: Presented(Ok(license)) };
    let verdict = context.hub()?.call::<Validate>("", &(), &body).await?;
    let handle = verdict.instance_id.as_ref().map(ToString::to_string).unwrap_or_default();
    match verdict.code {
        Verdict::Valid(_) => Outcome::would(&verdict, &handle, &handle, "activate").tell(context),
        Verdict::Refused(code) => {
            Err(Failure::of(code, format!("the license would be refused: {}", code.as_str())))
        }
    }
}

/// The instance that a hub key works for, if it works.
async fn who_is(key: &HubKey, context: &Context<'_>) -> Result<Option<SelfInstance>> {
    let call = Call::<GetSelf> { hub_key: Some(key), ..Call::new("", &(), &()) };
    match context.hub()?.answer(call).await {
        Ok(answer) => Ok(Some(answer.value)),
        Err(failure) if failure.is(ErrorCode::HubKeyInvalid) => Ok(None),
        Err(failure) => Err(failure),
    }
}

fn tell(
    delivered: &Delivered<Hub, Activated>,
    changed: bool,
    context: &Context<'_>,
) -> Result<Exit> {
    let id = &delivered.answer.instance_id;
    let words = format!("activated {id}   hub key {}", delivered.told());
    let done = Done::new(&delivered.answer, id.as_str(), changed, words);
    context.out.done(&done.reveal(delivered.reveal()))?;
    Ok(Exit::Done)
}

#[derive(Serialize)]
struct Needless<'a> {
    #[serde(flatten)]
    instance: &'a SelfInstance,
    hub_key_fingerprint: Fingerprint,
}

fn needless(key: &HubKey, instance: &SelfInstance, context: &Context<'_>) -> Result<Exit> {
    let id = &instance.instance_id;
    context.out.done(&Done::new(
        &Needless { instance, hub_key_fingerprint: key.hash().fingerprint() },
        id.as_str(),
        false,
        format!("{id} is activated, and the sink holds its hub key"),
    ))?;
    Ok(Exit::Done)
}
