//! `hubctl instance`

mod change;
mod existing;
mod issue;
mod lifecycle;
mod redeliver;
mod renew;
mod rotate;
mod wait;

use std::borrow::Borrow;

use hub_core::api::{
    FleetQuery, GetInstance, Instance, InstanceQuery, ListClientInstances, ListInstances,
};
use hub_core::exit::Exit;
use hub_core::labels::Labels;

use super::Invocation;
use super::targets::{Outcome, each, show};
use crate::cli::{InstanceCommand, InstanceListArgs, InstanceUpdateArgs};
use crate::client::Call;
use crate::error::{Failure, Result};
use existing::Existing;

/// Runs one of them.
pub(super) async fn run(command: InstanceCommand, invocation: &Invocation<'_>) -> Result<Exit> {
    match command {
        InstanceCommand::List(args) => list(args, invocation).await,
        InstanceCommand::Get(targets) => show::<GetInstance>(targets, invocation).await,
        InstanceCommand::Renew(args) => renew::run(args, invocation).await,
        InstanceCommand::Issue(args) => {
            let existing = if args.if_not_exists { Existing::Take } else { Existing::Refuse };
            issue::run(args.new, existing, invocation).await
        }
        InstanceCommand::Ensure(args) => {
            let existing = Existing::Converge { redeliver: args.redeliver };
            issue::run(args.new, existing, invocation).await
        }
        InstanceCommand::Update(args) => update(args, invocation).await,
        InstanceCommand::Suspend(args) => lifecycle::suspend(args, invocation).await,
        InstanceCommand::Reactivate(targets) => lifecycle::reactivate(targets, invocation).await,
        InstanceCommand::Wait(args) => wait::run(args, invocation).await,
        InstanceCommand::Delete(args) => lifecycle::delete(args, invocation).await,
        InstanceCommand::RotateLicense(args) => rotate::license(args, invocation).await,
        InstanceCommand::RotateHubKey(args) => rotate::hub_key(args, invocation).await,
    }
}

async fn list(args: InstanceListArgs, invocation: &Invocation<'_>) -> Result<Exit> {
    let none = "no instances";
    let common = |cursor, limit| InstanceQuery {
        status: args.status,
        label: args.labels.clone(),
        limit: Some(limit),
        cursor,
    };
    if let Some(client) = &args.client {
        return invocation.list::<ListClientInstances, _>(client, args.limit, common, none).await;
    }
    let query = |cursor, limit| FleetQuery {
        common: common(cursor, limit),
        q: args.search.clone(),
        silent_for: args.silent_for,
        expires_within: args.expires_within,
        sort: args.sort,
    };
    invocation.list::<ListInstances, _>("", args.limit, query, none).await
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

async fn update(args: InstanceUpdateArgs, invocation: &Invocation<'_>) -> Result<Exit> {
    let now = invocation.out.times().now;
    if args.patch(&Labels::default(), now)?.is_empty() {
        return Err(Failure::usage("there is nothing to change")
            .hint("hubctl instance update --help lists the options"));
    }
    each(args.targets.clone(), false, invocation, async |handle| {
        let found = invocation.hub()?.answer(Call::<GetInstance>::new(handle, &(), &())).await?;
        let wanted = |present: &Instance| args.patch(&present.labels, now);
        change::change(handle, found, ("update", "updated"), wanted, invocation).await
    })
    .await
}
