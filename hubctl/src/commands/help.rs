//! `hubctl help`

use clap::{CommandFactory, ValueEnum};
use hub_core::exit::Exit;

use crate::cli::{Cli, HelpArgs, Topic, long_help};
use crate::closest::closest;
use crate::error::{Failure, Result};
use crate::help::{Code, Told, Written, lines};
use crate::output::{Out, Row, write_data};
use crate::words::reference;

/// Explains a topic, or a command as its `--help` does.
pub(super) fn run(args: &HelpArgs, out: &Out) -> Result<Exit> {
    if let [word] = args.about.as_slice()
        && let Ok(topic) = Topic::from_str(word, false)
    {
        return explain(topic, out).map(|()| Exit::Done);
    }
    command(&args.about)
}

fn explain(topic: Topic, out: &Out) -> Result<()> {
    match topic {
        Topic::ExitCodes => list(
            &Code::all(),
            "hubctl ends with these codes, which never change their meaning. RETRY says whether the same\n\
             command may succeed when it is run again; errors of -o json say so as `retryable`.",
            out,
        ),
        Topic::Environment => list(
            &Told::all(),
            "A flag beats its variable, a variable beats the context (hubctl context show tells which\n\
             holds). An empty variable counts as absent.",
            out,
        ),
        Topic::Output => list(
            &Written::all(),
            "Data goes to standard output, words to standard error. -o takes one of these formats; -q is\n\
             the same as -o name. Fields of JSON are named as in the API and stay as they are; tables may\n\
             change. With -o json an error is one JSON document on standard error.",
            out,
        ),
        Topic::Fleet => write_data(&format!("{}\n", reference().trim_end())),
    }
}

/// Words for a person; rows for whoever asks for another format.
fn list<T: Row>(rows: &[T], words: &str, out: &Out) -> Result<()> {
    if !out.format().is_table() {
        return out.list(rows, "");
    }
    write_data(&format!("{words}\n\n{}", lines(rows)))
}

/// What a command's own `--help` says.
fn command(path: &[String]) -> Result<Exit> {
    let mut found = Cli::command();
    for word in path {
        let next = found.find_subcommand(word).cloned();
        found = next.ok_or_else(|| unknown(word, &found))?;
    }
    write_data(&long_help(path.iter().map(String::as_str)).unwrap_or_default())?;
    Ok(Exit::Done)
}

fn unknown(word: &str, within: &clap::Command) -> Failure {
    let topics = Topic::value_variants().iter().filter_map(Topic::to_possible_value);
    let topics: Vec<_> = topics.map(|topic| topic.get_name().to_owned()).collect();
    let commands = within.get_subcommands().map(clap::Command::get_name);
    let known = commands.chain(topics.iter().map(String::as_str));
    let hint = closest(word, known).map_or_else(
        || "hubctl --help lists all".to_owned(),
        |near| format!("did you mean {near}?"),
    );
    Failure::usage(format!("there is no command or topic {word}")).hint(hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_exit_code_and_variable_is_explained() {
        let codes = lines(&Code::all());
        for exit in Exit::ALL {
            let line = codes.lines().find(|line| {
                line.split_whitespace().next() == Some(exit.code().to_string().as_str())
            });
            assert!(line.expect("it has a line").ends_with(exit.meaning()), "{exit:?}");
        }
        let variables = lines(&Told::all());
        for variable in crate::settings::Variable::ALL {
            assert!(variables.contains(&format!("  {}  ", variable.name())), "{variable:?}");
        }
    }

    #[test]
    fn the_topics_of_the_grammar_are_those_that_there_are() {
        let help = Cli::command().render_long_help().to_string();
        for topic in Topic::value_variants().iter().filter_map(Topic::to_possible_value) {
            assert!(help.contains(topic.get_name()), "{topic:?}");
        }
    }
}
