//! The topics of help, each made from the table that the program itself uses.

mod environment;
mod exit_codes;
mod formats;

pub(crate) use environment::VariableRow;
pub(crate) use exit_codes::ExitCodeRow;
pub(crate) use formats::FormatRow;

use crate::output::{Row, Times, fitted};

/// Rows as columns of text, with nothing left out; the last column is wrapped where a width is given.
pub(crate) fn lines<T: Row>(rows: &[T], wrapped_at: Option<usize>) -> String {
    let times = Times { relative: false, now: crate::settings::now() };
    let titles = T::COLUMNS.iter().map(|column| column.title.to_owned()).collect();
    let cells = rows.iter().map(|row| row.cells(&times));
    let cells: Vec<Vec<String>> = std::iter::once(titles).chain(cells).collect();
    let width = |column: usize| cells.iter().map(|row| row[column].chars().count()).max();
    let widths: Vec<_> = (0..T::COLUMNS.len()).map(|column| width(column).unwrap_or(0)).collect();
    let line = |row: &Vec<String>| {
        let Some((last, before)) = row.split_last() else { return String::new() };
        let padded = before.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}  "));
        let before = format!("  {}", padded.collect::<String>());
        fitted(&before, before.chars().count(), last, wrapped_at)
    };
    cells.iter().map(line).collect()
}
