//! `hubctl help`

use clap::{CommandFactory, ValueEnum};
use hub_core::exit::Exit;

use crate::cli::{Cli, HelpArgs, Topic, long_help};
use crate::closest::closest;
use crate::error::{Failure, Result};
use crate::help::{ExitCodeRow, FormatRow, VariableRow, lines};
use crate::output::{Out, Row, fitted, write_data};
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

/// Wider lines are hard to read.
const WIDEST: usize = 92;

fn explain(topic: Topic, out: &Out) -> Result<()> {
    match topic {
        Topic::ExitCodes => list(
            &ExitCodeRow::all(),
            "The exit codes of hubctl never change their meaning. RETRY says whether the same command \
             may succeed when it is run again; errors of -o json have the same as `retryable`.",
            out,
        ),
        Topic::Environment => list(
            &VariableRow::all(),
            "A flag overrides its variable, and a variable overrides the context (hubctl context show \
             tells which value is in effect). An empty variable counts as absent.",
            out,
        ),
        Topic::Output => list(
            &FormatRow::all(),
            "Data goes to standard output, words to standard error. -o takes one of these formats; -q \
             is the same as -o name. The fields of JSON have the names of the API and never change; \
             tables may change. With -o json, an error is one JSON document on standard error. CSV has \
             the members of the JSON as columns, named by their paths; a time that is not there is \
             empty. A cell that a spreadsheet would take for a formula (it begins with =, +, -, @, a \
             tab or a line end, and is no number) gets a ' before it. A terminal shows characters that \
             cannot be seen as \\u{202e}.",
            out,
        ),
        Topic::Fleet => {
            let beside = |word: &str, text: &str| fitted(word, word.len(), text, out.columns());
            write_data(&format!("{}\n", reference(beside).trim_end()))
        }
    }
}

/// Words in table mode, rows in the other formats.
fn list<T: Row>(rows: &[T], words: &str, out: &Out) -> Result<()> {
    if !out.format().is_table() {
        return out.list(rows, "");
    }
    let width = out.columns().unwrap_or(WIDEST).min(WIDEST);
    let words = fitted("", 0, words, Some(width));
    write_data(&format!("{words}\n{}", lines(rows, out.columns())))
}

/// The text of a command's own `--help`.
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
        let codes = lines(&ExitCodeRow::all(), None);
        for exit in Exit::ALL {
            let line = codes.lines().find(|line| {
                line.split_whitespace().next() == Some(exit.code().to_string().as_str())
            });
            assert!(line.expect("it has a line").ends_with(exit.meaning()), "{exit:?}");
        }
        let variables = lines(&VariableRow::all(), None);
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
