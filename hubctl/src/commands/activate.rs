//! `hubctl activate`: exchanges a license for a hub key in the sink. It can run at every start of a
//! machine.

use hub_core::api::{
    Activate, ActivateRequest, Activated, GetSelf, SelfInstance, Validate, ValidateRequest, Verdict,
};
use hub_core::exit::Exit;
use hub_core::key::{Fingerprint, Hub, HubKey, KeyHash, LicenseKey, Presented};
use hub_core::problem::ErrorCode;
use serde::Serialize;

use super::Invocation;
use crate::cli::ActivateArgs;
use crate::client::Call;
use crate::commands::targets::Outcome;
use crate::delivery::{Delivered, Delivery};
use crate::error::{Failure, Result};
use crate::output::Done;
use crate::settings::written;

/// Runs it.
pub(super) async fn run(args: ActivateArgs, invocation: &Invocation<'_>) -> Result<Exit> {
    let delivery = Delivery::reserve(&args.sink, invocation.out)?;
    let live = match delivery.found() {
        Some(key) => who_is(key, invocation).await?,
        None => None,
    };
    if args.if_needed
        && let (Some(key), Some(instance)) = (delivery.found(), &live)
    {
        return needless(key, instance, invocation);
    }
    let license = invocation.license(&args.license_file).await?.ok_or_else(|| {
        Failure::of(ErrorCode::LicenseInvalid, "the text that was given is not a license key")
            .hint("a license key starts with lb_inst_; the file must hold nothing else")
    })?;
    if invocation.settings.dry_run {
        return dry_run(license, invocation).await;
    }
    let hub = invocation.hub()?;
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
    tell(&delivered, !was_live, invocation)
}

/// Asks whether the license is valid, which changes nothing.
async fn dry_run(license: LicenseKey, invocation: &Invocation<'_>) -> Result<Exit> {
    let body = ValidateRequest { license_key: Presented(Ok(license)) };
    let verdict = invocation.hub()?.call::<Validate>("", &(), &body).await?;
    let handle = verdict.instance_id.as_ref().map(ToString::to_string).unwrap_or_default();
    match verdict.code {
        Verdict::Valid(_) => {
            Outcome::would(&verdict, &handle, &handle, "activate").tell(invocation)
        }
        Verdict::Refused(code) => {
            Err(Failure::of(code, format!("the license would be refused: {}", code.as_str())))
        }
    }
}

/// The instance that a hub key belongs to, if the key works.
async fn who_is(key: &HubKey, invocation: &Invocation<'_>) -> Result<Option<SelfInstance>> {
    let call = Call::<GetSelf> { hub_key: Some(key), ..Call::new("", &(), &()) };
    match invocation.hub()?.answer(call).await {
        Ok(answer) => Ok(Some(answer.value)),
        Err(failure) if failure.is(ErrorCode::HubKeyInvalid) => Ok(None),
        Err(failure) => Err(failure),
    }
}

fn tell(
    delivered: &Delivered<Hub, Activated>,
    changed: bool,
    invocation: &Invocation<'_>,
) -> Result<Exit> {
    let id = &delivered.answer.instance_id;
    let words = format!("activated {id}   hub key {}", delivered.told());
    let mut done = Done::new(&delivered.answer, id.as_str(), changed, words);
    if !delivered.answer.reactivated {
        let base = written(&invocation.settings.url);
        let to = &delivered.answer.telemetry_url;
        done = done.next(format!("reports of {id} go to   {base}{to}"));
    }
    invocation.out.done(&done.reveal(delivered.reveal()))?;
    Ok(Exit::Done)
}

#[derive(Serialize)]
struct Needless<'a> {
    #[serde(flatten)]
    instance: &'a SelfInstance,
    hub_key_fingerprint: Fingerprint,
}

fn needless(key: &HubKey, instance: &SelfInstance, invocation: &Invocation<'_>) -> Result<Exit> {
    let id = &instance.instance_id;
    invocation.out.done(&Done::new(
        &Needless { instance, hub_key_fingerprint: key.hash().fingerprint() },
        id.as_str(),
        false,
        format!("{id} is activated, and the sink holds its hub key"),
    ))?;
    Ok(Exit::Done)
}
