//! The grammar of `hubctl telemetry`.

use std::path::PathBuf;

use super::examples;
use clap::{Args, Subcommand, ValueEnum};
use hub_core::api::{MinClients, UsageQuery};
use hub_core::name::InstanceId;
use hub_core::redact::{CodeName, CountName, ToolName};
use hub_core::text::Word;
use hub_core::time::{Moment, Timestamp, start_of_day};

use super::parse::{instance_id, moment, tool};

/// What to do with telemetry.
#[derive(Debug, Subcommand)]
pub(crate) enum TelemetryCommand {
    /// Show how each tool is used, most calls first
    #[command(after_help = examples::TOOLS)]
    Tools(ToolsArgs),
    /// Show usage over time
    #[command(after_help = examples::SERIES)]
    Series(SeriesArgs),
    /// Show errors by tool and code
    #[command(after_help = examples::USAGE_ERRORS)]
    Errors(UsageArgs),
    /// Show named counts
    #[command(after_help = examples::USAGE_COUNTS)]
    Counts(UsageArgs),
    /// Write a page about the use of the fleet: charts, tools, errors, adoption
    #[command(after_help = examples::REPORT)]
    Report(ReportArgs),
    /// Show what a hub would keep of a report, and why not the rest
    #[command(after_help = examples::PREVIEW)]
    Preview(PreviewArgs),
    /// Send a report of an instance, with its hub key; needs no admin key
    #[command(after_help = examples::SEND)]
    Send(SendArgs),
    /// The catalogue: the names that the hub keeps
    #[command(subcommand)]
    #[command(after_help = examples::CATALOGUE)]
    Catalogue(CatalogueCommand),
}

/// Filters of usage.
#[derive(Debug, Args)]
pub(crate) struct UsageArgs {
    /// From this hour (or day, where only days are kept): a date, an RFC 3339 time, or a span before now such as 24h [default: 7 days before the end, 30 for `report`]
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

/// Arguments of `telemetry tools`.
#[derive(Debug, Args)]
pub(crate) struct ToolsArgs {
    #[command(flatten)]
    pub(crate) usage: UsageArgs,
    /// Show the use by each client or by each instance
    #[arg(long, value_name = "WHOM")]
    pub(crate) by: Option<By>,
}

/// Whose use is shown apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum By {
    /// Each client's.
    Client,
    /// Each instance's.
    Instance,
}

/// The length of a step of a series.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum SeriesStep {
    /// An hour.
    #[value(name = "1h")]
    Hour,
    /// A day in UTC.
    #[value(name = "1d")]
    Day,
    /// A week, from Monday on.
    #[value(name = "1w")]
    Week,
    /// A month.
    #[value(name = "1mo")]
    Month,
}

impl SeriesStep {
    /// The start of the step that a time is in; the time is the start of an hour or a day.
    pub(crate) fn start(self, at: Timestamp) -> Timestamp {
        const DAY: i64 = 86_400_000;
        match self {
            Self::Hour | Self::Day => at,
            Self::Week => {
                // 1970-01-01 was a Thursday.
                let day = at.unix_ms().div_euclid(DAY);
                Timestamp::from_unix_ms((day - (day + 3).rem_euclid(7)) * DAY)
            }
            Self::Month => {
                let text = at.to_string();
                start_of_day(&format!("{}-01", &text[..7])).unwrap_or(at)
            }
        }
    }
}

/// Arguments of `telemetry series`.
#[derive(Debug, Args)]
pub(crate) struct SeriesArgs {
    #[command(flatten)]
    pub(crate) usage: UsageArgs,
    /// The length of a step [default: 1h]
    #[arg(long, value_name = "SPAN")]
    pub(crate) step: Option<SeriesStep>,
    /// Of this tool; repeat for several
    #[arg(long = "tool", value_name = "NAME", value_parser = tool)]
    pub(crate) tools: Vec<ToolName>,
}

/// Arguments of `telemetry report`.
#[derive(Debug, Args)]
pub(crate) struct ReportArgs {
    #[command(flatten)]
    pub(crate) usage: UsageArgs,
    /// The file to write, such as fleet.html, `-` for standard output [default: standard output; with -o json and the like only the figures are written, in that format]
    #[arg(long, value_name = "PATH")]
    pub(crate) out: Option<PathBuf>,
}

/// Arguments of `telemetry preview`.
#[derive(Debug, Args)]
pub(crate) struct PreviewArgs {
    /// File with the report, `-` for standard input
    #[arg(default_value = "-")]
    pub(crate) file: PathBuf,
    /// File with the catalogue, as `catalogue get -o json` writes it; nothing is then asked of a hub
    #[arg(long, value_name = "PATH")]
    pub(crate) catalogue: Option<PathBuf>,
    /// File with an instance's hub key, to read the catalogue with instead of an admin key
    #[arg(long, value_name = "PATH", conflicts_with = "catalogue")]
    pub(crate) hub_key_file: Option<PathBuf>,
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
    /// Show the names in the catalogue
    #[command(after_help = examples::CATALOGUE_GET)]
    Get,
    /// Replace all names in the catalogue
    #[command(after_help = examples::CATALOGUE_SET)]
    Set(CatalogueSetArgs),
    /// Add names to the catalogue, or ask about each unlisted name of a report
    #[command(after_help = examples::CATALOGUE_ADD)]
    Add(CatalogueAddArgs),
    /// Remove names from the catalogue: the hub counts them under other from then on
    #[command(after_help = examples::CATALOGUE_REMOVE)]
    Remove(ListedNames),
}

/// Names on the command line.
#[derive(Debug, Default, Args)]
pub(crate) struct ListedNames {
    /// Tools, such as browser.navigate
    #[arg(value_name = "TOOL", value_parser = tool)]
    pub(crate) tools: Vec<ToolName>,
    /// An error code, such as TIMEOUT; may be repeated
    #[arg(long = "code", value_name = "CODE")]
    pub(crate) codes: Vec<CodeName>,
    /// A named count, such as `agents_online`; may be repeated
    #[arg(long = "count", value_name = "COUNT")]
    pub(crate) counts: Vec<CountName>,
}

/// Arguments of `telemetry catalogue set`.
#[derive(Debug, Args)]
pub(crate) struct CatalogueSetArgs {
    #[command(flatten)]
    pub(crate) names: ListedNames,
    /// File with all names, as `catalogue get -o json` writes them, `-` for standard input
    #[arg(long, value_name = "PATH", conflicts_with_all = ["tools", "codes", "counts"])]
    pub(crate) file: Option<PathBuf>,
    /// Remove all names
    #[arg(long, conflicts_with_all = ["tools", "codes", "counts", "file"])]
    pub(crate) clear: bool,
}

/// Arguments of `telemetry catalogue add`.
#[derive(Debug, Args)]
pub(crate) struct CatalogueAddArgs {
    #[command(flatten)]
    pub(crate) names: ListedNames,
    /// File with a report, `-` for standard input; asks about each of its names that is not listed
    #[arg(long, value_name = "PATH", conflicts_with_all = ["tools", "codes", "counts"])]
    pub(crate) from: Option<PathBuf>,
}
