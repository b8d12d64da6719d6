//! Suspending, reactivating and deleting a client.

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
use crate::commands::consented::{Change, Found, consented, lately, named};
use crate::commands::targets::{Outcome, each};
use crate::commands::{reactivation, suspension};
use crate::error::{Failure, Result};
use crate::output::counted;

/// `hubctl client suspend`
pub(super) async fn suspend(args: ClientSuspendArgs, invocation: &Invocation<'_>) -> Result<Exit> {
    let patch = ClientPatch {
        status: Some(ClientStatus::Suspended),
        reason: args.reason,
        ..ClientPatch::default()
    };
    consented(args.targets, &Suspend { patch, invocation }, invocation).await
}

struct Suspend<'a, 'b> {
    patch: ClientPatch,
    invocation: &'a Invocation<'b>,
}

impl Change for Suspend<'_, '_> {
    /// The client, and what of the patch it does not have yet.
    type Subject = (Client, ClientPatch);
    type Object = Client;

    async fn look(&self, handle: &str) -> Result<Found<Self::Subject, Client>> {
        let client = self.invocation.hub()?.call::<GetClient>(handle, &(), &()).await?;
        let Some(patch) = client.settings().difference(self.patch.clone()) else {
            return Ok(Found::Settled(outcome(client, false, "suspended")));
        };
        if self.invocation.settings.dry_run {
            let present = client.suspension.as_ref();
            let changes = suspension(client.status, present, patch.reason.as_ref());
            return Ok(Found::Settled(would(client, "suspend").changing(changes)));
        }
        Ok(match client.status {
            // It is refused already: only the reason is another one.
            ClientStatus::Suspended => Found::Unasked((client, patch)),
            ClientStatus::Active => Found::Asked((client, patch)),
        })
    }

    fn what(&self, subjects: &[&Self::Subject]) -> String {
        format!("suspending {}", clients(subjects.iter().map(|(client, _)| client)))
    }

    async fn consequences(&self, subjects: &[&Self::Subject]) -> Result<String> {
        let clients = subjects.iter().map(|(client, _)| client);
        Ok(format!("{} will be refused", instances(self.invocation, clients).await?))
    }

    async fn act(&self, _: &str, (client, patch): Self::Subject) -> Result<Outcome<Client>> {
        set_status(self.invocation, &client, &patch, "suspended").await
    }
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
    let ClientDeleteArgs { targets, cascade, if_exists } = args;
    consented(targets, &Delete { cascade, if_exists, invocation }, invocation).await
}

struct Delete<'a, 'b> {
    cascade: bool,
    if_exists: bool,
    invocation: &'a Invocation<'b>,
}

impl Change for Delete<'_, '_> {
    type Subject = Client;
    type Object = Subject;

    async fn look(&self, handle: &str) -> Result<Found<Client, Subject>> {
        let found = match self.invocation.hub()?.call::<GetClient>(handle, &(), &()).await {
            Err(failure) if self.if_exists && failure.exit() == Exit::NotFound => {
                return Ok(Found::Settled(gone(handle)));
            }
            found => found?,
        };
        let total = found.instances.total;
        if total > 0 && !self.cascade {
            let message = format!("client {} still has {}", found.slug, counted(total, "instance"));
            return Err(Failure::of(ErrorCode::ClientNotEmpty, message)
                .hint("--cascade deletes its instances too"));
        }
        if !self.invocation.settings.dry_run {
            return Ok(Found::Asked(found));
        }
        let mut would = would(found, "delete");
        if total > 0 {
            would.words = format!("{} and {}", would.words, counted(total, "instance"));
        }
        Ok(Found::Settled(would.map(Subject::Client)))
    }

    fn what(&self, subjects: &[&Client]) -> String {
        format!("deleting {}", clients(subjects.iter().copied()))
    }

    async fn consequences(&self, subjects: &[&Client]) -> Result<String> {
        if subjects.iter().all(|client| client.instances.total == 0) {
            let whose = if subjects.len() == 1 { "it has" } else { "they have" };
            return Ok(format!("{whose} no instances"));
        }
        let instances = instances(self.invocation, subjects.iter().copied()).await?;
        Ok(format!("{instances} will be deleted too, and every key stops at once"))
    }

    fn typed(&self, subjects: &[&Client]) -> Option<String> {
        Some(match subjects {
            [client] => client.slug.to_string(),
            several => counted(several.len() as u64, "client"),
        })
    }

    async fn act(&self, _: &str, client: Client) -> Result<Outcome<Subject>> {
        let query = DeleteClientQuery { cascade: self.cascade.then_some(true) };
        let hub = self.invocation.hub()?;
        hub.delete(Call::<DeleteClient>::new(&client.id, &query, &())).await?;
        Ok(outcome(client, true, "deleted").map(Subject::Client))
    }
}

/// What was deleted, or only its handle where there was nothing.
#[derive(Serialize)]
#[serde(untagged)]
enum Subject {
    Client(Client),
    Absent { slug: String },
}

fn gone(handle: &str) -> Outcome<Subject> {
    Outcome::absent(Subject::Absent { slug: handle.to_owned() }, handle, "client")
}

/// `client acme`, or `clients acme and globex`.
fn clients<'a>(clients: impl Iterator<Item = &'a Client> + Clone) -> String {
    let noun = if clients.clone().nth(1).is_some() { "clients" } else { "client" };
    format!("{noun} {}", named(clients.map(|client| client.slug.as_str())))
}

/// "3 instances, 2 seen in the last 24 h,", from live data.
async fn instances<'a>(
    invocation: &Invocation<'_>,
    clients: impl Iterator<Item = &'a Client>,
) -> Result<String> {
    let query =
        |cursor, limit| InstanceQuery { cursor, limit: Some(limit), ..InstanceQuery::default() };
    let mut all: Vec<Instance> = Vec::new();
    for client in clients {
        let hub = invocation.hub()?;
        all.extend(hub.all::<ListClientInstances, _>(&client.id, None, query).await?);
    }
    let seen = all.iter().map(|instance| instance.last_seen_at);
    Ok(format!("{},", lately(seen, "instance", "seen", invocation)))
}
