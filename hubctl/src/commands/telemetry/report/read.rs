//! What the report is made of.

use hub_core::api::{
    ErrorCount, FleetQuery, Instance, InstanceQuery, InstanceSort, Limit, ListInstances,
    ListToolUsage, ListUsageCounts, ListUsageErrors, ListUsageSeries, NamedCount, SeriesQuery,
    Step, ToolUsage, UsageQuery, UsageStep,
};
use hub_core::time::{Span, Timestamp};
use serde::Serialize;
use tokio::try_join;

use super::Invocation;
use crate::cli::ReportArgs;
use crate::client::Hub;
use crate::error::Result;

/// Everything that the page says.
pub(super) struct Facts {
    pub(super) since: Timestamp,
    pub(super) until: Timestamp,
    pub(super) made: Timestamp,
    /// Of which client or instance; of the fleet where there is none.
    pub(super) of: Option<String>,
    pub(super) days: Vec<UsageStep>,
    pub(super) tools: Vec<ToolUsage>,
    pub(super) errors: Vec<ErrorCount>,
    pub(super) counts: Vec<NamedCount>,
    pub(super) silent: Vec<Instance>,
    pub(super) ending: Vec<Instance>,
}

/// The page in a few numbers.
#[derive(Debug, Serialize)]
pub(super) struct Summary {
    since: Timestamp,
    until: Timestamp,
    calls: u64,
    errors: u64,
    tools: usize,
    silent: usize,
    ending: usize,
}

impl Summary {
    /// For a person.
    pub(super) fn details(&self) -> Vec<(&'static str, String)> {
        vec![
            ("SINCE", self.since.to_string()),
            ("UNTIL", self.until.to_string()),
            ("CALLS", self.calls.to_string()),
            ("ERRORS", self.errors.to_string()),
            ("TOOLS", self.tools.to_string()),
            ("SILENT", self.silent.to_string()),
            ("ENDING", self.ending.to_string()),
        ]
    }
}

impl Facts {
    /// Reads them all.
    pub(super) async fn read(args: &ReportArgs, invocation: &Invocation<'_>) -> Result<Self> {
        let hub = invocation.hub()?;
        let mut usage = args.usage.query();
        usage.since = usage.since.or_else(|| "30d".parse().ok());
        let series = SeriesQuery { common: usage.clone(), step: Some(Step::Day), tool: None };
        let whole = args.usage.client.is_none() && args.usage.instance.is_none();
        let (days, tools, errors, counts, silent, ending) = try_join!(
            hub.call::<ListUsageSeries>("", &series, &()),
            hub.call::<ListToolUsage>("", &usage, &()),
            hub.call::<ListUsageErrors>("", &usage, &()),
            hub.call::<ListUsageCounts>("", &usage, &()),
            instances(hub, whole, silent()),
            instances(hub, whole, ending()),
        )?;
        let UsageQuery { client, instance, .. } = usage;
        let of = instance.or(client).map(|word| word.as_str().to_owned());
        Ok(Self {
            since: days.since,
            until: days.until,
            made: invocation.out.times().now,
            of,
            days: days.items,
            tools: tools.items,
            errors: errors.items,
            counts: counts.items,
            silent,
            ending,
        })
    }

    /// All calls.
    pub(super) fn calls(&self) -> u64 {
        self.days.iter().map(|day| day.calls).sum()
    }

    /// All errors.
    pub(super) fn failed(&self) -> u64 {
        self.days.iter().map(|day| day.errors).sum()
    }

    /// The page in a few numbers.
    pub(super) fn summary(&self) -> Summary {
        Summary {
            since: self.since,
            until: self.until,
            calls: self.calls(),
            errors: self.failed(),
            tools: self.tools.len(),
            silent: self.silent.len(),
            ending: self.ending.len(),
        }
    }
}

fn span(text: &str) -> Option<Span> {
    text.parse().ok()
}

fn silent() -> FleetQuery {
    let sort = Some(InstanceSort::LastSeenAt);
    FleetQuery { silent_for: span("24h"), sort, ..FleetQuery::default() }
}

fn ending() -> FleetQuery {
    let sort = Some(InstanceSort::ExpiresAt);
    FleetQuery { expires_within: span("30d"), sort, ..FleetQuery::default() }
}

/// Instances of the fleet; a page about one client or instance has no such lists.
async fn instances(hub: &Hub<'_>, whole: bool, filter: FleetQuery) -> Result<Vec<Instance>> {
    if !whole {
        return Ok(Vec::new());
    }
    let query = |cursor, limit: Limit| {
        let common = InstanceQuery { cursor, limit: Some(limit), ..InstanceQuery::default() };
        FleetQuery { common, ..filter.clone() }
    };
    hub.all::<ListInstances, _>("", None, query).await
}
