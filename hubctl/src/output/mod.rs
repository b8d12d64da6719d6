//! Everything that is written goes through [`Out`]: data to standard output, words to standard error.
//!
//! A reader that has closed its end is not an error to talk about: the write fails with
//! [`Failure::output_closed`], and the program ends quietly.

mod rows;
mod table;
mod times;

pub(crate) use times::Times;

use std::collections::BTreeMap;
use std::io::{ErrorKind, Write};

use hub_core::exit::Exit;
use serde::Serialize;

use crate::cli::Format;
use crate::error::{Failure, Result, mask};
use crate::settings::{self, Style};
use table::Layout;

/// A column of a table.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Column {
    /// Its header.
    pub(crate) title: &'static str,
    /// The greater, the earlier it is dropped where there is no room; 0 is never dropped.
    pub(crate) rank: u8,
}

/// What can be a row of a table and a member of a JSON list.
pub(crate) trait Row: Serialize {
    /// The columns of a list.
    const COLUMNS: &'static [Column];
    /// The handle that scripts go on with.
    fn handle(&self) -> String;
    /// A cell for each column; an empty one where there is nothing to say.
    fn cells(&self, times: &Times) -> Vec<String>;
    /// All there is to say of one, with names.
    fn details(&self, times: &Times) -> Vec<(&'static str, String)> {
        let titles = Self::COLUMNS.iter().map(|column| column.title);
        titles.zip(self.cells(times)).collect()
    }
}

/// A key that goes to standard output, as it has no other sink.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reveal<'a> {
    /// The key's name in JSON.
    pub(crate) field: &'static str,
    /// The key.
    pub(crate) secret: &'a str,
    /// Standard output is for the key alone.
    pub(crate) alone: bool,
}

/// What a command that changes something has to say.
#[derive(Debug)]
pub(crate) struct Done<'a, T> {
    /// The object, as it is now.
    pub(crate) object: &'a T,
    /// Its handle.
    pub(crate) handle: &'a str,
    /// Whether anything was changed.
    pub(crate) changed: bool,
    /// The result, for a person.
    pub(crate) words: String,
    /// What comes next, for a person.
    pub(crate) next: Option<String>,
    /// The key, if it is shown.
    pub(crate) reveal: Option<Reveal<'a>>,
}

#[derive(Serialize)]
struct ChangedDocument<'a, T> {
    #[serde(flatten)]
    object: &'a T,
    #[serde(flatten)]
    key: BTreeMap<&'static str, &'a str>,
    changed: bool,
}

/// Where output goes, and how.
#[derive(Debug)]
pub(crate) struct Out {
    style: Style,
    times: Times,
}

impl Out {
    /// Output in this style.
    pub(crate) fn new(style: Style) -> Self {
        let times = Times { relative: style.relative_times, now: settings::now() };
        Self { style, times }
    }

    /// The format that was asked for.
    pub(crate) fn format(&self) -> Format {
        self.style.format
    }

    /// Whether a person would see standard output.
    pub(crate) fn at_terminal(&self) -> bool {
        self.style.stdout_terminal
    }

    /// How times are written.
    pub(crate) fn times(&self) -> &Times {
        &self.times
    }

    /// A list; `none` says that there is nothing in it.
    pub(crate) fn list<T: Row>(&self, rows: &[T], none: &str) -> Result<()> {
        match self.style.format {
            Format::Json => return write_json(&rows),
            Format::Name => {
                let handles: String = rows.iter().map(|row| row.handle() + "\n").collect();
                return write_data(&handles);
            }
            Format::Table => {}
        }
        if rows.is_empty() {
            self.words(none);
            return Ok(());
        }
        let cells: Vec<_> = rows.iter().map(|row| row.cells(&self.times)).collect();
        write_data(&table::render(T::COLUMNS, &cells, self.layout()))
    }

    /// One object.
    pub(crate) fn one<T: Row>(&self, row: &T) -> Result<()> {
        self.record(row, &row.handle(), &row.details(&self.times))
    }

    /// One object that is in no list.
    pub(crate) fn record(
        &self,
        object: &impl Serialize,
        handle: &str,
        details: &[(&'static str, String)],
    ) -> Result<()> {
        match self.style.format {
            Format::Json => write_json(object),
            Format::Name => write_data(&format!("{handle}\n")),
            Format::Table => write_data(&table::record(details, self.layout())),
        }
    }

    /// What a command changed.
    pub(crate) fn done<T: Serialize>(&self, done: &Done<'_, T>) -> Result<()> {
        match (self.style.format, done.reveal) {
            (Format::Json, reveal) => {
                let key = reveal.iter().map(|reveal| (reveal.field, reveal.secret)).collect();
                return write_json(&ChangedDocument {
                    object: done.object,
                    key,
                    changed: done.changed,
                });
            }
            (Format::Name, _) => return write_data(&format!("{}\n", done.handle)),
            (Format::Table, None) => write_data(&format!("{}\n", done.words))?,
            (Format::Table, Some(reveal)) if reveal.alone => {
                self.words(&done.words);
                write_data(&format!("{}\n", reveal.secret))?;
            }
            (Format::Table, Some(reveal)) => {
                write_data(&format!("{}\n{}\n", done.words, reveal.secret))?;
                self.words("shown only now: keep it where it is safe");
            }
        }
        if let Some(next) = &done.next {
            self.words(&format!("  next: {next}"));
        }
        Ok(())
    }

    /// Words for a person, in table mode only: elsewhere nobody reads them.
    pub(crate) fn words(&self, words: &str) {
        if self.style.format == Format::Table {
            write_words(&format!("{words}\n"));
        }
    }

    /// A warning, in every mode.
    pub(crate) fn warn(&self, words: &str) {
        let label = self.stderr_style().yellow().apply_to("warning:");
        write_words(&format!("{label} {words}\n"));
    }

    /// What happens on the wire, with `-v`.
    pub(crate) fn trace(&self, words: impl FnOnce() -> String) {
        if self.style.verbose {
            write_words(&format!("{}\n", mask(&words())));
        }
    }

    /// Why the command failed.
    pub(crate) fn failure(&self, failure: &Failure) {
        if failure.exit() == Exit::OutputClosed {
            return;
        }
        if self.style.format == Format::Json {
            return write_failure_json(failure);
        }
        let style = self.stderr_style();
        write_words(&failure.to_words(&style.clone().red().bold(), &style.cyan()));
    }

    fn stderr_style(&self) -> console::Style {
        console::Style::new().for_stderr().force_styling(self.style.color)
    }

    fn layout(&self) -> Layout {
        let width = console::Term::stdout().size_checked().map_or(80, |(_, columns)| columns);
        Layout {
            width: self.style.stdout_terminal.then_some(usize::from(width)),
            headers: !self.style.no_headers,
        }
    }
}

/// A failure found before there is an [`Out`].
pub(crate) fn early_failure(failure: &Failure, json: bool) {
    if json {
        return write_failure_json(failure);
    }
    let plain = console::Style::new().force_styling(false);
    write_words(&failure.to_words(&plain, &plain));
}

fn write_failure_json(failure: &Failure) {
    write_words(&format!("{}\n", failure.to_json()));
}

/// Writes one JSON document to standard output.
pub(crate) fn write_json(document: &impl Serialize) -> Result<()> {
    let text = serde_json::to_string_pretty(document)
        .map_err(|error| Failure::new(Exit::Bug, "bug", format!("no JSON: {error}")))?;
    write_data(&format!("{text}\n"))
}

/// Writes data to standard output, as it is.
pub(crate) fn write_data(text: &str) -> Result<()> {
    let mut stdout = std::io::stdout().lock();
    stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()).map_err(|error| {
        match error.kind() {
            ErrorKind::BrokenPipe => Failure::output_closed(),
            _ => Failure::new(
                Exit::Bug,
                "output_failed",
                format!("cannot write the output: {error}"),
            ),
        }
    })
}

/// Writes to standard error. Where that is closed nobody is left to tell.
pub(crate) fn write_words(words: &str) {
    let _ = std::io::stderr().lock().write_all(words.as_bytes());
}
