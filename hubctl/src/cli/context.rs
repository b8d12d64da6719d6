//! The grammar of `hubctl context` and `hubctl login`.

use clap::{Args, Subcommand};

use super::examples;
use super::parse::handle;
use crate::words::{ContextName, Format};

/// What to do with contexts.
#[derive(Debug, Subcommand)]
pub(crate) enum ContextCommand {
    /// List contexts by name
    #[command(visible_alias = "ls")]
    #[command(after_help = examples::CONTEXT_LIST)]
    List,
    /// Make a context the current one
    #[command(after_help = examples::CONTEXT_USE)]
    Use(ContextArg),
    /// Show the settings in effect, and where each comes from
    #[command(visible_alias = "get")]
    #[command(after_help = examples::CONTEXT_SHOW)]
    Show(ContextShowArgs),
    /// Add a context without contacting its hub; the path of --admin-key-file is kept, not the key
    #[command(after_help = examples::CONTEXT_ADD)]
    Add(ContextAddArgs),
    /// Remove a context and the admin key in it
    #[command(visible_alias = "delete")]
    #[command(after_help = examples::CONTEXT_REMOVE)]
    Remove(ContextRemoveArgs),
}

/// Which context.
#[derive(Debug, Args)]
pub(crate) struct ContextArg {
    /// Its name
    #[arg(value_parser = handle)]
    pub(crate) name: String,
}

/// Arguments of `context show`.
#[derive(Debug, Args)]
pub(crate) struct ContextShowArgs {
    /// Show the settings with this context
    #[arg(value_parser = handle)]
    pub(crate) name: Option<String>,
}

/// Arguments of `context add`. The URL, the key's file and the certificates are options of every command.
#[derive(Debug, Args)]
pub(crate) struct ContextAddArgs {
    /// Its name
    pub(crate) name: ContextName,
    /// Output format when this context is used
    #[arg(long, value_name = "FORMAT")]
    pub(crate) default_output: Option<Format>,
    /// Succeed without a change if it exists already
    #[arg(long)]
    pub(crate) if_not_exists: bool,
}

/// Arguments of `context remove`.
#[derive(Debug, Args)]
pub(crate) struct ContextRemoveArgs {
    /// Its name
    #[arg(value_parser = handle)]
    pub(crate) name: String,
    /// Succeed if it does not exist
    #[arg(long)]
    pub(crate) if_exists: bool,
}

/// Arguments of `login`. The URL, the key's file and the certificates are options of every command.
#[derive(Debug, Args)]
pub(crate) struct LoginArgs {
    /// The context's name [default: the current one without --url, else the hub's host]
    pub(crate) name: Option<ContextName>,
    /// Output format when this context is used
    #[arg(long, value_name = "FORMAT")]
    pub(crate) default_output: Option<Format>,
}
