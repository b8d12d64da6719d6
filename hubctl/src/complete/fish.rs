//! The script for fish. The one of `clap_complete` passes the last word with the quotes and backslashes
//! that were typed, so that no file whose name has a blank is found.

/// The script, with these texts in capitals replaced.
const SCRIPT: &str = r"function __hubctl_complete
    set -l typed (commandline --current-process --tokenize --cut-at-cursor)
    set -l last (string unescape -- (commandline --current-token --cut-at-cursor))
    VARIABLE=fish PROGRAM -- $typed $last[1] 2>/dev/null
end
complete --keep-order --exclusive --command hubctl --arguments '(__hubctl_complete)'
";

/// The script that makes fish ask this program.
pub(super) fn script(variable: &str, program: &str) -> String {
    let program = program.replace('\\', r"\\").replace('\'', r"\'");
    SCRIPT.replace("VARIABLE", variable).replace("PROGRAM", &format!("'{program}'"))
}
