//! `hubctl telemetry preview`: runs the hub's own redactor here, with a catalogue from a file or from the
//! hub. The report is the caller's own, so names that the hub would not keep are shown as they stand.

use std::collections::BTreeMap;
use std::path::Path;

use hub_core::api::{Catalogue, GetCatalogue, GetOwnCatalogue, Preview, StoredReport, StoredTool};
use hub_core::exit::Exit;
use hub_core::fields::{Fault, Unknown, from_json};
use hub_core::key::HubKey;
use hub_core::problem::{ErrorCode, FieldError};
use hub_core::redact::{Dropped, Listed, MOST_CALLS, Reason, inspect};
use hub_core::time::Timestamp;
use serde_json::Value;

use super::Invocation;
use crate::cli::PreviewArgs;
use crate::client::Call;
use crate::error::{Failure, Result};
use crate::output::{DroppedRow, Out, ReportRow, write_data};
use crate::words::Format;
use crate::{input, output};

/// Runs it with a catalogue in a file.
pub(in crate::commands) fn preview_offline(args: &PreviewArgs, out: &Out) -> Result<Exit> {
    let catalogue = match &args.catalogue {
        Some(path) if path == Path::new("-") && args.file == Path::new("-") => {
            return Err(Failure::usage("FILE and --catalogue cannot both be standard input"));
        }
        Some(path) => read_catalogue(path, "--catalogue")?,
        None => Catalogue::default(),
    };
    output::reads(&args.file);
    let body = input::read_bytes(&args.file, "the report")?;
    show(&body, &catalogue, out)
}

/// Runs it with the hub's catalogue.
pub(super) async fn run(args: PreviewArgs, invocation: &Invocation<'_>) -> Result<Exit> {
    let PreviewArgs { file, hub_key_file, .. } = args;
    output::reads(&file);
    let (key, body) = input::waiting(move || {
        let key = hub_key_file.map(|path| super::send::read_key(&path)).transpose()?;
        Ok((key, input::read_bytes(&file, "the report")?))
    })
    .await?;
    let catalogue = match &key {
        Some(key) => own_catalogue(key, invocation).await?,
        None => invocation.hub()?.call::<GetCatalogue>("", &(), &()).await.map_err(|failure| {
            failure.hint("--catalogue FILE works offline, --hub-key-file with an instance's key")
        })?,
    };
    show(&body, &catalogue, invocation.out)
}

async fn own_catalogue(key: &HubKey, invocation: &Invocation<'_>) -> Result<Catalogue> {
    let call = Call::<GetOwnCatalogue> { hub_key: Some(key), ..Call::new("", &(), &()) };
    Ok(invocation.hub()?.answer(call).await?.value)
}

/// Reads a catalogue as the hub writes it. A wrong name is told by its place alone.
pub(super) fn read_catalogue(path: &Path, option: &str) -> Result<Catalogue> {
    let bytes = input::read_bytes(path, "the catalogue")?;
    from_json(&bytes, Unknown::Named).map_err(|fault| match fault {
        Fault::NotAnObject => Failure::usage(format!(
            "{option} must hold one JSON object with tools, codes and counts, as \
             `hubctl telemetry catalogue get -o json` writes it"
        )),
        Fault::Fields(errors) => {
            Failure::usage(format!("{option} is wrong: {}", listed_faults(&errors)))
        }
    })
}

fn listed_faults(errors: &[FieldError]) -> String {
    let wrong = |error: &FieldError| format!("{} {}", error.field, error.message);
    errors.iter().map(wrong).collect::<Vec<_>>().join("; ")
}

fn show(body: &[u8], catalogue: &Catalogue, out: &Out) -> Result<Exit> {
    let preview = preview(body, catalogue, out.times().now)?;
    tell(&preview, body, Some(catalogue), out)
}

fn preview(body: &[u8], catalogue: &Catalogue, now: Timestamp) -> Result<Preview> {
    let Catalogue { tools, codes, counts } = catalogue.clone();
    let listed = Listed {
        version: 0,
        tools: (1..).zip(tools).collect(),
        codes: (1..).zip(codes).collect(),
        counts: (1..).zip(counts).collect(),
    };
    let (report, places) = inspect(body, &listed, now).map_err(|fault| refused(&fault))?;
    Ok(Preview::of(&report, &listed, places.into_dropped()))
}

/// The failure with which a hub would answer such a report.
fn refused(fault: &Fault) -> Failure {
    match fault {
        Fault::NotAnObject => Failure::of(
            ErrorCode::InvalidJson,
            "the report must be one JSON object in UTF-8 that names each member once",
        ),
        Fault::Fields(errors) => {
            let message = format!("some fields of the report are wrong: {}", listed_faults(errors));
            Failure::of(ErrorCode::InvalidRequest, message)
        }
    }
}

/// Writes what would be kept of the report in `body`, and what would not.
pub(super) fn tell(
    preview: &Preview,
    body: &[u8],
    catalogue: Option<&Catalogue>,
    out: &Out,
) -> Result<Exit> {
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
            for (reason, n) in preview.reasons.iter() {
                rows.push(ReportRow::of("reason", reason.to_string(), Some(n)));
            }
            out.list(&rows, "")?;
        }
        Format::Table | Format::Wide => {
            let [start, end] = window;
            write_data(&format!("window {start} to {end}\n"))?;
            out.list(&rows, "it changes no usage")?;
            write_data(&format!("redacted {}\n", preview.redacted))?;
            if !preview.dropped.is_empty() {
                out.list(&dropped(&preview.dropped, body, catalogue), "")?;
            }
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

/// The places, with the names that stand there: the report is the caller's own.
fn dropped(places: &[Dropped], body: &[u8], catalogue: Option<&Catalogue>) -> Vec<DroppedRow> {
    let report: Value = serde_json::from_slice(body).unwrap_or_default();
    let mut told = BTreeMap::<(&str, Reason), usize>::new();
    let rows = places.iter().map(|Dropped { at, reason }| {
        let nth = told.entry((at, *reason)).or_default();
        let name = match at.strip_suffix("/*") {
            Some(object) => members(&report, object, *reason, catalogue).nth(*nth).cloned(),
            None => report.pointer(at).and_then(Value::as_str).map(str::to_owned),
        };
        *nth += 1;
        DroppedRow { at: at.clone(), name, reason: *reason }
    });
    rows.collect()
}

/// The members that a hub knows by name, in a report and in a tool.
const KNOWN: [&str; 9] = [
    "report_id",
    "window_start",
    "window_end",
    "tools",
    "counts",
    "name",
    "calls",
    "errors",
    "durations_ms",
];

/// The members of an object that a hub tells as `*` for this reason.
fn members<'v>(
    report: &'v Value,
    object: &str,
    reason: Reason,
    catalogue: Option<&'v Catalogue>,
) -> impl Iterator<Item = &'v String> {
    let of_codes = object.ends_with("/errors");
    let of_counts = object == "/counts";
    let members = report.pointer(object).and_then(Value::as_object).into_iter().flatten();
    let members = members.filter(move |(name, value)| {
        if !of_codes && !of_counts {
            return !KNOWN.contains(&name.as_str());
        }
        let Some(catalogue) = catalogue else { return false };
        let is_listed = if of_codes {
            catalogue.codes.iter().any(|code| code.as_str() == *name)
        } else {
            catalogue.counts.iter().any(|count| count.as_str() == *name)
        };
        // What has no usable number is told for that.
        let unlisted = matches!(reason, Reason::UnlistedCode | Reason::UnlistedCount);
        !is_listed && name.to_lowercase() != "other" && is_count(value) == unlisted
    });
    members.map(|(name, _)| name)
}

fn is_count(value: &Value) -> bool {
    #[expect(clippy::cast_precision_loss, reason = "small enough to be exact")]
    let most = MOST_CALLS as f64;
    value.as_f64().is_some_and(|n| (0.0..=most).contains(&n) && n.fract() == 0.0)
}
