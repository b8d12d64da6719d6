//! Suspending, reactivating and deleting a client.

use std::time::Duration;

use hub_core::api::{
    Client, ClientPatch, ClientStatus, DeleteClient, DeleteClientQuery, GetClient, Instance,
    InstanceQuery, ListClientInstances, UpdateClient,
};
use hub_core::exit::Exit;
use hub_core::problem::ErrorCode;
use serde::Serialize;

use super::{Invocation, outcome, would};
use crate::cli::{ClientDeleteArgs, ClientSuspendArgs, Targets};
use crate::client::Call;
use crate::commands::targets::{Outcome, each};
use crate::commands::{reactivation, suspension};
use crate::confirm::Consent;
use crate::error::{Failure, Result};
use crate::output::counted;

/// `hubctl client suspend`
pub(super) async fn suspend(args: ClientSuspendArgs, invocation: &Invocation<'_>) -> Result<Exit> {
    let patch = ClientPatch {
        status: Some(ClientStatus::Suspended),
        reason: args.reason,
        ..ClientPatch::default()
    };
    each(args.targets, true, invocation, async |handle| {
        let client = invocation.hub()?.call::<GetClient>(handle, &(), &()).await?;
        let Some(patch) = client.settings().difference(patch.clone()) else {
            return Ok(outcome(client, false, "suspended"));
        };
        if invocation.settings.dry_run {
            let present = client.suspension.as_ref();
            let changes = suspension(client.status, present, patch.reason.as_ref());
            return Ok(would(client, "suspend").changing(changes));
        }
        if client.status == ClientStatus::Suspended {
            return set_status(invocation, &client, &patch, "suspended").await;
        }
        let what = format!("suspending client {}", client.slug);
        invocation.consent.needed(&what)?;
        let consequences = if invocation.consent == Consent::Person {
            format!("{} will be refused", instances(invocation, &client).await?)
        } else {
            String::new()
        };
        invocation.consent.ask(&what, &consequences).await?;
        set_status(invocation, &client, &patch, "suspended").await
    })
    .await
}

/// `hubctl client reactivate`
pub(super) async fn reactivate(targets: Targets, invocation: &Invocation<'_>) -> Result<Exit> {
    each(targets, false, invocation, async |handle| {
        let client = invocation.hub()?.call::<GetClient>(handle, &(), &()).await?;
        if client.status == ClientStatus::Active {
            return Ok(outcome(client, false, "reactivated"));
        }
        if invocation.settings.dry_run {
            let changes = reactivation(ClientStatus::Active, client.suspension.as_ref());
            return Ok(would(client, "reactivate").changing(changes));
        }
        let patch = ClientPatch { status: Some(ClientStatus::Active), ..ClientPatch::default() };
        set_status(invocation, &client, &patch, "reactivated").await
    })
    .await
}

async fn set_status(
    invocation: &Invocation<'_>,
    client: &Client,
    patch: &ClientPatch,
    did: &str,
) -> Result<Outcome<Client>> {
    let client = invocation.hub()?.call::<UpdateClient>(client.slug.as_str(), &(), patch).await?;
    Ok(outcome(client, true, did))
}

/// `hubctl client delete`
pub(super) async fn delete(args: ClientDeleteArgs, invocation: &Invocation<'_>) -> Result<Exit> {
    let hub = invocation.hub()?;
    each(args.targets, true, invocation, async |handle| {
        let found = match hub.call::<GetClient>(handle, &(), &()).await {
            Err(failure) if args.if_exists && failure.exit() == Exit::NotFound => {
                return Ok(gone(handle));
            }
            found => found?,
        };
        let total = found.instances.total;
        if total > 0 && !args.cascade {
            let message = format!("client {} still has {}", found.slug, counted(total, "instance"));
            return Err(Failure::of(ErrorCode::ClientNotEmpty, message)
                .hint("--cascade deletes its instances too"));
        }
        if invocation.settings.dry_run {
            let mut would = would(found, "delete");
            if total > 0 {
                would.words = format!("{} and {}", would.words, counted(total, "instance"));
            }
            return Ok(would.map(Subject::Client));
        }
        confirm(&found, invocation).await?;
        let query = DeleteClientQuery { cascade: args.cascade.then_some(true) };
        match hub.answer(Call::<DeleteClient>::new(&found.id, &query, &())).await {
            // The first attempt deleted it, and its answer was lost.
            Err(failure) if failure.parts().after_unknown && failure.exit() == Exit::NotFound => {}
            answer => drop(answer?),
        }
        Ok(outcome(found, true, "deleted").map(Subject::Client))
    })
    .await
}

async fn confirm(client: &Client, invocation: &Invocation<'_>) -> Result<()> {
    let what = format!("deleting client {}", client.slug);
    invocation.consent.needed(&what)?;
    let consequences = if invocation.consent == Consent::Person && client.instances.total > 0 {
        format!(
            "{} will be deleted too, and every key stops at once",
            instances(invocation, client).await?
        )
    } else {
        "it has no instances".to_owned()
    };
    invocation.consent.ask_for(&what, &consequences, client.slug.as_str()).await
}

/// What was deleted, or only its handle where there was nothing.
#[derive(Serialize)]
#[serde(untagged)]
enum Subject {
    Client(Client),
    Absent { slug: String },
}

fn gone(handle: &str) -> Outcome<Subject> {
    Outcome {
        object: Subject::Absent { slug: handle.to_owned() },
        handle: handle.to_owned(),
        changed: false,
        words: format!("there is no client {handle}"),
        dry_run: false,
        changes: Vec::new(),
    }
}

/// "3 instances, 2 seen in the last 24 h", from live data.
async fn instances(invocation: &Invocation<'_>, client: &Client) -> Result<String> {
    let query =
        |cursor, limit| InstanceQuery { cursor, limit: Some(limit), ..InstanceQuery::default() };
    let all: Vec<Instance> =
        invocation.hub()?.all::<ListClientInstances, _>(&client.id, None, query).await?;
    let since = invocation.out.times().now.before(Duration::from_hours(24));
    let seen = all.iter().filter(|i| i.last_seen_at.is_some_and(|at| at >= since)).count();
    Ok(format!("{}, {seen} seen in the last 24 h,", counted(all.len() as u64, "instance")))
}
