//! "did you mean", of handles: the hub knows which there are.

use std::time::Duration;

use hub_core::api::{
    Client, ClientQuery, FleetQuery, Instance, InstanceQuery, Limit, ListClients, ListInstances,
};
use hub_core::problem::ErrorCode;

use super::Context;
use crate::closest::closest;
use crate::error::{Failure, Result};

/// Nobody waits long for a suggestion.
const PATIENCE: Duration = Duration::from_secs(2);
/// More handles than this are not looked through.
const MOST: usize = 2_000;

/// Names what was asked for, and a handle that is like it.
pub(super) async fn another_handle(context: &Context<'_>, failure: Failure) -> Failure {
    let clients = failure.is(ErrorCode::ClientNotFound);
    let noun = if clients { "client" } else { "instance" };
    if !clients && !failure.is(ErrorCode::InstanceNotFound) {
        return failure;
    }
    let Some(asked) = failure.parts().about.clone() else { return failure };
    let search = tokio::time::timeout(PATIENCE, handles(context, clients)).await;
    let known = search.ok().and_then(Result::ok).unwrap_or_default();
    failure.with(|parts| {
        parts.message = format!("no {noun} {asked}");
        parts.hint = closest(&asked, known.iter().map(String::as_str)).map_or_else(
            || Some(format!("hubctl {noun} list shows those that there are")),
            |handle| Some(format!("did you mean {handle}?")),
        );
    })
}

async fn handles(context: &Context<'_>, clients: bool) -> Result<Vec<String>> {
    let hub = context.hub()?;
    if clients {
        let query = |cursor, limit: Limit| ClientQuery {
            cursor,
            limit: Some(limit),
            ..ClientQuery::default()
        };
        let clients: Vec<Client> = hub.all::<ListClients, _>("", Some(MOST), query).await?;
        return Ok(clients.iter().map(|client| client.slug.to_string()).collect());
    }
    let query = |cursor, limit: Limit| FleetQuery {
        common: InstanceQuery { cursor, limit: Some(limit), ..InstanceQuery::default() },
        ..FleetQuery::default()
    };
    let instances: Vec<Instance> = hub.all::<ListInstances, _>("", Some(MOST), query).await?;
    Ok(instances.iter().map(|instance| instance.instance_id.to_string()).collect())
}
