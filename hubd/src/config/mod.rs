//! The settings and where each comes from: a flag, otherwise a variable, otherwise the default.
//!
//! Each room defines its own section of the settings and gets that section as one value. [`resolve`] is
//! pure: it takes the arguments and the environment as values, and reads no file.

mod bootstrap;
mod commands;
mod describe;
mod error;
mod resolve;
mod store;

pub use bootstrap::BootstrapKey;
pub use commands::{BackupArgs, CopyArgs, RestoreArgs};
pub use error::ConfigError;
pub use resolve::resolve;
pub(crate) use store::StoreSettings;

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Parser, Subcommand};

use crate::certificates::CertificateSettings;
use crate::hub::HubSettings;
use crate::metrics::MetricsSettings;
use crate::observe::LogFormat;
use crate::server::{ServerSettings, TlsSettings};

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
    tls: TlsSettings,

    #[command(flatten)]
    metrics: MetricsSettings,

    #[command(flatten)]
    store: store::StoreArgs,

    /// File with the bootstrap owner key; `HUBD_ADMIN_API_KEY` holds the key itself
    #[arg(long, value_name = "PATH")]
    admin_api_key_file: Option<PathBuf>,

    /// What to log: error, warn, info, debug, trace, or a filter such as hubd=debug
    #[arg(long, default_value = "info")]
    log: String,

    /// How to log: json, text, or auto: text on a terminal, JSON elsewhere
    #[arg(long, value_enum, default_value_t = LogFormat::Auto, hide_possible_values = true)]
    log_format: LogFormat,

    #[command(flatten)]
    certificates: CertificateSettings,

    #[command(flatten)]
    hub: HubSettings,
}

/// The commands of hubd.
#[derive(Debug, Clone, Subcommand)]
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
    /// Copy the SQLite database to a file, also while it is served, and verify the copy
    Backup(BackupArgs),
    /// Put a backup in the place of the database; the old files are kept aside
    Restore(RestoreArgs),
    /// Copy everything from one database to another, from SQLite to PostgreSQL or back
    Copy(CopyArgs),
    /// Add a key that signs certificates from the next reload on, then exit
    RotateCertificateKey,
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
    /// How to log.
    pub log_format: LogFormat,
    /// Where the bootstrap owner key is.
    pub bootstrap_key: BootstrapKey,
    pub(crate) server: ServerSettings,
    pub(crate) tls: TlsSettings,
    pub(crate) metrics: MetricsSettings,
    pub(crate) store: StoreSettings,
    pub(crate) certificates: CertificateSettings,
    pub(crate) hub: HubSettings,
    given: Vec<Given>,
}

impl Settings {
    /// Whether keys may go over plain HTTP to this address: they stay on this machine, a proxy speaks TLS,
    /// or the operator says so.
    pub(crate) fn may_speak_plain_http(&self, address: SocketAddr) -> bool {
        self.server.allow_plain_http
            || address.ip().to_canonical().is_loopback()
            || !self.hub.limits.trusted_proxies.is_empty()
    }
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
