//! What holds for any body, tried on thousands of made ones; each property finds a redactor that leaks.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::invariants::{Redactor, broken, real};
use crate::api::Preview;
use crate::fields::Fault;
use crate::problem::FieldError;

/// Lets the length of the body into a counter.
fn leaks_length(body: &[u8]) -> Result<Preview, Fault> {
    let mut preview = real(body)?;
    preview.report.tools.first_mut().into_iter().for_each(|tool| tool.calls += body.len() as u64);
    Ok(preview)
}

/// Says in its error what was wrong with the body.
fn leaks_in_errors(body: &[u8]) -> Result<Preview, Fault> {
    real(body).map_err(|_| {
        let said = String::from_utf8_lossy(body).into_owned();
        Fault::Fields(vec![FieldError::new("body", said)])
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
    let stored = |body: &Value| redactor(body.to_string().as_bytes()).map(|kept| kept.report);
    let plain = stored(&base());
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
        stored(&report) == plain
    })
}

/// A valid report with some bytes changed, added, removed or cut off.
fn mangled(seed: u64) -> Vec<u8> {
    let mut dice = Dice::new(seed);
    let mut body = base().to_string().into_bytes();
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
    body
}

/// What the fuzz target starts from, by file name.
fn corpus() -> Vec<(String, Vec<u8>)> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz/corpus/redact");
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    files
        .map(|file| {
            let name = file.file_name().to_string_lossy().into_owned();
            (name, std::fs::read(file.path()).unwrap())
        })
        .collect()
}

#[test]
fn unknown_members_change_nothing_and_a_leak_would_show() {
    assert!(unknown_members_change_nothing(real));
    assert!(!unknown_members_change_nothing(leaks_length));
}

#[test]
fn any_bytes_are_refused_or_cleaned_and_a_leak_would_show() {
    let first_broken = |redactor| (0..20_000).find_map(|seed| broken(&mangled(seed), redactor));
    assert_eq!(first_broken(real), None);
    assert_eq!(first_broken(leaks_in_errors), Some("an error says nothing of the body"));
    assert!(first_broken(leaks_length).is_some());
}

#[test]
fn the_corpus_holds_and_has_bodies_of_each_kind() {
    let corpus = corpus();
    for (name, body) in &corpus {
        assert_eq!(broken(body, real), None, "{name}");
        let refused = real(body).is_err();
        assert_eq!(refused, name.starts_with("refused-"), "{name}");
        let cleaned = real(body).is_ok_and(|kept| kept.redacted > 0);
        assert_eq!(cleaned, name.starts_with("cleaned-"), "{name}");
    }
    assert!(corpus.len() >= 40, "{} files", corpus.len());
}
