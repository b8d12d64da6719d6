//! hubctl: the command line of a licensing hub.
//!
//! Rooms:
//!
//! - `cli`: the grammar of the command line · `settings`: the values that result, and their origins
//! - `commands`: what each command does, one file a noun · `help`: the topics of `hubctl help`
//! - `complete`: completion for shells · `closest`: "did you mean"
//! - `delivery`: how a new key gets to its place, over `sink`: the places · `client`: calls to the hub
//! - `confirm`: questions before a change · `prompt`: one line from a person
//! - `input`: files and standard input · `interrupt`: signals and locks · `output`: all that is written
//! - `words`: words that several rooms share · `error`: failures
//! - `folder`: what may be opened and put into a folder · `private_file`: files that are kept

mod cli;
mod client;
mod closest;
mod commands;
mod complete;
mod confirm;
mod delivery;
mod error;
mod folder;
mod help;
mod input;
mod interrupt;
mod output;
mod private_file;
mod prompt;
mod settings;
mod sink;
mod words;

use std::process::ExitCode;

use clap::Parser;
use clap::error::ErrorKind;
use hub_core::exit::Exit;

use cli::Cli;
use error::Failure;
use settings::Env;

fn main() -> ExitCode {
    // A shell that asks for completions must be answered before anything else is written.
    if complete::answered() {
        return ExitCode::SUCCESS;
    }
    let env = Env::read();
    let exit = match Cli::try_parse() {
        Ok(cli) => commands::run(cli, &env),
        Err(error) => not_a_command(&error, &env),
    };
    ExitCode::from(exit.code())
}

/// Writes help and versions as data, and everything else as a usage error in the requested format.
fn not_a_command(error: &clap::Error, env: &Env) -> Exit {
    if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        return explained(&help(error));
    }
    let args: Vec<_> = std::env::args_os().skip(1).collect();
    let words: Vec<_> = args.iter().map(|arg| arg.to_string_lossy().into_owned()).collect();
    let path = cli::nested_help(error, &words);
    if let Some(help) = path.and_then(|path| cli::long_help(path.iter().map(String::as_str))) {
        return explained(&help);
    }
    let json = cli::json_was_asked(args.into_iter(), env.format().ok().flatten());
    if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        let failure = Failure::usage("a command is missing").hint(help(error).trim_end());
        output::early_failure(&failure, json);
        return failure.exit();
    }
    let failure = cli::misuse(error);
    output::early_failure(&failure, json);
    failure.exit()
}

/// The help that was asked for, or that an incomplete command gets.
fn help(error: &clap::Error) -> String {
    let text = error.render().to_string();
    cli::overview(&text).unwrap_or_else(|| format!("{}\n", text.trim_end()))
}

fn explained(help: &str) -> Exit {
    output::write_data(help).map_or_else(
        |failure| {
            output::early_failure(&failure, false);
            failure.exit()
        },
        |()| Exit::Done,
    )
}
