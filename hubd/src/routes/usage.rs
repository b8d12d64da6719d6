//! `/api/v1/admin/telemetry`.

use std::sync::Arc;

use hub_core::api::{
    Catalogue, ErrorCount, GetCatalogue, ListToolUsage, ListUsageCounts, ListUsageErrors,
    ListUsageSeries, NamedCount, SetCatalogue, ToolNames, ToolUsage, UsageQuery, UsageStep, Usages,
};
use hub_core::problem::ErrorCode;
use hub_core::time::{Range, Timestamp};

use crate::call::{Call, Reply};
use crate::changes;
use crate::domain::Refusal;
use crate::hub::Hub;
use crate::store::{UsageFilter, UsageRange};

/// The most steps in a series: more hours than a year has.
const MOST_STEPS: i64 = 10_000;

pub(super) async fn tools(
    hub: Arc<Hub>,
    call: Call<ListToolUsage>,
) -> Result<Reply<Usages<ToolUsage>>, Refusal> {
    let filter = filter(&hub, call.query, call.now).await?;
    let range = filter.range;
    let items = hub.store().tool_usage(filter).await?;
    Ok(usages(range, items))
}

pub(super) async fn series(
    hub: Arc<Hub>,
    call: Call<ListUsageSeries>,
) -> Result<Reply<Usages<UsageStep>>, Refusal> {
    let step = call.query.step.unwrap_or_default();
    let filter = filter(&hub, call.query.common, call.now).await?;
    if filter.range.steps(step) > MOST_STEPS {
        let message = format!("makes more than {MOST_STEPS} steps: choose a later one, or step=1d");
        return Err(Refusal::field("since", message));
    }
    let tool = call.query.tool.map(|tool| tool.as_str().to_owned());
    let range = filter.range;
    let items = hub.store().usage_series(filter, step, tool).await?;
    Ok(usages(range, items))
}

pub(super) async fn errors(
    hub: Arc<Hub>,
    call: Call<ListUsageErrors>,
) -> Result<Reply<Usages<ErrorCount>>, Refusal> {
    let filter = filter(&hub, call.query, call.now).await?;
    let range = filter.range;
    let items = hub.store().usage_errors(filter).await?;
    Ok(usages(range, items))
}

pub(super) async fn counts(
    hub: Arc<Hub>,
    call: Call<ListUsageCounts>,
) -> Result<Reply<Usages<NamedCount>>, Refusal> {
    let filter = filter(&hub, call.query, call.now).await?;
    let range = filter.range;
    let items = hub.store().usage_counts(filter).await?;
    Ok(usages(range, items))
}

pub(super) async fn catalogue(
    hub: Arc<Hub>,
    _: Call<GetCatalogue>,
) -> Result<Reply<Catalogue>, Refusal> {
    let tools = ToolNames(hub.store().catalogue().await?);
    Ok(Reply::found(Catalogue { tools }))
}

pub(super) async fn set_catalogue(
    hub: Arc<Hub>,
    call: Call<SetCatalogue>,
) -> Result<Reply<Catalogue>, Refusal> {
    let reply = Reply::found(call.body.clone());
    changes::set_catalogue(hub.store(), call.change(), call.body).await?;
    Ok(reply)
}

/// Turns a query into a filter. A client or an instance that does not exist is an error, because an
/// empty answer would look as if the instance had reported nothing.
async fn filter(hub: &Hub, query: UsageQuery, now: Timestamp) -> Result<UsageFilter, Refusal> {
    let client = match &query.client {
        Some(handle) => {
            let found = hub.store().client(handle.as_str()).await?;
            Some(found.ok_or(ErrorCode::ClientNotFound)?.id)
        }
        None => None,
    };
    let instance = match &query.instance {
        Some(handle) => {
            let found = hub.store().instance(handle.as_str()).await?;
            Some(found.ok_or(ErrorCode::InstanceNotFound)?.id)
        }
        None => None,
    };
    let range = UsageRange::new(Range::resolve(query.since, query.until, now), now);
    let min_clients = query.min_clients.map_or(0, hub_core::api::MinClients::get);
    Ok(UsageFilter { range, client, instance, min_clients })
}

fn usages<T>(range: UsageRange, items: Vec<T>) -> Reply<Usages<T>> {
    Reply::found(Usages { since: range.since(), until: range.until(), items })
}
