//! `hubctl instance issue` and `ensure`: an instance whose license ends up in the sink, however often
//! the command was killed on the way.

use hub_core::api::{GetClient, GetInstance, Instance, IssueInstance, NewInstance};
use hub_core::exit::Exit;
use hub_core::key::License;
use hub_core::problem::ErrorCode;

use super::existing::{Existing, converge, holds_another};
use super::{Invocation, redeliver, tell, would};
use crate::cli::InstanceNewArgs;
use crate::client::{Answer, Call};
use crate::commands::exists;
use crate::commands::targets::Outcome;
use crate::delivery::Delivery;
use crate::error::{Failure, Result};
use crate::output::Done;

/// Runs either.
pub(super) async fn run(
    args: InstanceNewArgs,
    existing: Existing,
    invocation: &Invocation<'_>,
) -> Result<Exit> {
    let new = NewInstance {
        instance_id: Some(args.instance.clone()),
        terms: args.terms.patch()?,
        ..NewInstance::default()
    };
    let delivery = Delivery::reserve(&args.sink, invocation.out)?;
    match invocation.hub()?.find::<GetInstance>(args.instance.as_str()).await? {
        Some(found) => meet(&args, existing, found, delivery, invocation).await,
        None if invocation.settings.dry_run => {
            // The client must exist.
            invocation.hub()?.call::<GetClient>(&args.client, &(), &()).await?;
            let handle = args.instance.as_str();
            Outcome::would(&new, handle, handle, "issue").tell(invocation)
        }
        None => issue(&args, new, delivery, invocation).await,
    }
}

async fn issue(
    args: &InstanceNewArgs,
    new: NewInstance,
    delivery: Delivery<License>,
    invocation: &Invocation<'_>,
) -> Result<Exit> {
    let hub = invocation.hub()?;
    let held = delivery.hold()?;
    let (path, key_file) = (held.path(), held.key_file());
    let register = async |hash| {
        let new = NewInstance { license_sha256: Some(hash), ..new };
        hub.answer(Call::<IssueInstance>::new(&args.client, &(), &new)).await
    };
    let delivered = match held.register(register).await {
        Ok(delivered) => delivered,
        Err(failure) => return Err(explain(failure, args, path, invocation).await),
    };
    let Answer { created, after_unknown, value, .. } = &delivered.answer;
    let instance = &value.instance;
    let words = format!("issued {}   license {}", instance.instance_id, delivered.told());
    let changed = *created || *after_unknown;
    let mut done = Done::new(instance, instance.instance_id.as_str(), changed, words);
    // Only a file that is the key can be named: another machine gets the key in its own way.
    if let Some(file) = key_file {
        done = done.next(format!(
            "on the client's machine   hubctl activate --license-file {file} --sink file:hub.key"
        ));
    }
    invocation.out.done(&done.reveal(delivered.reveal()))?;
    Ok(Exit::Done)
}

/// Adds to a refusal what the hub cannot know: it has never heard of sinks.
async fn explain(
    failure: Failure,
    args: &InstanceNewArgs,
    path: Option<String>,
    invocation: &Invocation<'_>,
) -> Failure {
    if failure.is(ErrorCode::KeyConflict)
        && let Some(path) = path
    {
        return failure.hint(format!("{path} holds a key that the hub knows already, from another instance or from one that was deleted: name another file"));
    }
    if failure.is(ErrorCode::InstanceExists)
        && let Ok(hub) = invocation.hub()
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
    delivery: Delivery<License>,
    invocation: &Invocation<'_>,
) -> Result<Exit> {
    let instance = &found.value;
    let id = &instance.instance_id;
    let refuse = |message: String| exists(ErrorCode::InstanceExists, message, instance);
    if args.client != instance.client_slug.as_str() && args.client != instance.client_id {
        let message = format!("instance {id} belongs to client {}", instance.client_slug);
        return Err(refuse(message).hint("choose another handle"));
    }
    let live = &instance.license.fingerprint;
    match delivery.found().map(|key| key.hash().fingerprint() == *live) {
        Some(true) => {}
        _ if may_redeliver(existing, instance, &delivery, args) => {
            return redeliver::run(args, existing, found, delivery, invocation).await;
        }
        Some(false) => return Err(holds_another(instance)),
        None if existing == Existing::Refuse => {
            return Err(refuse(format!("instance {id} exists already")));
        }
        None => invocation.out.warn(&format!(
            "{id} exists, and its license is not in the sink: hubctl instance rotate-license {id} makes a new one"
        )),
    }
    if !matches!(existing, Existing::Converge { .. }) {
        return quiet_tell(invocation, &delivery, instance, false);
    }
    let (instance, changed) = converge(args, found, invocation).await?;
    if changed && invocation.settings.dry_run {
        return would(&instance, "update").tell(invocation);
    }
    quiet_tell(invocation, &delivery, &instance, changed)
}

/// Whether a license that the sink does not hold may be replaced. One that was never activated is of no
/// use to anybody: the machine that had it is gone. Whether a command's store has it cannot be known.
fn may_redeliver(
    existing: Existing,
    instance: &Instance,
    delivery: &Delivery<License>,
    args: &InstanceNewArgs,
) -> bool {
    let Existing::Converge { redeliver } = existing else {
        return false;
    };
    let unused = instance.activated_at.is_none() && instance.license.activations == 0;
    redeliver || (unused && delivery.is_readable() && args.sink.sink.is_some())
}

/// Tells what was done without a key. Where standard output is for a key alone, only words are written.
fn quiet_tell(
    invocation: &Invocation<'_>,
    delivery: &Delivery<License>,
    instance: &Instance,
    changed: bool,
) -> Result<Exit> {
    if delivery.is_stdout() && invocation.out.format().is_table() {
        let state = if changed { "updated" } else { "unchanged" };
        invocation.out.words(&format!("{} {state}", instance.instance_id));
        return Ok(Exit::Done);
    }
    tell(invocation, instance, changed, "updated")
}
