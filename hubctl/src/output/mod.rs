//! Everything that is written goes through [`Out`]: data to standard output, words to standard error.
//!
//! When a reader has closed its end, the write fails with [`Failure::output_closed`], and the program
//! ends quietly.

mod bars;
mod changes;
mod csv;
mod document;
mod done;
mod env;
mod measures;
mod progress;
mod report;
mod rows;
mod select;
mod table;
mod text;
mod times;
mod usage;
mod waiting;
mod write;

pub(crate) use changes::FieldChange;
pub(crate) use done::{Done, Reveal};
pub(crate) use measures::{duration as milliseconds, percent};
pub(crate) use progress::Progress;
pub(crate) use report::{CatalogueRow, DroppedRow, ReportRow};
pub(crate) use select::short;
pub(crate) use table::Picture;
pub(crate) use text::{Hue, bytes, counted, fitted, visible};
pub(crate) use times::Times;
pub(crate) use usage::{UsageOfStep, UsagePart};
pub(crate) use waiting::{LastLine, MOMENT};
pub(crate) use write::{early_failure, reads, waits, write_data, write_words};

use std::io::IsTerminal;

use hub_core::exit::Exit;
use serde::Serialize;
use serde_json::Value;

use crate::error::{Failure, Result, mask};
use crate::settings::{self, Style};
use crate::words::{FieldPath, Format};
use table::Layout;
use write::write_failure_json;

/// A column of a table.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Column {
    /// Its header.
    pub(crate) title: &'static str,
    /// Columns with a greater rank are dropped first where there is no room; rank 0 is never dropped.
    pub(crate) rank: u8,
    /// Flush right, as numbers are.
    pub(crate) right: bool,
}

/// A column of words.
pub(crate) const fn column(title: &'static str, rank: u8) -> Column {
    Column { title, rank, right: false }
}

/// A column of numbers.
const fn number(title: &'static str, rank: u8) -> Column {
    Column { title, rank, right: true }
}

/// A row of a table, and a member of a JSON list.
pub(crate) trait Row: Serialize {
    /// The columns of a list.
    const COLUMNS: &'static [Column];
    /// The handle, for scripts.
    fn handle(&self) -> String;
    /// A cell for each column; an empty one where there is nothing to say.
    fn cells(&self, times: &Times) -> Vec<String>;
    /// The members of the API's JSON that CSV has, each as a column of its name; a path goes to a member of
    /// a member. Where there are none, CSV has the columns of the table.
    const FIELDS: &'static [&'static str] = &[];
    /// Columns that only `-o wide` has, after the others.
    const WIDE: &'static [Column] = &[];
    /// A cell for each of those.
    fn wide(&self, _times: &Times) -> Vec<String> {
        Vec::new()
    }
    /// Everything about one object, with names.
    fn details(&self, times: &Times) -> Vec<(&'static str, String)> {
        let titles = Self::COLUMNS.iter().map(|column| column.title);
        titles.zip(self.cells(times)).collect()
    }
    /// How a list looks at a terminal of `width` columns, if it has more than plain cells: the length of
    /// a bar depends on the other rows.
    fn picture(_rows: &[Self], _times: &Times, _width: usize) -> Option<Picture>
    where
        Self: Sized,
    {
        None
    }
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
        let relative = style.relative_times && style.format != Format::Csv;
        let times = Times { relative, now: settings::now() };
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

    /// A list; `none` is written where it is empty.
    pub(crate) fn list<T: Row>(&self, rows: &[T], none: &str) -> Result<()> {
        match self.style.format {
            Format::Json | Format::Jsonl | Format::Yaml | Format::Env => {
                return self.documents(rows);
            }
            Format::Name => {
                let handles: String = rows.iter().map(|row| row.handle() + "\n").collect();
                return write_data(&handles);
            }
            Format::Markdown => return write_data(&table::markdown(T::COLUMNS, &self.cells(rows))),
            Format::Table | Format::Wide if rows.is_empty() => {
                self.words(none);
                return Ok(());
            }
            _ => {}
        }
        if !self.style.fields.is_empty() {
            let objects: Vec<Value> = rows.iter().map(document::value).collect::<Result<_>>()?;
            return self.fields(&objects);
        }
        if self.style.format == Format::Csv {
            return self.list_as_csv(rows);
        }
        self.table(rows)
    }

    fn list_as_csv<T: Row>(&self, rows: &[T]) -> Result<()> {
        if T::FIELDS.is_empty() {
            let titles: Vec<_> = T::COLUMNS.iter().map(|column| column.title).collect();
            return self.csv(&titles, &self.cells(rows));
        }
        let paths: Vec<FieldPath> =
            T::FIELDS.iter().filter_map(|field| field.parse().ok()).collect();
        let cells = |row: &T| -> Result<Vec<String>> {
            let object = document::value(row)?;
            Ok(select::values(&object, &paths).into_iter().map(select::cell).collect())
        };
        let rows = rows.iter().map(cells).collect::<Result<Vec<_>>>()?;
        self.csv(T::FIELDS, &rows)
    }

    fn table<T: Row>(&self, rows: &[T]) -> Result<()> {
        let layout = self.layout();
        if self.style.format == Format::Wide {
            let columns = [T::COLUMNS, T::WIDE].concat();
            let cells = |row: &T| [row.cells(&self.times), row.wide(&self.times)].concat();
            let rows: Vec<_> = rows.iter().map(cells).collect();
            return write_data(&table::wide(&columns, &rows, layout));
        }
        let picture = layout.width.and_then(|width| T::picture(rows, &self.times, width));
        write_data(&match picture {
            Some(picture) => picture.render(layout),
            None => table::render(T::COLUMNS, &self.cells(rows), layout),
        })
    }

    /// Only some fields of some objects, a row each.
    fn fields(&self, objects: &[Value]) -> Result<()> {
        let paths = &self.style.fields;
        select::check(objects, paths)?;
        let cells = |object| select::values(object, paths).into_iter().map(select::cell).collect();
        let rows: Vec<Vec<String>> = objects.iter().map(cells).collect();
        let titles: Vec<String> = paths.iter().map(ToString::to_string).collect();
        if self.style.format == Format::Csv {
            let titles: Vec<_> = titles.iter().map(String::as_str).collect();
            return self.csv(&titles, &rows);
        }
        write_data(&table::plain(&titles, &rows, self.layout()))
    }

    fn cells<T: Row>(&self, rows: &[T]) -> Vec<Vec<String>> {
        rows.iter().map(|row| row.cells(&self.times)).collect()
    }

    fn csv(&self, titles: &[&str], rows: &[Vec<String>]) -> Result<()> {
        write_data(&csv::render(titles, rows, !self.style.no_headers)?)
    }

    /// One object.
    pub(crate) fn one<T: Row>(&self, row: &T) -> Result<()> {
        if self.style.format == Format::Csv {
            // The columns of the list, so that several can be joined to one.
            return self.list(std::slice::from_ref(row), "");
        }
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
            Format::Json | Format::Jsonl | Format::Yaml | Format::Env => self.document(object),
            Format::Name => write_data(&format!("{handle}\n")),
            _ if !self.style.fields.is_empty() => self.fields(&[document::value(object)?]),
            Format::Csv => {
                let mut members = select::leaves(&document::value(object)?);
                // In the order in which a person reads them.
                let place = |path: &str| {
                    let last = path.rsplit('.').next().unwrap_or(path).replace('_', " ");
                    details.iter().position(|(name, _)| name.eq_ignore_ascii_case(&last))
                };
                members.sort_by_key(|(path, _)| place(path).unwrap_or(usize::MAX));
                let (titles, values): (Vec<_>, Vec<_>) = members.into_iter().unzip();
                let titles: Vec<_> = titles.iter().map(String::as_str).collect();
                self.csv(&titles, &[values])
            }
            Format::Table | Format::Wide => write_data(&table::record(details, self.layout())),
            Format::Markdown => {
                let row = |(name, value): &(&str, String)| vec![(*name).to_owned(), value.clone()];
                let rows: Vec<_> = details.iter().map(row).collect();
                write_data(&table::markdown(&[column("NAME", 0), column("VALUE", 0)], &rows))
            }
        }
    }

    /// Words for a person, in table mode only: in the other formats a program reads.
    pub(crate) fn words(&self, words: &str) {
        if self.style.format.is_table() {
            write_words(&format!("{words}\n"));
        }
    }

    /// A warning, in every mode.
    pub(crate) fn warn(&self, words: &str) {
        let label = self.stderr_style().yellow().apply_to("warning:");
        write_words(&format!("{label} {words}\n"));
    }

    /// A request or an answer, with `-v`.
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
        if self.style.format.is_json() {
            return write_failure_json(failure);
        }
        let style = self.stderr_style();
        write_words(&failure.to_words(&style.clone().red().bold(), &style.cyan()));
    }

    /// Why one of several objects failed, for a person; a program gets all of them at the end.
    pub(crate) fn item_failure(&self, handle: &str, failure: &Failure) {
        if !self.style.format.is_json() && failure.exit() != Exit::OutputClosed {
            let label = self.stderr_style().bold().apply_to(visible(handle));
            let style = self.stderr_style();
            let words = failure.to_words(&style.clone().red().bold(), &style.cyan());
            write_words(&format!("{label}: {words}"));
        }
    }

    /// Whether a person waits at a terminal to which nothing else is written meanwhile.
    pub(crate) fn shows_progress(&self) -> bool {
        let quiet = self.style.verbose || self.style.dumb;
        self.style.format.is_table() && !quiet && std::io::stderr().is_terminal()
    }

    /// Whether a list is written as it is, without selected fields.
    pub(crate) fn is_plain(&self) -> bool {
        self.style.fields.is_empty()
    }

    /// A text in a colour that says what the text says, where there are colours.
    pub(crate) fn hued(&self, hue: Hue, text: &str) -> String {
        if self.style.stdout_color { hue.paint(text) } else { text.to_owned() }
    }

    /// How many columns there are for text; none where it is piped.
    pub(crate) fn columns(&self) -> Option<usize> {
        self.layout().width
    }

    fn stderr_style(&self) -> console::Style {
        console::Style::new().for_stderr().force_styling(self.style.color)
    }

    fn layout(&self) -> Layout {
        let width = console::Term::stdout().size_checked().map_or(80, |(_, columns)| columns);
        Layout {
            width: self.style.stdout_terminal.then_some(usize::from(width)),
            headers: !self.style.no_headers,
            colors: self.style.stdout_color,
        }
    }
}
