//! What is explained besides the commands. Each topic is made from what the program itself goes by.

mod environment;
mod exit_codes;
mod formats;

pub(crate) use environment::Told;
pub(crate) use exit_codes::Code;
pub(crate) use formats::Written;

use crate::output::{Row, Times};

/// Rows as a person reads them in a text: in columns, with nothing left out.
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
