//! "did you mean" for handles, from those that the hub has.

use std::time::Duration;

use hub_core::api::{
    Client, ClientQuery, FleetQuery, Instance, InstanceQuery, Limit, ListClients, ListInstances,
};
use hub_core::problem::ErrorCode;

use super::Invocation;
use crate::closest::closest;
use crate::error::{Failure, Result};

/// The longest time for a suggestion.
const PATIENCE: Duration = Duration::from_secs(2);
/// The most handles that are compared.
const MOST: usize = 2_000;

/// Adds the handle that was not found, and a similar one that exists.
pub(super) async fn another_handle(invocation: &Invocation<'_>, failure: Failure) -> Failure {
    let clients = failure.is(ErrorCode::ClientNotFound);
    let noun = if clients { "client" } else { "instance" };
    if !clients && !failure.is(ErrorCode::InstanceNotFound) {
        return failure;
    }
    let Some(asked) = failure.parts().about.clone() else {
        return failure;
    };
    let search = tokio::time::timeout(PATIENCE, handles(invocation, clients)).await;
    let known = search.ok().and_then(Result::ok).unwrap_or_default();
    failure.with(|parts| {
        parts.message = format!("no {noun} {asked}");
        parts.hint = closest(&asked, known.iter().map(String::as_str)).map_or_else(
            || Some(format!("hubctl {noun} list shows what there is")),
            |handle| Some(format!("did you mean {handle}?")),
        );
    })
}

/// The most of many for which it is looked what else there is: each time all handles are read.
const MOST_OF_MANY: usize = 3;

/// The same for one of many, of which so many have failed before.
pub(super) async fn for_one_of_many(
    invocation: &Invocation<'_>,
    failure: Failure,
    before: usize,
) -> Failure {
    if before < MOST_OF_MANY { another_handle(invocation, failure).await } else { failure }
}

async fn handles(invocation: &Invocation<'_>, clients: bool) -> Result<Vec<String>> {
    let hub = invocation.hub()?;
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
