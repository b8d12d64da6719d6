//! `hubctl client`

mod change;
mod create;
mod lifecycle;

pub(super) use create::{Registered, register};

use std::borrow::Borrow;

use hub_core::api::{Client, ClientQuery, GetClient, ListClients};
use hub_core::exit::Exit;

use super::Invocation;
use super::targets::{Outcome, each, show};
use crate::cli::{ClientCommand, ClientListArgs, ClientUpdateArgs};
use crate::client::Call;
use crate::error::Result;

/// Runs one of them.
pub(super) async fn run(command: ClientCommand, invocation: &Invocation<'_>) -> Result<Exit> {
    match command {
        ClientCommand::List(args) => list(args, invocation).await,
        ClientCommand::Get(targets) => show::<GetClient>(targets, invocation).await,
        ClientCommand::Create(args) => create::create(args, invocation).await,
        ClientCommand::Ensure(args) => create::ensure(args, invocation).await,
        ClientCommand::Update(args) => update(args, invocation).await,
        ClientCommand::Suspend(args) => lifecycle::suspend(args, invocation).await,
        ClientCommand::Reactivate(targets) => lifecycle::reactivate(targets, invocation).await,
        ClientCommand::Delete(args) => lifecycle::delete(args, invocation).await,
    }
}

async fn list(args: ClientListArgs, invocation: &Invocation<'_>) -> Result<Exit> {
    let query = |cursor, limit| ClientQuery {
        q: args.search.clone(),
        status: args.status,
        label: args.labels.clone(),
        limit: Some(limit),
        cursor,
    };
    invocation.list::<ListClients, _>("", args.limit, query, "no clients").await
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

async fn update(args: ClientUpdateArgs, invocation: &Invocation<'_>) -> Result<Exit> {
    each(args.targets.clone(), false, invocation, async |handle| {
        let found = invocation.hub()?.answer(Call::<GetClient>::new(handle, &(), &())).await?;
        change::change(handle, found, |present| args.patch(present), invocation).await
    })
    .await
}
