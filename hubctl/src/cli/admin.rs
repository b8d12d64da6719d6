//! The grammar of `hubctl admin-key` and `hubctl audit`.

use clap::{Args, Subcommand};
use hub_core::api::{Action, Role};
use hub_core::name::KeyName;
use hub_core::text::Word;
use hub_core::time::Moment;

use super::examples;
use super::parse::{action, key_name, moment};
use super::{SinkArgs, Targets};
use crate::words::End;

/// What to do with admin keys.
#[derive(Debug, Subcommand)]
pub(crate) enum AdminKeyCommand {
    /// List admin keys
    #[command(visible_alias = "ls")]
    #[command(after_help = examples::ADMIN_KEY_LIST)]
    List,
    /// Create an admin key
    #[command(after_help = examples::ADMIN_KEY_CREATE)]
    Create(AdminKeyCreateArgs),
    /// Revoke an admin key; it stops at once
    #[command(visible_alias = "delete")]
    #[command(after_help = examples::ADMIN_KEY_REVOKE)]
    Revoke(AdminKeyRevokeArgs),
}

/// Arguments of `admin-key create`.
#[derive(Debug, Args)]
pub(crate) struct AdminKeyCreateArgs {
    /// Its name
    #[arg(value_parser = key_name)]
    pub(crate) name: KeyName,
    /// viewer, provisioner, operator or owner
    #[arg(long)]
    pub(crate) role: Role,
    /// When it ends: a date, an RFC 3339 time, or a span from now such as 90d [default: never]
    #[arg(long, value_name = "TIME")]
    pub(crate) expires_at: Option<End>,
    /// Succeed without a change if it exists already
    #[arg(long)]
    pub(crate) if_not_exists: bool,
    #[command(flatten)]
    pub(crate) sink: SinkArgs,
}

/// Arguments of `admin-key revoke`.
#[derive(Debug, Args)]
pub(crate) struct AdminKeyRevokeArgs {
    #[command(flatten)]
    pub(crate) targets: Targets,
    /// Succeed if it does not exist
    #[arg(long)]
    pub(crate) if_exists: bool,
}

/// What to do with the audit log.
#[derive(Debug, Subcommand)]
pub(crate) enum AuditCommand {
    /// List changes, newest first
    #[command(visible_alias = "ls", after_help = examples::AUDIT_LIST)]
    List(AuditListArgs),
    /// Recompute the chain of hashes; exit 6 if it is broken, or lacks what was its head here before
    #[command(after_help = examples::AUDIT_VERIFY)]
    Verify,
}

/// Filters of `audit list`.
#[derive(Debug, Args)]
pub(crate) struct AuditListArgs {
    /// At or after: a date, an RFC 3339 time, or a span before now such as 24h [default: 7 days before the end]
    #[arg(long, value_parser = moment)]
    pub(crate) since: Option<Moment>,
    /// Before
    #[arg(long, value_parser = moment)]
    pub(crate) until: Option<Moment>,
    /// By admin:NAME, instance:HANDLE or system
    #[arg(long)]
    pub(crate) actor: Option<Word>,
    /// Such as instance.activate
    #[arg(long, value_parser = action)]
    pub(crate) action: Option<Action>,
    /// A handle or key name
    #[arg(long)]
    pub(crate) target: Option<Word>,
    /// Stop after N rows
    #[arg(long, value_name = "N")]
    pub(crate) limit: Option<usize>,
}
