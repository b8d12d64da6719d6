//! Exactly once: clients keep a journal of their reports and send each one again and again, at the same
//! time and to any replica, while hubs are killed. In the end the totals equal the journal.

use std::sync::{Arc, Mutex, RwLock};
use std::time::Duration;

use hub_core::api::HUB_KEY_HEADER;
use hub_tests::http::Caller;
use hub_tests::reports::{Instance, report_of};
use hub_tests::{Engine, Hub, Setup};
use serde_json::{Value, json};

/// The number of clients.
const CLIENTS: u64 = 6;
/// The number of reports of each client.
const REPORTS: u64 = 60;
/// The number of kills.
const KILLS: usize = 8;

/// Where the hubs listen now.
type Bases = Arc<RwLock<Vec<String>>>;

/// What was reported and acknowledged.
#[derive(Debug, Default, PartialEq, Eq)]
struct Sums {
    calls: u64,
    errors: u64,
    durations: u64,
    agents: u64,
}

fn content(client: u64, n: u64) -> (Value, Sums) {
    let (calls, durations) = (n % 7 + 1, n % 5);
    let errors = (n % 3).min(calls);
    let spread: Vec<u64> = (0..durations).map(|d| d * 10 + client).collect();
    let tool = ["a", "b.c", "d_e"][usize::try_from(n % 3).unwrap()];
    let report = json!({
        "tools": [{"name": tool, "calls": calls,
            "errors": {"TIMEOUT": errors}, "durations_ms": spread}],
        "counts": {"agents": n},
    });
    (report_of(report), Sums { calls, errors, durations, agents: n })
}

/// Sends a report until it is acknowledged, whatever happens to the hubs; sometimes twice at once.
async fn deliver(instance: &Instance, report: &Value, bases: &Bases, n: u64) {
    let path = format!("/api/v1/instances/{}/telemetry", instance.id);
    let body = bytes::Bytes::from(report.to_string());
    let send = async |at: u64| {
        let base = {
            let bases = bases.read().unwrap();
            bases[usize::try_from(at).unwrap() % bases.len()].clone()
        };
        let caller = Caller::new(&base).header(HUB_KEY_HEADER, &instance.hub_key);
        let sent =
            caller.try_send(http::Method::POST, &path, Some("application/json"), body.clone());
        let answer = tokio::time::timeout(Duration::from_secs(10), sent).await.ok()?.ok()?;
        assert!(answer.status == 202 || answer.status.is_server_error(), "{answer}");
        (answer.status == 202).then_some(())
    };
    for attempt in 0.. {
        assert!(attempt < 2_000, "a report is never acknowledged");
        let (one, other) = if n.is_multiple_of(4) {
            tokio::join!(send(n + attempt), send(n + attempt + 1))
        } else {
            (send(n + attempt).await, None)
        };
        if one.or(other).is_some() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    if n.is_multiple_of(5) {
        // A late repeat, as after a lost answer.
        let _ = send(n).await;
    }
}

async fn report_all(instance: Instance, client: u64, bases: Bases, journal: Arc<Mutex<Sums>>) {
    for n in 0..REPORTS {
        let (report, sums) = content(client, n);
        deliver(&instance, &report, &bases, n).await;
        let mut journal = journal.lock().unwrap();
        journal.calls += sums.calls;
        journal.errors += sums.errors;
        journal.durations += sums.durations;
        journal.agents += sums.agents;
    }
}

async fn counted(hub: &Hub) -> Sums {
    let usage = hub.usage("tools").await;
    let items = usage["items"].as_array().unwrap();
    let sum = |field: &dyn Fn(&Value) -> u64| items.iter().map(field).sum();
    let counts = hub.usage("counts").await["items"].clone();
    Sums {
        calls: sum(&|item| item["calls"].as_u64().unwrap()),
        errors: sum(&|item| item["errors"].as_u64().unwrap()),
        durations: sum(&|item| item["duration_ms"]["n"].as_u64().unwrap_or(0)),
        agents: counts[0]["sum"].as_u64().unwrap(),
    }
}

/// Runs the clients against these hubs, and kills one hub after the other.
async fn totals_equal_the_journal(mut hubs: Vec<Hub>) {
    hubs[0].client("acme").await;
    hubs[0].list_names(&["a", "b.c", "d_e"], &[], &["agents"]).await;
    let bases: Bases =
        Arc::new(RwLock::new(hubs.iter().map(|hub| hub.base().to_owned()).collect()));
    let journal = Arc::new(Mutex::new(Sums::default()));
    let mut clients = Vec::new();
    for client in 0..CLIENTS {
        let instance = hubs[0].reporter("acme", &format!("acme-{client}")).await;
        let (bases, journal) = (Arc::clone(&bases), Arc::clone(&journal));
        clients.push(tokio::spawn(report_all(instance, client, bases, journal)));
    }
    for kill in 0..KILLS {
        tokio::time::sleep(Duration::from_millis(60)).await;
        let at = kill % hubs.len();
        hubs[at].kill();
        hubs[at].launch();
        hubs[at].base().clone_into(&mut bases.write().unwrap()[at]);
    }
    for client in clients {
        client.await.unwrap();
    }
    let journal = std::mem::take(&mut *journal.lock().unwrap());
    assert_eq!(journal.calls, CLIENTS * (0..REPORTS).map(|n| n % 7 + 1).sum::<u64>());
    for hub in &hubs {
        assert_eq!(counted(hub).await, journal);
    }
    let stored = "SELECT COUNT(*) FROM reports";
    let stored = hubs[0].sql().await.number(stored).await;
    assert_eq!(u64::try_from(stored).unwrap(), CLIENTS * REPORTS);
    for column in ["calls", "errors", "dur_n"] {
        let hours = format!("SELECT CAST(SUM({column}) AS BIGINT) FROM usage_hour");
        let of_hours = hubs[0].sql().await.number(&hours).await;
        let expected = match column {
            "calls" => journal.calls,
            "errors" => journal.errors,
            _ => journal.durations,
        };
        assert_eq!(u64::try_from(of_hours).unwrap(), expected, "{column}");
    }
    let verdict = hubs[0].admin().get("/api/v1/admin/audit/verify").await.ok();
    assert_eq!(verdict["ok"], true);
}

#[tokio::test]
async fn sqlite_totals_equal_the_journal_through_kills() {
    totals_equal_the_journal(vec![Hub::sqlite().await]).await;
}

#[tokio::test]
async fn postgres_totals_equal_the_journal_through_kills_of_two_hubs() {
    let one = Setup::on(Engine::Postgres).start().await;
    let other = one.replica();
    totals_equal_the_journal(vec![one, other]).await;
}
