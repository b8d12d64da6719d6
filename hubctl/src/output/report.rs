//! The content of a report, and of the catalogue, in tables.

use hub_core::api::StoredDurations;
use hub_core::redact::Reason;
use serde::Serialize;

use super::measures::duration;
use super::{Column, Picture, Row, Times, column, number};

/// A part of a report that the hub keeps.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct ReportRow {
    /// Such as `tool`.
    pub(crate) kind: &'static str,
    /// What it is called.
    pub(crate) name: String,
    /// How often.
    pub(crate) n: Option<u64>,
    /// How long.
    pub(crate) duration_us: Option<StoredDurations>,
}

impl ReportRow {
    /// Without durations.
    pub(crate) fn of(kind: &'static str, name: String, n: Option<u64>) -> Self {
        Self { kind, name, n, duration_us: None }
    }
}

impl Row for ReportRow {
    const COLUMNS: &'static [Column] = &[
        column("KIND", 0),
        column("NAME", 0),
        column("N", 0),
        column("DURATIONS", 0),
        column("SUM US", 0),
        column("MAX US", 0),
    ];

    fn handle(&self) -> String {
        self.name.clone()
    }

    fn cells(&self, _: &Times) -> Vec<String> {
        let durations = self.duration_us.as_ref();
        let numbers = durations.map(|durations| [durations.n, durations.sum, durations.max]);
        let [n, sum, max] = numbers.map(|numbers| numbers.map(Some)).unwrap_or_default();
        let told = |n: Option<u64>| n.map(|n| n.to_string()).unwrap_or_default();
        let name = self.name.clone();
        vec![self.kind.to_owned(), name, told(self.n), told(n), told(sum), told(max)]
    }

    fn picture(rows: &[Self], times: &Times, _: usize) -> Option<Picture> {
        let cells = |row: &Self| {
            let mut cells = row.cells(times);
            if let Some(durations) = &row.duration_us {
                cells.truncate(4);
                cells.extend([durations.sum, durations.max].map(told));
            }
            cells
        };
        let columns = vec![
            column("KIND", 0),
            column("NAME", 0),
            number("N", 0),
            number("DURATIONS", 1),
            number("SUM", 3),
            number("MAX", 2),
        ];
        Some(Picture::new(columns, rows.iter().map(cells)).without_empty_columns())
    }
}

#[expect(clippy::cast_precision_loss, reason = "two or three digits of it are shown")]
fn told(us: u64) -> String {
    duration(us as f64 / 1_000.0)
}

/// A name in the catalogue.
#[derive(Debug, Serialize)]
pub(crate) struct CatalogueRow {
    /// Such as `tool`.
    pub(crate) kind: &'static str,
    /// The name.
    pub(crate) name: String,
}

impl Row for CatalogueRow {
    const COLUMNS: &'static [Column] = &[column("KIND", 0), column("NAME", 0)];

    fn handle(&self) -> String {
        self.name.clone()
    }

    fn cells(&self, _: &Times) -> Vec<String> {
        vec![self.kind.to_owned(), self.name.clone()]
    }
}

/// Something in a report that is not kept as it was sent.
#[derive(Debug, Serialize)]
pub(crate) struct DroppedRow {
    /// Where it stands.
    pub(crate) at: String,
    /// The name that stands there, in a report of one's own.
    pub(crate) name: Option<String>,
    /// Why.
    pub(crate) reason: Reason,
}

impl Row for DroppedRow {
    const COLUMNS: &'static [Column] =
        &[column("PLACE", 0), column("NAME", 0), column("REASON", 0), column("WHAT HAPPENS", 1)];

    fn handle(&self) -> String {
        self.at.clone()
    }

    fn cells(&self, _: &Times) -> Vec<String> {
        let name = self.name.clone().unwrap_or_default();
        vec![self.at.clone(), name, self.reason.to_string(), self.reason.meaning().to_owned()]
    }
}
