//! What holds for any bytes whatever. The property tests ask it of made bodies, the fuzz target of all
//! that it comes upon.

use serde_json::{Map, Value, json};

use super::{CodeName, CountName, MOST_CALLS, ToolName, redact};
use crate::api::{Preview, StoredReport};
use crate::fields::Fault;
use crate::time::Timestamp;

/// A redactor: the real one, or one that leaks.
pub type Redactor = fn(&[u8]) -> Result<Preview, Fault>;

/// The real one, at noon on the day that the corpus is of.
pub fn real(body: &[u8]) -> Result<Preview, Fault> {
    // 2026-11-25T12:00:00Z
    let now = Timestamp::from_unix_ms(1_795_608_000_000);
    redact(body, now).map(|report| Preview::of(&report))
}

/// The first of the invariants that does not hold for this body.
pub fn broken(body: &[u8], redactor: Redactor) -> Option<&'static str> {
    let preview = match redactor(body) {
        Ok(preview) => preview,
        Err(fault) => return (!is_fixed(&fault)).then_some("an error says nothing of the body"),
    };
    if !is_clean(&preview.report) {
        return Some("names fit their grammars and look like no key");
    }
    if redactor(&with_a_member_more(body)) != Ok(one_more_redacted(&preview)) {
        return Some("an unknown member changes nothing but how many were redacted");
    }
    if !is_kept_again(&preview.report, redactor) {
        return Some("what is kept would be kept again");
    }
    None
}

fn is_fixed(fault: &Fault) -> bool {
    match fault {
        Fault::NotAnObject => true,
        Fault::Fields(errors) => errors.iter().all(|error| {
            ["report_id", "window_start", "window_end"].contains(&error.field.as_str())
                && error.message.len() < 80
        }),
    }
}

fn is_clean(report: &StoredReport) -> bool {
    let tools = report.tools.iter().all(|tool| {
        ToolName::clean(tool.name.as_str()).is_some()
            && tool.errors.keys().all(|code| CodeName::clean(code.as_str()).is_some())
    });
    tools && report.counts.keys().all(|name| CountName::clean(name.as_str()).is_some())
}

/// The body, an object that is not empty, with an unknown member before its first.
fn with_a_member_more(body: &[u8]) -> Vec<u8> {
    let start = body.iter().position(|byte| *byte == b'{').map_or(0, |brace| brace + 1);
    let member: &[u8] = br#""hunter2":[{"name":"hunter2","calls":7},"hunter2"],"#;
    [&body[..start], member, &body[start..]].concat()
}

fn one_more_redacted(preview: &Preview) -> Preview {
    Preview { redacted: preview.redacted + 1, ..preview.clone() }
}

/// Whether the counters of a report, reported as they are, come out the same. (Durations cannot be
/// reported back: of them only a distribution is kept. A sum may be larger than a report may say.)
fn is_kept_again(report: &StoredReport, redactor: Redactor) -> bool {
    let most = |n: &u64| *n <= MOST_CALLS;
    let tools = report.tools.iter();
    let sums = tools.clone().flat_map(|tool| tool.errors.values().chain([&tool.calls]));
    if !sums.chain(report.counts.values()).all(most) {
        return true;
    }
    let told: Vec<Value> = tools
        .map(|tool| json!({"name": tool.name, "calls": tool.calls, "errors": tool.errors}))
        .collect();
    let frame = json!({
        "report_id": "0191d6a0-0000-7000-8000-000000000001", "tools": told, "counts": report.counts,
        "window_start": report.window_start, "window_end": report.window_end,
    });
    let again = redactor(frame.to_string().as_bytes());
    again.is_ok_and(|again| again.redacted == 0 && counters(&again.report) == counters(report))
}

fn counters(report: &StoredReport) -> Value {
    let tools = report
        .tools
        .iter()
        .map(|tool| (tool.name.to_string(), json!({"calls": tool.calls, "errors": tool.errors})));
    json!({"tools": tools.collect::<Map<_, _>>(), "counts": report.counts})
}
