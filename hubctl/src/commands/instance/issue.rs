//! `hubctl instance issue` and `ensure`: an instance whose license ends up in the sink, however often
//! the command was killed on the way.

use hub_core::api::{GetClient, GetInstance, Instance, IssueInstance, NewInstance, UpdateInstance};
use hub_core::exit::Exit;
use hub_core::key::LicenseKey;
use hub_core::problem::ErrorCode;

use super::{Context, redeliver, tell, terms, would};
use crate::cli::{InstanceNewArgs, OrNone};
use crate::client::{Answer, Call};
use crate::commands::exists;
use crate::commands::targets::Outcome;
use crate::error::{Failure, Result};
use crate::output::Done;
use crate::sink::Sink;

/// How often `ensure` looks again when somebody else changes the instance at the same time.
const ROUNDS: u32 = 3;

/// What to do with an instance that exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Existing {
    /// Fail, and touch nothing.
    Refuse,
    /// Succeed, and touch nothing.
    Take,
    /// Make it what was asked for.
    Converge {
        /// Give it a new license if the sink does not hold the live one.
        redeliver: bool,
    },
}

/// Runs either.
pub(super) async fn run(
    args: InstanceNewArgs,
    existing: Existing,
    context: &Context<'_>,
) -> Result<Exit> {
    let new = new_instance(&args)?;
    let mut sink = Sink::reserve(&args.sink, context.out)?;
    let held = sink.held()?;
    match context.hub()?.find::<GetInstance>(args.instance.as_str()).await? {
        Some(found) => meet(&args, existing, found, held, &mut sink, context).await,
        None if context.settings.dry_run => {
            // Who it would be for must be there.
            context.hub()?.call::<GetClient>(&args.client, &(), &()).await?;
            let handle = args.instance.as_str();
            Outcome::would(&new, handle, handle, "issue").tell(context)
        }
        None => issue(&args, new, held, &mut sink, context).await,
    }
}

fn new_instance(args: &InstanceNewArgs) -> Result<NewInstance> {
    let patch = terms::patch(&args.terms)?;
    Ok(NewInstance {
        instance_id: Some(args.instance.clone()),
        license_sha256: None,
        expires_at: args.terms.expires_at.and_then(OrNone::into_option),
        grace_days: patch.grace_days,
        max_activations: args.terms.max_activations.and_then(OrNone::into_option),
        entitlements: patch.entitlements,
        labels: patch.labels,
        hub_key_sha256: None,
    })
}

async fn issue(
    args: &InstanceNewArgs,
    mut new: NewInstance,
    held: Option<LicenseKey>,
    sink: &mut Sink,
    context: &Context<'_>,
) -> Result<Exit> {
    let hub = context.hub()?;
    // What a killed run left in the sink is the key that it would have registered.
    let key = match held {
        Some(key) => key,
        None => sink.fresh()?,
    };
    new.license_sha256 = Some(key.hash());
    let answer = match hub.answer(Call::<IssueInstance>::new(&args.client, &(), &new)).await {
        Ok(answer) => answer,
        Err(failure) => {
            if failure.is_refusal() {
                sink.restore();
            }
            return Err(explain(failure, args, sink, context).await);
        }
    };
    let instance = answer.value.instance;
    let fingerprint = &instance.license.fingerprint;
    let license_file = sink.path().unwrap_or_else(|| "license.key".to_owned());
    context.out.done(&Done::new(&instance, instance.instance_id.as_str(), answer.created || answer.after_unknown, format!(
            "issued {}   license {}…{}",
            instance.instance_id,
            &fingerprint.as_str()[..6],
            sink.told()
        )).next(format!(
            "on the client's machine   hubctl activate --license-file {license_file} --sink file:hub.key"
        )).reveal(sink.reveal("license_key", &key)))?;
    Ok(Exit::Done)
}

/// Says more of a refusal than the hub can, which knows nothing of sinks.
async fn explain(
    failure: Failure,
    args: &InstanceNewArgs,
    sink: &Sink,
    context: &Context<'_>,
) -> Failure {
    if failure.is(ErrorCode::KeyConflict)
        && let Some(path) = sink.path()
    {
        return failure.hint(format!("{path} holds a key that the hub knows already, from another instance or from one that was deleted: name another file"));
    }
    if failure.is(ErrorCode::InstanceExists)
        && let Ok(hub) = context.hub()
        && let Ok(Some(found)) = hub.find::<GetInstance>(args.instance.as_str()).await
    {
        return failure.existing(&found.value);
    }
    failure
}

/// Deals with an instance that exists.
async fn meet(
    args: &InstanceNewArgs,
    existing: Existing,
    found: Answer<Instance>,
    held: Option<LicenseKey>,
    sink: &mut Sink,
    context: &Context<'_>,
) -> Result<Exit> {
    let instance = &found.value;
    let id = &instance.instance_id;
    let refuse = |message: String| exists(ErrorCode::InstanceExists, message, instance);
    if args.client != instance.client_slug.as_str() && args.client != instance.client_id {
        let message = format!("instance {id} belongs to client {}", instance.client_slug);
        return Err(refuse(message).hint("choose another handle"));
    }
    let is_live = |key: &LicenseKey| key.hash().fingerprint() == instance.license.fingerprint;
    match held.as_ref().map(is_live) {
        Some(true) => {}
        _ if may_redeliver(existing, instance, sink, args) => {
            return redeliver::run(args, existing, found, held, sink, context).await;
        }
        Some(false) => return Err(holds_another(instance)),
        None if existing == Existing::Refuse => {
            return Err(refuse(format!("instance {id} exists already")));
        }
        None => context.out.warn(&format!(
            "{id} exists, and its license is not in the sink: hubctl instance rotate-license {id} makes a new one"
        )),
    }
    if !matches!(existing, Existing::Converge { .. }) {
        return quiet_tell(context, sink, instance, false);
    }
    converge(args, found, sink, context).await
}

/// Whether a license that the sink does not hold may be replaced. One that was never activated is of no
/// use to anybody: a machine that vanished has it. Whether it is in a command's store cannot be seen.
fn may_redeliver(
    existing: Existing,
    instance: &Instance,
    sink: &Sink,
    args: &InstanceNewArgs,
) -> bool {
    let Existing::Converge { redeliver } = existing else { return false };
    let unused = instance.activated_at.is_none() && instance.license.activations == 0;
    redeliver || (unused && sink.is_readable() && args.sink.sink.is_some())
}

/// The sink holds a key that is not the instance's.
pub(super) fn holds_another(instance: &Instance) -> Failure {
    let id = &instance.instance_id;
    let message = format!("instance {id} exists, and the sink holds another key than its own");
    exists(ErrorCode::InstanceExists, message, instance)
        .hint(format!("hubctl instance rotate-license {id} makes a new license"))
}

/// Changes what differs from what was given, and tells.
async fn converge(
    args: &InstanceNewArgs,
    found: Answer<Instance>,
    sink: &Sink,
    context: &Context<'_>,
) -> Result<Exit> {
    let (instance, changed) = converged(args, found, context).await?;
    if changed && context.settings.dry_run {
        return would(&instance, "update").tell(context);
    }
    quiet_tell(context, sink, &instance, changed)
}

/// Changes what differs from what was given. Gives the instance, and whether it was changed.
pub(super) async fn converged(
    args: &InstanceNewArgs,
    mut found: Answer<Instance>,
    context: &Context<'_>,
) -> Result<(Instance, bool)> {
    let hub = context.hub()?;
    let handle = args.instance.as_str();
    for _ in 0..ROUNDS {
        let wanted = terms::patch(&args.terms)?;
        let Some(patch) = terms::difference(wanted, &found.value) else {
            return Ok((found.value, false));
        };
        if context.settings.dry_run {
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

/// Where standard output is for a key alone and there is none, only words are left to write.
fn quiet_tell(
    context: &Context<'_>,
    sink: &Sink,
    instance: &Instance,
    changed: bool,
) -> Result<Exit> {
    if sink.is_stdout() && context.out.format().is_table() {
        let state = if changed { "updated" } else { "unchanged" };
        context.out.words(&format!("{} {state}", instance.instance_id));
        return Ok(Exit::Done);
    }
    tell(context, instance, changed, "updated")
}
