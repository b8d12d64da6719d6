//! hubctl: the command line of a licensing hub.
//!
//! Rooms:
//!
//! - `cli`: what can be typed · `settings`: what then holds
//! - `commands`: what each command does, one file a noun
//! - `fleet`: the fleet file, and what it comes to · `client`: calls to the hub · `error`: why one failed
//! - `sink`: where new keys go · `confirm`: questions · `input`: what is read
//! - `output`: all that is written

mod cli;
mod client;
mod commands;
mod confirm;
mod error;
mod fleet;
mod input;
mod output;
mod settings;
mod sink;

use std::process::ExitCode;

use clap::Parser;
use clap::error::ErrorKind;
use hub_core::exit::Exit;

use cli::{Cli, Format};
use error::Failure;
use settings::Env;

fn main() -> ExitCode {
    let env = Env::read();
    let exit = match Cli::try_parse() {
        Ok(cli) => commands::run(cli, env),
        Err(error) => not_a_command(&error, &env),
    };
    ExitCode::from(exit.code())
}

/// Help and versions are data; the rest is wrong usage, told in the form that was asked for.
fn not_a_command(error: &clap::Error, env: &Env) -> Exit {
    if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        let written = output::write_data(&error.render().to_string());
        return written.map_or_else(|failure| failure.exit(), |()| Exit::Done);
    }
    let text = error.render().to_string();
    let json = json_was_asked(env);
    if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        let failure = Failure::usage("a command is missing").hint(text);
        output::early_failure(&failure, json);
        return failure.exit();
    }
    let text = text.strip_prefix("error: ").unwrap_or(&text).trim_end();
    let failure = match text.split_once("\n\n") {
        Some((what, usage)) => Failure::usage(what).hint(usage),
        None => Failure::usage(text),
    };
    output::early_failure(&failure, json);
    failure.exit()
}

/// Whether errors are to be JSON, found without a parsed command line.
fn json_was_asked(env: &Env) -> bool {
    let args: Vec<String> =
        std::env::args_os().skip(1).map(|arg| arg.to_string_lossy().into_owned()).collect();
    let pairs = args.iter().zip(args.iter().skip(1));
    let flag = args
        .iter()
        .any(|arg| matches!(arg.as_str(), "-ojson" | "-o=json" | "--output=json"))
        || pairs.into_iter().any(|(a, b)| matches!(a.as_str(), "-o" | "--output") && b == "json");
    flag || matches!(env.format(), Ok(Some(Format::Json)))
}
