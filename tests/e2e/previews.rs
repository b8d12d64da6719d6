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

both_stores!(
    generated_reports_are_stored_as_previewed,
    a_hub_that_stores_more_than_it_says_would_be_found
);

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
