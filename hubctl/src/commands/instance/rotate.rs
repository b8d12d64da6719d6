//! `hubctl instance rotate-license` and `rotate-hub-key`: the new key is in the sink before the old
//! one ends.

use hub_core::api::{
    GetInstance, Instance, RotateHubKey, RotateHubKeyRequest, RotateLicense, RotateLicenseRequest,
};
use hub_core::exit::Exit;
use hub_core::key::{Fingerprint, Hub as HubKind, Key, KeyHash, KeyKind, License};
use hub_core::problem::ErrorCode;
use hub_core::time::Timestamp;
use serde::Serialize;

use super::{Context, would};
use crate::cli::RotateArgs;
use crate::error::{Failure, Result};
use crate::output::{Done, Reveal};
use crate::sink::Sink;

/// `hubctl instance rotate-license`
pub(super) async fn license(args: RotateArgs, context: &Context<'_>) -> Result<Exit> {
    let hub = context.hub()?;
    let handle = args.instance.as_str();
    let overlap_seconds = Some(args.overlap);
    let live = |instance: &Instance| Some(instance.license.fingerprint.clone());
    let register = async |hash: KeyHash| {
        let body = RotateLicenseRequest { license_sha256: Some(hash), overlap_seconds };
        hub.call::<RotateLicense>(handle, &(), &body).await
    };
    let Some((sink, key, answer)) = rotate::<License, _>(&args, context, live, register).await?
    else {
        return Ok(Exit::Done);
    };
    let done = Rotated {
        answer: &answer,
        what: "license",
        fingerprint: &answer.license_fingerprint,
        previous_valid_until: answer.previous_valid_until,
    };
    tell(context, &args, &sink, &done, sink.reveal("license_key", &key))
}

/// `hubctl instance rotate-hub-key`
pub(super) async fn hub_key(args: RotateArgs, context: &Context<'_>) -> Result<Exit> {
    let hub = context.hub()?;
    let handle = args.instance.as_str();
    let overlap_seconds = Some(args.overlap);
    let live = |instance: &Instance| instance.hub_key.as_ref().map(|key| key.fingerprint.clone());
    let register = async |hash: KeyHash| {
        let body = RotateHubKeyRequest { hub_key_sha256: Some(hash), overlap_seconds };
        hub.call::<RotateHubKey>(handle, &(), &body).await
    };
    let Some((sink, key, answer)) = rotate::<HubKind, _>(&args, context, live, register).await?
    else {
        return Ok(Exit::Done);
    };
    let done = Rotated {
        answer: &answer,
        what: "hub key",
        fingerprint: &answer.hub_key_fingerprint,
        previous_valid_until: answer.previous_valid_until,
    };
    tell(context, &args, &sink, &done, sink.reveal("hub_api_key", &key))
}

/// Puts a key into the sink and registers it; nothing where only what would be done is to be said.
async fn rotate<K: KeyKind, A>(
    args: &RotateArgs,
    context: &Context<'_>,
    live: impl Fn(&Instance) -> Option<Fingerprint>,
    register: impl AsyncFn(KeyHash) -> Result<A>,
) -> Result<Option<(Sink, Key<K>, A)>> {
    let mut sink = Sink::reserve(&args.sink, context.out)?;
    let held: Option<Key<K>> = sink.held()?;
    let instance = context.hub()?.call::<GetInstance>(&args.instance, &(), &()).await?;
    let Some(live) = live(&instance) else {
        // Known before a key is made for nothing.
        let message = format!("instance {} was never activated", instance.instance_id);
        return Err(Failure::of(ErrorCode::NotActivated, message)
            .hint("it gets its first hub key from hubctl activate"));
    };
    if context.settings.dry_run {
        would(&instance, &format!("replace the {} of", K::NAME)).tell(context)?;
        return Ok(None);
    }
    let (key, answer) = replace(&mut sink, held, &live, register).await?;
    Ok(Some((sink, key, answer)))
}

/// Registers the key that a run which was killed has left in the sink, or else a new one.
pub(super) async fn replace<K: KeyKind, A>(
    sink: &mut Sink,
    held: Option<Key<K>>,
    live: &Fingerprint,
    register: impl AsyncFn(KeyHash) -> Result<A>,
) -> Result<(Key<K>, A)> {
    // A key in the sink that is not the live one was left by a run that was killed.
    if let Some(key) = held.filter(|key| key.hash().fingerprint() != *live) {
        match register(key.hash()).await {
            Ok(answer) => return Ok((key, answer)),
            // The hub knows it: an older one, which has ended.
            Err(failure) if failure.is(ErrorCode::KeyConflict) => {}
            Err(failure) => return Err(failure),
        }
    }
    let key = sink.fresh()?;
    match register(key.hash()).await {
        Ok(answer) => Ok((key, answer)),
        Err(failure) => {
            if failure.is_refusal() {
                sink.restore();
            }
            Err(failure)
        }
    }
}

struct Rotated<'a, A> {
    answer: &'a A,
    what: &'static str,
    fingerprint: &'a Fingerprint,
    previous_valid_until: Option<Timestamp>,
}

fn tell<A: Serialize>(
    context: &Context<'_>,
    args: &RotateArgs,
    sink: &Sink,
    rotated: &Rotated<'_, A>,
    reveal: Option<Reveal<'_>>,
) -> Result<Exit> {
    let next = match rotated.previous_valid_until {
        None => "the previous key has ended".to_owned(),
        Some(until) => format!("the previous key ends {}", context.out.times().write(until)),
    };
    context.out.done(
        &Done::new(
            rotated.answer,
            &args.instance,
            true,
            format!(
                "rotated {}   {} {}…{}",
                args.instance,
                rotated.what,
                &rotated.fingerprint.as_str()[..6],
                sink.told()
            ),
        )
        .next(format!("put the new key in place; {next}"))
        .reveal(reveal),
    )?;
    Ok(Exit::Done)
}
