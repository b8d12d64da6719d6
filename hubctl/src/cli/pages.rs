//! The grammar of `hubctl completion`, `man` and `help`.

use std::path::PathBuf;

use clap::{Args, Parser, ValueEnum};

use super::Cli;

/// Arguments of `completion`.
#[derive(Debug, Args)]
pub(crate) struct CompletionArgs {
    /// Which shell, such as bash: eval "$(hubctl completion bash)"
    pub(crate) shell: clap_complete::Shell,
}

/// Arguments of `man`.
#[derive(Debug, Args)]
pub(crate) struct ManArgs {
    /// The page of this command, such as client create [default: hubctl's own]
    #[arg(value_name = "COMMAND", conflicts_with = "out")]
    pub(crate) command: Vec<String>,
    /// Write all pages into this folder
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
}

/// Arguments of `help`.
#[derive(Debug, Args)]
pub(crate) struct HelpArgs {
    /// A command, or a topic: exit-codes, environment, output or fleet
    #[arg(value_name = "COMMAND|TOPIC")]
    pub(crate) about: Vec<String>,
}

/// Topics of help besides the commands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Topic {
    /// The exit codes of hubctl.
    ExitCodes,
    /// The environment variables that hubctl reads.
    Environment,
    /// The formats of results.
    Output,
    /// The file that `plan`, `apply` and `export` work with.
    Fleet,
}

/// The text of a command's own `--help`.
pub(crate) fn long_help<'a>(path: impl Iterator<Item = &'a str>) -> Option<String> {
    let args = ["hubctl"].into_iter().chain(path).chain(["--help"]);
    let help = Cli::try_parse_from(args).err()?;
    let is_help = help.kind() == clap::error::ErrorKind::DisplayHelp;
    is_help.then(|| format!("{}\n", help.render().to_string().trim_end()))
}

/// `hubctl client help list` is `hubctl help client list`; gives the path of the command.
pub(crate) fn nested_help(error: &clap::Error, args: &[String]) -> Option<Vec<String>> {
    use clap::error::{ContextKind, ContextValue};
    let unknown = error.get(ContextKind::InvalidSubcommand)?;
    let help = |value: &ContextValue| matches!(value, ContextValue::String(word) if word == "help");
    let words = args.iter().filter(|word| *word != "help").cloned();
    help(unknown).then(|| words.collect())
}
