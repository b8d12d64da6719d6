//! `hubctl client`

mod create;
mod lifecycle;

pub(super) use create::{Registered, register};

use std::borrow::Borrow;

use hub_core::api::{Client, ClientPatch, ClientQuery, GetClient, ListClients, UpdateClient};
use hub_core::exit::Exit;
use hub_core::fields::Patch;

use super::Context;
use super::targets::Outcome;
use crate::cli::{ClientCommand, ClientListArgs, ClientUpdateArgs};
use crate::client::Call;
use crate::error::Result;

/// Runs one of them.
pub(super) async fn run(command: ClientCommand, context: &Context<'_>) -> Result<Exit> {
    match command {
        ClientCommand::List(args) => list(args, context).await,
        ClientCommand::Get(args) => {
            let client = context.hub()?.call::<GetClient>(&args.client, &(), &()).await?;
            context.out.one(&client)?;
            Ok(Exit::Done)
        }
        ClientCommand::Create(args) => create::create(args, context).await,
        ClientCommand::Ensure(args) => create::ensure(args, context).await,
        ClientCommand::Update(args) => update(args, context).await,
        ClientCommand::Suspend(targets) => lifecycle::suspend(targets, context).await,
        ClientCommand::Reactivate(targets) => lifecycle::reactivate(targets, context).await,
        ClientCommand::Delete(args) => lifecycle::delete(args, context).await,
    }
}

async fn list(args: ClientListArgs, context: &Context<'_>) -> Result<Exit> {
    let query = |cursor, limit| ClientQuery {
        q: args.search.clone(),
        status: args.status,
        label: args.labels.clone(),
        limit: Some(limit),
        cursor,
    };
    context.list::<ListClients, _>("", args.limit, query, "no clients").await
}

/// Tells what was done to a client.
fn tell(context: &Context<'_>, client: &Client, changed: bool, did: &str) -> Result<Exit> {
    outcome(client, changed, did).tell(context)
}

/// What was done to a client.
fn outcome<C: Borrow<Client>>(client: C, changed: bool, did: &str) -> Outcome<C> {
    let handle = client.borrow().slug.to_string();
    Outcome::new(client, &handle, &format!("client {handle}"), changed, did)
}

/// What would be done to a client.
fn would<C: Borrow<Client>>(client: C, act: &str) -> Outcome<C> {
    let handle = client.borrow().slug.to_string();
    Outcome::would(client, &handle, &format!("client {handle}"), act)
}

async fn update(args: ClientUpdateArgs, context: &Context<'_>) -> Result<Exit> {
    let relabel = args.no_labels || !args.labels.is_empty();
    let patch = ClientPatch {
        name: args.name,
        external_ref: match args.external_ref {
            Some(reference) => Patch::Set(reference),
            None if args.no_external_ref => Patch::Clear,
            None => Patch::Keep,
        },
        labels: relabel.then(|| args.labels.into_iter().collect()),
        status: None,
    };
    let hub = context.hub()?;
    let before = hub.answer(Call::<GetClient>::new(&args.client, &(), &())).await?;
    if context.settings.dry_run {
        return if changes(&patch, &before.value) {
            would(&before.value, "update").tell(context)
        } else {
            tell(context, &before.value, false, "updated")
        };
    }
    let after = hub.answer(Call::<UpdateClient>::new(&args.client, &(), &patch)).await?;
    tell(context, &after.value, before.etag != after.etag, "updated")
}

/// Whether the client would be another one then.
fn changes(patch: &ClientPatch, is: &Client) -> bool {
    patch.name.as_ref().is_some_and(|name| *name != is.name)
        || patch.external_ref.clone().apply(is.external_ref.clone()) != is.external_ref
        || patch.labels.as_ref().is_some_and(|labels| *labels != is.labels)
}
