//! The grammar of `hubctl instance`.

use clap::{Args, Subcommand, ValueEnum};
use hub_core::api::{ActivationLimit, EffectiveStatus, GraceDays, OverlapSeconds};
use hub_core::labels::LabelPair;
use hub_core::name::InstanceId;
use hub_core::text::{ReasonCode, SearchText};
use hub_core::time::{Span, Timestamp};

use super::parse::{handle, instance_id, limit_or_none, overlap, span, time_or_never};
use super::{SinkArgs, Targets};
use crate::words::OrNone;

/// What to do with instances.
#[derive(Debug, Subcommand)]
pub(crate) enum InstanceCommand {
    /// List instances by handle
    #[command(visible_alias = "ls")]
    List(InstanceListArgs),
    /// Show an instance
    Get(InstanceArg),
    /// Issue an instance with its license
    #[command(visible_alias = "create")]
    Issue(InstanceIssueArgs),
    /// Issue an instance, or make an existing one what is given here
    Ensure(InstanceEnsureArgs),
    /// Change an instance's license terms and labels
    Update(InstanceUpdateArgs),
    /// Suspend an instance; effective for its next request
    Suspend(InstanceSuspendArgs),
    /// End an instance's suspension
    Reactivate(Targets),
    /// Delete an instance; its keys stop at once
    Delete(InstanceDeleteArgs),
    /// Wait until an instance is active, was heard of, is suspended or deleted
    Wait(InstanceWaitArgs),
    /// Replace the license key
    RotateLicense(RotateArgs),
    /// Replace the hub key
    RotateHubKey(RotateArgs),
}

/// Filters of `instance list`.
#[derive(Debug, Args)]
pub(crate) struct InstanceListArgs {
    /// Of this client only
    #[arg(long, value_parser = handle, conflicts_with_all = ["search", "silent_for", "expires_within"])]
    pub(crate) client: Option<String>,
    /// Part of the handle
    #[arg(long, value_name = "TEXT")]
    pub(crate) search: Option<SearchText>,
    /// `pending`, `active`, `suspended`, `client_suspended` or `expired`
    #[arg(long)]
    pub(crate) status: Option<EffectiveStatus>,
    /// With this label; repeat for several
    #[arg(long = "label", value_name = "KEY=VALUE")]
    pub(crate) labels: Vec<LabelPair>,
    /// Not heard of for so long, such as 24h
    #[arg(long, value_name = "SPAN", value_parser = span)]
    pub(crate) silent_for: Option<Span>,
    /// With a license that ends within this time, such as 30d
    #[arg(long, value_name = "SPAN", value_parser = span)]
    pub(crate) expires_within: Option<Span>,
    /// Stop after so many
    #[arg(long, value_name = "N")]
    pub(crate) limit: Option<usize>,
}

/// Which instance.
#[derive(Debug, Args)]
pub(crate) struct InstanceArg {
    /// Its handle
    #[arg(value_parser = handle)]
    pub(crate) instance: String,
}

/// The terms of a license, and labels.
#[derive(Debug, Clone, Args)]
pub(crate) struct TermArgs {
    /// When the license ends: an RFC 3339 time, or never
    #[arg(long, value_name = "TIME", value_parser = time_or_never)]
    pub(crate) expires_at: Option<OrNone<Timestamp>>,
    /// For how many days it works after that
    #[arg(long, value_name = "N")]
    pub(crate) grace_days: Option<GraceDays>,
    /// How often it may be activated: a number, or none for no limit
    #[arg(long, value_name = "N", value_parser = limit_or_none)]
    pub(crate) max_activations: Option<OrNone<ActivationLimit>>,
    /// What it entitles to; repeat for several, which together are the whole set
    #[arg(long = "entitlement", value_name = "NAME")]
    pub(crate) entitlements: Vec<String>,
    /// A label; repeat for several, which together are the whole set
    #[arg(long = "label", value_name = "KEY=VALUE")]
    pub(crate) labels: Vec<LabelPair>,
}

/// Arguments of `instance issue`.
#[derive(Debug, Args)]
pub(crate) struct InstanceIssueArgs {
    #[command(flatten)]
    pub(crate) new: InstanceNewArgs,
    /// Leave one that exists as it is, and succeed
    #[arg(long)]
    pub(crate) if_not_exists: bool,
}

/// Arguments of `instance ensure`.
#[derive(Debug, Args)]
pub(crate) struct InstanceEnsureArgs {
    #[command(flatten)]
    pub(crate) new: InstanceNewArgs,
    /// Make a new license where the sink does not hold the one that works
    ///
    /// Where the instance was never activated and the sink is a file, this is done without asking:
    /// nobody uses the license that was lost.
    #[arg(long, requires = "sink")]
    pub(crate) redeliver: bool,
}

/// What an instance is made of, and where its license goes.
#[derive(Debug, Args)]
pub(crate) struct InstanceNewArgs {
    /// Its handle
    #[arg(value_parser = instance_id)]
    pub(crate) instance: InstanceId,
    /// Slug or id of the client it is for
    #[arg(long, value_parser = handle)]
    pub(crate) client: String,
    #[command(flatten)]
    pub(crate) terms: TermArgs,
    #[command(flatten)]
    pub(crate) sink: SinkArgs,
}

/// Arguments of `instance update`.
#[derive(Debug, Args)]
pub(crate) struct InstanceUpdateArgs {
    /// Its handle
    #[arg(value_parser = handle)]
    pub(crate) instance: String,
    #[command(flatten)]
    pub(crate) terms: TermArgs,
    /// Remove all entitlements
    #[arg(long, conflicts_with = "entitlements")]
    pub(crate) no_entitlements: bool,
    /// Remove all labels
    #[arg(long, conflicts_with = "labels")]
    pub(crate) no_labels: bool,
}

/// Arguments of `instance suspend`.
#[derive(Debug, Args)]
pub(crate) struct InstanceSuspendArgs {
    #[command(flatten)]
    pub(crate) targets: Targets,
    /// Why, as a code such as unpaid
    #[arg(long, value_name = "CODE")]
    pub(crate) reason: Option<ReasonCode>,
}

/// Arguments of `instance delete`.
#[derive(Debug, Args)]
pub(crate) struct InstanceDeleteArgs {
    #[command(flatten)]
    pub(crate) targets: Targets,
    /// Succeed when there is none
    #[arg(long)]
    pub(crate) if_exists: bool,
}

/// What to wait for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Awaited {
    /// Its license works and it was activated.
    Active,
    /// It was heard of.
    Seen,
    /// It is suspended.
    Suspended,
    /// It is gone.
    Deleted,
}

/// Arguments of `instance wait`.
#[derive(Debug, Args)]
pub(crate) struct InstanceWaitArgs {
    /// Its handle; it need not exist yet
    #[arg(value_parser = handle)]
    pub(crate) instance: String,
    /// What to wait for; --timeout says how long
    #[arg(long = "for", value_name = "STATE", default_value = "active")]
    pub(crate) awaited: Awaited,
}

/// Arguments of the two rotations.
#[derive(Debug, Args)]
pub(crate) struct RotateArgs {
    /// The instance's handle
    #[arg(value_parser = handle)]
    pub(crate) instance: String,
    /// For how long the previous key still works, at most 7d
    #[arg(long, value_name = "DURATION", default_value = "0", value_parser = overlap)]
    pub(crate) overlap: OverlapSeconds,
    #[command(flatten)]
    pub(crate) sink: SinkArgs,
}
