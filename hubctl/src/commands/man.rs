//! `hubctl man`: manual pages, made from the grammar.

use std::fs;
use std::path::Path;

use clap::{Command, CommandFactory};
use clap_mangen::Man;
use hub_core::exit::Exit;

use crate::cli::{Cli, ManArgs};
use crate::error::{Failure, Result};
use crate::help::{ExitCodeRow, VariableRow, lines};
use crate::output::{Out, Row, write_data};

/// Writes one page to standard output, or all of them into a folder.
pub(super) fn run(args: &ManArgs, out: &Out) -> Result<Exit> {
    let mut root = Cli::command();
    root.build();
    if let Some(folder) = &args.out {
        let written = write_all(&root, folder)
            .map_err(|error| Failure::usage(format!("{}: {error}", folder.display())))?;
        out.words(&format!("wrote {written} pages to {}", folder.display()));
        return Ok(Exit::Done);
    }
    let mut found = &root;
    for word in &args.command {
        found = found.find_subcommand(word).ok_or_else(|| {
            Failure::usage(format!("there is no command {word}")).hint("hubctl --help lists all")
        })?;
    }
    let (_, page) = page(found).map_err(|error| Failure::usage(error.to_string()))?;
    write_data(&page)?;
    Ok(Exit::Done)
}

/// Writes the page of a command and those of all below it; gives how many.
fn write_all(command: &Command, folder: &Path) -> std::io::Result<usize> {
    fs::create_dir_all(folder)?;
    let (name, page) = page(command)?;
    fs::write(folder.join(name), page)?;
    let mut written = 1;
    for command in command.get_subcommands().filter(|command| !command.is_hide_set()) {
        written += write_all(command, folder)?;
    }
    Ok(written)
}

/// A page and the name of its file.
fn page(command: &Command) -> std::io::Result<(String, String)> {
    let man = Man::new(command.clone()).manual("LetsBe Hub");
    let mut page = Vec::new();
    man.render(&mut page)?;
    let mut page = String::from_utf8_lossy(&page).into_owned();
    if command.get_name() == "hubctl" {
        page.push_str(&section("EXIT STATUS", &ExitCodeRow::all()));
        page.push_str(&section("ENVIRONMENT", &VariableRow::all()));
    }
    Ok((man.get_filename(), page))
}

/// A section that holds a list.
fn section<T: Row>(title: &str, rows: &[T]) -> String {
    // A hyphen is meant to be one, and no line begins with what roff takes for a request.
    let text = lines(rows, None).replace('\\', "\\e").replace('-', "\\-");
    format!(".SH \"{title}\"\n.nf\n{text}.fi\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_command_has_a_page() {
        fn names(command: &Command, before: &str, all: &mut Vec<String>) {
            let name = format!("{before}{}", command.get_name());
            let below = command.get_subcommands();
            below.for_each(|command| names(command, &format!("{name}-"), all));
            all.push(format!("{name}.1"));
        }
        let folder = tempfile::tempdir().unwrap();
        let mut root = Cli::command();
        root.build();
        let written = write_all(&root, folder.path()).unwrap();
        let mut all = Vec::new();
        names(&root, "", &mut all);
        assert_eq!(written, all.len());
        for name in all {
            let page = fs::read_to_string(folder.path().join(&name)).expect(&name);
            assert!(page.contains(".TH "), "{name}");
        }
    }

    #[test]
    fn hubctls_own_page_has_the_exit_codes() {
        let (name, page) = page(&Cli::command()).unwrap();
        assert_eq!(name, "hubctl.1");
        for exit in Exit::ALL {
            let meaning = exit.meaning().replace('-', "\\-");
            let line = page.lines().find(|line| line.ends_with(&meaning)).expect(&meaning);
            assert!(line.trim_start().starts_with(&format!("{} ", exit.code())), "{line}");
        }
    }
}
