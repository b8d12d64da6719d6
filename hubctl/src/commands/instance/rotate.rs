//! `hubctl instance rotate-license` and `rotate-hub-key`: the new key is in the sink before the old
//! one ends.

use std::time::Duration;

use hub_core::api::{
    GetInstance, Instance, RotateHubKey, RotateHubKeyRequest, RotateLicense, RotateLicenseRequest,
};
use hub_core::exit::Exit;
use hub_core::key::{Fingerprint, Hub, KeyHash, License};
use hub_core::problem::ErrorCode;
use hub_core::time::Timestamp;
use serde::Serialize;

use super::{Invocation, would};
use crate::cli::RotateArgs;
use crate::delivery::{Deliverable, Delivered, Delivery};
use crate::error::{Failure, Result};
use crate::output::Done;

/// An installation that was seen within this time is running.
const RUNNING: Duration = Duration::from_hours(24);

/// `hubctl instance rotate-license`
pub(super) async fn license(args: RotateArgs, invocation: &Invocation<'_>) -> Result<Exit> {
    let hub = invocation.hub()?;
    let overlap_seconds = args.overlap;
    let live = |instance: &Instance| Some(instance.license.fingerprint.clone());
    let register = async |hash: KeyHash| {
        let body = RotateLicenseRequest { license_sha256: Some(hash), overlap_seconds };
        hub.call::<RotateLicense>(&args.instance, &(), &body).await
    };
    match rotate::<License, _>(&args, invocation, live, register).await? {
        None => Ok(Exit::Done),
        Some(rotated) => {
            let until = rotated.answer.previous_valid_until;
            tell(invocation, &args, "license", &rotated, until)
        }
    }
}

/// `hubctl instance rotate-hub-key`
pub(super) async fn hub_key(args: RotateArgs, invocation: &Invocation<'_>) -> Result<Exit> {
    let hub = invocation.hub()?;
    let overlap_seconds = args.overlap;
    let live = |instance: &Instance| instance.hub_key.as_ref().map(|key| key.fingerprint.clone());
    let register = async |hash: KeyHash| {
        let body = RotateHubKeyRequest { hub_key_sha256: Some(hash), overlap_seconds };
        hub.call::<RotateHubKey>(&args.instance, &(), &body).await
    };
    match rotate::<Hub, _>(&args, invocation, live, register).await? {
        None => Ok(Exit::Done),
        Some(rotated) => {
            let until = rotated.answer.previous_valid_until;
            tell(invocation, &args, "hub key", &rotated, until)
        }
    }
}

/// Delivers a key that replaces the live one; `None` after a dry run.
async fn rotate<K: Deliverable, A>(
    args: &RotateArgs,
    invocation: &Invocation<'_>,
    live: impl Fn(&Instance) -> Option<Fingerprint>,
    register: impl AsyncFn(KeyHash) -> Result<A>,
) -> Result<Option<Delivered<K, A>>> {
    let delivery = Delivery::reserve(&args.sink, invocation.out)?;
    let instance = invocation.hub()?.call::<GetInstance>(&args.instance, &(), &()).await?;
    let Some(live) = live(&instance) else {
        // Checked before a key is made in vain.
        let message = format!("instance {} was never activated", instance.instance_id);
        return Err(Failure::of(ErrorCode::NotActivated, message)
            .hint("it gets its first hub key from hubctl activate"));
    };
    if invocation.settings.dry_run {
        would(&instance, &format!("replace the {} of", K::NAME)).tell(invocation)?;
        return Ok(None);
    }
    if args.overlap.is_none() {
        ask::<K>(&instance, invocation).await?;
    }
    delivery.hold_next(&live)?.register_or_renew(register).await.map(Some)
}

/// Asks before the key of an installation that runs is ended at once.
async fn ask<K: Deliverable>(instance: &Instance, invocation: &Invocation<'_>) -> Result<()> {
    let times = invocation.out.times();
    let Some(seen) = instance.last_seen_at.filter(|at| *at >= times.now.before(RUNNING)) else {
        return Ok(());
    };
    let what = format!("ending the {} of {} at once", K::NAME, instance.instance_id);
    let seen = times.write(seen);
    let consequences = format!("it was last seen {seen}, and stops until it has the new key");
    invocation.consent.ask(&what, &consequences).await.map_err(|failure| {
        let message = format!("{}: last seen {seen}", failure.parts().message);
        failure
            .with(|parts| parts.message = message)
            .hint("--overlap 1h lets the present key work on meanwhile; --yes ends it at once")
    })
}

fn tell<K: Deliverable, A: Serialize>(
    invocation: &Invocation<'_>,
    args: &RotateArgs,
    what: &str,
    rotated: &Delivered<K, A>,
    previous_until: Option<Timestamp>,
) -> Result<Exit> {
    let next = match previous_until {
        None => "the previous key has ended".to_owned(),
        Some(until) => format!("the previous key ends {}", invocation.out.times().write(until)),
    };
    let words = format!("rotated {}   {what} {}", args.instance, rotated.told());
    let done = Done::new(&rotated.answer, &args.instance, true, words)
        .next(format!("put the new key in place; {next}"))
        .reveal(rotated.reveal());
    invocation.out.done(&done)?;
    Ok(Exit::Done)
}
