//! Comma separated values, as RFC 4180 says: quoted where they must be, lines that end with CR LF. A cell
//! that a spreadsheet would take for a formula gets a `'` before it.

use csv::{Terminator, WriterBuilder};
use hub_core::exit::Exit;

use crate::error::{Failure, Result};

/// A header, if it is wanted, and rows.
pub(super) fn render(titles: &[&str], rows: &[Vec<String>], headers: bool) -> Result<String> {
    let mut writer = WriterBuilder::new().terminator(Terminator::CRLF).from_writer(Vec::new());
    let header = headers.then(|| titles.iter().map(|title| name(title)).collect());
    for row in header.iter().chain(rows) {
        let cells = row.iter().map(|cell| harmless(cell));
        writer.write_record(cells.collect::<Vec<_>>()).map_err(|error| failed(&error))?;
    }
    let bytes = writer.into_inner().map_err(|error| failed(&error))?;
    String::from_utf8(bytes).map_err(|error| failed(&error))
}

/// `LAST SEEN` → `last_seen`: a name that needs no quotes, in a file or in a query of it.
fn name(title: &str) -> String {
    title.to_lowercase().replace(' ', "_")
}

/// How a formula begins, in an East Asian spreadsheet also with the wide forms of the signs.
const STARTS: [char; 11] = ['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'];

/// A cell that no spreadsheet runs: a name is not to make one do something.
fn harmless(cell: &str) -> String {
    let runs = cell.starts_with(STARTS) && cell.parse::<f64>().is_err();
    if runs { format!("'{cell}") } else { cell.to_owned() }
}

fn failed(error: &dyn std::error::Error) -> Failure {
    Failure::new(Exit::Bug, "bug", format!("no CSV: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_quoted_where_they_must_be() {
        let row = ["acme", "Acme, \"the\" GmbH", "", "two\nlines"].map(str::to_owned).to_vec();
        let titles = ["SLUG", "NAME", "LAST SEEN", "LABELS"];
        let values = "acme,\"Acme, \"\"the\"\" GmbH\",,\"two\nlines\"\r\n";
        assert_eq!(render(&titles, std::slice::from_ref(&row), false).unwrap(), values);
        let header = "slug,name,last_seen,labels\r\n";
        assert_eq!(render(&titles, &[row], true).unwrap(), format!("{header}{values}"));
        assert_eq!(render(&titles, &[], true).unwrap(), header, "a list may be empty");
        assert_eq!(render(&titles, &[], false).unwrap(), "");
    }

    #[test]
    fn a_cell_is_never_a_formula() {
        let row = ["=1+1", "-2", "-x", "@a", "+49", "a=b", "＝1"].map(str::to_owned).to_vec();
        let written = render(&["A"; 7], &[row], false).unwrap();
        assert_eq!(written, "'=1+1,-2,'-x,'@a,+49,a=b,'＝1\r\n");
    }

    #[test]
    fn a_single_empty_value_is_still_a_row() {
        assert_eq!(render(&["NAME"], &[vec![String::new()]], false).unwrap(), "\"\"\r\n");
    }
}
