//! Completion in shells: commands and options from the grammar, handles from the hub.
//!
//! The script of `hubctl completion` runs hubctl with a variable that names the shell. The answer comes
//! within a moment or is empty, and it is never an error: in the middle of typing, nobody wants one.

mod bash;
mod fish;
mod handles;
mod values;
mod zsh;

use std::ffi::OsStr;
use std::io::{Error, Result};
use std::path::{MAIN_SEPARATOR_STR, absolute};

use clap::{Arg, Command, CommandFactory, ValueEnum};
use clap_complete::CompleteEnv;
use clap_complete::engine::{ArgValueCompleter, CompletionCandidate};
use clap_complete::env::Shells;

use crate::cli::{Cli, Topic};
use crate::settings::Variable;
use handles::Noun;

/// Answers a shell, if one asks.
pub(crate) fn answered() -> bool {
    let engine = CompleteEnv::with_factory(grammar).var(Variable::Complete.name());
    // Where there is no answer, the shell gets an empty one.
    engine.try_complete(std::env::args_os(), None).unwrap_or(true)
}

/// The script that makes a shell ask for completions.
pub(crate) fn script(shell: &str) -> Result<String> {
    let (variable, name, program) = (Variable::Complete.name(), "hubctl", this_program());
    match shell {
        "bash" => return Ok(bash::script(variable, &program)),
        "fish" => return Ok(fish::script(variable, &program)),
        "zsh" => return Ok(zsh::script(variable, &program)),
        _ => {}
    }
    let shells = Shells::builtins();
    let known = shells.completer(shell).ok_or_else(|| Error::other("it is not known"))?;
    let mut script = Vec::new();
    known.write_registration(variable, name, name, &program, &mut script)?;
    Ok(String::from_utf8_lossy(&script).into_owned())
}

/// The program that the shell asks: its bare name if it was called by that.
fn this_program() -> String {
    let called = std::env::args_os().next().unwrap_or_else(|| "hubctl".into());
    if called.to_string_lossy().contains(MAIN_SEPARATOR_STR)
        && let Ok(path) = absolute(&called)
    {
        return path.to_string_lossy().into_owned();
    }
    called.to_string_lossy().into_owned()
}

/// The grammar, with what completes each handle in it.
fn grammar() -> Command {
    fn add(command: Command, path: &str) -> Command {
        let command = with_hidden_aliases(command);
        let command = command.mut_args(|arg| {
            // Hidden options are offered after a hyphen, or where there is nothing else to offer.
            let arg = if arg.is_positional() { arg } else { arg.hide(true) };
            match completer(path, &arg) {
                Some(completer) => arg.add(completer),
                None => arg,
            }
        });
        command.mut_subcommands(|below| {
            let path = format!("{path} {}", below.get_name());
            add(below, path.trim_start())
        })
    }
    let mut root = Cli::command();
    // So that it has --help and --version.
    root.build();
    add(root, "")
}

/// Hides aliases: the shell should offer the name of a command only.
fn with_hidden_aliases(command: Command) -> Command {
    let aliases: Vec<String> = command.get_visible_aliases().map(str::to_owned).collect();
    let command = command.visible_alias(None);
    // The process ends with its answer.
    aliases.into_iter().fold(command, |command, alias| command.alias(&*alias.leak()))
}

/// What completes an argument, if something does. New handles are not completed: they do not exist yet.
fn completer(path: &str, arg: &Arg) -> Option<ArgValueCompleter> {
    let noun = match (path, arg.get_id().as_str()) {
        ("instance issue" | "instance ensure", "instance") => return None,
        (path, "handles") if path.starts_with("client ") => Noun::Client,
        (path, "handles") if path.starts_with("instance ") => Noun::Instance,
        ("client ensure", "slugs") | (_, "client") => Noun::Client,
        ("context use" | "context show" | "context remove" | "login", "name") | (_, "context") => {
            Noun::Context
        }
        ("admin-key revoke", "handles") => Noun::AdminKey,
        (_, "instance") => Noun::Instance,
        ("help" | "man", "about" | "command") => return Some(ArgValueCompleter::new(words)),
        (_, "sink") => return Some(ArgValueCompleter::new(values::sinks)),
        (_, "labels") => Noun::Label,
        (_, option) if values::is_path(option) => {
            return Some(ArgValueCompleter::new(values::files));
        }
        (path, option) => {
            let values = values::of(path, option)?;
            return Some(ArgValueCompleter::new(move |typed: &OsStr| values::like(&values, typed)));
        }
    };
    Some(ArgValueCompleter::new(move |typed: &OsStr| {
        let typed = typed.to_str().unwrap_or("\0");
        handles::like(noun, typed).into_iter().map(CompletionCandidate::new).collect()
    }))
}

/// Commands and topics of help.
fn words(typed: &OsStr) -> Vec<CompletionCandidate> {
    let typed = typed.to_str().unwrap_or("\0");
    let topics = Topic::value_variants().iter().filter_map(Topic::to_possible_value);
    let topics = topics.map(|topic| topic.get_name().to_owned());
    let root = Cli::command();
    let commands = root.get_subcommands().map(|command| command.get_name().to_owned());
    let known = commands.chain(topics).filter(|word| word.starts_with(typed));
    known.map(CompletionCandidate::new).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_grammar_with_completers_is_sound() {
        grammar().debug_assert();
    }

    #[test]
    fn there_is_a_script_for_each_shell() {
        for shell in clap_complete::Shell::value_variants() {
            let script = script(&shell.to_string()).unwrap();
            assert!(script.contains("HUBCTL_COMPLETE"), "{shell}");
        }
    }
}
