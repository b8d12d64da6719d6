//! Values that are known without a hub: words of the grammar, and files.

use std::ffi::{OsStr, OsString};

use clap_complete::engine::{CompletionCandidate, PathCompleter, ValueCompleter};
use hub_core::api::{Action, EffectiveStatus, InstanceSort, Role};

/// Options and arguments whose value is a path.
const PATHS: [&str; 11] = [
    "admin_key_file",
    "cacert",
    "catalogue",
    "file",
    "from",
    "hub_key_file",
    "input",
    "license_file",
    "out",
    "plan",
    "id_file",
];

/// The kinds of sinks.
const SINKS: [&str; 6] = ["file:", "env-file:", "stdout", "cmd:", "gha-output:", "gha-env:"];

/// The values of an option, if they are known.
pub(super) fn of(path: &str, option: &str) -> Option<Vec<&'static str>> {
    Some(match (path, option) {
        ("client list", "status") => vec!["active", "suspended"],
        (_, "status") => EffectiveStatus::ALL.iter().map(|status| status.as_str()).collect(),
        (_, "role") => Role::ALL.iter().map(|role| role.as_str()).collect(),
        (_, "action") => Action::ALL.iter().map(|action| action.as_str()).collect(),
        (_, "sort") => InstanceSort::ALL.iter().map(|sort| sort.as_str()).collect(),
        _ => return None,
    })
}

/// Whether a value is a path.
pub(super) fn is_path(option: &str) -> bool {
    PATHS.contains(&option)
}

/// Those of some values that begin with what is typed.
pub(super) fn like(values: &[&'static str], typed: &OsStr) -> Vec<CompletionCandidate> {
    let typed = typed.to_str().unwrap_or("\0");
    let fitting = values.iter().filter(|value| value.starts_with(typed));
    fitting.map(|value| CompletionCandidate::new(*value)).collect()
}

/// Files, in the folder that the shell is in.
pub(super) fn files(typed: &OsStr) -> Vec<CompletionCandidate> {
    let completer = PathCompleter::any();
    match std::env::current_dir() {
        Ok(folder) => completer.current_dir(folder).complete(typed),
        Err(_) => completer.complete(typed),
    }
}

/// Sinks: their kinds, then the file of one.
pub(super) fn sinks(typed: &OsStr) -> Vec<CompletionCandidate> {
    let text = typed.to_str().unwrap_or("\0");
    let file =
        ["file:", "env-file:"].into_iter().find_map(|kind| Some((kind, text.strip_prefix(kind)?)));
    let Some((kind, path)) = file else {
        return like(&SINKS, typed);
    };
    let with_kind = |file: CompletionCandidate| {
        let mut value = OsString::from(kind);
        value.push(file.get_value());
        CompletionCandidate::new(value)
    };
    files(OsStr::new(path)).into_iter().map(with_kind).collect()
}
