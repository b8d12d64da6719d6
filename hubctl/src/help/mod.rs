//! The topics of help, each made from the table that the program itself uses.

mod environment;
mod exit_codes;
mod formats;

pub(crate) use environment::VariableRow;
pub(crate) use exit_codes::ExitCodeRow;
pub(crate) use formats::FormatRow;

use crate::output::{Row, Times};

/// Rows as columns of text, with nothing left out.
pub(crate) fn lines<T: Row>(rows: &[T]) -> String {
    let times = Times { relative: false, now: crate::settings::now() };
    let titles = T::COLUMNS.iter().map(|column| column.title.to_owned()).collect();
    let cells = rows.iter().map(|row| row.cells(&times));
    let cells: Vec<Vec<String>> = std::iter::once(titles).chain(cells).collect();
    let width = |column: usize| cells.iter().map(|row| row[column].chars().count()).max();
    let widths: Vec<_> = (0..T::COLUMNS.len()).map(|column| width(column).unwrap_or(0)).collect();
    let line = |row: &Vec<String>| {
        let padded = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}  "));
        format!("  {}\n", padded.collect::<String>().trim_end())
    };
    cells.iter().map(line).collect()
}
