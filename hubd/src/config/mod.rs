//! The settings: flag, else variable, else default; and where each came from.
//!
//! Each room has a section of them and gets it whole. [`resolve`] is pure: it takes the arguments and
//! the environment as values, and reads no file.

mod bootstrap;
mod describe;
mod error;
mod resolve;
mod store;

pub use bootstrap::BootstrapKey;
pub use error::ConfigError;
pub use resolve::resolve;
pub(crate) use store::StoreSettings;

use std::path::PathBuf;

use clap::{Parser, Subcommand};

use crate::hub::HubSettings;
use crate::server::ServerSettings;

/// The licensing and telemetry hub of the LetsBe Cloud platform.
///
/// Without any configuration it listens on 127.0.0.1:8200 and keeps everything in ./hub-data.
#[derive(Debug, Parser)]
#[command(name = "hubd", version, args_conflicts_with_subcommands = false)]
struct Cli {
    /// What to do; serve when absent.
    #[command(subcommand)]
    command: Option<Command>,

    #[command(flatten)]
    server: ServerSettings,

    #[command(flatten)]
    store: store::StoreArgs,

    /// File with the bootstrap owner key; `HUBD_ADMIN_API_KEY` holds the key itself
    #[arg(long, value_name = "PATH")]
    admin_api_key_file: Option<PathBuf>,

    /// What to log: error, warn, info, debug, trace, or a filter such as hubd=debug
    #[arg(long, default_value = "info")]
    log: String,

    #[command(flatten)]
    hub: HubSettings,
}

/// What hubd can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Subcommand)]
pub enum Command {
    /// Serve the API (the default)
    Serve,
    /// Bring the database to this version's schema, then exit
    Migrate,
    /// Check the database and its audit chain, then exit
    Check,
    /// Print the effective settings and where each comes from
    Config,
}

/// The settings in force.
#[derive(Debug)]
pub struct Settings {
    /// What to do.
    pub command: Command,
    /// What to log.
    pub log: String,
    /// Where the bootstrap owner key is.
    pub bootstrap_key: BootstrapKey,
    pub(crate) server: ServerSettings,
    pub(crate) store: StoreSettings,
    pub(crate) hub: HubSettings,
    given: Vec<Given>,
}

/// A setting as text, and where it comes from.
#[derive(Debug)]
struct Given {
    /// The flag, without its dashes.
    name: String,
    value: String,
    origin: Origin,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Origin {
    Flag,
    Environment,
    Default,
}
