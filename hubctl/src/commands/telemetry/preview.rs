//! `hubctl telemetry preview`: runs the hub's own redactor here. The output is all that a hub would
//! keep; no other part of the report gets into words or errors.

use hub_core::api::{Preview, StoredReport, StoredTool};
use hub_core::exit::Exit;
use hub_core::fields::Fault;
use hub_core::problem::{ErrorCode, FieldError};
use hub_core::redact::redact;

use crate::cli::PreviewArgs;
use crate::error::{Failure, Result};
use crate::input;
use crate::output::{Out, ReportRow, write_data};
use crate::words::Format;

/// Runs it. A hub with a catalogue would count tools outside it under `other`; it is not asked here.
pub(in crate::commands) fn preview(args: &PreviewArgs, out: &Out) -> Result<Exit> {
    let body = input::read_bytes(&args.file, "the report")?;
    let report = redact(&body, out.times().now).map_err(|fault| refused(&fault))?;
    tell(&Preview::of(&report), out)
}

/// The failure with which a hub would answer such a report.
fn refused(fault: &Fault) -> Failure {
    match fault {
        Fault::NotAnObject => Failure::of(
            ErrorCode::InvalidJson,
            "the report must be one JSON object in UTF-8 that names each member once",
        ),
        Fault::Fields(errors) => {
            let wrong = |error: &FieldError| format!("{} {}", error.field, error.message);
            let wrong: Vec<_> = errors.iter().map(wrong).collect();
            let message = format!("some fields of the report are wrong: {}", wrong.join("; "));
            Failure::of(ErrorCode::InvalidRequest, message)
        }
    }
}

/// Writes what would be kept.
pub(super) fn tell(preview: &Preview, out: &Out) -> Result<Exit> {
    let report = &preview.report;
    let window = [report.window_start, report.window_end];
    let mut rows = rows(report);
    match out.format() {
        Format::Json | Format::Jsonl | Format::Yaml | Format::Env => out.document(preview)?,
        Format::Name => out.list(&rows, "")?,
        Format::Csv | Format::Markdown => {
            rows.insert(
                0,
                ReportRow::of("window", window.map(|at| at.to_string()).join("/"), None),
            );
            rows.push(ReportRow::of("redacted", String::new(), Some(preview.redacted)));
            out.list(&rows, "")?;
        }
        Format::Table | Format::Wide => {
            let [start, end] = window;
            write_data(&format!("window {start} to {end}\n"))?;
            out.list(&rows, "it changes no usage")?;
            write_data(&format!("redacted {}\n", preview.redacted))?;
        }
    }
    Ok(Exit::Done)
}

/// Each tool with its errors, then the counts.
fn rows(report: &StoredReport) -> Vec<ReportRow> {
    let mut rows = Vec::new();
    for StoredTool { name, calls, errors, duration_us } in &report.tools {
        rows.push(ReportRow {
            duration_us: Some(duration_us.clone()).filter(|durations| durations.n > 0),
            ..ReportRow::of("tool", name.to_string(), Some(*calls))
        });
        for (code, n) in errors {
            rows.push(ReportRow::of("error", format!("{name}/{code}"), Some(*n)));
        }
    }
    for (name, n) in &report.counts {
        rows.push(ReportRow::of("count", name.to_string(), Some(*n)));
    }
    rows
}
