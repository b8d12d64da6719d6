//! `hubctl instance issue` and `ensure`: an instance whose license ends up in the sink, however often
//! the command was killed on the way.

use hub_core::api::{GetClient, GetInstance, Instance, IssueInstance, NewInstance};
use hub_core::exit::Exit;
use hub_core::key::License;
use hub_core::labels::Labels;
use hub_core::problem::ErrorCode;
use serde::Serialize;

use super::change::change;
use super::existing::{Existing, holds_another};
use super::{Invocation, outcome, redeliver};
use crate::cli::InstanceNewArgs;
use crate::client::{Answer, Call};
use crate::commands::exists;
use crate::commands::targets::Outcome;
use crate::delivery::Delivery;
use crate::error::{Failure, Result};
use crate::output::Done;
use crate::words::SinkSpec;

/// Runs either.
pub(super) async fn run(
    args: InstanceNewArgs,
    existing: Existing,
    invocation: &Invocation<'_>,
) -> Result<Exit> {
    let new = NewInstance {
        instance_id: Some(args.instance.clone()),
        terms: args.terms.patch(&Labels::default(), invocation.out.times().now)?,
        ..NewInstance::default()
    };
    let handle = args.instance.as_str();
    // What exists needs no place for a key, unless it is to get a new one.
    if existing == (Existing::Converge { redeliver: false })
        && args.sink.sink.is_none()
        && let Some(found) = invocation.hub()?.find::<GetInstance>(handle).await?
    {
        return meet(&args, existing, found, None, invocation).await;
    }
    let delivery = Delivery::reserve(&args.sink, invocation.out)?;
    match invocation.hub()?.find::<GetInstance>(handle).await? {
        Some(found) => meet(&args, existing, found, Some(delivery), invocation).await,
        None if invocation.settings.dry_run => {
            // The client must exist.
            invocation.hub()?.call::<GetClient>(&args.client, &(), &()).await?;
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
    delivery: Option<Delivery<License>>,
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
    let held = delivery.as_ref().and_then(Delivery::found);
    let delivery = match (held.map(|key| key.hash().fingerprint() == *live), delivery) {
        (Some(true), delivery) | (None, delivery @ None) => delivery,
        (_, Some(delivery)) if may_redeliver(existing, instance, args) => {
            return redeliver::run(args, existing, found, delivery, invocation).await;
        }
        (Some(false), _) => return Err(holds_another(instance)),
        (None, _) if existing == Existing::Refuse => {
            return Err(refuse(format!("instance {id} exists already")));
        }
        (None, delivery) => {
            invocation.out.warn(&format!(
                "{id} exists, and its license is not in the sink: hubctl instance rotate-license {id} makes a new one"
            ));
            delivery
        }
    };
    let is_stdout = delivery.as_ref().is_some_and(Delivery::is_stdout);
    if !matches!(existing, Existing::Converge { .. }) {
        return quiet_tell(invocation, is_stdout, &outcome(instance, false, "updated"));
    }
    let now = invocation.out.times().now;
    let wanted = |present: &Instance| args.terms.patch(&present.labels, now);
    let handle = args.instance.as_str();
    let converged = change(handle, found, ("update", "updated"), wanted, invocation).await?;
    quiet_tell(invocation, is_stdout, &converged)
}

/// Whether a license that the sink does not hold may be replaced unasked. One that was never activated is
/// of no use to anybody if the file of this machine does not hold it; what another job's step or a
/// command's store holds cannot be known.
fn may_redeliver(existing: Existing, instance: &Instance, args: &InstanceNewArgs) -> bool {
    let Existing::Converge { redeliver } = existing else {
        return false;
    };
    let unused = instance.activated_at.is_none() && instance.license.activations == 0;
    let own_file = matches!(args.sink.sink, Some(SinkSpec::File(_) | SinkSpec::EnvFile(..)));
    redeliver || (unused && own_file)
}

/// Tells what was done without a key. Where standard output is for a key alone, only words are written.
fn quiet_tell<I: Serialize>(
    invocation: &Invocation<'_>,
    is_stdout: bool,
    outcome: &Outcome<I>,
) -> Result<Exit> {
    if is_stdout && invocation.out.format().is_table() {
        invocation.out.words(&outcome.words);
        return Ok(Exit::Done);
    }
    outcome.tell(invocation)
}
