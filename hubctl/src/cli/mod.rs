//! What can be typed: the tree of commands and the options that all of them share.
//!
//! Only the grammar lives here. What a value falls back to is decided in `settings`, what a command
//! does in `commands`.

mod admin;
mod asked;
mod client;
mod context;
mod fleet;
mod instance;
mod misuse;
mod pages;
mod parse;
mod telemetry;

pub(crate) use admin::*;
pub(crate) use asked::json_was_asked;
pub(crate) use client::*;
pub(crate) use context::*;
pub(crate) use fleet::*;
pub(crate) use instance::*;
pub(crate) use misuse::failure as misuse;
pub(crate) use pages::*;
pub(crate) use parse::duration;
pub(crate) use telemetry::*;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use hub_core::name::InstanceId;

use crate::words::{FieldPath, Format, SinkSpec};
use parse::{handle, http_method, instance_id};

/// Manage a licensing hub: clients, instances, their licenses and keys.
#[derive(Debug, Parser)]
#[command(name = "hubctl", version, propagate_version = true, arg_required_else_help = true)]
#[command(max_term_width = 100, disable_help_subcommand = true, after_help = TOPICS)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What `hubctl help` knows besides the commands.
const TOPICS: &str = "\
More: hubctl help exit-codes|environment|output|fleet. \
`hubctl login` keeps a hub's URL and admin key; `hubctl doctor` finds what is wrong.";

/// Options of every command.
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct Global {
    /// How results are written
    #[arg(help = "How results are written [env: HUBCTL_OUTPUT] [default: table]")]
    #[arg(short, long, global = true, value_name = "FORMAT")]
    pub(crate) output: Option<Format>,
    /// Only these fields of the API's JSON
    #[arg(help = "Only these fields of the API's JSON, such as instance_id,license.expires_at")]
    #[arg(long, global = true, value_name = "FIELDS", value_delimiter = ',')]
    pub(crate) fields: Vec<FieldPath>,
    /// Write handles only, one a line
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,
    /// Leave the header of tables out
    #[arg(long, global = true)]
    pub(crate) no_headers: bool,
    /// Which of the contexts to use
    #[arg(short, long, global = true, value_name = "NAME")]
    #[arg(help = "Use this context instead of the current one [env: HUBCTL_CONTEXT]")]
    pub(crate) context: Option<String>,
    /// Where the hub is
    #[arg(long, global = true, value_name = "URL")]
    #[arg(help = "Where the hub is [env: HUBCTL_URL] [default: http://127.0.0.1:8200]")]
    pub(crate) url: Option<String>,
    /// File with the admin key
    #[arg(long, global = true, value_name = "PATH")]
    #[arg(help = "File with the admin key, `-` for standard input [env: HUBCTL_ADMIN_KEY_FILE]")]
    pub(crate) admin_key_file: Option<PathBuf>,
    /// Longest time for a request with all its retries
    #[arg(long, global = true, value_name = "DURATION", value_parser = duration)]
    #[arg(
        help = "Longest time for a request with all its retries; a bare number is seconds [env: HUBCTL_TIMEOUT] [default: 30s]"
    )]
    pub(crate) timeout: Option<Duration>,
    /// How often a request is tried again
    #[arg(help = "How often a request is tried again [env: HUBCTL_RETRIES] [default: 3]")]
    #[arg(long, global = true, value_name = "N")]
    pub(crate) retries: Option<u32>,
    /// Take yes for the answer to every question
    #[arg(short, long, global = true)]
    pub(crate) yes: bool,
    /// Say what would be done, and do nothing
    #[arg(long, global = true)]
    pub(crate) dry_run: bool,
    /// Never ask; fail where an answer is needed
    #[arg(help = "Never ask; fail where an answer is needed [env: HUBCTL_NO_INPUT]")]
    #[arg(long, global = true)]
    pub(crate) no_input: bool,
    /// Whether to use colours
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub(crate) color: When,
    /// How times are written in tables [default: relative at a terminal, else iso]
    #[arg(long, global = true, value_name = "STYLE")]
    pub(crate) time: Option<TimeStyle>,
    /// Show requests on standard error, secrets masked
    #[arg(short, long, global = true)]
    pub(crate) verbose: bool,
    /// Trust the certificates in this PEM file too
    #[arg(help = "Trust the certificates in this PEM file too [env: HUBCTL_CACERT]")]
    #[arg(long, global = true, value_name = "PATH")]
    pub(crate) cacert: Option<PathBuf>,
}

/// Whether to use colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum When {
    /// As the terminal and the environment say.
    Auto,
    /// Also when piped.
    Always,
    /// Not at all.
    Never,
}

/// How times are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum TimeStyle {
    /// RFC 3339 in UTC.
    Iso,
    /// Such as `3 h ago`.
    Relative,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Clients: who instances are issued to
    #[command(subcommand, visible_alias = "clients")]
    Client(ClientCommand),
    /// Instances: one installation each, with its license and hub key
    #[command(subcommand, visible_alias = "instances")]
    Instance(InstanceCommand),
    /// Exchange a license for a hub key; needs no admin key
    Activate(ActivateArgs),
    /// Tell whether a license is valid, and why not; needs no admin key
    Validate(ValidateArgs),
    /// Telemetry: how the tools of all instances are used
    #[command(subcommand)]
    Telemetry(TelemetryCommand),
    /// Admin keys: who may manage the hub
    #[command(subcommand, visible_alias = "admin-keys")]
    AdminKey(AdminKeyCommand),
    /// The log of all changes
    #[command(subcommand, visible_alias = "audits")]
    Audit(AuditCommand),
    /// Show what a fleet file would change; changes nothing
    Plan(PlanArgs),
    /// Make the hub what a fleet file says, or carry out a saved plan
    Apply(ApplyArgs),
    /// Write what the hub holds as a fleet file
    Export(ExportArgs),
    /// Counts of what the hub holds
    Stats,
    /// Which admin key this is
    Whoami,
    /// The versions of hubctl and of the hub
    Version,
    /// Look for what keeps this hubctl from working with its hub
    Doctor,
    /// Contexts: the hubs that are worked with
    #[command(subcommand, visible_alias = "contexts")]
    Context(ContextCommand),
    /// Keep a hub's URL and admin key as a context, and use it from now on
    Login(LoginArgs),
    /// Call any path of the API, with the admin key where it takes one
    Api(ApiArgs),
    /// Read a key from standard input and write its fingerprint; asks no hub
    Fingerprint,
    /// Write the script that makes a shell complete hubctl's commands and live handles
    Completion(CompletionArgs),
    /// Write manual pages
    Man(ManArgs),
    /// Explain a command or a topic
    Help(HelpArgs),
}

/// One that is named, or many.
#[derive(Debug, Clone, Args)]
pub(crate) struct Targets {
    /// Its handle
    #[arg(value_parser = handle, required_unless_present = "stdin")]
    pub(crate) handle: Option<String>,
    /// Read handles from standard input, one a line; needs --yes where a question would be asked
    #[arg(long, conflicts_with = "handle")]
    pub(crate) stdin: bool,
}

/// Where a key that is made goes.
#[derive(Debug, Clone, Args)]
pub(crate) struct SinkArgs {
    /// Where the new key goes
    ///
    /// `file:PATH` (for its owner alone), `env-file:PATH?var=NAME` (a line among others), `stdout` (the
    /// key alone), `cmd:COMMAND` (on its standard input), `gha-output:NAME` and `gha-env:NAME` (of a step
    /// in GitHub Actions, masked). Without one the key is shown once at a terminal.
    #[arg(long, value_name = "SINK")]
    pub(crate) sink: Option<SinkSpec>,
    /// Take a folder that group or others can write
    #[arg(long)]
    pub(crate) allow_open_folder: bool,
}

/// Arguments of `activate`.
#[derive(Debug, Args)]
pub(crate) struct ActivateArgs {
    /// File with the license key, `-` for standard input
    #[arg(long, value_name = "PATH", default_value = "-")]
    pub(crate) license_file: PathBuf,
    /// Refuse unless the license is this instance's
    #[arg(long, value_name = "HANDLE", value_parser = instance_id)]
    pub(crate) instance: Option<InstanceId>,
    /// Change nothing while the hub key in the sink works
    #[arg(long)]
    pub(crate) if_needed: bool,
    #[command(flatten)]
    pub(crate) sink: SinkArgs,
}

/// Arguments of `validate`.
#[derive(Debug, Args)]
pub(crate) struct ValidateArgs {
    /// File with the license key, `-` for standard input
    #[arg(long, value_name = "PATH", default_value = "-")]
    pub(crate) license_file: PathBuf,
}

/// Arguments of `api`.
#[derive(Debug, Args)]
pub(crate) struct ApiArgs {
    /// Such as GET
    #[arg(value_parser = http_method)]
    pub(crate) method: http::Method,
    /// Such as /api/v1/admin/stats, with its query
    pub(crate) path: String,
    /// File with the JSON body, `-` for standard input
    #[arg(long, value_name = "PATH")]
    pub(crate) input: Option<PathBuf>,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_tree_is_sound() {
        super::Cli::command().debug_assert();
    }
}
