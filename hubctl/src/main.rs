//! hubctl: the command line of a licensing hub.
//!
//! Rooms:
//!
//! - `cli`: what can be typed · `settings`: what then holds
//! - `commands`: what each command does, one file a noun · `help`: what is explained
//! - `complete`: what a shell is offered · `closest`: what was meant
//! - `fleet`: the fleet file, and what it comes to · `client`: calls to the hub · `error`: why one failed
//! - `sink`: where new keys go · `confirm`, `prompt`: questions · `input`: what is read
//! - `output`: all that is written · `private_file`: what is kept

mod cli;
mod client;
mod closest;
mod commands;
mod complete;
mod confirm;
mod delivery;
mod error;
mod fleet;
mod help;
mod input;
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
    // A shell asks; it must be answered before anything else is written.
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

/// Help and versions are data; the rest is wrong usage, told in the form that was asked for.
fn not_a_command(error: &clap::Error, env: &Env) -> Exit {
    if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        let text = error.render().to_string();
        return explained(&format!("{}\n", text.trim_end()));
    }
    let args: Vec<_> = std::env::args_os().skip(1).collect();
    let words: Vec<_> = args.iter().map(|arg| arg.to_string_lossy().into_owned()).collect();
    let path = cli::nested_help(error, &words);
    if let Some(help) = path.and_then(|path| cli::long_help(path.iter().map(String::as_str))) {
        return explained(&help);
    }
    let json = cli::json_was_asked(args.into_iter(), env.format().ok().flatten());
    if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        let text = error.render().to_string();
        let failure = Failure::usage("a command is missing").hint(text);
        output::early_failure(&failure, json);
        return failure.exit();
    }
    let failure = cli::misuse(error);
    output::early_failure(&failure, json);
    failure.exit()
}

fn explained(help: &str) -> Exit {
    output::write_data(help).map_or_else(|failure| failure.exit(), |()| Exit::Done)
}
