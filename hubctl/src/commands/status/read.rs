//! What the hub says of itself, and of what needs somebody.

use hub_core::api::{
    Client, ClientQuery, ClientStatus, DoubtedClock, EffectiveStatus, FleetQuery, GetStats,
    GetVersion, Instance, InstanceQuery, InstanceSort, Limit, ListAdminKeys, ListClients,
    ListInstances, ListToolUsage, Ready, Stats, UsageQuery, Version,
};
use hub_core::exit::Exit;
use hub_core::problem::ErrorCode;
use hub_core::time::Timestamp;
use serde::Serialize;
use tokio::try_join;

use super::{Item, Limits, Reason};
use crate::cli::StatusArgs;
use crate::client::Hub;
use crate::error::Result;
use crate::output::counted;
use crate::settings::{Settings, written};

/// The name that numbers of unlisted tools are kept under.
const OTHER: &str = "other";

/// The state of the hub itself.
#[derive(Debug, Serialize)]
pub(super) struct HubState {
    pub(super) url: String,
    /// Whether its database takes writes.
    pub(super) ready: bool,
    /// The clock of one of its machines that is doubted.
    pub(super) doubted_clock: Option<DoubtedClock>,
    /// When the newest verified backup of its SQLite file was made.
    pub(super) last_backup: Option<Timestamp>,
    pub(super) version: Version,
    pub(super) stats: Stats,
}

pub(super) async fn hub(hub: &Hub<'_>, settings: &Settings) -> Result<HubState> {
    // A hub that is not ready says so; everything else fails the command.
    let ready = async {
        match hub.call::<Ready>("", &(), &()).await {
            Ok(readiness) => Ok(Some(readiness)),
            Err(failure) if failure.exit() == Exit::HubFailed => Ok(None),
            Err(failure) => Err(failure),
        }
    };
    let version = hub.call::<GetVersion>("", &(), &());
    let stats = hub.call::<GetStats>("", &(), &());
    let (readiness, version, stats) = try_join!(ready, version, stats)?;
    let url = written(&settings.url).to_owned();
    let ready = readiness.is_some();
    let (doubted_clock, last_backup) =
        readiness.map_or((None, None), |told| (told.doubted_clock, told.last_backup));
    Ok(HubState { url, ready, doubted_clock, last_backup, version, stats })
}

/// Everything that needs somebody.
pub(super) async fn items(hub: &Hub<'_>, args: &StatusArgs, limits: Limits) -> Result<Vec<Item>> {
    let ending = FleetQuery {
        expires_within: Some(args.within),
        sort: Some(InstanceSort::ExpiresAt),
        ..FleetQuery::default()
    };
    let silent = FleetQuery {
        silent_for: Some(args.silent_for),
        sort: Some(InstanceSort::LastSeenAt),
        ..FleetQuery::default()
    };
    let of_status = |status| FleetQuery {
        common: InstanceQuery { status: Some(status), ..InstanceQuery::default() },
        ..FleetQuery::default()
    };
    let (ending, expired, silent, suspended, clients, keys, unlisted) = try_join!(
        instances(hub, ending),
        instances(hub, of_status(EffectiveStatus::Expired)),
        instances(hub, silent),
        instances(hub, of_status(EffectiveStatus::Suspended)),
        suspended_clients(hub),
        admin_keys(hub, limits),
        unlisted(hub),
    )?;
    let mut items: Vec<Item> = Vec::new();
    items.extend(expired.iter().map(|instance| of(instance, Reason::Expired)));
    // What is refused anyway is listed under its suspension.
    let refused = [EffectiveStatus::Suspended, EffectiveStatus::ClientSuspended];
    let works = ending.iter().filter(|i| !refused.contains(&i.effective_status));
    items.extend(works.map(|instance| {
        of(instance, if instance.license.in_grace { Reason::InGrace } else { Reason::Ends })
    }));
    let seen = silent.iter().filter(|i| i.effective_status != EffectiveStatus::Expired);
    items.extend(seen.map(|instance| of(instance, Reason::Silent)));
    items.extend(suspended.iter().map(|instance| of(instance, Reason::Suspended)));
    items.extend(clients.iter().map(of_client));
    items.extend(keys);
    items.extend(unlisted);
    Ok(items)
}

fn of(instance: &Instance, reason: Reason) -> Item {
    let license = &instance.license;
    let suspension = instance.suspension.as_ref();
    let at = match reason {
        Reason::Expired => license.works_until,
        Reason::Silent => instance.last_seen_at,
        Reason::Suspended => suspension.map(|suspension| suspension.since),
        _ => license.expires_at,
    };
    Item {
        reason,
        handle: instance.instance_id.to_string(),
        client: Some(instance.client_slug.to_string()),
        at,
        works_until: (reason == Reason::InGrace).then_some(license.works_until).flatten(),
        detail: suspension.and_then(|s| s.reason.as_ref()).map(|r| r.as_str().to_owned()),
    }
}

fn of_client(client: &Client) -> Item {
    let suspension = client.suspension.as_ref();
    let reason = suspension.and_then(|suspension| suspension.reason.as_ref());
    Item {
        reason: Reason::Suspended,
        handle: client.slug.to_string(),
        client: None,
        at: suspension.map(|suspension| suspension.since),
        works_until: None,
        detail: reason.map(|reason| reason.as_str().to_owned()),
    }
}

async fn instances(hub: &Hub<'_>, filter: FleetQuery) -> Result<Vec<Instance>> {
    let query = |cursor, limit: Limit| {
        let common = InstanceQuery { cursor, limit: Some(limit), ..filter.common.clone() };
        FleetQuery { common, ..filter.clone() }
    };
    hub.all::<ListInstances, _>("", None, query).await
}

async fn suspended_clients(hub: &Hub<'_>) -> Result<Vec<Client>> {
    let status = Some(ClientStatus::Suspended);
    let query = |cursor, limit: Limit| ClientQuery {
        status,
        cursor,
        limit: Some(limit),
        ..ClientQuery::default()
    };
    hub.all::<ListClients, _>("", None, query).await
}

/// Admin keys that end soon. Only owners may see them.
async fn admin_keys(hub: &Hub<'_>, limits: Limits) -> Result<Vec<Item>> {
    let keys = match hub.call::<ListAdminKeys>("", &(), &()).await {
        Ok(keys) => keys.items,
        Err(failure) if failure.is(ErrorCode::RoleForbidden) => Vec::new(),
        Err(failure) => return Err(failure),
    };
    let soon = limits.now.after(limits.within);
    let ending = keys.into_iter().filter(|key| key.expires_at.is_some_and(|end| end <= soon));
    Ok(ending
        .map(|key| Item {
            reason: Reason::AdminKeyEnds,
            handle: key.name.to_string(),
            client: None,
            at: key.expires_at,
            works_until: None,
            detail: Some(key.role.to_string()),
        })
        .collect())
}

/// Whether numbers came in under names that nobody has listed.
async fn unlisted(hub: &Hub<'_>) -> Result<Option<Item>> {
    let usages = hub.call::<ListToolUsage>("", &UsageQuery::default(), &()).await?;
    let other = usages.items.iter().find(|usage| usage.tool.to_string() == OTHER);
    Ok(other.filter(|usage| usage.calls > 0).map(|usage| Item {
        reason: Reason::Unlisted,
        handle: OTHER.to_owned(),
        client: None,
        at: None,
        works_until: None,
        detail: Some(format!(
            "{} by {}",
            counted(usage.calls, "call"),
            counted(usage.instances, "instance")
        )),
    }))
}
