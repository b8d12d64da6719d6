//! `hubctl instance`

mod issue;
mod lifecycle;
mod redeliver;
mod rotate;
mod terms;

use hub_core::api::{
    FleetQuery, GetInstance, Instance, InstanceQuery, ListClientInstances, ListInstances,
    UpdateInstance,
};
use hub_core::exit::Exit;

use super::Context;
use crate::cli::{InstanceCommand, InstanceListArgs, InstanceUpdateArgs};
use crate::client::Call;
use crate::error::{Failure, Result};
use crate::output::Done;

/// Runs one of them.
pub(super) async fn run(command: InstanceCommand, context: &Context<'_>) -> Result<Exit> {
    match command {
        InstanceCommand::List(args) => list(args, context).await,
        InstanceCommand::Get(args) => {
            let instance = context.hub()?.call::<GetInstance>(&args.instance, &(), &()).await?;
            context.out.one(&instance)?;
            Ok(Exit::Done)
        }
        InstanceCommand::Issue(args) => {
            let existing =
                if args.if_not_exists { issue::Existing::Take } else { issue::Existing::Refuse };
            issue::run(args.new, existing, context).await
        }
        InstanceCommand::Ensure(args) => {
            let existing = issue::Existing::Converge { redeliver: args.redeliver };
            issue::run(args.new, existing, context).await
        }
        InstanceCommand::Update(args) => update(args, context).await,
        InstanceCommand::Suspend(args) => lifecycle::suspend(args, context).await,
        InstanceCommand::Reactivate(args) => lifecycle::reactivate(&args.instance, context).await,
        InstanceCommand::Delete(args) => lifecycle::delete(args, context).await,
        InstanceCommand::RotateLicense(args) => rotate::license(args, context).await,
        InstanceCommand::RotateHubKey(args) => rotate::hub_key(args, context).await,
    }
}

async fn list(args: InstanceListArgs, context: &Context<'_>) -> Result<Exit> {
    let none = "no instances";
    let common = |cursor, limit| InstanceQuery {
        status: args.status,
        label: args.labels.clone(),
        limit: Some(limit),
        cursor,
    };
    if let Some(client) = &args.client {
        return context.list::<ListClientInstances, _>(client, args.limit, common, none).await;
    }
    let query = |cursor, limit| FleetQuery {
        common: common(cursor, limit),
        q: args.search.clone(),
        silent_for: args.silent_for,
        expires_within: args.expires_within,
    };
    context.list::<ListInstances, _>("", args.limit, query, none).await
}

/// Tells what was done to an instance.
fn tell(context: &Context<'_>, instance: &Instance, changed: bool, did: &str) -> Result<Exit> {
    let words = if changed {
        format!("{did} {}", instance.instance_id)
    } else {
        format!("{} is already so", instance.instance_id)
    };
    let handle = instance.instance_id.as_str();
    context.out.done(&Done::new(instance, handle, changed, words))?;
    Ok(Exit::Done)
}

async fn update(args: InstanceUpdateArgs, context: &Context<'_>) -> Result<Exit> {
    let mut patch = terms::patch(&args.terms)?;
    if args.no_entitlements {
        patch.entitlements = Some(hub_core::labels::Entitlements::default());
    }
    if args.no_labels {
        patch.labels = Some(hub_core::labels::Labels::default());
    }
    if !terms::is_some(&patch) {
        return Err(Failure::usage("there is nothing to change")
            .hint("hubctl instance update --help lists what can be"));
    }
    let hub = context.hub()?;
    let before = hub.answer(Call::<GetInstance>::new(&args.instance, &(), &())).await?;
    let after = hub.answer(Call::<UpdateInstance>::new(&args.instance, &(), &patch)).await?;
    tell(context, &after.value, before.etag != after.etag, "updated")
}
