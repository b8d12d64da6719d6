//! The first screen: `hubctl -h`, and `hubctl` alone. `hubctl --help` says a line about each command.

use std::fmt::Write as _;

use clap::CommandFactory;

use super::{Cli, examples};

/// The commands, by what somebody wants to do.
const GROUPS: &[(&str, &[&str])] = &[
    ("Day by day", &["status", "client", "instance"]),
    ("Fleet files", &["plan", "apply", "export"]),
    ("Usage", &["telemetry"]),
    ("On a client's machine", &["activate", "validate"]),
    ("Keys and records", &["admin-key", "audit", "certificate", "fingerprint"]),
    ("The hub", &["login", "context", "doctor", "stats", "whoami", "version", "api"]),
    ("More", &["help", "completion", "man"]),
];

/// The screen instead of this help, if it is the short help of hubctl itself: clap cannot list commands
/// in groups, and one line for each is more than a screen holds.
pub(crate) fn overview(help: &str) -> Option<String> {
    let own = Cli::command().render_help().to_string();
    (help.trim_end() == own.trim_end()).then(screen)
}

fn screen() -> String {
    let about = Cli::command().get_about().map(ToString::to_string).unwrap_or_default();
    let mut screen = format!("{about}\n\nUsage: hubctl [OPTIONS] <COMMAND>\n\nCommands:\n");
    let widest = GROUPS.iter().map(|(group, _)| group.len()).max().unwrap_or(0);
    for (group, commands) in GROUPS {
        let _ = writeln!(screen, "  {group:<widest$}  {}", commands.join(", "));
    }
    let _ = write!(screen, "\n{}\n\n{POINTERS}\n", examples::HUBCTL);
    screen
}

/// Where the rest is told.
const POINTERS: &str = "\
hubctl COMMAND -h    its verbs and options
hubctl --help        a line about each command, and the options of every command
hubctl help TOPIC    exit-codes, environment, output or fleet";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_is_in_one_group() {
        let mut shown: Vec<_> = GROUPS.iter().flat_map(|(_, commands)| *commands).collect();
        let cli = Cli::command();
        let mut all: Vec<_> = cli.get_subcommands().map(clap::Command::get_name).collect();
        shown.sort();
        all.sort_unstable();
        assert_eq!(shown.into_iter().copied().collect::<Vec<_>>(), all);
    }
}
