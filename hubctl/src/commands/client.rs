//! `hubctl client`

use std::time::Duration;

use hub_core::api::{
    Client, ClientPatch, ClientQuery, ClientStatus, CreateClient, DeleteClient, DeleteClientQuery,
    GetClient, Instance, InstanceQuery, ListClientInstances, ListClients, NewClient, UpdateClient,
};
use hub_core::exit::Exit;
use hub_core::fields::Patch;
use hub_core::problem::ErrorCode;
use hub_core::text::DisplayName;
use serde_json::json;

use super::{Context, exists};
use crate::cli::{
    ClientCommand, ClientCreateArgs, ClientDeleteArgs, ClientEnsureArgs, ClientListArgs,
    ClientUpdateArgs,
};
use crate::client::{Answer, Call, Repeat};
use crate::confirm::Consent;
use crate::error::{Failure, Result};
use crate::output::Done;

/// How often `ensure` looks again when somebody else changes the client at the same time.
const ROUNDS: u32 = 3;

/// Runs one of them.
pub(super) async fn run(command: ClientCommand, context: &Context<'_>) -> Result<Exit> {
    match command {
        ClientCommand::List(args) => list(args, context).await,
        ClientCommand::Get(args) => {
            let client = context.hub()?.call::<GetClient>(&args.client, &(), &()).await?;
            context.out.one(&client)?;
            Ok(Exit::Done)
        }
        ClientCommand::Create(args) => create(args, context).await,
        ClientCommand::Ensure(args) => ensure(args, context).await,
        ClientCommand::Update(args) => update(args, context).await,
        ClientCommand::Suspend(args) => suspend(&args.client, context).await,
        ClientCommand::Reactivate(args) => reactivate(&args.client, context).await,
        ClientCommand::Delete(args) => delete(args, context).await,
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
    let words = if changed {
        format!("{did} client {}", client.slug)
    } else {
        format!("client {} is already so", client.slug)
    };
    let handle = client.slug.as_str();
    context.out.done(&Done::new(client, handle, changed, words))?;
    Ok(Exit::Done)
}

async fn create(args: ClientCreateArgs, context: &Context<'_>) -> Result<Exit> {
    // The command line asks for one of the two.
    let named = args.slug.as_ref().and_then(|slug| DisplayName::new(slug.as_str()));
    let name = args.fields.name.or(named).ok_or_else(|| Failure::usage("--name is missing"))?;
    let labels = args.fields.labels;
    let new = NewClient {
        name,
        slug: args.slug,
        external_ref: args.fields.external_ref,
        labels: (!labels.is_empty()).then(|| labels.into_iter().collect()),
    };
    match register(context, &new).await? {
        Registered::New(client) => tell(context, &client, true, "created"),
        Registered::Existing(client) if args.if_not_exists => {
            tell(context, &client.value, false, "created")
        }
        Registered::Existing(client) => {
            let message = format!("client {} exists already", client.value.slug);
            Err(exists(ErrorCode::ClientExists, message, &client.value))
        }
    }
}

enum Registered {
    New(Client),
    Existing(Answer<Client>),
}

/// Creates a client unless there is one with its slug.
async fn register(context: &Context<'_>, new: &NewClient) -> Result<Registered> {
    let hub = context.hub()?;
    // Without a slug the hub makes one, and a second time another.
    let repeat = if new.slug.is_some() { Repeat::Safe } else { Repeat::Unsafe };
    let call = Call::<CreateClient> { repeat, ..Call::new("", &(), new) };
    let failure = match hub.answer(call).await {
        Ok(answer) => return Ok(Registered::New(answer.value)),
        Err(failure) => failure,
    };
    let Some(slug) = new.slug.as_ref().filter(|_| failure.is(ErrorCode::ClientExists)) else {
        return Err(failure);
    };
    let Some(existing) = hub.find::<GetClient>(slug.as_str()).await? else { return Err(failure) };
    // A retried request meets what its first attempt made before the answer was lost.
    let own = failure.parts().after_unknown
        && existing.value.name == new.name
        && existing.value.external_ref == new.external_ref;
    Ok(if own { Registered::New(existing.value) } else { Registered::Existing(existing) })
}

async fn ensure(args: ClientEnsureArgs, context: &Context<'_>) -> Result<Exit> {
    let hub = context.hub()?;
    for _ in 0..ROUNDS {
        let found = match hub.find::<GetClient>(args.slug.as_str()).await? {
            Some(found) => found,
            None => match register(context, &new_client(&args)?).await? {
                Registered::New(client) => return tell(context, &client, true, "created"),
                Registered::Existing(found) => found,
            },
        };
        let Some(patch) = difference(&args, &found.value) else {
            return tell(context, &found.value, false, "updated");
        };
        let if_match = found.etag.as_deref();
        let call = Call::<UpdateClient> { if_match, ..Call::new(args.slug.as_str(), &(), &patch) };
        match hub.answer(call).await {
            Ok(answer) => return tell(context, &answer.value, true, "updated"),
            Err(failure) if failure.is(ErrorCode::PreconditionFailed) => {}
            Err(failure) => return Err(failure),
        }
    }
    let message = format!("client {} keeps being changed by somebody else", args.slug);
    Err(Failure::of(ErrorCode::PreconditionFailed, message))
}

fn new_client(args: &ClientEnsureArgs) -> Result<NewClient> {
    let named = args.fields.name.clone().or_else(|| DisplayName::new(args.slug.as_str()));
    let labels = args.fields.labels.clone();
    Ok(NewClient {
        name: named.ok_or_else(|| Failure::usage("--name is missing"))?,
        slug: Some(args.slug.clone()),
        external_ref: args.fields.external_ref.clone(),
        labels: (!labels.is_empty()).then(|| labels.into_iter().collect()),
    })
}

/// What must change for the client to be what was asked for; nothing that was not given.
fn difference(args: &ClientEnsureArgs, is: &Client) -> Option<ClientPatch> {
    let fields = &args.fields;
    let name = fields.name.clone().filter(|name| *name != is.name);
    let labels = (!fields.labels.is_empty())
        .then(|| fields.labels.iter().cloned().collect())
        .filter(|labels| *labels != is.labels);
    let external_ref = match &fields.external_ref {
        Some(reference) if is.external_ref.as_ref() != Some(reference) => {
            Patch::Set(reference.clone())
        }
        _ => Patch::Keep,
    };
    let differs = name.is_some() || labels.is_some() || !external_ref.is_keep();
    differs.then_some(ClientPatch { name, external_ref, labels, status: None })
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
    let after = hub.answer(Call::<UpdateClient>::new(&args.client, &(), &patch)).await?;
    tell(context, &after.value, before.etag != after.etag, "updated")
}

async fn suspend(handle: &str, context: &Context<'_>) -> Result<Exit> {
    let client = context.hub()?.call::<GetClient>(handle, &(), &()).await?;
    if client.status == ClientStatus::Suspended {
        return tell(context, &client, false, "suspended");
    }
    let what = format!("suspending client {}", client.slug);
    context.consent.needed(&what)?;
    let consequences = if context.consent == Consent::Person {
        format!("{} will be refused", instances(context, &client).await?)
    } else {
        String::new()
    };
    context.consent.ask(&what, &consequences).await?;
    set_status(context, &client, ClientStatus::Suspended, "suspended").await
}

async fn reactivate(handle: &str, context: &Context<'_>) -> Result<Exit> {
    let client = context.hub()?.call::<GetClient>(handle, &(), &()).await?;
    if client.status == ClientStatus::Active {
        return tell(context, &client, false, "reactivated");
    }
    set_status(context, &client, ClientStatus::Active, "reactivated").await
}

async fn set_status(
    context: &Context<'_>,
    client: &Client,
    status: ClientStatus,
    did: &str,
) -> Result<Exit> {
    let patch = ClientPatch { status: Some(status), ..ClientPatch::default() };
    let client = context.hub()?.call::<UpdateClient>(client.slug.as_str(), &(), &patch).await?;
    tell(context, &client, true, did)
}

async fn delete(args: ClientDeleteArgs, context: &Context<'_>) -> Result<Exit> {
    let hub = context.hub()?;
    let found = match hub.call::<GetClient>(&args.client, &(), &()).await {
        Err(failure) if args.if_exists && failure.exit() == Exit::NotFound => {
            return gone(context, &args.client);
        }
        found => found?,
    };
    let total = found.instances.total;
    if total > 0 && !args.cascade {
        let message = format!("client {} still has {}", found.slug, count(total, "instance"));
        return Err(Failure::of(ErrorCode::ClientNotEmpty, message)
            .hint("--cascade deletes its instances too"));
    }
    let what = format!("deleting client {}", found.slug);
    context.consent.needed(&what)?;
    let consequences = if context.consent == Consent::Person && total > 0 {
        format!("{} go with it, and their keys stop at once", instances(context, &found).await?)
    } else {
        "it has no instances".to_owned()
    };
    context.consent.ask_for(&what, &consequences, found.slug.as_str()).await?;
    let query = DeleteClientQuery { cascade: args.cascade.then_some(true) };
    match hub.answer(Call::<DeleteClient>::new(&found.id, &query, &())).await {
        // The first attempt deleted it, and its answer was lost.
        Err(failure) if failure.parts().after_unknown && failure.exit() == Exit::NotFound => {}
        answer => drop(answer?),
    }
    tell(context, &found, true, "deleted")
}

fn gone(context: &Context<'_>, handle: &str) -> Result<Exit> {
    let words = format!("there is no client {handle}");
    let object = json!({"slug": handle});
    context.out.done(&Done::new(&object, handle, false, words))?;
    Ok(Exit::Done)
}

/// "3 instances, 2 seen in the last 24 h", from live data.
async fn instances(context: &Context<'_>, client: &Client) -> Result<String> {
    let query =
        |cursor, limit| InstanceQuery { cursor, limit: Some(limit), ..InstanceQuery::default() };
    let all: Vec<Instance> =
        context.hub()?.all::<ListClientInstances, _>(&client.id, None, query).await?;
    let since = context.out.times().now.before(Duration::from_hours(24));
    let seen = all.iter().filter(|i| i.last_seen_at.is_some_and(|at| at >= since)).count();
    Ok(format!("{}, {seen} seen in the last 24 h,", count(all.len() as u64, "instance")))
}

fn count(n: u64, noun: &str) -> String {
    if n == 1 { format!("1 {noun}") } else { format!("{n} {noun}s") }
}
