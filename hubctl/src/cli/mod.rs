//! The grammar: the tree of commands and the options that all of them share.
//!
//! `settings` decides what a missing value falls back to, `commands` what a command does.

mod admin;
mod asked;
mod certificate;
mod client;
mod context;
mod examples;
mod fleet;
mod instance;
mod misuse;
mod overview;
mod pages;
mod parse;
mod telemetry;

pub(crate) use admin::*;
pub(crate) use asked::json_was_asked;
pub(crate) use certificate::*;
pub(crate) use client::*;
pub(crate) use context::*;
pub(crate) use fleet::*;
pub(crate) use instance::*;
pub(crate) use misuse::failure as misuse;
pub(crate) use overview::overview;
pub(crate) use pages::*;
pub(crate) use parse::duration;
pub(crate) use telemetry::*;

use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};
use hub_core::labels::Labels;
use hub_core::name::InstanceId;
use hub_core::time::Span;

use crate::words::{FieldPath, Format, LabelChange, SinkSpec};
use parse::{handle, http_method, instance_id, span};

/// Manage a licensing hub: clients, instances, their licenses and keys.
#[derive(Debug, Parser)]
#[command(name = "hubctl", version, propagate_version = true, arg_required_else_help = true)]
#[command(max_term_width = 100, disable_help_subcommand = true, after_help = TOPICS)]
#[command(disable_help_flag = true, disable_version_flag = true)]
pub(crate) struct Cli {
    /// Short help; --help lists all options, such as -o
    #[arg(short, long, global = true, action = ArgAction::Help, display_order = LAST)]
    help: Option<bool>,
    /// Print the version
    #[arg(short = 'V', long, global = true, action = ArgAction::Version)]
    #[arg(hide_short_help = true, display_order = LAST)]
    version: Option<bool>,
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// After the options of a command's own.
const LAST: usize = 900;

/// The topics of `hubctl help`.
const TOPICS: &str = "\
More: hubctl help exit-codes|environment|output|fleet. \
`hubctl login` stores a hub's URL and admin key; `hubctl doctor` finds problems.";

/// Options of every command.
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct Global {
    /// Output format
    #[arg(help = "Output format [env: HUBCTL_OUTPUT] [default: table]")]
    #[arg(short, long, global = true, hide_short_help = true, value_name = "FORMAT")]
    pub(crate) output: Option<Format>,
    /// Only these fields of the API's JSON
    #[arg(help = "Only these fields of the API's JSON, such as instance_id,license.expires_at")]
    #[arg(
        long,
        global = true,
        hide_short_help = true,
        value_name = "FIELDS",
        value_delimiter = ','
    )]
    pub(crate) fields: Vec<FieldPath>,
    /// Write handles only, one a line
    #[arg(short, long, global = true, hide_short_help = true)]
    pub(crate) quiet: bool,
    /// Write tables without their header
    #[arg(long, global = true, hide_short_help = true)]
    pub(crate) no_headers: bool,
    /// The context to use
    #[arg(short, long, global = true, hide_short_help = true, value_name = "NAME")]
    #[arg(help = "Use this context instead of the current one [env: HUBCTL_CONTEXT]")]
    pub(crate) context: Option<String>,
    /// The hub's URL
    #[arg(long, global = true, hide_short_help = true, value_name = "URL")]
    #[arg(help = "The hub's URL [env: HUBCTL_URL] [default: http://127.0.0.1:8200]")]
    pub(crate) url: Option<String>,
    /// File with the admin key
    #[arg(long, global = true, hide_short_help = true, value_name = "PATH")]
    #[arg(help = "File with the admin key, `-` for standard input [env: HUBCTL_ADMIN_KEY_FILE]")]
    pub(crate) admin_key_file: Option<PathBuf>,
    /// Time limit for a request with all its retries
    #[arg(long, global = true, hide_short_help = true, value_name = "DURATION", value_parser = duration)]
    #[arg(
        help = "Time limit for a request with all its retries; a bare number is seconds [env: HUBCTL_TIMEOUT] [default: 30s]"
    )]
    pub(crate) timeout: Option<Duration>,
    /// Number of retries of a request
    #[arg(help = "Number of retries of a request [env: HUBCTL_RETRIES] [default: 3]")]
    #[arg(long, global = true, hide_short_help = true, value_name = "N")]
    pub(crate) retries: Option<u32>,
    /// Answer every question with yes
    #[arg(short, long, global = true, hide_short_help = true)]
    pub(crate) yes: bool,
    /// Show what would change, and change nothing
    #[arg(long, global = true, hide_short_help = true)]
    pub(crate) dry_run: bool,
    /// Never ask; fail if an answer is needed
    #[arg(help = "Never ask; fail if an answer is needed [env: HUBCTL_NO_INPUT]")]
    #[arg(long, global = true, hide_short_help = true)]
    pub(crate) no_input: bool,
    /// Whether to use colours
    #[arg(
        long,
        global = true,
        hide_short_help = true,
        value_name = "WHEN",
        default_value = "auto"
    )]
    pub(crate) color: When,
    /// How times are written in tables [default: relative at a terminal, else iso]
    #[arg(long, global = true, hide_short_help = true, value_name = "STYLE")]
    pub(crate) time: Option<TimeStyle>,
    /// Show requests on standard error, secrets masked
    #[arg(short, long, global = true, hide_short_help = true)]
    pub(crate) verbose: bool,
    /// Also trust the certificates in this PEM file
    #[arg(help = "Also trust the certificates in this PEM file [env: HUBCTL_CACERT]")]
    #[arg(long, global = true, hide_short_help = true, value_name = "PATH")]
    pub(crate) cacert: Option<PathBuf>,
    /// Send keys unencrypted to another machine
    #[arg(help = "Send keys unencrypted to another machine [env: HUBCTL_ALLOW_PLAIN_HTTP]")]
    #[arg(long, global = true, hide_short_help = true)]
    pub(crate) allow_plain_http: bool,
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
    /// Show what needs somebody today, and the state of the hub
    #[command(after_help = examples::STATUS)]
    Status(StatusArgs),
    /// Clients: the customers that instances are issued to
    #[command(subcommand, visible_alias = "clients")]
    #[command(after_help = examples::CLIENT)]
    Client(ClientCommand),
    /// Instances: installations, each with its license and hub key
    #[command(subcommand, visible_alias = "instances")]
    #[command(after_help = examples::INSTANCE)]
    Instance(InstanceCommand),
    /// Exchange a license for a hub key; needs no admin key
    #[command(after_help = examples::ACTIVATE)]
    Activate(ActivateArgs),
    /// Check whether a license is valid; needs no admin key
    #[command(after_help = examples::VALIDATE)]
    Validate(ValidateArgs),
    /// Certificates: licenses that verify offline
    #[command(subcommand, visible_alias = "certificates")]
    #[command(after_help = examples::CERTIFICATE)]
    Certificate(CertificateCommand),
    /// Telemetry: how the tools of all instances are used
    #[command(subcommand)]
    #[command(after_help = examples::TELEMETRY)]
    Telemetry(TelemetryCommand),
    /// Admin keys: who may manage the hub
    #[command(subcommand, visible_alias = "admin-keys")]
    #[command(after_help = examples::ADMIN_KEY)]
    AdminKey(AdminKeyCommand),
    /// The log of all changes
    #[command(subcommand, visible_alias = "audits")]
    #[command(after_help = examples::AUDIT)]
    Audit(AuditCommand),
    /// Show what a fleet file would change; changes nothing
    Plan(PlanArgs),
    /// Make the hub match a fleet file, or carry out a saved plan
    Apply(ApplyArgs),
    /// Write the hub's clients and instances as a fleet file
    Export(ExportArgs),
    /// Count what the hub holds
    #[command(after_help = examples::STATS)]
    Stats,
    /// Show which admin key is used
    #[command(after_help = examples::WHOAMI)]
    Whoami,
    /// Show the versions of hubctl and of the hub
    #[command(after_help = examples::VERSION)]
    Version,
    /// Find out why hubctl cannot work with its hub
    #[command(after_help = examples::DOCTOR)]
    Doctor,
    /// Contexts: the hubs that you work with
    #[command(subcommand, visible_alias = "contexts")]
    #[command(after_help = examples::CONTEXT)]
    Context(ContextCommand),
    /// Store a hub's URL and admin key as a context, and make it the current one
    #[command(after_help = examples::LOGIN)]
    Login(LoginArgs),
    /// Call any path of the API, with the admin key if it takes one
    #[command(after_help = examples::API)]
    Api(ApiArgs),
    /// Read a key from standard input and write its fingerprint; works offline
    #[command(after_help = examples::FINGERPRINT)]
    Fingerprint,
    /// Write a script that completes commands and live handles in a shell
    #[command(after_help = examples::COMPLETION)]
    Completion(CompletionArgs),
    /// Write manual pages
    #[command(after_help = examples::MAN)]
    Man(ManArgs),
    /// Explain a command or a topic
    #[command(after_help = examples::HELP)]
    Help(HelpArgs),
}

/// One object, or several.
#[derive(Debug, Clone, Args)]
pub(crate) struct Targets {
    /// Its handle, or several
    #[arg(value_name = "HANDLE", value_parser = handle, required_unless_present = "stdin")]
    pub(crate) handles: Vec<String>,
    /// Read handles from standard input, one a line; needs --yes if confirmation is needed
    #[arg(long, conflicts_with = "handles")]
    pub(crate) stdin: bool,
}

/// Changes of labels.
#[derive(Debug, Clone, Args)]
pub(crate) struct LabelArgs {
    /// Set a label, or remove it with KEY-; repeat for several. The others stay
    #[arg(long = "label", value_name = "KEY=VALUE|KEY-", allow_hyphen_values = false)]
    pub(crate) labels: Vec<LabelChange>,
    /// Remove all labels; those of --label are set after that
    #[arg(long, hide_short_help = true)]
    pub(crate) no_labels: bool,
}

impl LabelArgs {
    /// The whole set that results; none where no label changes.
    pub(crate) fn of(&self, present: &Labels) -> Option<Labels> {
        let none = Labels::default();
        let present = if self.no_labels { &none } else { present };
        let given = self.no_labels || !self.labels.is_empty();
        given.then(|| LabelChange::apply(&self.labels, present))
    }
}

/// Arguments of `status`.
#[derive(Debug, Args)]
pub(crate) struct StatusArgs {
    /// Show licenses and admin keys that end within this time
    #[arg(long, value_name = "SPAN", value_parser = span, default_value = "30d")]
    pub(crate) within: Span,
    /// Show active instances that were not seen for this long
    #[arg(long, value_name = "SPAN", value_parser = span, default_value = "24h")]
    pub(crate) silent_for: Span,
}

/// Where a new key goes.
#[derive(Debug, Clone, Args)]
pub(crate) struct SinkArgs {
    /// Where the new key goes
    ///
    /// `file:PATH` (only its owner can read it), `env-file:PATH?var=NAME` (one line of the file), `stdout`
    /// (nothing but the key), `cmd:COMMAND` (on its standard input), `gha-output:NAME` and `gha-env:NAME`
    /// (of a step in GitHub Actions, masked). Without a sink, a terminal shows the key once.
    #[arg(long, value_name = "SINK")]
    pub(crate) sink: Option<SinkSpec>,
    /// Accept a folder that group or others can write
    #[arg(long, hide_short_help = true)]
    pub(crate) allow_open_folder: bool,
}

/// Arguments of `activate`.
#[derive(Debug, Args)]
pub(crate) struct ActivateArgs {
    /// File with the license key, `-` for standard input
    #[arg(long, value_name = "PATH", default_value = "-")]
    pub(crate) license_file: PathBuf,
    /// Fail unless the license belongs to this instance
    #[arg(long, value_name = "HANDLE", value_parser = instance_id)]
    pub(crate) instance: Option<InstanceId>,
    /// Change nothing if the hub key in the sink works
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
