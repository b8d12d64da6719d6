//! Tables: aligned at a terminal, with as many columns as fit; tab separated when piped.

use console::measure_text_width;

use super::Column;
use super::text::{Hue, fitted, visible, wrapped};

/// Below this width a table is unreadable, and each record takes two lines.
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
    /// With colours for states.
    pub(super) colors: bool,
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
    let rows = &shown(rows);
    match fitting(columns, rows, width) {
        Some(kept) if width >= NARROW => aligned(columns, rows, &kept, layout),
        _ => two_lines(columns, rows, width, layout),
    }
}

/// A list with all its columns, whatever the terminal's width.
pub(super) fn wide(columns: &[Column], rows: &[Vec<String>], layout: Layout) -> String {
    if layout.width.is_none() {
        return separated(columns.iter().map(|column| column.title), rows, layout.headers);
    }
    let all: Vec<usize> = (0..columns.len()).collect();
    aligned(columns, &shown(rows), &all, layout)
}

/// Columns that were named; none of them is dropped.
pub(super) fn plain(titles: &[String], rows: &[Vec<String>], layout: Layout) -> String {
    if layout.width.is_none() {
        return separated(titles.iter().map(String::as_str), rows, layout.headers);
    }
    let titles: Vec<&str> = titles.iter().map(String::as_str).collect();
    let rows = shown(rows);
    let cells = |row: &Vec<String>| row.iter().map(|cell| cell_or_dash(cell).to_owned()).collect();
    lines(&titles, &rows.iter().map(cells).collect::<Vec<_>>(), &|_| false, layout.headers)
}

/// One record.
pub(super) fn record(details: &[(&'static str, String)], layout: Layout) -> String {
    if layout.width.is_some() {
        let widest = details.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
        let line = |(name, value): &(&'static str, String)| {
            let value = visible(value);
            let value = painted(name, cell_or_dash(&value), layout);
            fitted(name, widest + GAP, &value, layout.width)
        };
        return details.iter().map(line).collect();
    }
    let lines: Vec<_> =
        details.iter().map(|(name, value)| format!("{name}\t{}", one_line(value))).collect();
    lines.join("\n") + "\n"
}

/// A list for a comment that is written in Markdown.
pub(super) fn markdown(columns: &[Column], rows: &[Vec<String>]) -> String {
    let line = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
    let cell = |cell: &String| visible(&one_line(cell)).replace('|', "\\|");
    let mut text = line(columns.iter().map(|column| column.title.to_owned()).collect());
    let rule = |column: &Column| if column.right { "---:" } else { "---" }.to_owned();
    text.push_str(&line(columns.iter().map(rule).collect()));
    for row in rows {
        text.push_str(&line(row.iter().map(cell).collect()));
    }
    text
}

/// Rows without characters that nobody can see.
fn shown(rows: &[Vec<String>]) -> Vec<Vec<String>> {
    rows.iter().map(|row| row.iter().map(|cell| visible(cell)).collect()).collect()
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

fn aligned(columns: &[Column], rows: &[Vec<String>], kept: &[usize], layout: Layout) -> String {
    let titles: Vec<&str> = kept.iter().map(|&at| columns[at].title).collect();
    let cell =
        |row: &Vec<String>, at: usize| painted(columns[at].title, cell_or_dash(&row[at]), layout);
    let cells: Vec<Vec<String>> =
        rows.iter().map(|row| kept.iter().map(|&at| cell(row, at)).collect()).collect();
    lines(&titles, &cells, &|at| columns[kept[at]].right, layout.headers)
}

/// Cells under each other, flush left or right.
fn lines(
    titles: &[&str],
    rows: &[Vec<String>],
    right: &dyn Fn(usize) -> bool,
    headers: bool,
) -> String {
    let header: Vec<String> = titles.iter().map(|title| (*title).to_owned()).collect();
    let all = headers.then_some(&header).into_iter().chain(rows);
    let widest = |at: usize| all.clone().map(|row| measure_text_width(&row[at])).max();
    let widths: Vec<usize> = (0..titles.len()).map(|at| widest(at).unwrap_or(0)).collect();
    let mut text = String::new();
    for row in all.clone() {
        let mut line = String::new();
        for (at, (cell, width)) in row.iter().zip(&widths).enumerate() {
            let blanks = " ".repeat(width - measure_text_width(cell));
            let (before, after) =
                if right(at) { (blanks.as_str(), "") } else { ("", blanks.as_str()) };
            for part in [before, cell, after, &" ".repeat(GAP)] {
                line.push_str(part);
            }
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// A state in its colour.
fn painted(title: &str, cell: &str, layout: Layout) -> String {
    let is_state = layout.colors && matches!(title, "STATUS" | "REASON" | "OK");
    if is_state { Hue::of_state(cell).paint(cell) } else { cell.to_owned() }
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

/// Two lines for each row: what the list is about, and as much of the rest as fits.
fn two_lines(columns: &[Column], rows: &[Vec<String>], width: usize, layout: Layout) -> String {
    let mut text = String::new();
    for row in rows {
        let cells = || columns.iter().zip(row).filter(|(_, cell)| !cell.is_empty());
        let first = cells().filter(|(column, _)| column.rank == 0);
        let first: Vec<_> = first.map(|(c, cell)| painted(c.title, cell, layout)).collect();
        text.push_str(&wrapped(&format!("{}\n", first.join("  ")), width));
        let mut others: Vec<_> = cells().filter(|(column, _)| column.rank > 0).collect();
        let told = |others: &[(&Column, &String)]| {
            let each = others.iter().map(|(c, cell)| format!("{} {cell}", c.title.to_lowercase()));
            each.collect::<Vec<_>>().join(", ")
        };
        while measure_text_width(&told(&others)) + GAP > width && others.len() > 1 {
            let least = others.iter().map(|(column, _)| column.rank).max();
            let at = others.iter().rposition(|(column, _)| Some(column.rank) == least);
            others.remove(at.unwrap_or(0));
        }
        if !others.is_empty() {
            text.push_str(&wrapped(&format!("  {}\n", told(&others)), width));
        }
    }
    text
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
        render(COLUMNS, &rows(), Layout { width, headers, colors: false })
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
    fn a_wide_terminal_has_a_table_and_a_narrow_one_two_lines_a_row() {
        let rows = || vec![vec!["acme".to_owned(), String::new(), "3 h ago".to_owned()]];
        let wide =
            render(COLUMNS, &rows(), Layout { width: Some(80), headers: true, colors: false });
        assert_eq!(wide, "SLUG  NAME  CREATED\nacme  -     3 h ago\n");
        let narrow =
            render(COLUMNS, &rows(), Layout { width: Some(59), headers: true, colors: false });
        assert_eq!(narrow, "acme\n  created 3 h ago\n");
    }

    #[test]
    fn a_picture_has_a_headline_numbers_flush_right_and_no_empty_columns() {
        let columns = vec![column("TOOL", 0), number("P50", 1), number("MAX", 2)];
        let rows = [["a", "", "12 ms"], ["bc", "", "1.3 s"]];
        let rows = rows.iter().map(|row| row.map(str::to_owned).to_vec());
        let picture = Picture::new(columns, rows).without_empty_columns().under("▁█".to_owned());
        let drawn = picture.render(Layout { width: Some(80), headers: true, colors: false });
        assert_eq!(drawn, "▁█\n\nTOOL    MAX\na     12 ms\nbc    1.3 s\n");
    }
}
