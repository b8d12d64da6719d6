//! What the hub has of a fleet, read in pages rather than one by one.

use std::collections::BTreeSet;

use futures_util::{StreamExt, TryStreamExt, stream};
use hub_core::api::{
    Client, ClientQuery, FleetQuery, GetCatalogue, GetClient, GetInstance, Instance, InstanceQuery,
    Limit, ListClientInstances, ListClients, ListInstances,
};
use hub_core::labels::LabelPair;
use hub_core::name::{InstanceId, Slug};

use super::super::file::{FLEET_LABEL, Fleet};
use super::super::planner::{Observed, Options, doomed};
use super::sinks;
use crate::client::Hub;
use crate::commands::AT_ONCE;
use crate::error::{Failure, Result};

/// Up to this many objects are read one by one; beyond that, reading the whole list is faster.
const FEW: usize = 50;

/// Everything that a plan for this fleet depends on.
pub(in super::super) async fn observe(
    hub: &Hub<'_>,
    fleet: &Fleet,
    options: Options,
) -> Result<Observed> {
    let slugs = fleet.clients.iter().map(|client| client.slug.clone()).collect();
    let entries = || fleet.clients.iter().flat_map(|client| &client.instances);
    let handles = entries().map(|instance| instance.instance_id.clone()).collect();
    let mut seen = named(hub, &slugs, &handles, fleet.name.as_deref()).await?;
    let ids: Vec<String> = doomed(fleet, seen.clients.values(), options)
        .into_iter()
        .map(|client| client.id.clone())
        .collect();
    let of_client = async |id: String| -> Result<Vec<Instance>> {
        let query = |cursor, limit| InstanceQuery {
            cursor,
            limit: Some(limit),
            ..InstanceQuery::default()
        };
        hub.all::<ListClientInstances, _>(&id, None, query).await
    };
    let lists: Vec<Vec<Instance>> =
        stream::iter(ids).map(of_client).buffer_unordered(AT_ONCE).try_collect().await?;
    for instance in lists.into_iter().flatten() {
        seen.instances.insert(instance.instance_id.clone(), instance);
    }
    if fleet.catalogue.is_some() {
        seen.catalogue = Some(hub.call::<GetCatalogue>("", &(), &()).await?);
    }
    for entry in entries() {
        if let Some(sink) = &entry.sink {
            seen.sinks.insert(entry.instance_id.clone(), sinks::look(sink));
        }
    }
    Ok(seen)
}

/// Everything with one of these handles, and everything of the fleet.
pub(super) async fn named(
    hub: &Hub<'_>,
    slugs: &BTreeSet<Slug>,
    handles: &BTreeSet<InstanceId>,
    fleet: Option<&str>,
) -> Result<Observed> {
    let mut seen = Observed::default();
    if let Some(fleet) = fleet {
        let label = || vec![LabelPair { key: FLEET_LABEL.to_owned(), value: fleet.to_owned() }];
        let found = clients(hub, label()).await?;
        seen.clients.extend(found.into_iter().map(|c| (c.slug.clone(), c)));
        let found = instances(hub, label()).await?;
        seen.instances.extend(found.into_iter().map(|i| (i.instance_id.clone(), i)));
    }
    let missing: BTreeSet<&Slug> =
        slugs.iter().filter(|slug| !seen.clients.contains_key(slug)).collect();
    let found = clients_named(hub, &missing).await?;
    seen.clients.extend(found.into_iter().map(|c| (c.slug.clone(), c)));
    let missing: BTreeSet<&InstanceId> =
        handles.iter().filter(|id| !seen.instances.contains_key(id)).collect();
    let found = instances_named(hub, &missing).await?;
    seen.instances.extend(found.into_iter().map(|i| (i.instance_id.clone(), i)));
    Ok(seen)
}

/// All clients with these labels.
pub(in super::super) async fn clients(hub: &Hub<'_>, label: Vec<LabelPair>) -> Result<Vec<Client>> {
    let query = |cursor, limit: Limit| ClientQuery {
        label: label.clone(),
        cursor,
        limit: Some(limit),
        ..ClientQuery::default()
    };
    hub.all::<ListClients, _>("", None, query).await
}

/// All instances with these labels.
pub(in super::super) async fn instances(
    hub: &Hub<'_>,
    label: Vec<LabelPair>,
) -> Result<Vec<Instance>> {
    let query = |cursor, limit: Limit| FleetQuery {
        common: InstanceQuery {
            label: label.clone(),
            cursor,
            limit: Some(limit),
            ..InstanceQuery::default()
        },
        ..FleetQuery::default()
    };
    hub.all::<ListInstances, _>("", None, query).await
}

async fn clients_named(hub: &Hub<'_>, names: &BTreeSet<&Slug>) -> Result<Vec<Client>> {
    if names.len() > FEW {
        let all = clients(hub, Vec::new()).await?;
        return Ok(all.into_iter().filter(|client| names.contains(&client.slug)).collect());
    }
    let get = async |slug: &&Slug| {
        let found = hub.find::<GetClient>(slug.as_str()).await?;
        Ok::<_, Failure>(found.map(|answer| answer.value))
    };
    let found: Vec<_> =
        stream::iter(names).map(get).buffer_unordered(AT_ONCE).try_collect().await?;
    Ok(found.into_iter().flatten().collect())
}

async fn instances_named(hub: &Hub<'_>, names: &BTreeSet<&InstanceId>) -> Result<Vec<Instance>> {
    if names.len() > FEW {
        let all = instances(hub, Vec::new()).await?;
        return Ok(all.into_iter().filter(|i| names.contains(&i.instance_id)).collect());
    }
    let get = async |id: &&InstanceId| {
        let found = hub.find::<GetInstance>(id.as_str()).await?;
        Ok::<_, Failure>(found.map(|answer| answer.value))
    };
    let found: Vec<_> =
        stream::iter(names).map(get).buffer_unordered(AT_ONCE).try_collect().await?;
    Ok(found.into_iter().flatten().collect())
}
