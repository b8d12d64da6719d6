//! The grammar of `hubctl telemetry`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use hub_core::api::{MinClients, Step, UsageQuery};
use hub_core::name::InstanceId;
use hub_core::redact::ToolName;
use hub_core::text::Word;
use hub_core::time::Moment;

use super::parse::{instance_id, moment, tool};

/// What to do with telemetry.
#[derive(Debug, Subcommand)]
pub(crate) enum TelemetryCommand {
    /// Show how each tool is used, most calls first
    Tools(UsageArgs),
    /// Show usage over time
    Series(SeriesArgs),
    /// Show errors by tool and code
    Errors(UsageArgs),
    /// Show named counts
    Counts(UsageArgs),
    /// Show what a hub would keep of a report; works offline
    Preview(PreviewArgs),
    /// Send a report of an instance, with its hub key; needs no admin key
    Send(SendArgs),
    /// The catalogue: the tool names that the hub keeps
    #[command(subcommand)]
    Catalogue(CatalogueCommand),
}

/// Filters of usage.
#[derive(Debug, Args)]
pub(crate) struct UsageArgs {
    /// From this hour: a date, an RFC 3339 time, or a span before now such as 24h [default: 7 days before the end]
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub(crate) since: Option<Moment>,
    /// Up to the end of this hour [default: now]
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub(crate) until: Option<Moment>,
    /// Of this client's instances: its slug or id
    #[arg(long, value_name = "HANDLE")]
    pub(crate) client: Option<Word>,
    /// Of this instance
    #[arg(long, value_name = "HANDLE")]
    pub(crate) instance: Option<Word>,
    /// Count rows of fewer than K clients under other
    #[arg(long, value_name = "K")]
    pub(crate) min_clients: Option<MinClients>,
}

impl UsageArgs {
    /// As a query.
    pub(crate) fn query(&self) -> UsageQuery {
        UsageQuery {
            since: self.since,
            until: self.until,
            client: self.client.clone(),
            instance: self.instance.clone(),
            min_clients: self.min_clients,
        }
    }
}

/// Arguments of `telemetry series`.
#[derive(Debug, Args)]
pub(crate) struct SeriesArgs {
    #[command(flatten)]
    pub(crate) usage: UsageArgs,
    /// The length of a step: 1h or 1d [default: 1h]
    #[arg(long, value_name = "SPAN")]
    pub(crate) step: Option<Step>,
    /// Of this tool
    #[arg(long, value_name = "NAME", value_parser = tool)]
    pub(crate) tool: Option<ToolName>,
}

/// Arguments of `telemetry preview`.
#[derive(Debug, Args)]
pub(crate) struct PreviewArgs {
    /// File with the report, `-` for standard input
    #[arg(default_value = "-")]
    pub(crate) file: PathBuf,
}

/// Arguments of `telemetry send`.
#[derive(Debug, Args)]
pub(crate) struct SendArgs {
    /// File with the report, `-` for standard input
    #[arg(default_value = "-")]
    pub(crate) file: PathBuf,
    /// File with the instance's hub key
    #[arg(long, value_name = "PATH")]
    #[arg(help = "File with the hub key, `-` for standard input [env: HUBCTL_HUB_KEY_FILE]")]
    pub(crate) hub_key_file: Option<PathBuf>,
    /// The instance that the report is from [default: the one that the hub key belongs to]
    #[arg(long, value_name = "HANDLE", value_parser = instance_id)]
    pub(crate) instance: Option<InstanceId>,
}

/// What to do with the catalogue.
#[derive(Debug, Subcommand)]
pub(crate) enum CatalogueCommand {
    /// Show the names; if there are none, the hub keeps every name that fits the grammar
    Get,
    /// Replace the names; tools with other names are counted under other
    Set(CatalogueSetArgs),
}

/// Arguments of `telemetry catalogue set`.
#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("names").required(true))]
pub(crate) struct CatalogueSetArgs {
    /// The names, such as browser.navigate
    #[arg(value_name = "NAME", value_parser = tool, group = "names")]
    pub(crate) tools: Vec<ToolName>,
    /// File with the names, one a line, `-` for standard input
    #[arg(long, value_name = "PATH", group = "names")]
    pub(crate) file: Option<PathBuf>,
    /// Remove all names
    #[arg(long, group = "names")]
    pub(crate) clear: bool,
}
