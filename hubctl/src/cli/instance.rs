//! The grammar of `hubctl instance`.

use super::examples;
use clap::{Args, Subcommand, ValueEnum};
use hub_core::api::{ActivationLimit, EffectiveStatus, GraceDays, InstanceSort, OverlapSeconds};
use hub_core::fields::Field;
use hub_core::labels::{Entitlements, LabelPair, Labels};
use hub_core::model::InstancePatch;
use hub_core::name::InstanceId;
use hub_core::text::{ReasonCode, SearchText};
use hub_core::time::{Span, Timestamp};

use super::parse::{end_or_never, handle, instance_id, limit_or_none, overlap, span};
use super::{LabelArgs, SinkArgs, Targets};
use crate::error::{Failure, Result};
use crate::words::{End, OrNone};

/// What to do with instances.
#[derive(Debug, Subcommand)]
pub(crate) enum InstanceCommand {
    /// List instances by handle
    #[command(after_help = examples::INSTANCE_LIST)]
    #[command(visible_alias = "ls")]
    List(InstanceListArgs),
    /// Show an instance
    #[command(after_help = examples::INSTANCE_GET)]
    Get(Targets),
    /// Issue an instance with its license
    #[command(after_help = examples::INSTANCE_ISSUE)]
    #[command(visible_alias = "create")]
    Issue(InstanceIssueArgs),
    /// Issue an instance, or give an existing one these terms
    #[command(after_help = examples::INSTANCE_ENSURE)]
    Ensure(InstanceEnsureArgs),
    /// Change an instance's license terms and labels
    #[command(after_help = examples::INSTANCE_UPDATE)]
    Update(InstanceUpdateArgs),
    /// Move the end of a license on
    #[command(after_help = examples::INSTANCE_RENEW)]
    Renew(InstanceRenewArgs),
    /// Suspend an instance, from its next request on
    #[command(after_help = examples::INSTANCE_SUSPEND)]
    Suspend(InstanceSuspendArgs),
    /// End an instance's suspension
    #[command(after_help = examples::INSTANCE_REACTIVATE)]
    Reactivate(Targets),
    /// Delete an instance; its keys stop at once
    #[command(after_help = examples::INSTANCE_DELETE)]
    Delete(InstanceDeleteArgs),
    /// Wait until an instance is active, seen, suspended or deleted
    #[command(after_help = examples::INSTANCE_WAIT)]
    Wait(InstanceWaitArgs),
    /// Replace the license key
    #[command(after_help = examples::ROTATE_LICENSE)]
    RotateLicense(RotateArgs),
    /// Replace the hub key
    #[command(after_help = examples::ROTATE_HUB_KEY)]
    RotateHubKey(RotateArgs),
}

/// Filters of `instance list`.
#[derive(Debug, Args)]
pub(crate) struct InstanceListArgs {
    /// Only instances of this client
    #[arg(long, value_parser = handle, conflicts_with_all = ["search", "silent_for", "expires_within", "sort"])]
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
    /// Not seen for this long, such as 24h; leaves out what is suspended or pending
    #[arg(long, value_name = "SPAN", value_parser = span)]
    pub(crate) silent_for: Option<Span>,
    /// With a license that ends within this time, such as 30d, or is in its grace
    #[arg(long, value_name = "SPAN", value_parser = span)]
    pub(crate) expires_within: Option<Span>,
    /// Order: `instance_id`, `expires_at` (the next end first) or `last_seen_at` (the longest silent first)
    #[arg(long, value_name = "MEMBER")]
    pub(crate) sort: Option<InstanceSort>,
    /// Stop after N rows
    #[arg(long, value_name = "N")]
    pub(crate) limit: Option<usize>,
}

/// The terms of a license, and labels.
#[derive(Debug, Clone, Args)]
pub(crate) struct TermArgs {
    /// When the license ends, such as 2027-12-31, 90d or never
    ///
    /// A date (its end in UTC), an RFC 3339 time, a span from now, or never.
    #[arg(long, value_name = "TIME", value_parser = end_or_never)]
    pub(crate) expires_at: Option<OrNone<End>>,
    /// Days that the license still works after that
    #[arg(long, value_name = "N")]
    pub(crate) grace_days: Option<GraceDays>,
    /// Maximum number of activations, or none for no limit
    #[arg(long, hide_short_help = true, value_name = "N", value_parser = limit_or_none)]
    pub(crate) max_activations: Option<OrNone<ActivationLimit>>,
    /// An entitlement; repeat for several. They replace the whole set
    #[arg(long = "entitlement", value_name = "NAME")]
    pub(crate) entitlements: Vec<String>,
    #[command(flatten)]
    pub(crate) labels: LabelArgs,
}

impl TermArgs {
    /// The terms that were given, as a patch of these: the others stay as they are.
    pub(crate) fn patch(&self, present: &Labels, now: Timestamp) -> Result<InstancePatch> {
        let entitlements = self.entitlements.iter().cloned();
        let entitlements = (!self.entitlements.is_empty()).then(|| {
            Entitlements::new(entitlements)
                .ok_or_else(|| Failure::usage(format!("--entitlement {}", Entitlements::EXPECTED)))
        });
        Ok(InstancePatch {
            expires_at: OrNone::patch(self.expires_at.map(|end| end.map(|end| end.resolve(now)))),
            grace_days: self.grace_days,
            max_activations: OrNone::patch(self.max_activations),
            entitlements: entitlements.transpose()?,
            labels: self.labels.of(present),
        })
    }
}

/// Arguments of `instance issue`.
#[derive(Debug, Args)]
pub(crate) struct InstanceIssueArgs {
    #[command(flatten)]
    pub(crate) new: InstanceNewArgs,
    /// Succeed without a change if it exists already
    #[arg(long)]
    pub(crate) if_not_exists: bool,
}

/// Arguments of `instance ensure`.
#[derive(Debug, Args)]
pub(crate) struct InstanceEnsureArgs {
    #[command(flatten)]
    pub(crate) new: InstanceNewArgs,
    /// Make a new license if the sink does not hold the live one
    ///
    /// If the instance was never activated and the sink is a file, this happens without the flag: nobody
    /// can be using the license that was lost.
    #[arg(long, requires = "sink")]
    pub(crate) redeliver: bool,
}

/// The terms of an instance, and where its license goes.
#[derive(Debug, Args)]
pub(crate) struct InstanceNewArgs {
    /// Its handle
    #[arg(value_parser = instance_id)]
    pub(crate) instance: InstanceId,
    /// Slug or id of its client
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
    #[command(flatten)]
    pub(crate) targets: Targets,
    #[command(flatten)]
    pub(crate) terms: TermArgs,
    /// Remove all entitlements
    #[arg(long, conflicts_with = "entitlements")]
    pub(crate) no_entitlements: bool,
}

impl InstanceUpdateArgs {
    /// The change that was asked for, of an instance with these labels.
    pub(crate) fn patch(&self, present: &Labels, now: Timestamp) -> Result<InstancePatch> {
        let mut patch = self.terms.patch(present, now)?;
        if self.no_entitlements {
            patch.entitlements = Some(Entitlements::default());
        }
        Ok(patch)
    }
}

/// Arguments of `instance renew`.
#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("end").required(true).args(["span", "until"]))]
pub(crate) struct InstanceRenewArgs {
    #[command(flatten)]
    pub(crate) targets: Targets,
    /// This much later than its present end, or than now if that has passed, such as 365d
    #[arg(long = "for", value_name = "SPAN", value_parser = span)]
    pub(crate) span: Option<Span>,
    /// To this end: a date (its end in UTC), an RFC 3339 time, or a span from now such as 90d
    #[arg(long, value_name = "TIME")]
    pub(crate) until: Option<End>,
}

/// Arguments of `instance suspend`.
#[derive(Debug, Args)]
pub(crate) struct InstanceSuspendArgs {
    #[command(flatten)]
    pub(crate) targets: Targets,
    /// The reason, as a code such as unpaid
    #[arg(long, value_name = "CODE")]
    pub(crate) reason: Option<ReasonCode>,
}

/// Arguments of `instance delete`.
#[derive(Debug, Args)]
pub(crate) struct InstanceDeleteArgs {
    #[command(flatten)]
    pub(crate) targets: Targets,
    /// Succeed if it does not exist
    #[arg(long)]
    pub(crate) if_exists: bool,
}

/// What to wait for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Awaited {
    /// Its license works and it was activated.
    Active,
    /// It was seen.
    Seen,
    /// It is suspended.
    Suspended,
    /// It is gone.
    Deleted,
}

/// Arguments of `instance wait`.
#[derive(Debug, Args)]
pub(crate) struct InstanceWaitArgs {
    #[command(flatten)]
    pub(crate) targets: Targets,
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
    /// Time that the previous key still works, at most 7d [default: 0, after a question if it is in use]
    #[arg(long, value_name = "DURATION", value_parser = overlap)]
    pub(crate) overlap: Option<OverlapSeconds>,
    #[command(flatten)]
    pub(crate) sink: SinkArgs,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn none() -> TermArgs {
        TermArgs {
            expires_at: None,
            grace_days: None,
            max_activations: None,
            entitlements: Vec::new(),
            labels: LabelArgs { labels: Vec::new(), no_labels: false },
        }
    }

    fn patch(args: &TermArgs) -> Result<InstancePatch> {
        args.patch(&Labels::default(), Timestamp::UNIX_EPOCH)
    }

    #[test]
    fn the_given_terms_are_patched_and_no_others() {
        assert!(patch(&none()).unwrap().is_empty());
        let given = TermArgs { expires_at: Some(OrNone::None), ..none() };
        let sent = serde_json::to_value(patch(&given).unwrap()).unwrap();
        assert_eq!(sent, serde_json::json!({"expires_at": null}));
    }

    #[test]
    fn wrong_entitlements_are_a_usage_error() {
        let wrong = TermArgs { entitlements: vec!["NO".to_owned()], ..none() };
        assert!(patch(&wrong).is_err());
    }
}
