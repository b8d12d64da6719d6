//! Suspending, reactivating and deleting an instance.

use hub_core::api::{
    DeleteInstance, GetInstance, Instance, InstanceStatus, ReactivateInstance, SuspendInstance,
    SuspendRequest,
};
use hub_core::exit::Exit;
use hub_core::text::ReasonCode;
use serde::Serialize;

use super::{Invocation, outcome, would};
use crate::cli::{InstanceDeleteArgs, InstanceSuspendArgs, Targets};
use crate::client::Call;
use crate::commands::consented::{Change, Found, consented, lately, named};
use crate::commands::targets::{Outcome, each};
use crate::commands::{reactivation, suspension};
use crate::error::Result;

/// `hubctl instance suspend`
pub(super) async fn suspend(
    args: InstanceSuspendArgs,
    invocation: &Invocation<'_>,
) -> Result<Exit> {
    let body = SuspendRequest { reason: args.reason };
    consented(args.targets, &Suspend { body, invocation }, invocation).await
}

struct Suspend<'a, 'b> {
    body: SuspendRequest,
    invocation: &'a Invocation<'b>,
}

impl Change for Suspend<'_, '_> {
    type Subject = Instance;
    type Object = Instance;

    async fn look(&self, handle: &str) -> Result<Found<Instance, Instance>> {
        let instance = self.invocation.hub()?.call::<GetInstance>(handle, &(), &()).await?;
        let reason = self.body.reason.as_ref();
        let Some(present) = &instance.suspension else {
            return Ok(if self.invocation.settings.dry_run {
                Found::Settled(would_suspend(instance, reason))
            } else {
                Found::Asked(instance)
            });
        };
        Ok(if present.because(reason) == *present {
            Found::Settled(outcome(instance, false, "suspended"))
        } else if self.invocation.settings.dry_run {
            Found::Settled(would_suspend(instance, reason))
        } else {
            // It is refused already: only the reason is another one.
            Found::Unasked(instance)
        })
    }

    fn what(&self, instances: &[&Instance]) -> String {
        format!("suspending {}", handles(instances))
    }

    async fn consequences(&self, instances: &[&Instance]) -> Result<String> {
        let refused = match instances {
            [_] => "its next request is refused",
            _ => "their next requests are refused",
        };
        Ok(format!("{refused}; {}", seen(self.invocation, instances)))
    }

    async fn act(&self, handle: &str, _: Instance) -> Result<Outcome<Instance>> {
        let hub = self.invocation.hub()?;
        let instance = hub.call::<SuspendInstance>(handle, &(), &self.body).await?;
        Ok(outcome(instance, true, "suspended"))
    }
}

fn would_suspend(instance: Instance, reason: Option<&ReasonCode>) -> Outcome<Instance> {
    let changes = suspension(instance.status, instance.suspension.as_ref(), reason);
    would(instance, "suspend").changing(changes)
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
    let change = Delete { if_exists: args.if_exists, invocation };
    consented(args.targets, &change, invocation).await
}

struct Delete<'a, 'b> {
    if_exists: bool,
    invocation: &'a Invocation<'b>,
}

impl Change for Delete<'_, '_> {
    type Subject = Instance;
    type Object = Subject;

    async fn look(&self, handle: &str) -> Result<Found<Instance, Subject>> {
        let instance = match self.invocation.hub()?.call::<GetInstance>(handle, &(), &()).await {
            Err(failure) if self.if_exists && failure.exit() == Exit::NotFound => {
                return Ok(Found::Settled(gone(handle)));
            }
            found => found?,
        };
        Ok(if self.invocation.settings.dry_run {
            Found::Settled(would(instance, "delete").map(Subject::from))
        } else {
            Found::Asked(instance)
        })
    }

    fn what(&self, instances: &[&Instance]) -> String {
        format!("deleting {}", handles(instances))
    }

    async fn consequences(&self, instances: &[&Instance]) -> Result<String> {
        let ended = match instances {
            [_] => "its keys stop at once and its telemetry is deleted",
            _ => "their keys stop at once and their telemetry is deleted",
        };
        Ok(format!("{ended}; {}", seen(self.invocation, instances)))
    }

    async fn act(&self, handle: &str, instance: Instance) -> Result<Outcome<Subject>> {
        let hub = self.invocation.hub()?;
        hub.delete(Call::<DeleteInstance>::new(handle, &(), &())).await?;
        Ok(outcome(instance, true, "deleted").map(Subject::from))
    }
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
    let absent = Subject::Absent { instance_id: handle.to_owned() };
    Outcome::absent(absent, handle, "instance")
}

fn handles(instances: &[&Instance]) -> String {
    named(instances.iter().map(|instance| instance.instance_id.as_str()))
}

/// When an instance was seen; how many of several.
fn seen(invocation: &Invocation<'_>, instances: &[&Instance]) -> String {
    if let [instance] = instances {
        let status = instance.effective_status.as_str();
        let seen = invocation.out.times().or_never(instance.last_seen_at);
        return format!("{status}, last seen {seen}");
    }
    lately(instances.iter().map(|instance| instance.last_seen_at), "instance", "seen", invocation)
}
