//! Suspending, reactivating and deleting an instance.

use hub_core::api::{
    DeleteInstance, GetInstance, Instance, InstanceStatus, ReactivateInstance, SuspendInstance,
    SuspendRequest,
};
use hub_core::exit::Exit;
use serde_json::json;

use super::{Context, tell};
use crate::cli::{InstanceDeleteArgs, InstanceSuspendArgs};
use crate::client::Call;
use crate::error::Result;
use crate::output::Done;

/// `hubctl instance suspend`
pub(super) async fn suspend(args: InstanceSuspendArgs, context: &Context<'_>) -> Result<Exit> {
    let hub = context.hub()?;
    let instance = hub.call::<GetInstance>(&args.instance, &(), &()).await?;
    if instance.status == InstanceStatus::Suspended {
        return tell(context, &instance, false, "suspended");
    }
    let what = format!("suspending {}", instance.instance_id);
    let consequences = format!("its next request is refused; {}", seen(context, &instance));
    context.consent.ask(&what, &consequences).await?;
    let body = SuspendRequest { reason: args.reason };
    let instance = hub.call::<SuspendInstance>(&args.instance, &(), &body).await?;
    tell(context, &instance, true, "suspended")
}

/// `hubctl instance reactivate`
pub(super) async fn reactivate(handle: &str, context: &Context<'_>) -> Result<Exit> {
    let hub = context.hub()?;
    let instance = hub.call::<GetInstance>(handle, &(), &()).await?;
    if instance.status != InstanceStatus::Suspended {
        return tell(context, &instance, false, "reactivated");
    }
    let instance = hub.call::<ReactivateInstance>(handle, &(), &()).await?;
    tell(context, &instance, true, "reactivated")
}

/// `hubctl instance delete`
pub(super) async fn delete(args: InstanceDeleteArgs, context: &Context<'_>) -> Result<Exit> {
    let hub = context.hub()?;
    let instance = match hub.call::<GetInstance>(&args.instance, &(), &()).await {
        Err(failure) if args.if_exists && failure.exit() == Exit::NotFound => {
            return gone(context, &args.instance);
        }
        found => found?,
    };
    let what = format!("deleting {}", instance.instance_id);
    let consequences = format!(
        "its keys stop at once and its telemetry goes with it; {}",
        seen(context, &instance)
    );
    context.consent.ask(&what, &consequences).await?;
    match hub.answer(Call::<DeleteInstance>::new(&args.instance, &(), &())).await {
        // The first attempt deleted it, and its answer was lost.
        Err(failure) if failure.parts().after_unknown && failure.exit() == Exit::NotFound => {}
        answer => drop(answer?),
    }
    tell(context, &instance, true, "deleted")
}

fn gone(context: &Context<'_>, handle: &str) -> Result<Exit> {
    let object = json!({"instance_id": handle});
    context.out.done(&Done::new(
        &object,
        handle,
        false,
        format!("there is no instance {handle}"),
    ))?;
    Ok(Exit::Done)
}

fn seen(context: &Context<'_>, instance: &Instance) -> String {
    let status = instance.effective_status.as_str();
    format!("{status}, last seen {}", context.out.times().or_never(instance.last_seen_at))
}
