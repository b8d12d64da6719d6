//! Settings: flag, environment, default, in this order; and where each came from.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use clap::parser::ValueSource;
use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};
use hub_core::key::AdminKey;
use ipnet::IpNet;
use zeroize::Zeroizing;

use crate::store::{DatabaseUrl, MalformedUrl};

/// The licensing and telemetry hub of the LetsBe Cloud platform.
///
/// Without any configuration it listens on 127.0.0.1:8200 and keeps everything in ./hub-data.
#[derive(Debug, Parser)]
#[command(name = "hubd", version, args_conflicts_with_subcommands = false)]
pub struct Cli {
    /// What to do; serve when absent.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// The settings, as flags.
    #[command(flatten)]
    pub config: Config,
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

/// The settings.
#[derive(Debug, Clone, Args)]
pub struct Config {
    /// Address to listen on; port 0 takes a free one
    #[arg(long, global = true, env = "HUBD_LISTEN", default_value = "127.0.0.1:8200")]
    pub listen: SocketAddr,

    /// Folder for the SQLite file and the owner key
    #[arg(long, global = true, env = "HUBD_DATA_DIR", default_value = "hub-data")]
    pub data_dir: PathBuf,

    /// `sqlite://PATH` or `postgres://USER@HOST/DATABASE` [default: hub.db in the data folder]
    #[arg(long, global = true, env = "HUBD_DATABASE_URL", hide_env_values = true, value_name = "URL", value_parser = GivenUrl::read)]
    pub database: Option<GivenUrl>,

    /// File with the bootstrap owner key; `HUBD_ADMIN_API_KEY` holds the key itself
    #[arg(long, global = true, env = "HUBD_ADMIN_API_KEY_FILE", value_name = "PATH")]
    pub admin_api_key_file: Option<PathBuf>,

    /// What to log: error, warn, info, debug, trace, or a filter such as hubd=debug
    #[arg(long, global = true, env = "HUBD_LOG", default_value = "info")]
    pub log: String,

    /// Networks of reverse proxies whose X-Forwarded-For is believed
    #[arg(
        long,
        global = true,
        env = "HUBD_TRUSTED_PROXIES",
        value_delimiter = ',',
        value_name = "CIDR"
    )]
    pub trusted_proxies: Vec<IpNet>,

    /// For how long the previous hub key works after an activation
    #[arg(long, global = true, env = "HUBD_ACTIVATION_OVERLAP", default_value = "10m", value_parser = humantime::parse_duration)]
    pub activation_overlap: Duration,

    /// Wrong keys that an address may send at once
    #[arg(long, global = true, env = "HUBD_GUESS_BURST", default_value = "20")]
    pub guess_burst: NonZeroU32,

    /// After that, one wrong key in so long a time
    #[arg(long, global = true, env = "HUBD_GUESS_PERIOD", default_value = "2s", value_parser = humantime::parse_duration)]
    pub guess_period: Duration,

    /// How long a request's head may take
    #[arg(long, global = true, env = "HUBD_HEAD_TIMEOUT", default_value = "10s", value_parser = humantime::parse_duration)]
    pub head_timeout: Duration,

    /// How long a request's body may take
    #[arg(long, global = true, env = "HUBD_BODY_TIMEOUT", default_value = "10s", value_parser = humantime::parse_duration)]
    pub body_timeout: Duration,

    /// How long a connection may be idle
    #[arg(long, global = true, env = "HUBD_IDLE_TIMEOUT", default_value = "75s", value_parser = humantime::parse_duration)]
    pub idle_timeout: Duration,

    /// How long a stop may wait for requests that were begun
    #[arg(long, global = true, env = "HUBD_STOP_TIMEOUT", default_value = "25s", value_parser = humantime::parse_duration)]
    pub stop_timeout: Duration,

    /// Connections at once
    #[arg(long, global = true, env = "HUBD_MAX_CONNECTIONS", default_value_t = 12_000)]
    pub max_connections: usize,

    /// Public requests worked on at once
    #[arg(long, global = true, env = "HUBD_MAX_PUBLIC_REQUESTS", default_value_t = 4096)]
    pub max_public_requests: usize,

    /// Admin requests worked on at once
    #[arg(long, global = true, env = "HUBD_MAX_ADMIN_REQUESTS", default_value_t = 256)]
    pub max_admin_requests: usize,

    /// Bytes of telemetry reports read at once
    #[arg(long, global = true, env = "HUBD_MAX_REPORT_BYTES", default_value_t = 32 << 20, value_parser = report_bytes)]
    pub max_report_bytes: usize,

    /// For how long usage is kept by hour, at least 9 days
    #[arg(long, global = true, env = "HUBD_HOURS_KEPT", default_value = "14d", value_parser = hours_kept)]
    pub hours_kept: Duration,

    /// For how long usage is kept by day
    #[arg(long, global = true, env = "HUBD_DAYS_KEPT", default_value = "400d", value_parser = humantime::parse_duration)]
    pub days_kept: Duration,

    /// How often days are made of hours, and old usage is deleted
    #[arg(long, global = true, env = "HUBD_ROLLUP_EVERY", default_value = "10m", value_parser = humantime::parse_duration)]
    pub rollup_every: Duration,

    /// Activations, reports, and key checks, that may wait for their turn
    #[arg(long, global = true, env = "HUBD_QUEUE", default_value_t = 1024, value_parser = queue_length)]
    pub queue: usize,

    /// PostgreSQL connections of this replica
    #[arg(long, global = true, env = "HUBD_DATABASE_CONNECTIONS", default_value_t = 10, value_parser = clap::value_parser!(u32).range(2..=1000))]
    pub database_connections: u32,

    /// `PgBouncer` in transaction mode is in between: no named statements, no session settings
    #[arg(long, global = true, env = "HUBD_PGBOUNCER")]
    pub pgbouncer: bool,
}

/// A database URL as it was given. It is looked at after clap, which quotes a value that it refuses:
/// this one may hold a password.
#[derive(Debug, Clone)]
pub struct GivenUrl(Result<DatabaseUrl, MalformedUrl>);

/// The variable that holds the bootstrap key itself. It is no flag: flags are seen by everyone on the
/// machine.
const ADMIN_KEY: &str = "HUBD_ADMIN_API_KEY";

/// Settings that do not fit together. The text is for the operator and holds no secret.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A variable with the hub's prefix that the hub does not know.
    #[error("unknown variable {0}: `hubd --help` names all that there are")]
    UnknownVariable(String),
    /// The database URL is none.
    #[error("--database (HUBD_DATABASE_URL) {0}")]
    Database(#[from] MalformedUrl),
    /// Both ways to set the bootstrap key.
    #[error("set either HUBD_ADMIN_API_KEY or HUBD_ADMIN_API_KEY_FILE, not both")]
    TwoAdminKeys,
    /// The file cannot be read.
    #[error("cannot read the admin key file {path}: {source}")]
    AdminKeyFile {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The text is no admin key.
    #[error(
        "the bootstrap admin key must be 32 to 128 visible ASCII characters \
         (or lb_admin_ and 32 hex digits)"
    )]
    MalformedAdminKey,
}

/// Settings as they are in force.
pub struct Settings {
    /// What to do.
    pub command: Command,
    /// All that has a flag.
    pub config: Config,
    /// Where the database is.
    pub database: DatabaseUrl,
    /// The key that the operator set.
    pub bootstrap_key: Option<AdminKey>,
    origins: Vec<(String, String, &'static str)>,
}

impl Settings {
    /// Reads flags and environment. Exits with a usage error, or after help, as clap does.
    ///
    /// # Errors
    /// [`ConfigError`].
    pub fn read(
        arguments: impl IntoIterator<Item = OsString>,
        environment: impl IntoIterator<Item = (OsString, OsString)>,
    ) -> Result<Self, ConfigError> {
        let command = Cli::command();
        let known: Vec<String> = command
            .get_arguments()
            .filter_map(|argument| Some(argument.get_env()?.to_str()?.to_owned()))
            .collect();
        let mut key = None;
        for (name, value) in environment {
            let Some(name) = name.to_str().filter(|name| name.starts_with("HUBD_")) else {
                continue;
            };
            if cfg!(feature = "proof") && name.starts_with("HUBD_PROOF_") {
                continue;
            }
            if name == ADMIN_KEY {
                key = value.into_string().ok().map(Zeroizing::new);
            } else if !known.iter().any(|known| known == name) {
                return Err(ConfigError::UnknownVariable(name.to_owned()));
            }
        }
        let matches = command.get_matches_from(arguments);
        let cli = Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
        let bootstrap_key = bootstrap_key(key, cli.config.admin_api_key_file.as_ref())?;
        let origins = origins(&matches);
        let command = cli.command.unwrap_or(Command::Serve);
        let database = match &cli.config.database {
            Some(given) => given.0.clone()?,
            None => DatabaseUrl::sqlite(&cli.config.data_dir.join("hub.db")),
        };
        Ok(Self { command, config: cli.config, database, bootstrap_key, origins })
    }

    /// Each setting, its value and where it comes from, one a line. Secrets are masked.
    #[must_use]
    pub fn describe(&self) -> String {
        let width = self.origins.iter().map(|(name, ..)| name.len()).max().unwrap_or(0);
        let mut lines: Vec<String> = self
            .origins
            .iter()
            .map(|(name, value, origin)| {
                let value = match name.as_str() {
                    "database" => self.database.to_string(),
                    _ => value.clone(),
                };
                format!("{name:width$}  {value}  ({origin})\n")
            })
            .collect();
        if let Some(key) = &self.bootstrap_key {
            let name = "admin-api-key";
            lines.push(format!("{name:width$}  <fingerprint {}>\n", key.hash().fingerprint()));
        }
        lines.concat()
    }
}

fn bootstrap_key(
    variable: Option<Zeroizing<String>>,
    file: Option<&PathBuf>,
) -> Result<Option<AdminKey>, ConfigError> {
    let text = match (variable, file) {
        (Some(_), Some(_)) => return Err(ConfigError::TwoAdminKeys),
        (Some(text), None) => text,
        (None, Some(path)) => Zeroizing::new(
            std::fs::read_to_string(path)
                .map_err(|source| ConfigError::AdminKeyFile { path: path.clone(), source })?,
        ),
        (None, None) => return Ok(None),
    };
    let key = AdminKey::parse(text.trim_end_matches(['\r', '\n']));
    key.map(Some).map_err(|_| ConfigError::MalformedAdminKey)
}

fn origins(matches: &clap::ArgMatches) -> Vec<(String, String, &'static str)> {
    let command = Cli::command();
    let arguments = command.get_arguments().filter(|argument| argument.get_env().is_some());
    arguments
        .map(|argument| {
            let id = argument.get_id().as_str();
            let raw = matches.get_raw(id).into_iter().flatten();
            let value = raw.map(|value| value.to_string_lossy()).collect::<Vec<_>>().join(",");
            let origin = match matches.value_source(id) {
                Some(ValueSource::CommandLine) => "flag",
                Some(ValueSource::EnvVariable) => "environment",
                _ => "default",
            };
            (id.replace('_', "-"), value, origin)
        })
        .collect()
}

impl GivenUrl {
    #[expect(clippy::unnecessary_wraps, reason = "clap asks for a parser that may fail")]
    fn read(text: &str) -> Result<Self, std::convert::Infallible> {
        Ok(Self(text.parse()))
    }
}

/// A report for a day may come up to 8 days after it: its hours must still be there.
fn hours_kept(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(kept) if kept >= Duration::from_hours(9 * 24) => Ok(kept),
        _ => Err("must be a duration of at least 9d".to_owned()),
    }
}

/// At least one report of the size that one may have.
fn report_bytes(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(bytes @ 1_048_576..) => Ok(bytes),
        _ => Err("must be a number of bytes, at least 1048576".to_owned()),
    }
}

fn queue_length(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(length @ 1..=1_000_000) => Ok(length),
        _ => Err("must be a number from 1 to 1000000".to_owned()),
    }
}
