//! What holds for any body, tried on thousands of made ones; each property finds a redactor that leaks.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{CodeName, CountName, ToolName, redact};
use crate::api::StoredReport;
use crate::fields::Fault;
use crate::time::Timestamp;

/// A redactor: the real one, or one that leaks.
type Redactor = fn(&[u8]) -> Result<StoredReport, Fault>;

fn real(body: &[u8]) -> Result<StoredReport, Fault> {
    let now: Timestamp = "2026-11-25T12:00:00Z".parse().unwrap();
    redact(body, now).map(|report| StoredReport::from(&report))
}

/// Lets the length of the body into a counter.
fn leaks_length(body: &[u8]) -> Result<StoredReport, Fault> {
    let mut report = real(body)?;
    report.tools.first_mut().into_iter().for_each(|tool| tool.calls += body.len() as u64);
    Ok(report)
}

/// Says in its error what was wrong with the body.
fn leaks_in_errors(body: &[u8]) -> Result<StoredReport, Fault> {
    real(body).map_err(|_| {
        let said = String::from_utf8_lossy(body).into_owned();
        Fault::Fields(vec![crate::problem::FieldError::new("body", said)])
    })
}

/// Numbers that look random and are the same each time.
struct Dice([u8; 32]);

impl Dice {
    fn new(seed: u64) -> Self {
        Self(Sha256::digest(seed.to_be_bytes()).into())
    }

    fn below(&mut self, n: usize) -> usize {
        self.0 = Sha256::digest(self.0).into();
        let number = u32::from_be_bytes([self.0[0], self.0[1], self.0[2], self.0[3]]);
        usize::try_from(number).unwrap() % n
    }
}

fn base() -> Value {
    json!({
        "report_id": "0191d6a0-0000-7000-8000-000000000001",
        "window_start": "2026-11-25T10:00:00Z", "window_end": "2026-11-25T11:00:00Z",
        "tools": [{"name": "browser.navigate", "calls": 12, "errors": {"TIMEOUT": 2},
            "durations_ms": [12, 40.5]}, {"name": "files.read", "calls": 1}],
        "counts": {"agents_online": 3},
    })
}

fn arbitrary(dice: &mut Dice, depth: usize) -> Value {
    match dice.below(if depth > 3 { 5 } else { 7 }) {
        0 => Value::Null,
        1 => (dice.below(2) == 0).into(),
        2 => dice.below(1_000_000).into(),
        3 => "s3cret".repeat(dice.below(20)).into(),
        4 => json!(-0.5),
        5 => (0..dice.below(4)).map(|_| arbitrary(dice, depth + 1)).collect(),
        _ => (0..dice.below(4)).map(|n| (format!("m{n}"), arbitrary(dice, depth + 1))).collect(),
    }
}

/// Unknown members, wherever there may be some, change nothing of what is stored.
fn unknown_members_change_nothing(redactor: Redactor) -> bool {
    let plain = redactor(base().to_string().as_bytes());
    (0..2_000).all(|seed| {
        let mut dice = Dice::new(seed);
        let mut report = base();
        for n in 0..=dice.below(4) {
            let value = arbitrary(&mut dice, 0);
            let place = match dice.below(3) {
                0 => &mut report,
                tool => &mut report["tools"][tool - 1],
            };
            place[format!("unknown_{n}")] = value;
        }
        redactor(report.to_string().as_bytes()) == plain
    })
}

/// Any bytes give a fixed error, or a report of clean names.
fn any_bytes_give_a_fixed_error_or_a_clean_report(redactor: Redactor) -> bool {
    let valid = base().to_string().into_bytes();
    (0..20_000).all(|seed| {
        let mut dice = Dice::new(seed);
        let mut body = valid.clone();
        for _ in 0..=dice.below(6) {
            if body.len() < 2 {
                break;
            }
            let at = dice.below(body.len());
            let byte = u8::try_from(dice.below(256)).unwrap();
            match dice.below(4) {
                0 => body[at] = byte,
                1 => body.insert(at, byte),
                2 => drop(body.remove(at)),
                _ => body.truncate(at + 1),
            }
        }
        match redactor(&body) {
            Err(Fault::NotAnObject) => true,
            Err(Fault::Fields(errors)) => errors.iter().all(|error| {
                ["report_id", "window_start", "window_end"].contains(&error.field.as_str())
                    && error.message.len() < 80
            }),
            Ok(report) => is_clean(&report),
        }
    })
}

fn is_clean(report: &StoredReport) -> bool {
    let tools = report.tools.iter().all(|tool| {
        ToolName::clean(tool.name.as_str()).is_some()
            && tool.errors.keys().all(|code| CodeName::clean(code.as_str()).is_some())
    });
    tools && report.counts.keys().all(|name| CountName::clean(name.as_str()).is_some())
}

#[test]
fn unknown_members_change_nothing_and_a_leak_would_show() {
    assert!(unknown_members_change_nothing(real));
    assert!(!unknown_members_change_nothing(leaks_length));
}

#[test]
fn any_bytes_are_refused_or_cleaned_and_a_leak_would_show() {
    assert!(any_bytes_give_a_fixed_error_or_a_clean_report(real));
    assert!(!any_bytes_give_a_fixed_error_or_a_clean_report(leaks_in_errors));
}
