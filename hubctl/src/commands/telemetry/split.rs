//! `telemetry tools --by` and `telemetry series` of several tools, or in weeks and months: what the hub's
//! reads are put together from.

use std::collections::BTreeMap;

use futures_util::{StreamExt, TryStreamExt, stream};
use hub_core::api::{
    ClientQuery, FleetQuery, GetClient, GetInstance, InstanceQuery, ListClientInstances,
    ListClients, ListInstances, ListToolUsage, ListUsageSeries, SeriesQuery, Step, UsageStep,
};
use hub_core::exit::Exit;
use hub_core::redact::ToolName;
use hub_core::text::Word;
use hub_core::time::Timestamp;

use super::Invocation;
use crate::cli::{By, SeriesArgs, SeriesStep, ToolsArgs, UsageArgs};
use crate::client::Hub;
use crate::commands::AT_ONCE;
use crate::error::{Failure, Result};
use crate::output::{UsageOfStep, UsagePart, short};

/// `hubctl telemetry tools --by`
pub(super) async fn tools(by: By, args: &ToolsArgs, invocation: &Invocation<'_>) -> Result<Exit> {
    let hub = invocation.hub()?;
    let handles = match by {
        By::Client => clients(&args.usage, hub).await?,
        By::Instance => instances(&args.usage, hub).await?,
    };
    let read = async |handle: &Word| {
        let mut query = args.usage.query();
        match by {
            By::Client => query.client = Some(handle.clone()),
            By::Instance => query.instance = Some(handle.clone()),
        }
        let usages = hub.call::<ListToolUsage>("", &query, &()).await?;
        let by = handle.as_str();
        let part = |usage| UsagePart { by: by.to_owned(), usage };
        Ok::<_, Failure>(usages.items.into_iter().map(part).collect::<Vec<_>>())
    };
    let parts: Vec<Vec<UsagePart>> =
        stream::iter(&handles).map(read).buffered(AT_ONCE).try_collect().await?;
    let mut rows: Vec<UsagePart> = parts.into_iter().flatten().collect();
    rows.sort_by_key(|part| std::cmp::Reverse(part.usage.calls));
    invocation.out.list(&rows, "no tool was used")?;
    Ok(Exit::Done)
}

/// The clients whose use is shown: all, or the one that the filters name.
async fn clients(usage: &UsageArgs, hub: &Hub<'_>) -> Result<Vec<Word>> {
    let named = match (&usage.client, &usage.instance) {
        (Some(client), _) => {
            Some(hub.call::<GetClient>(client.as_str(), &(), &()).await?.slug.to_string())
        }
        (None, Some(instance)) => {
            let found = hub.call::<GetInstance>(instance.as_str(), &(), &()).await?;
            Some(found.client_slug.to_string())
        }
        (None, None) => None,
    };
    if let Some(named) = named {
        return Ok(Word::new(&named).into_iter().collect());
    }
    let query =
        |cursor, limit| ClientQuery { cursor, limit: Some(limit), ..ClientQuery::default() };
    let clients = hub.all::<ListClients, _>("", None, query).await?;
    Ok(clients.iter().filter_map(|client| Word::new(client.slug.as_str())).collect())
}

/// The instances whose use is shown: all, a client's, or one.
async fn instances(usage: &UsageArgs, hub: &Hub<'_>) -> Result<Vec<Word>> {
    let common =
        |cursor, limit| InstanceQuery { cursor, limit: Some(limit), ..InstanceQuery::default() };
    let instances = match (&usage.instance, &usage.client) {
        (Some(instance), _) => vec![hub.call::<GetInstance>(instance.as_str(), &(), &()).await?],
        (None, Some(client)) => {
            hub.all::<ListClientInstances, _>(client.as_str(), None, common).await?
        }
        (None, None) => {
            let query = |cursor, limit| FleetQuery {
                common: common(cursor, limit),
                ..FleetQuery::default()
            };
            hub.all::<ListInstances, _>("", None, query).await?
        }
    };
    Ok(instances.iter().filter_map(|found| Word::new(found.instance_id.as_str())).collect())
}

/// `hubctl telemetry series` of several tools, or in steps that the hub does not have.
pub(super) async fn series(args: &SeriesArgs, invocation: &Invocation<'_>) -> Result<Exit> {
    let hub = invocation.hub()?;
    let step = args.step.unwrap_or(SeriesStep::Hour);
    let own = if step == SeriesStep::Hour { Step::Hour } else { Step::Day };
    let tools: Vec<Option<ToolName>> = match args.tools.as_slice() {
        [] => vec![None],
        tools => tools.iter().cloned().map(Some).collect(),
    };
    let mut rows: BTreeMap<(Timestamp, usize), UsageOfStep> = BTreeMap::new();
    for (at, tool) in tools.iter().enumerate() {
        let query = SeriesQuery { common: args.usage.query(), step: Some(own), tool: tool.clone() };
        let usages = hub.call::<ListUsageSeries>("", &query, &()).await?;
        for day in usages.items {
            let start = step.start(day.at);
            let row = rows.entry((start, at)).or_insert_with(|| empty(start, tool.as_ref()));
            add(row, &day);
        }
    }
    let rows: Vec<UsageOfStep> = rows.into_values().collect();
    invocation.out.list(&rows, "there is no step")?;
    Ok(Exit::Done)
}

fn empty(at: Timestamp, tool: Option<&ToolName>) -> UsageOfStep {
    UsageOfStep {
        at,
        tool: tool.cloned(),
        calls: 0,
        errors: 0,
        error_rate: 0.0,
        instances: 0,
        complete: true,
    }
}

#[expect(clippy::cast_precision_loss, reason = "a rate has a few digits")]
fn add(row: &mut UsageOfStep, step: &UsageStep) {
    row.calls += step.calls;
    row.errors += step.errors;
    row.error_rate = if row.calls == 0 { 0.0 } else { short(row.errors as f64 / row.calls as f64) };
    row.instances = row.instances.max(step.instances);
    row.complete &= step.complete;
}
