//! The settings and where each comes from: a flag, otherwise a variable, otherwise the default.
//!
//! Each room defines its own section of the settings and gets that section as one value. [`resolve`] is
//! pure: it takes the arguments and the environment as values, and reads no file.

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
/// Without any configuration hubd listens on 127.0.0.1:8200 and keeps everything in ./hub-data.
#[derive(Debug, Parser)]
#[command(name = "hubd", version, args_conflicts_with_subcommands = false)]
struct Cli {
    /// What to do; the default is serve.
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

/// The commands of hubd.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Subcommand)]
pub enum Command {
    /// Serve the API (the default)
    Serve,
    /// Migrate the database to the schema of this version, then exit
    Migrate,
    /// Check the database and its audit chain without writing anything, then exit
    Check,
    /// Owner keys for whoever owns this machine
    #[command(subcommand)]
    AdminKey(AdminKeyCommand),
    /// Print the effective settings and where each comes from
    Config,
}

/// The commands for owner keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Subcommand)]
pub enum AdminKeyCommand {
    /// Make a new owner key and write it to admin.key in the data folder, whether the hub runs or not
    Reset,
}

/// The effective settings.
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

/// The text of a setting, and where the setting comes from.
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
