//! Suspending, reactivating and deleting an instance.

use hub_core::api::{
    DeleteInstance, GetInstance, Instance, InstanceStatus, ReactivateInstance, SuspendInstance,
    SuspendRequest,
};
use hub_core::exit::Exit;
use serde::Serialize;

use super::{Invocation, outcome, would};
use crate::cli::{InstanceDeleteArgs, InstanceSuspendArgs, Targets};
use crate::client::Call;
use crate::commands::targets::{Outcome, each};
use crate::commands::{reactivation, suspension};
use crate::error::Result;

/// `hubctl instance suspend`
pub(super) async fn suspend(
    args: InstanceSuspendArgs,
    invocation: &Invocation<'_>,
) -> Result<Exit> {
    let hub = invocation.hub()?;
    let body = SuspendRequest { reason: args.reason };
    each(args.targets, true, invocation, async |handle| {
        let instance = hub.call::<GetInstance>(handle, &(), &()).await?;
        let present = instance.suspension.as_ref();
        let is_so =
            present.is_some_and(|present| present.because(body.reason.as_ref()) == *present);
        if is_so {
            return Ok(outcome(instance, false, "suspended"));
        }
        if invocation.settings.dry_run {
            let changes = suspension(instance.status, present, body.reason.as_ref());
            return Ok(would(instance, "suspend").changing(changes));
        }
        if present.is_some() {
            // It is refused already: only the reason is another one.
            let instance = hub.call::<SuspendInstance>(handle, &(), &body).await?;
            return Ok(outcome(instance, true, "suspended"));
        }
        let what = format!("suspending {}", instance.instance_id);
        let consequences = format!("its next request is refused; {}", seen(invocation, &instance));
        invocation.consent.ask(&what, &consequences).await?;
        let instance = hub.call::<SuspendInstance>(handle, &(), &body).await?;
        Ok(outcome(instance, true, "suspended"))
    })
    .await
}

/// `hubctl instance reactivate`
pub(super) async fn reactivate(targets: Targets, invocation: &Invocation<'_>) -> Result<Exit> {
    let hub = invocation.hub()?;
    each(targets, false, invocation, async |handle| {
        let instance = hub.call::<GetInstance>(handle, &(), &()).await?;
        if instance.status != InstanceStatus::Suspended {
            return Ok(outcome(instance, false, "reactivated"));
        }
        if invocation.settings.dry_run {
            let status = InstanceStatus::unless_suspended(instance.activated_at.is_some());
            let changes = reactivation(status, instance.suspension.as_ref());
            return Ok(would(instance, "reactivate").changing(changes));
        }
        let instance = hub.call::<ReactivateInstance>(handle, &(), &()).await?;
        Ok(outcome(instance, true, "reactivated"))
    })
    .await
}

/// `hubctl instance delete`
pub(super) async fn delete(args: InstanceDeleteArgs, invocation: &Invocation<'_>) -> Result<Exit> {
    let hub = invocation.hub()?;
    each(args.targets, true, invocation, async |handle| {
        let instance = match hub.call::<GetInstance>(handle, &(), &()).await {
            Err(failure) if args.if_exists && failure.exit() == Exit::NotFound => {
                return Ok(gone(handle));
            }
            found => found?,
        };
        if invocation.settings.dry_run {
            return Ok(would(instance, "delete").map(Subject::from));
        }
        let what = format!("deleting {}", instance.instance_id);
        let consequences = format!(
            "its keys stop at once and its telemetry is deleted; {}",
            seen(invocation, &instance)
        );
        invocation.consent.ask(&what, &consequences).await?;
        match hub.answer(Call::<DeleteInstance>::new(handle, &(), &())).await {
            // The first attempt deleted it, and its answer was lost.
            Err(failure) if failure.parts().after_unknown && failure.exit() == Exit::NotFound => {}
            answer => drop(answer?),
        }
        Ok(outcome(instance, true, "deleted").map(Subject::from))
    })
    .await
}

/// What was deleted, or only its handle where there was nothing.
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum Subject {
    Instance(Box<Instance>),
    Absent { instance_id: String },
}

impl From<Instance> for Subject {
    fn from(instance: Instance) -> Self {
        Self::Instance(Box::new(instance))
    }
}

fn gone(handle: &str) -> Outcome<Subject> {
    Outcome {
        object: Subject::Absent { instance_id: handle.to_owned() },
        handle: handle.to_owned(),
        changed: false,
        words: format!("there is no instance {handle}"),
        dry_run: false,
        changes: Vec::new(),
    }
}

fn seen(invocation: &Invocation<'_>, instance: &Instance) -> String {
    let status = instance.effective_status.as_str();
    format!("{status}, last seen {}", invocation.out.times().or_never(instance.last_seen_at))
}
