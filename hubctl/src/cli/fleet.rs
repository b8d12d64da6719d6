//! The grammar of `hubctl plan`, `apply` and `export`.

use std::path::PathBuf;

use clap::Args;

use super::examples;
use crate::words::reference;

const PLAN_EXAMPLES: &str = "\
Examples:
    hubctl plan -f fleet.toml
    hubctl plan -f fleet.toml --out p.json && hubctl apply p.json
    hubctl plan -f fleet.toml --detailed-exitcode       # 20 when there are changes
    hubctl plan -f fleet.toml -o markdown               # for a pull request's comment
    hubctl export --fleet acme-prod | hubctl plan -f -  # no changes

Lines begin with + create, ~ update, ↻ rotate, ⏸ suspend, ▶ reactivate, - delete, or with ! if an object
cannot be changed (exit 6). A plan holds no secret.";

const APPLY_EXAMPLES: &str = "\
Examples:
    hubctl apply -f fleet.toml                      # shows the plan and asks
    hubctl apply -f fleet.toml --yes                # in a script
    hubctl apply -f fleet.toml --prune --max-deletes 2 --yes
    hubctl plan -f fleet.toml --out p.json && hubctl apply p.json --yes

hubctl makes each license key itself and puts it into its sink before the hub knows its hash. Killed at
any instant, the same command finishes the work. Independent objects are changed at the same time, and a
failure stops only the objects that need what failed: exit 11, and the output names them. A saved plan
is refused (exit 6) if the hub has changed since, but for what a killed run of the same plan has done.";

const EXPORT_EXAMPLES: &str = "\
Examples:
    hubctl export > fleet.toml
    hubctl export -o yaml > fleet.yaml                  # or -o json
    hubctl export --fleet acme-prod | hubctl plan -f -  # no changes

The hub has no keys, so none are exported; an instance that exists needs neither sink nor hash.";

/// The examples, and the reference of the fleet file.
fn long(examples: &str) -> String {
    let reference = reference(|word, text| format!("{word}{text}\n"));
    format!("{examples}\n\n{reference}")
}

/// Arguments of `plan`.
#[derive(Debug, Args)]
#[command(after_help = examples::PLAN, after_long_help = long(PLAN_EXAMPLES))]
pub(crate) struct PlanArgs {
    /// The fleet file: TOML, YAML or JSON, `-` for standard input
    #[arg(short, long, value_name = "FILE")]
    pub(crate) file: PathBuf,
    #[command(flatten)]
    pub(crate) how: FleetArgs,
    /// Save the plan, readable by you alone, for `hubctl apply PLANFILE`
    #[arg(long, value_name = "PLANFILE")]
    pub(crate) out: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) limits: LimitArgs,
}

/// Arguments of `apply`.
#[derive(Debug, Args)]
#[command(after_help = examples::APPLY, after_long_help = long(APPLY_EXAMPLES))]
#[command(group = clap::ArgGroup::new("source").required(true))]
pub(crate) struct ApplyArgs {
    /// A plan that `hubctl plan --out` saved
    #[arg(value_name = "PLANFILE", group = "source", conflicts_with_all = ["prune", "adopt", "redeliver"])]
    pub(crate) plan: Option<PathBuf>,
    /// The fleet file: TOML, YAML or JSON, `-` for standard input
    #[arg(short, long, value_name = "FILE", group = "source")]
    pub(crate) file: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) how: FleetArgs,
    #[command(flatten)]
    pub(crate) limits: LimitArgs,
    /// Accept sinks in folders that belong to others, or that group or others can write
    #[arg(long, hide_short_help = true)]
    pub(crate) allow_open_folder: bool,
    /// Run the commands of sinks that are cmd:COMMAND
    #[arg(long, hide_short_help = true)]
    pub(crate) allow_commands: bool,
}

/// How far a plan goes.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct FleetArgs {
    /// Delete objects with the fleet's label that are not in the file
    #[arg(long)]
    pub(crate) prune: bool,
    /// Take over objects with another fleet's label
    #[arg(long)]
    pub(crate) adopt: bool,
    /// Replace the license of instances whose sink does not hold it; the old one ends at once
    #[arg(long)]
    pub(crate) redeliver: bool,
}

/// Limits and exit codes for scripts.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct LimitArgs {
    /// Refuse to delete more than N clients and instances
    ///
    /// More than that is exit 12, and nothing is changed. Default: 0 without a terminal, else no limit.
    #[arg(long, value_name = "N")]
    pub(crate) max_deletes: Option<usize>,
    /// Exit 20 instead of 0 if there were changes to make
    #[arg(long)]
    pub(crate) detailed_exitcode: bool,
}

/// Arguments of `export`.
#[derive(Debug, Args)]
#[command(after_help = examples::EXPORT, after_long_help = EXPORT_EXAMPLES)]
pub(crate) struct ExportArgs {
    /// Only objects with this fleet's label [default: everything, and no fleet line]
    #[arg(long, value_name = "NAME")]
    pub(crate) fleet: Option<String>,
}
