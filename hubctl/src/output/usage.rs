//! Usage in tables: numbers for programs, bars for people.

use hub_core::api::{DurationStats, ErrorCount, NamedCount, ToolUsage, UsageStep};
use hub_core::redact::ToolName;
use hub_core::time::Timestamp;
use serde::Serialize;

use super::bars::{Bars, sparkline};
use super::measures::{duration, percent};
use super::select::rounded;
use super::{Column, Picture, Row, Times, column, number};

/// A number, or nothing.
fn plain(number: Option<f64>) -> String {
    number.map(rounded).unwrap_or_default()
}

/// A duration, or nothing.
fn told(ms: Option<f64>) -> String {
    ms.map(duration).unwrap_or_default()
}

impl Row for ToolUsage {
    const FIELDS: &'static [&'static str] = &[
        "tool",
        "calls",
        "errors",
        "error_rate",
        "instances",
        "duration_ms.n",
        "duration_ms.mean",
        "duration_ms.max",
        "duration_ms.p50",
        "duration_ms.p90",
        "duration_ms.p99",
        "duration_ms.relative_error",
    ];

    const COLUMNS: &'static [Column] = &[
        column("TOOL", 0),
        column("CALLS", 0),
        column("ERRORS", 0),
        column("ERROR RATE", 0),
        column("INSTANCES", 0),
        column("DURATIONS", 0),
        column("MEAN MS", 0),
        column("MAX MS", 0),
        column("P50 MS", 0),
        column("P90 MS", 0),
        column("P99 MS", 0),
        column("RELATIVE ERROR", 0),
    ];

    fn handle(&self) -> String {
        self.tool.to_string()
    }

    fn cells(&self, _: &Times) -> Vec<String> {
        let stats = self.duration_ms.as_ref();
        let of = |pick: fn(&DurationStats) -> Option<f64>| plain(stats.and_then(pick));
        vec![
            self.handle(),
            self.calls.to_string(),
            self.errors.to_string(),
            rounded(self.error_rate),
            self.instances.to_string(),
            stats.map_or(0, |stats| stats.n).to_string(),
            of(|stats| Some(stats.mean)),
            of(|stats| Some(stats.max)),
            of(|stats| stats.p50),
            of(|stats| stats.p90),
            of(|stats| stats.p99),
            of(|stats| stats.relative_error),
        ]
    }

    fn picture(rows: &[Self], _: &Times, width: usize) -> Option<Picture> {
        let bars = Bars::of(rows.iter().map(|row| row.calls), width);
        let cells = |row: &Self| {
            let stats = row.duration_ms.as_ref();
            let of = |pick: fn(&DurationStats) -> Option<f64>| told(stats.and_then(pick));
            vec![
                row.handle(),
                bars.cell(row.calls),
                percent(row.error_rate),
                of(|stats| stats.p50),
                of(|stats| stats.p90),
                of(|stats| stats.p99),
                of(|stats| Some(stats.mean)),
                of(|stats| Some(stats.max)),
                row.instances.to_string(),
            ]
        };
        let columns = vec![
            column("TOOL", 0),
            column("CALLS", 0),
            number("FAILED", 1),
            number("P50", 2),
            number("P90", 3),
            number("P99", 2),
            number("MEAN", 4),
            number("MAX", 5),
            number("INSTANCES", 6),
        ];
        // With a filter no tool has quantiles, and their columns would be empty.
        Some(Picture::new(columns, rows.iter().map(cells)).without_empty_columns())
    }
}

impl Row for UsageStep {
    const FIELDS: &'static [&'static str] =
        &["at", "calls", "errors", "duration_ms_mean", "instances", "complete"];

    const COLUMNS: &'static [Column] = &[
        column("AT", 0),
        column("CALLS", 0),
        column("ERRORS", 0),
        column("MEAN MS", 0),
        column("INSTANCES", 0),
        column("COMPLETE", 0),
    ];

    fn handle(&self) -> String {
        self.at.to_string()
    }

    fn cells(&self, times: &Times) -> Vec<String> {
        vec![
            times.step(self.at),
            self.calls.to_string(),
            self.errors.to_string(),
            plain(self.duration_ms_mean),
            self.instances.to_string(),
            self.complete.to_string(),
        ]
    }

    fn picture(rows: &[Self], times: &Times, width: usize) -> Option<Picture> {
        let bars = Bars::of(rows.iter().map(|row| row.calls), width);
        let cells = |row: &Self| {
            let errors = row.errors.to_string();
            let mean = told(row.duration_ms_mean);
            // The step that goes on is marked: its numbers still grow.
            let at = times.step(row.at) + if row.complete { "" } else { " …" };
            vec![at, bars.cell(row.calls), errors, mean, row.instances.to_string()]
        };
        let columns = vec![
            column("AT (UTC)", 0),
            column("CALLS", 0),
            number("ERRORS", 1),
            number("MEAN", 2),
            number("INSTANCES", 3),
        ];
        let picture = Picture::new(columns, rows.iter().map(cells)).without_empty_columns();
        Some(picture.under(headline(rows, width)))
    }
}

/// A name, and the first of these behind it.
const fn behind<const N: usize>(first: &'static str, others: &[&'static str]) -> [&'static str; N] {
    let mut all = [first; N];
    let mut at = 1;
    while at < N {
        all[at] = others[at - 1];
        at += 1;
    }
    all
}

/// The use of a tool by one client or instance.
#[derive(Debug, Serialize)]
pub(crate) struct UsagePart {
    /// Whose use it is.
    pub(crate) by: String,
    #[serde(flatten)]
    pub(crate) usage: ToolUsage,
}

impl Row for UsagePart {
    const COLUMNS: &'static [Column] = &[
        column("BY", 0),
        column("TOOL", 0),
        column("CALLS", 0),
        column("ERRORS", 1),
        column("MEAN", 2),
    ];
    // Quantiles are of the whole fleet alone.
    const FIELDS: &'static [&'static str] = &behind::<9>("by", ToolUsage::FIELDS);

    fn handle(&self) -> String {
        format!("{}/{}", self.by, self.usage.tool)
    }

    fn cells(&self, _: &Times) -> Vec<String> {
        let mean = self.usage.duration_ms.as_ref().map(|stats| stats.mean);
        vec![
            self.by.clone(),
            self.usage.tool.to_string(),
            self.usage.calls.to_string(),
            self.usage.errors.to_string(),
            told(mean),
        ]
    }
}

/// One step of several tools.
#[derive(Debug, Serialize)]
pub(crate) struct UsageOfStep {
    pub(crate) at: Timestamp,
    pub(crate) tool: Option<ToolName>,
    pub(crate) calls: u64,
    pub(crate) errors: u64,
    pub(crate) error_rate: f64,
    /// The most instances on one day of the step.
    pub(crate) instances: u64,
    pub(crate) complete: bool,
}

impl Row for UsageOfStep {
    const COLUMNS: &'static [Column] = &[
        column("AT", 0),
        column("TOOL", 0),
        column("CALLS", 0),
        column("ERRORS", 1),
        column("INSTANCES", 2),
    ];
    const FIELDS: &'static [&'static str] =
        &["at", "tool", "calls", "errors", "error_rate", "instances", "complete"];

    fn handle(&self) -> String {
        self.at.to_string()
    }

    fn cells(&self, times: &Times) -> Vec<String> {
        vec![
            times.step(self.at),
            self.tool.as_ref().map(ToString::to_string).unwrap_or_default(),
            self.calls.to_string(),
            self.errors.to_string(),
            self.instances.to_string(),
        ]
    }
}

/// The whole series in one line of at most this width.
fn headline(steps: &[UsageStep], width: usize) -> String {
    let calls: Vec<u64> = steps.iter().map(|step| step.calls).collect();
    let total = calls.iter().fold(0_u64, |sum, n| sum.saturating_add(*n));
    let most = calls.iter().max().copied().unwrap_or(0);
    let words = format!("  {total} calls, at most {most} a step");
    match width.checked_sub(words.len()) {
        Some(room) if room >= 8 => sparkline(&calls, room) + &words,
        _ => sparkline(&calls, width),
    }
}

impl Row for ErrorCount {
    const FIELDS: &'static [&'static str] = &["tool", "code", "count"];

    const COLUMNS: &'static [Column] = &[column("TOOL", 0), column("CODE", 0), column("COUNT", 0)];

    fn handle(&self) -> String {
        format!("{}/{}", self.tool, self.code)
    }

    fn cells(&self, _: &Times) -> Vec<String> {
        vec![self.tool.to_string(), self.code.to_string(), self.count.to_string()]
    }

    fn picture(rows: &[Self], _: &Times, width: usize) -> Option<Picture> {
        let bars = Bars::of(rows.iter().map(|row| row.count), width);
        let cells =
            |row: &Self| vec![row.tool.to_string(), row.code.to_string(), bars.cell(row.count)];
        Some(Picture::new(Self::COLUMNS.to_vec(), rows.iter().map(cells)))
    }
}

impl Row for NamedCount {
    const FIELDS: &'static [&'static str] = &["name", "sum", "max", "instances"];

    const COLUMNS: &'static [Column] =
        &[column("NAME", 0), column("SUM", 0), column("MAX", 0), column("INSTANCES", 0)];

    fn handle(&self) -> String {
        self.name.to_string()
    }

    fn cells(&self, _: &Times) -> Vec<String> {
        let numbers = [self.sum, self.max, self.instances];
        std::iter::once(self.handle()).chain(numbers.map(|n| n.to_string())).collect()
    }

    fn picture(rows: &[Self], _: &Times, width: usize) -> Option<Picture> {
        let bars = Bars::of(rows.iter().map(|row| row.sum), width);
        let cells = |row: &Self| {
            let (max, instances) = (row.max.to_string(), row.instances.to_string());
            vec![row.handle(), bars.cell(row.sum), max, instances]
        };
        let columns =
            vec![column("NAME", 0), column("SUM", 0), number("MAX", 1), number("INSTANCES", 2)];
        Some(Picture::new(columns, rows.iter().map(cells)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use console::measure_text_width;

    #[test]
    fn a_headline_has_its_words_where_there_is_room() {
        let step = |calls| UsageStep {
            at: Timestamp::UNIX_EPOCH,
            calls,
            errors: 0,
            duration_ms_mean: None,
            instances: 1,
            complete: true,
        };
        let week: Vec<_> = (0..168).map(step).collect();
        assert_eq!(headline(&week[..3], 80), "▁▅█  3 calls, at most 2 a step");
        assert_eq!(headline(&[], 80), "  0 calls, at most 0 a step");
        for width in [1, 20, 40, 80, 200] {
            let line = headline(&week, width);
            assert!(measure_text_width(&line) <= width, "{width}: {line}");
            assert_eq!(line.contains("14028 calls, at most 167 a step"), width >= 80);
        }
    }
}
