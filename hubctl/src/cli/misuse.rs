//! Usage errors of clap → failures.

use clap::error::{ContextKind, ContextValue};

use crate::error::Failure;

/// The error, and what the user probably meant.
pub(crate) fn failure(error: &clap::Error) -> Failure {
    let text = error.render().to_string();
    let text = text.strip_prefix("error: ").unwrap_or(&text).trim_end();
    let what = text.split_once("\n\n").map_or(text, |(what, _)| what);
    let hint = suggestion(error).map(|meant| format!("did you mean {meant}?"));
    let hint = hint.or_else(|| usage(error)).unwrap_or_else(|| "--help explains it".to_owned());
    Failure::usage(what).hint(hint)
}

/// The command, argument or value that is most like what was typed.
fn suggestion(error: &clap::Error) -> Option<String> {
    let kinds =
        [ContextKind::SuggestedSubcommand, ContextKind::SuggestedArg, ContextKind::SuggestedValue];
    kinds.into_iter().find_map(|kind| match error.get(kind)? {
        ContextValue::String(meant) => Some(meant.clone()),
        // The most likely one comes last.
        ContextValue::Strings(meant) => meant.last().cloned(),
        _ => None,
    })
}

/// The usage line of the command.
fn usage(error: &clap::Error) -> Option<String> {
    let ContextValue::StyledStr(usage) = error.get(ContextKind::Usage)? else {
        return None;
    };
    let usage = usage.to_string();
    let usage = usage.trim().strip_prefix("Usage: ").unwrap_or(&usage);
    Some(format!("usage: {usage}; --help explains it"))
}
