//! The grammar of `hubctl context` and `hubctl login`.

use clap::{Args, Subcommand};

use super::parse::handle;
use crate::words::{ContextName, Format};

/// What to do with contexts.
#[derive(Debug, Subcommand)]
pub(crate) enum ContextCommand {
    /// List contexts by name
    #[command(visible_alias = "ls")]
    List,
    /// Use a context from now on
    Use(ContextArg),
    /// Show what holds for a run, and where each value comes from
    #[command(visible_alias = "get")]
    Show(ContextShowArgs),
    /// Add a context without asking its hub; --admin-key-file is remembered, not copied
    Add(ContextAddArgs),
    /// Remove a context and the admin key in it
    #[command(visible_alias = "delete")]
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
    /// As if this context were used
    #[arg(value_parser = handle)]
    pub(crate) name: Option<String>,
}

/// Arguments of `context add`. The URL, the key's file and the certificates are options of every command.
#[derive(Debug, Args)]
pub(crate) struct ContextAddArgs {
    /// Its name
    pub(crate) name: ContextName,
    /// How results are written when it is used
    #[arg(long, value_name = "FORMAT")]
    pub(crate) default_output: Option<Format>,
    /// Leave one that exists as it is, and succeed
    #[arg(long)]
    pub(crate) if_not_exists: bool,
}

/// Arguments of `context remove`.
#[derive(Debug, Args)]
pub(crate) struct ContextRemoveArgs {
    /// Its name
    #[arg(value_parser = handle)]
    pub(crate) name: String,
    /// Succeed when there is none
    #[arg(long)]
    pub(crate) if_exists: bool,
}

/// Arguments of `login`. The URL, the key's file and the certificates are options of every command.
#[derive(Debug, Args)]
pub(crate) struct LoginArgs {
    /// The context's name [default: the current one without --url, else the hub's host]
    pub(crate) name: Option<ContextName>,
    /// How results are written when it is used
    #[arg(long, value_name = "FORMAT")]
    pub(crate) default_output: Option<Format>,
}
