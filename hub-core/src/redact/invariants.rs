//! What holds for any bytes whatever. The property tests ask it of made bodies, the fuzz target of all
//! that it comes upon.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use serde_json::{Map, Value, json};

use super::{CodeName, CountName, Listed, MOST_CALLS, Reason, ToolName, inspect};
use crate::api::{Preview, StoredReport};
use crate::fields::Fault;
use crate::time::Timestamp;

/// A redactor: the real one, or one that leaks.
pub type Redactor = fn(&[u8]) -> Result<Preview, Fault>;

/// The catalogue that the corpus is read with.
#[must_use]
pub fn listed() -> &'static Listed {
    static LISTED: LazyLock<Listed> = LazyLock::new(catalogue);
    &LISTED
}

fn catalogue() -> Listed {
    let letters = || ('a'..='z').flat_map(|a| ('a'..='z').map(move |b| format!("{a}{b}")));
    let tools = ["a", "b", "c", "a.b-c_d.e", "a1.b2", "browser.navigate", "files.read"];
    let long = format!("{}.{}", "a".repeat(24), "b".repeat(24));
    let tools = tools.map(str::to_owned).into_iter().chain([long]);
    let tools = tools.chain(letters().map(|word| format!("t.{word}")));
    let codes = ["A", "TIMEOUT", "X", "Y"].map(str::to_owned).into_iter();
    let codes = codes.chain(letters().map(|word| format!("E_{}", word.to_uppercase())));
    let counts = ["agents_online", "good", "x"].map(str::to_owned).into_iter();
    let counts = counts.chain(letters().take(400).map(|word| format!("c_{word}")));
    Listed {
        version: 1,
        tools: (1..).zip(tools.filter_map(|name| ToolName::parse(&name))).collect(),
        codes: (1..).zip(codes.filter_map(|name| CodeName::parse(&name))).collect(),
        counts: (1..).zip(counts.filter_map(|name| CountName::parse(&name))).collect(),
    }
}

/// The real one, at noon on the day that the corpus is of.
pub fn real(body: &[u8]) -> Result<Preview, Fault> {
    // 2026-11-25T12:00:00Z
    let now = Timestamp::from_unix_ms(1_795_608_000_000);
    let listed = listed();
    inspect(body, listed, now)
        .map(|(report, places)| Preview::of(&report, listed, places.into_dropped()))
}

/// The first of the invariants that does not hold for this body.
pub fn broken(body: &[u8], redactor: Redactor) -> Option<&'static str> {
    let preview = match redactor(body) {
        Ok(preview) => preview,
        Err(fault) => return (!is_fixed(&fault)).then_some("an error says nothing of the body"),
    };
    if !is_listed(&preview.report) {
        return Some("every name is listed");
    }
    if !places_are_known(&preview) {
        return Some("places are told by known members, listed names and positions");
    }
    if preview.report.tools.iter().any(|tool| tool.errors.values().sum::<u64>() > tool.calls) {
        return Some("errors never pass calls");
    }
    if redactor(&with_a_member_more(body)).map(without_places)
        != Ok(without_places(one_more_redacted(&preview)))
    {
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
            ["report_id", "window_start", "window_end", "tools", "counts"]
                .contains(&error.field.as_str())
                && error.message.len() < 80
        }),
    }
}

fn is_listed(report: &StoredReport) -> bool {
    let listed = listed();
    let code = |name: &CodeName| {
        name.as_str() == CodeName::OTHER || listed.codes.number(name.as_str()).is_some()
    };
    let tools = report.tools.iter().all(|tool| {
        let name = tool.name.as_str();
        (name == ToolName::OTHER || listed.tools.number(name).is_some())
            && tool.errors.keys().all(code)
    });
    tools
        && report.counts.keys().all(|name| {
            name.as_str() == CountName::OTHER || listed.counts.number(name.as_str()).is_some()
        })
}

fn places_are_known(preview: &Preview) -> bool {
    let listed = listed();
    let members = ["*", "tools", "counts", "name", "calls", "errors", "durations_ms"];
    let known: BTreeSet<&str> = members.into();
    preview.dropped.iter().all(|dropped| {
        dropped.at.split('/').skip(1).all(|part| {
            known.contains(part)
                || part.bytes().all(|byte| byte.is_ascii_digit())
                || listed.codes.number(part).is_some()
                || listed.counts.number(part).is_some()
        })
    })
}

/// The body, an object that is not empty, with an unknown member before its first.
fn with_a_member_more(body: &[u8]) -> Vec<u8> {
    let start = body.iter().position(|byte| *byte == b'{').map_or(0, |brace| brace + 1);
    let member: &[u8] = br#""hunter2":[{"name":"hunter2","calls":7},"hunter2"],"#;
    [&body[..start], member, &body[start..]].concat()
}

fn one_more_redacted(preview: &Preview) -> Preview {
    let mut more = preview.clone();
    more.redacted += 1;
    more.reasons.add(Reason::UnknownMember, 1);
    more
}

/// Only the first places are told, and the member more is one of them.
fn without_places(preview: Preview) -> Preview {
    Preview { dropped: Vec::new(), ..preview }
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
