//! The grammar of `hubctl client`.

use clap::{Args, Subcommand};
use hub_core::api::ClientStatus;
use hub_core::labels::LabelPair;
use hub_core::name::Slug;
use hub_core::text::{DisplayName, ExternalRef, SearchText};

use super::Targets;
use super::parse::{handle, slug};

/// What to do with clients.
#[derive(Debug, Subcommand)]
pub(crate) enum ClientCommand {
    /// List clients by slug
    #[command(visible_alias = "ls")]
    List(ClientListArgs),
    /// Show a client
    Get(ClientArg),
    /// Create a client
    Create(ClientCreateArgs),
    /// Create a client, or make an existing one what is given here
    Ensure(ClientEnsureArgs),
    /// Change a client
    Update(ClientUpdateArgs),
    /// Suspend a client: all its instances are refused
    Suspend(Targets),
    /// End a client's suspension
    Reactivate(Targets),
    /// Delete a client
    Delete(ClientDeleteArgs),
}

/// Filters of `client list`.
#[derive(Debug, Args)]
pub(crate) struct ClientListArgs {
    /// Part of the slug or name
    #[arg(long, value_name = "TEXT")]
    pub(crate) search: Option<SearchText>,
    /// active or suspended
    #[arg(long)]
    pub(crate) status: Option<ClientStatus>,
    /// With this label; repeat for several
    #[arg(long = "label", value_name = "KEY=VALUE")]
    pub(crate) labels: Vec<LabelPair>,
    /// Stop after so many
    #[arg(long, value_name = "N")]
    pub(crate) limit: Option<usize>,
}

/// Which client.
#[derive(Debug, Args)]
pub(crate) struct ClientArg {
    /// Its slug or id
    #[arg(value_parser = handle)]
    pub(crate) client: String,
}

/// What a client is made of.
#[derive(Debug, Args)]
pub(crate) struct ClientFields {
    /// Name for people [default: the slug]
    #[arg(long)]
    pub(crate) name: Option<DisplayName>,
    /// Where your own records have it
    #[arg(long, value_name = "REF")]
    pub(crate) external_ref: Option<ExternalRef>,
    /// A label; repeat for several, which together are the whole set
    #[arg(long = "label", value_name = "KEY=VALUE")]
    pub(crate) labels: Vec<LabelPair>,
}

/// Arguments of `client create`.
#[derive(Debug, Args)]
pub(crate) struct ClientCreateArgs {
    /// Its handle; made from the name when absent
    #[arg(value_parser = slug, required_unless_present = "name")]
    pub(crate) slug: Option<Slug>,
    #[command(flatten)]
    pub(crate) fields: ClientFields,
    /// Leave one that exists as it is, and succeed
    #[arg(long, requires = "slug")]
    pub(crate) if_not_exists: bool,
}

/// Arguments of `client ensure`.
#[derive(Debug, Args)]
pub(crate) struct ClientEnsureArgs {
    /// Its handle
    #[arg(value_parser = slug)]
    pub(crate) slug: Slug,
    #[command(flatten)]
    pub(crate) fields: ClientFields,
}

/// Arguments of `client update`.
#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("change").required(true).multiple(true))]
pub(crate) struct ClientUpdateArgs {
    /// Its slug or id
    #[arg(value_parser = handle)]
    pub(crate) client: String,
    /// New name for people
    #[arg(long, group = "change")]
    pub(crate) name: Option<DisplayName>,
    /// Where your own records have it
    #[arg(long, value_name = "REF", group = "change")]
    pub(crate) external_ref: Option<ExternalRef>,
    /// Forget where your own records have it
    #[arg(long, group = "change", conflicts_with = "external_ref")]
    pub(crate) no_external_ref: bool,
    /// A label; repeat for several, which together are the whole new set
    #[arg(long = "label", value_name = "KEY=VALUE", group = "change")]
    pub(crate) labels: Vec<LabelPair>,
    /// Remove all labels
    #[arg(long, group = "change", conflicts_with = "labels")]
    pub(crate) no_labels: bool,
}

/// Arguments of `client delete`.
#[derive(Debug, Args)]
pub(crate) struct ClientDeleteArgs {
    #[command(flatten)]
    pub(crate) targets: Targets,
    /// Delete its instances too
    #[arg(long)]
    pub(crate) cascade: bool,
    /// Succeed when there is none
    #[arg(long)]
    pub(crate) if_exists: bool,
}
