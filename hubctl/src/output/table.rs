//! Tables: aligned at a terminal, with as many columns as fit; tab separated when piped.

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use console::measure_text_width;

use super::Column;

/// Below this width a table is unreadable, and each record becomes a block.
const NARROW: usize = 60;
/// Blanks between two columns.
const GAP: usize = 2;

/// The space that a table has.
#[derive(Debug, Clone, Copy)]
pub(super) struct Layout {
    /// Columns of the terminal; none when piped.
    pub(super) width: Option<usize>,
    /// With a header.
    pub(super) headers: bool,
}

/// A list as a person sees it, in place of its plain cells.
#[derive(Debug)]
pub(crate) struct Picture {
    headline: Option<String>,
    columns: Vec<Column>,
    rows: Vec<Vec<String>>,
}

impl Picture {
    /// Of these cells.
    pub(super) fn new(columns: Vec<Column>, rows: impl Iterator<Item = Vec<String>>) -> Self {
        Self { headline: None, columns, rows: rows.collect() }
    }

    /// With a line on top.
    pub(super) fn under(self, headline: String) -> Self {
        Self { headline: Some(headline), ..self }
    }

    /// Without the columns that no row has anything in.
    pub(super) fn without_empty_columns(self) -> Self {
        let holds = |at: usize| self.rows.iter().any(|row| !row[at].is_empty());
        let kept: Vec<usize> = (0..self.columns.len()).filter(|&at| holds(at)).collect();
        let pick = |row: &Vec<String>| kept.iter().map(|&at| row[at].clone()).collect();
        Self {
            headline: self.headline,
            columns: kept.iter().map(|&at| self.columns[at]).collect(),
            rows: self.rows.iter().map(pick).collect(),
        }
    }

    /// As it is written.
    pub(super) fn render(&self, layout: Layout) -> String {
        let headline = self.headline.iter().map(|line| format!("{line}\n\n"));
        headline.collect::<String>() + &render(&self.columns, &self.rows, layout)
    }
}

/// A list.
pub(super) fn render(columns: &[Column], rows: &[Vec<String>], layout: Layout) -> String {
    let titles = columns.iter().map(|column| column.title);
    let Some(width) = layout.width else {
        return separated(titles, rows, layout.headers);
    };
    match fitting(columns, rows, width) {
        Some(kept) if width >= NARROW => aligned(columns, rows, &kept, layout.headers),
        _ => blocks(columns, rows),
    }
}

/// A list with all its columns, whatever the terminal's width.
pub(super) fn wide(columns: &[Column], rows: &[Vec<String>], layout: Layout) -> String {
    if layout.width.is_none() {
        return separated(columns.iter().map(|column| column.title), rows, layout.headers);
    }
    let all: Vec<usize> = (0..columns.len()).collect();
    aligned(columns, rows, &all, layout.headers)
}

/// Columns that were named; none of them is dropped.
pub(super) fn plain(titles: &[String], rows: &[Vec<String>], layout: Layout) -> String {
    if layout.width.is_none() {
        return separated(titles.iter().map(String::as_str), rows, layout.headers);
    }
    let mut table = borderless();
    if layout.headers {
        table.set_header(titles);
    }
    for row in rows {
        table.add_row(row.iter().map(|cell| cell_or_dash(cell)).collect::<Vec<_>>());
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    lines(&table)
}

/// One record.
pub(super) fn record(details: &[(&'static str, String)], layout: Layout) -> String {
    if layout.width.is_some() {
        return block(details.iter().map(|(name, value)| (*name, value.as_str())));
    }
    let lines: Vec<_> =
        details.iter().map(|(name, value)| format!("{name}\t{}", one_line(value))).collect();
    lines.join("\n") + "\n"
}

/// The columns to keep so that the table fits; none if even those that must stay do not fit.
fn fitting(columns: &[Column], rows: &[Vec<String>], width: usize) -> Option<Vec<usize>> {
    let widths: Vec<usize> = columns
        .iter()
        .enumerate()
        .map(|(at, column)| {
            let cells = rows.iter().filter_map(|row| row.get(at));
            let widest = cells.map(|cell| measure_text_width(cell)).max().unwrap_or(0);
            widest.max(column.title.len())
        })
        .collect();
    let mut kept: Vec<usize> = (0..columns.len()).collect();
    loop {
        let gaps = GAP * kept.len().saturating_sub(1);
        if kept.iter().map(|&at| widths[at]).sum::<usize>() + gaps <= width {
            return Some(kept);
        }
        let droppable = kept.iter().copied().filter(|&at| columns[at].rank > 0);
        let dropped = droppable.max_by_key(|&at| columns[at].rank)?;
        kept.retain(|&at| at != dropped);
    }
}

fn aligned(columns: &[Column], rows: &[Vec<String>], kept: &[usize], headers: bool) -> String {
    let mut table = borderless();
    if headers {
        table.set_header(kept.iter().map(|&at| columns[at].title).collect::<Vec<_>>());
    }
    for row in rows {
        table.add_row(kept.iter().map(|&at| cell_or_dash(&row[at])).collect::<Vec<_>>());
    }
    for (column, &at) in table.column_iter_mut().zip(kept) {
        let side = if columns[at].right { CellAlignment::Right } else { CellAlignment::Left };
        column.set_padding((0, 2)).set_cell_alignment(side);
    }
    lines(&table)
}

fn borderless() -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table
}

fn lines(table: &Table) -> String {
    table.lines().map(|line| line.trim_end().to_owned() + "\n").collect()
}

fn cell_or_dash(cell: &str) -> &str {
    if cell.is_empty() { "-" } else { cell }
}

fn separated<'a>(
    titles: impl Iterator<Item = &'a str>,
    rows: &[Vec<String>],
    headers: bool,
) -> String {
    let header = titles.collect::<Vec<_>>().join("\t");
    let mut text = if headers { header + "\n" } else { String::new() };
    for row in rows {
        let cells: Vec<_> = row.iter().map(|cell| one_line(cell)).collect();
        text.push_str(&cells.join("\t"));
        text.push('\n');
    }
    text
}

/// A tab or the end of a line in a value would split it.
fn one_line(text: &str) -> String {
    text.replace(['\t', '\n', '\r'], " ")
}

fn blocks(columns: &[Column], rows: &[Vec<String>]) -> String {
    let blocks: Vec<_> = rows
        .iter()
        .map(|row| block(columns.iter().map(|c| c.title).zip(row.iter().map(String::as_str))))
        .collect();
    blocks.join("\n")
}

fn block<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)> + Clone) -> String {
    let widest = pairs.clone().map(|(name, _)| name.len()).max().unwrap_or(0);
    let line = |(name, value)| format!("{name:widest$}  {}", cell_or_dash(value));
    pairs.map(line).collect::<Vec<_>>().join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use super::super::{column, number};
    use super::*;

    const COLUMNS: &[Column] = &[column("SLUG", 0), column("NAME", 1), column("CREATED", 2)];

    fn rows() -> Vec<Vec<String>> {
        let row = ["acme", "Acme GmbH\twith a name that is rather long, so long that", "3 h ago"];
        vec![row.map(str::to_owned).to_vec()]
    }

    fn at(width: Option<usize>, headers: bool) -> String {
        render(COLUMNS, &rows(), Layout { width, headers })
    }

    #[test]
    fn piped_tables_hold_everything() {
        let value = "acme\tAcme GmbH with a name that is rather long, so long that\t3 h ago\n";
        assert_eq!(at(None, false), value);
        assert_eq!(at(None, true), format!("SLUG\tNAME\tCREATED\n{value}"));
    }

    #[test]
    fn columns_are_dropped_by_rank() {
        assert_eq!(fitting(COLUMNS, &rows(), 200), Some(vec![0, 1, 2]));
        assert_eq!(fitting(COLUMNS, &rows(), 65), Some(vec![0, 1]));
        assert_eq!(fitting(COLUMNS, &rows(), 20), Some(vec![0]));
        assert_eq!(fitting(COLUMNS, &rows(), 3), None, "a handle is never cut");
    }

    #[test]
    fn a_wide_terminal_has_a_table_and_a_narrow_one_blocks() {
        let rows = || vec![vec!["acme".to_owned(), String::new(), "3 h ago".to_owned()]];
        let wide = render(COLUMNS, &rows(), Layout { width: Some(80), headers: true });
        assert_eq!(wide, "SLUG  NAME  CREATED\nacme  -     3 h ago\n");
        let narrow = render(COLUMNS, &rows(), Layout { width: Some(59), headers: true });
        assert_eq!(narrow, "SLUG     acme\nNAME     -\nCREATED  3 h ago\n");
    }

    #[test]
    fn a_picture_has_a_headline_numbers_flush_right_and_no_empty_columns() {
        let columns = vec![column("TOOL", 0), number("P50", 1), number("MAX", 2)];
        let rows = [["a", "", "12 ms"], ["bc", "", "1.3 s"]];
        let rows = rows.iter().map(|row| row.map(str::to_owned).to_vec());
        let picture = Picture::new(columns, rows).without_empty_columns().under("▁█".to_owned());
        let drawn = picture.render(Layout { width: Some(80), headers: true });
        assert_eq!(drawn, "▁█\n\nTOOL    MAX\na     12 ms\nbc    1.3 s\n");
    }
}
