//! `dry_run` says exactly what is stored: each generated report is previewed and then sent by an instance
//! of its own, and the rows of the database are compared with the previews.

use std::collections::BTreeMap;

use hub_core::api::{Preview, StoredReport};
use hub_tests::reports::report_of;
use hub_tests::{Hub, Setup, both_stores};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use serde_json::{Map, Value, json};

const REPORTS: u64 = 60;

const TOOLS: [&str; 10] = [
    "browser.navigate",
    "files.read",
    "files.write",
    "a",
    "other",
    "shell-run.x2",
    "Not A Name",
    "ghp_0123456789",
    "/home/alice",
    "a.deadbeef1cafe",
];
const CODES: [&str; 6] = ["TIMEOUT", "E_IO", "OTHER", "H404", "not a code", "alice@example.com"];
const COUNTS: [&str; 5] = ["agents_online", "other", "queue_2", "Bad Name", "lb_inst_x"];

/// A number: mostly a valid one of any size, sometimes an invalid one.
fn number(dice: &mut StdRng) -> Value {
    match dice.random_range(0..10) {
        0 => json!(1_000_000_000_u64),
        1 => json!(1_000_000_001_u64),
        2 => json!(-3),
        3 => json!("7"),
        4 => Value::Null,
        _ => json!(dice.random_range(0..5_000)),
    }
}

fn milliseconds(dice: &mut StdRng) -> Value {
    match dice.random_range(0..8) {
        0 => json!(86_400_000),
        1 => json!(86_400_001),
        2 => json!("12"),
        3 => json!(0),
        4 => json!(f64::from(dice.random_range(0..10_000)) / 1_000.0),
        _ => json!(dice.random_range(0..600_000)),
    }
}

/// Members with some of these names, each at most once.
fn members(dice: &mut StdRng, names: &[&str]) -> Value {
    let n = dice.random_range(0..=names.len());
    let names: Vec<_> = names.sample(dice, n).copied().collect();
    names.into_iter().map(|name| (name.to_owned(), number(dice))).collect::<Map<_, _>>().into()
}

fn tool(dice: &mut StdRng) -> Value {
    let mut tool = json!({"name": TOOLS.choose(dice).unwrap()});
    if dice.random_ratio(4, 5) {
        tool["calls"] = number(dice);
    }
    if dice.random() {
        tool["errors"] = members(dice, &CODES);
    }
    if dice.random() {
        let n = dice.random_range(0..40);
        tool["durations_ms"] = (0..n).map(|_| milliseconds(dice)).collect();
    }
    if dice.random_ratio(1, 4) {
        tool["arguments"] = json!({"path": "/etc/hunter2"});
    }
    tool
}

fn made(seed: u64) -> Value {
    let dice = &mut StdRng::seed_from_u64(seed);
    let n = dice.random_range(0..8);
    let mut content = json!({"tools": (0..n).map(|_| tool(dice)).collect::<Value>()});
    if dice.random() {
        content["counts"] = members(dice, &COUNTS);
    }
    if dice.random() {
        content["hostname"] = "hunter2".into();
    }
    report_of(content)
}

/// Rows as lines of text, ordered.
type Rows = Vec<String>;

/// The rows that a report makes of an instance, and its share of the fleet's distributions.
fn expected(id: &str, report: &StoredReport, fleet: &mut BTreeMap<(String, u16), u64>) -> Rows {
    let mut rows = Rows::new();
    for tool in &report.tools {
        let (name, took) = (tool.name.to_string(), &tool.duration_us);
        let errors: u64 = tool.errors.values().sum();
        rows.push(format!(
            "{id} {name} {} {errors} {} {} {}",
            tool.calls, took.n, took.sum, took.max
        ));
        rows.extend(tool.errors.iter().map(|(code, n)| format!("{id} {name} {code} {n}")));
        for (bucket, n) in &took.buckets {
            *fleet.entry((name.clone(), *bucket)).or_default() += n;
        }
    }
    rows.extend(report.counts.iter().map(|(name, n)| format!("{id} {name} {n} {n}")));
    rows
}

async fn stored(hub: &Hub) -> Rows {
    let mut sql = hub.sql().await;
    let mut rows = Rows::new();
    for query in [
        "SELECT i.instance_id || ' ' || t.name || ' ' || calls || ' ' || errors || ' ' || dur_n || ' ' \
         || dur_sum_us || ' ' || dur_max_us FROM usage_hour u JOIN instances i ON i.id = instance \
         JOIN tools t ON t.id = tool",
        "SELECT i.instance_id || ' ' || t.name || ' ' || c.name || ' ' || n FROM error_hour \
         JOIN instances i ON i.id = instance JOIN tools t ON t.id = tool \
         JOIN error_codes c ON c.id = code",
        "SELECT i.instance_id || ' ' || c.name || ' ' || sum_n || ' ' || max_n FROM count_hour h \
         JOIN instances i ON i.id = instance JOIN count_names c ON c.id = h.name",
        "SELECT t.name || ' ' || bucket || ' ' || CAST(SUM(n) AS BIGINT) FROM duration_hour \
         JOIN tools t ON t.id = tool GROUP BY t.name, bucket",
    ] {
        rows.extend(sql.texts(query).await);
    }
    rows.sort();
    rows
}

/// What the previews said, and what was stored when the same reports were sent.
async fn said_and_stored(hub: &Hub) -> (Rows, Rows) {
    hub.client("acme").await;
    let listed = ["browser.navigate", "files.read", "files.write", "a", "shell-run.x2"];
    hub.list_names(&listed, &["TIMEOUT", "E_IO", "H404"], &["agents_online", "queue_2"]).await;
    let (mut said, mut fleet) = (Rows::new(), BTreeMap::new());
    for seed in 0..REPORTS {
        let id = format!("acme-{seed}");
        let instance = hub.reporter("acme", &id).await;
        let report = made(seed);
        let preview = instance.preview(&report).await;
        let accepted = instance.report(&report).await;
        assert_eq!(accepted["redacted"], preview["redacted"], "{report}");
        let reasons = accepted.get("reasons").cloned().unwrap_or_else(|| json!({}));
        assert_eq!(reasons, preview["reasons"], "{report}");
        let preview: Preview = serde_json::from_value(preview).unwrap();
        said.extend(expected(&id, &preview.report, &mut fleet));
    }
    said.extend(fleet.into_iter().map(|((tool, bucket), n)| format!("{tool} {bucket} {n}")));
    said.sort();
    (said, stored(hub).await)
}

/// A word of letters that no name, column or statement of the hub's has.
fn word(dice: &mut StdRng) -> String {
    let letters = b"qxzjvkw";
    (0..dice.random_range(4..14)).map(|_| char::from(*letters.choose(dice).unwrap())).collect()
}

/// A report with made words wherever a text or a name may stand, in every case.
fn wordy(dice: &mut StdRng, words: &mut Vec<String>) -> Value {
    let mut new = |upper: bool| {
        let word = word(dice);
        words.push(word.clone());
        if upper { word.to_uppercase() } else { word }
    };
    let mut report = report_of(json!({
        "tools": [
            {"name": "browser.navigate", "calls": 3, "errors": {new(true): 1, "TIMEOUT": 1},
                new(false): new(false)},
            {"name": format!("{}.{}", new(false), new(false)), "calls": 2, "errors": {new(true): 1}},
            {"name": new(false), "durations_ms": [1, new(false)]},
            new(false),
        ],
        "counts": {new(false): 1, format!("{}_{}", new(false), new(false)): 2, "agents_online": 1},
    }));
    report[new(false)] = json!({new(false): [new(false)]});
    report
}

/// Every value of every row of these tables, as text.
async fn values(hub: &Hub) -> Vec<String> {
    let mut sql = hub.sql().await;
    let tables = [
        "tools",
        "error_codes",
        "count_names",
        "catalogue",
        "reports",
        "report_hour",
        "usage_hour",
        "error_hour",
        "count_hour",
        "duration_hour",
        "fleet_hour",
        "fleet_day",
        "last_use",
        "last_use_hour",
        "audit_events",
        "instances",
        "clients",
    ];
    let mut values = Vec::new();
    for table in tables {
        values.extend(sql.rows_as_text(table).await);
    }
    values
}

async fn words_that_are_stored(hub: &Hub) -> Vec<String> {
    hub.client("acme").await;
    let instance = hub.reporter("acme", "acme-1").await;
    let mut dice = StdRng::seed_from_u64(0x77);
    let mut words = Vec::new();
    for _ in 0..120 {
        instance.report(&wordy(&mut dice, &mut words)).await;
    }
    let values = values(hub).await;
    assert!(values.iter().any(|value| value.contains("browser.navigate")), "{values:?}");
    let values = values.join("\n").to_lowercase();
    let four = words.iter().flat_map(|word| word.as_bytes().windows(4));
    let four: std::collections::BTreeSet<_> =
        four.map(|part| str::from_utf8(part).unwrap()).collect();
    assert!(four.len() > 500, "{} sequences", four.len());
    four.into_iter().filter(|part| values.contains(part)).map(str::to_owned).collect()
}

both_stores!(
    no_four_letters_of_a_body_are_in_any_row,
    a_text_that_is_stored_would_be_found,
    generated_reports_are_stored_as_previewed,
    a_hub_that_stores_more_than_it_says_would_be_found
);

async fn no_four_letters_of_a_body_are_in_any_row(hub: Hub) {
    assert_eq!(words_that_are_stored(&hub).await, Vec::<String>::new());
}

async fn a_text_that_is_stored_would_be_found(setup: Setup) {
    let leaky = setup.for_proofs().env("HUBD_PROOF_LEAK", "text").start().await;
    assert!(!words_that_are_stored(&leaky).await.is_empty());
}

async fn generated_reports_are_stored_as_previewed(hub: Hub) {
    let (said, stored) = said_and_stored(&hub).await;
    assert!(said.len() > 500, "{} rows", said.len());
    assert_eq!(said, stored);
}

async fn a_hub_that_stores_more_than_it_says_would_be_found(setup: Setup) {
    let leaky = setup.for_proofs().env("HUBD_PROOF_LEAK", "stored").start().await;
    let (said, stored) = said_and_stored(&leaky).await;
    assert_ne!(said, stored);
}
