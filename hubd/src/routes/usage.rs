//! `/api/v1/admin/telemetry`: usage.

use std::sync::Arc;

use hub_core::api::{
    ErrorCount, ListToolUsage, ListUsageCounts, ListUsageErrors, ListUsageSeries, NamedCount,
    ToolUsage, UsageQuery, UsageStep, Usages,
};
use hub_core::problem::ErrorCode;
use hub_core::time::{Range, Timestamp};

use crate::call::{Call, Reply};
use crate::domain::Refusal;
use crate::hub::Hub;
use crate::store::{Series, SeriesFilter, UsageFilter, UsageRange};

/// The most steps in a series: more hours than a year has.
const MOST_STEPS: i64 = 10_000;

pub(super) async fn tools(
    hub: Arc<Hub>,
    call: Call<ListToolUsage>,
) -> Result<Reply<Usages<ToolUsage>>, Refusal> {
    let filter = filter(&hub, call.query, call.now).await?;
    Ok(usages(hub.store().tool_usage(filter).await?))
}

pub(super) async fn series(
    hub: Arc<Hub>,
    call: Call<ListUsageSeries>,
) -> Result<Reply<Usages<UsageStep>>, Refusal> {
    let filter = SeriesFilter {
        usage: filter(&hub, call.query.common, call.now).await?,
        step: call.query.step.unwrap_or_default(),
        tool: call.query.tool.map(|tool| tool.as_str().to_owned()),
        most: MOST_STEPS,
    };
    match hub.store().usage_series(filter).await? {
        Series::Steps(range, steps) => Ok(usages((range, steps))),
        Series::OnlyDays(range) => {
            let from = range.hours_from();
            let message = format!("hours are kept from {from} on: choose step=1d, or since={from}");
            Err(Refusal::field("step", message))
        }
        Series::TooLong => {
            let message =
                format!("makes more than {MOST_STEPS} steps: choose a later one, or step=1d");
            Err(Refusal::field("since", message))
        }
    }
}

pub(super) async fn errors(
    hub: Arc<Hub>,
    call: Call<ListUsageErrors>,
) -> Result<Reply<Usages<ErrorCount>>, Refusal> {
    let filter = filter(&hub, call.query, call.now).await?;
    Ok(usages(hub.store().usage_errors(filter).await?))
}

pub(super) async fn counts(
    hub: Arc<Hub>,
    call: Call<ListUsageCounts>,
) -> Result<Reply<Usages<NamedCount>>, Refusal> {
    let filter = filter(&hub, call.query, call.now).await?;
    Ok(usages(hub.store().usage_counts(filter).await?))
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
    let range = Range::resolve(query.since, query.until, now);
    let min_clients = query.min_clients.map_or(0, hub_core::api::MinClients::get);
    Ok(UsageFilter { range, now, client, instance, min_clients })
}

fn usages<T>((range, items): (UsageRange, Vec<T>)) -> Reply<Usages<T>> {
    Reply::found(Usages { since: range.since(), until: range.until(), items })
}
