//! Whether errors should be JSON, found in a command line that cannot be parsed.

use std::ffi::OsString;

use clap::{ArgAction, Command, CommandFactory, ValueEnum};

use super::Cli;
use crate::words::Format;

/// Whether these arguments ask for JSON; `otherwise` is the format if they name none.
pub(crate) fn json_was_asked(
    args: impl Iterator<Item = OsString>,
    otherwise: Option<Format>,
) -> bool {
    let args: Vec<String> = args.map(|arg| arg.to_string_lossy().into_owned()).collect();
    let asked = formats(&args, &shorts_with_values());
    match asked.as_slice() {
        [] => otherwise.is_some_and(Format::is_json),
        asked => asked.iter().any(|name| Format::from_str(name, false).is_ok_and(Format::is_json)),
    }
}

/// The values of `-o` and `--output`, however they are written.
fn formats<'a>(args: &'a [String], with_values: &[char]) -> Vec<&'a str> {
    let mut found = Vec::new();
    let mut args = args.iter().map(String::as_str).take_while(|arg| *arg != "--").peekable();
    while let Some(arg) = args.next() {
        if let Some(long) = arg.strip_prefix("--") {
            match long.split_once('=') {
                Some(("output", value)) => found.push(value),
                None if long == "output" => {
                    found.extend(args.next_if(|next| !next.starts_with('-')));
                }
                _ => {}
            }
        } else if let Some(cluster) = arg.strip_prefix('-') {
            // The first option of a cluster that takes a value gets the rest, or the next argument.
            let taker = cluster.char_indices().find(|(_, c)| with_values.contains(c));
            let Some((at, short)) = taker else { continue };
            let rest = &cluster[at + short.len_utf8()..];
            let rest = rest.strip_prefix('=').unwrap_or(rest);
            let mut next = || args.next_if(|next| !next.starts_with('-'));
            let value = if rest.is_empty() { next() } else { Some(rest) };
            if short == 'o' {
                found.extend(value);
            }
        }
    }
    found
}

/// The short options of all commands that take a value.
fn shorts_with_values() -> Vec<char> {
    fn add(command: &Command, shorts: &mut Vec<char>) {
        let takes =
            |arg: &&clap::Arg| matches!(arg.get_action(), ArgAction::Set | ArgAction::Append);
        shorts.extend(command.get_arguments().filter(takes).filter_map(clap::Arg::get_short));
        command.get_subcommands().for_each(|command| add(command, shorts));
    }
    let mut shorts = Vec::new();
    add(&Cli::command(), &mut shorts);
    shorts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(line: &str, otherwise: Option<Format>) -> bool {
        json_was_asked(line.split_whitespace().map(OsString::from), otherwise)
    }

    #[test]
    fn every_spelling_is_understood() {
        for json in [
            "-o json",
            "-ojson",
            "-o=json",
            "--output json",
            "--output=json",
            "-qo json",
            "-qojson",
            "-yvo=json",
            "client --bogus -o json list",
            "--bogus=1 --output=json",
            "-c prod -o json",
            "-cprod -ojson",
            "-c -ojson",
            "-o jsonl",
            "--output=jsonl",
        ] {
            assert!(asked(json, None), "{json}");
            assert!(asked(json, Some(Format::Csv)), "{json}");
        }
        for other in [
            "",
            "json",
            "-o table",
            "--output csv json",
            "-- -o json",
            "--search=-ojson",
            "-co json",
            "-q json",
            "-c -- -ojson",
            "--output",
            "-o",
            "--outputs json",
        ] {
            assert!(!asked(other, None), "{other}");
        }
    }

    #[test]
    fn without_a_flag_the_environment_holds() {
        assert!(asked("--bogus", Some(Format::Json)));
        assert!(!asked("--bogus", Some(Format::Table)));
        assert!(!asked("--bogus -o table", Some(Format::Json)), "a flag wins");
    }
}
