//! `hubctl instance`

mod existing;
mod issue;
mod lifecycle;
mod redeliver;
mod rotate;
pub(crate) mod terms;
mod wait;

use std::borrow::Borrow;

use hub_core::api::{
    FleetQuery, GetInstance, Instance, InstanceQuery, ListClientInstances, ListInstances,
    UpdateInstance,
};
use hub_core::exit::Exit;

use super::Context;
use super::targets::Outcome;
use crate::cli::{InstanceCommand, InstanceListArgs, InstanceUpdateArgs};
use crate::client::Call;
use crate::error::{Failure, Result};
use existing::Existing;

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
            let existing = if args.if_not_exists { Existing::Take } else { Existing::Refuse };
            issue::run(args.new, existing, context).await
        }
        InstanceCommand::Ensure(args) => {
            let existing = Existing::Converge { redeliver: args.redeliver };
            issue::run(args.new, existing, context).await
        }
        InstanceCommand::Update(args) => update(args, context).await,
        InstanceCommand::Suspend(args) => lifecycle::suspend(args, context).await,
        InstanceCommand::Reactivate(targets) => lifecycle::reactivate(targets, context).await,
        InstanceCommand::Wait(args) => wait::run(&args, context).await,
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
    outcome(instance, changed, did).tell(context)
}

/// What was done to an instance.
fn outcome<I: Borrow<Instance>>(instance: I, changed: bool, did: &str) -> Outcome<I> {
    let handle = instance.borrow().instance_id.to_string();
    Outcome::new(instance, &handle, &handle, changed, did)
}

/// What would be done to an instance.
fn would<I: Borrow<Instance>>(instance: I, act: &str) -> Outcome<I> {
    let handle = instance.borrow().instance_id.to_string();
    Outcome::would(instance, &handle, &handle, act)
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
    if context.settings.dry_run {
        return match terms::difference(patch, &before.value) {
            Some(_) => would(&before.value, "update").tell(context),
            None => tell(context, &before.value, false, "updated"),
        };
    }
    let after = hub.answer(Call::<UpdateInstance>::new(&args.instance, &(), &patch)).await?;
    tell(context, &after.value, before.etag != after.etag, "updated")
}
