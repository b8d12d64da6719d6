//! The grammar of `hubctl client`.

use super::examples;
use clap::{Args, Subcommand};
use hub_core::api::NewClient;
use hub_core::fields::Patch;
use hub_core::labels::{LabelPair, Labels};
use hub_core::model::{ClientPatch, ClientStatus};
use hub_core::name::Slug;
use hub_core::text::{DisplayName, ExternalRef, ReasonCode, SearchText};

use super::parse::slug;
use super::{LabelArgs, Targets};
use crate::error::{Failure, Result};

/// What to do with clients.
#[derive(Debug, Subcommand)]
pub(crate) enum ClientCommand {
    /// List clients by slug
    #[command(after_help = examples::CLIENT_LIST)]
    #[command(visible_alias = "ls")]
    List(ClientListArgs),
    /// Show a client
    #[command(after_help = examples::CLIENT_GET)]
    Get(Targets),
    /// Create a client, or several
    #[command(after_help = examples::CLIENT_CREATE)]
    Create(ClientCreateArgs),
    /// Create a client, or give an existing one these fields
    #[command(after_help = examples::CLIENT_ENSURE)]
    Ensure(ClientEnsureArgs),
    /// Change a client
    #[command(after_help = examples::CLIENT_UPDATE)]
    #[command(override_usage = "hubctl client update [OPTIONS] [HANDLE]...")]
    Update(ClientUpdateArgs),
    /// Suspend a client: the hub refuses all its instances
    #[command(after_help = examples::CLIENT_SUSPEND)]
    Suspend(ClientSuspendArgs),
    /// End a client's suspension
    #[command(after_help = examples::CLIENT_REACTIVATE)]
    Reactivate(Targets),
    /// Delete a client
    #[command(after_help = examples::CLIENT_DELETE)]
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
    /// Stop after N rows
    #[arg(long, value_name = "N")]
    pub(crate) limit: Option<usize>,
}

/// The fields of a client.
#[derive(Debug, Args)]
pub(crate) struct ClientFields {
    /// Name for people [default: the slug]
    #[arg(long)]
    pub(crate) name: Option<DisplayName>,
    /// Reference to your own records, such as crm:4711
    #[arg(long, value_name = "REF")]
    pub(crate) external_ref: Option<ExternalRef>,
    #[command(flatten)]
    pub(crate) labels: LabelArgs,
}

impl ClientFields {
    /// The fields that were given, as a patch: the others stay as they are.
    pub(crate) fn patch(&self, present: &Labels) -> ClientPatch {
        ClientPatch {
            name: self.name.clone(),
            external_ref: self.external_ref.clone().map_or(Patch::Keep, Patch::Set),
            labels: self.labels.of(present),
            status: None,
            reason: None,
        }
    }

    /// The clients that get these fields; a name and a reference are of one client only.
    pub(crate) fn of(&self, slugs: &[Slug], stdin: bool) -> Result<Targets> {
        let own = if self.name.is_some() { Some("--name") } else { None };
        let own = own.or(self.external_ref.is_some().then_some("--external-ref"));
        if let Some(own) = own.filter(|_| stdin || slugs.len() > 1) {
            return Err(Failure::usage(format!(
                "{own} is for one client, and several may be meant"
            ))
            .hint("give one handle, or leave it out"));
        }
        Ok(Targets { handles: slugs.iter().map(ToString::to_string).collect(), stdin })
    }

    /// A new client with these fields. Without a name it gets its slug as one.
    pub(crate) fn new_client(&self, slug: Option<&Slug>) -> Result<NewClient> {
        let name = self.name.clone();
        let name = name.or_else(|| slug.and_then(|slug| DisplayName::new(slug.as_str())));
        Ok(NewClient {
            name: name.ok_or_else(|| Failure::usage("--name is missing"))?,
            slug: slug.cloned(),
            external_ref: self.external_ref.clone(),
            labels: self.labels.of(&Labels::default()),
        })
    }
}

/// Arguments of `client create`.
#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("named").args(["slugs", "stdin"]))]
pub(crate) struct ClientCreateArgs {
    /// Its handle, or several [default: made from the name]
    #[arg(value_name = "SLUG", value_parser = slug, required_unless_present_any = ["name", "stdin"])]
    pub(crate) slugs: Vec<Slug>,
    /// Read handles from standard input, one a line
    #[arg(long)]
    pub(crate) stdin: bool,
    #[command(flatten)]
    pub(crate) fields: ClientFields,
    /// Succeed without a change if it exists already
    #[arg(long, requires = "named")]
    pub(crate) if_not_exists: bool,
}

/// Arguments of `client ensure`.
#[derive(Debug, Args)]
pub(crate) struct ClientEnsureArgs {
    /// Its handle, or several
    #[arg(value_name = "SLUG", value_parser = slug, required_unless_present = "stdin")]
    pub(crate) slugs: Vec<Slug>,
    /// Read handles from standard input, one a line
    #[arg(long, conflicts_with = "slugs")]
    pub(crate) stdin: bool,
    #[command(flatten)]
    pub(crate) fields: ClientFields,
}

/// Arguments of `client update`.
#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("change").required(true).multiple(true)
    .args(["name", "external_ref", "no_external_ref", "labels", "no_labels"]))]
pub(crate) struct ClientUpdateArgs {
    #[command(flatten)]
    pub(crate) targets: Targets,
    /// New name for people
    #[arg(long)]
    pub(crate) name: Option<DisplayName>,
    /// Reference to your own records, such as crm:4711
    #[arg(long, value_name = "REF")]
    pub(crate) external_ref: Option<ExternalRef>,
    /// Remove the external reference
    #[arg(long, conflicts_with = "external_ref")]
    pub(crate) no_external_ref: bool,
    #[command(flatten)]
    pub(crate) labels: LabelArgs,
}

impl ClientUpdateArgs {
    /// The change that was asked for, of a client with these labels.
    pub(crate) fn patch(&self, present: &Labels) -> ClientPatch {
        ClientPatch {
            name: self.name.clone(),
            external_ref: match &self.external_ref {
                Some(reference) => Patch::Set(reference.clone()),
                None if self.no_external_ref => Patch::Clear,
                None => Patch::Keep,
            },
            labels: self.labels.of(present),
            status: None,
            reason: None,
        }
    }
}

/// Arguments of `client suspend`.
#[derive(Debug, Args)]
pub(crate) struct ClientSuspendArgs {
    #[command(flatten)]
    pub(crate) targets: Targets,
    /// The reason, as a code such as unpaid
    #[arg(long, value_name = "CODE")]
    pub(crate) reason: Option<ReasonCode>,
}

/// Arguments of `client delete`.
#[derive(Debug, Args)]
pub(crate) struct ClientDeleteArgs {
    #[command(flatten)]
    pub(crate) targets: Targets,
    /// Delete its instances too
    #[arg(long)]
    pub(crate) cascade: bool,
    /// Succeed if it does not exist
    #[arg(long)]
    pub(crate) if_exists: bool,
}
