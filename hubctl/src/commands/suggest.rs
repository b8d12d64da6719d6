//! "did you mean": the handle that is closest to one that does not exist.

use std::time::Duration;

use hub_core::api::{
    Client, ClientQuery, FleetQuery, Instance, InstanceQuery, Limit, ListClients, ListInstances,
};
use hub_core::problem::ErrorCode;

use super::Context;
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
        parts.hint = closest(&asked, &known).map_or_else(
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

/// The closest of the handles, if it is close enough to be meant.
fn closest<'a>(asked: &str, known: &'a [String]) -> Option<&'a str> {
    let most = (asked.chars().count() / 3).max(1);
    let distances = known.iter().map(|handle| (strsim::damerau_levenshtein(asked, handle), handle));
    distances.filter(|(distance, _)| *distance <= most).min().map(|(_, handle)| handle.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_close_is_suggested() {
        let known = ["acme-prod", "acme-test", "globex"].map(str::to_owned);
        assert_eq!(closest("acme-prd", &known), Some("acme-prod"));
        assert_eq!(closest("Acme-Prod", &known), Some("acme-prod"));
        assert_eq!(closest("initech", &known), None);
        assert_eq!(closest("x", &[]), None);
    }
}
