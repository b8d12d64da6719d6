//! Cost per request in a database of 1,000 instances and of 1,000,000, on both databases.
//!
//! `cargo bench -p hub-tests --bench scale` prints a table. Most are inserted straight into the database;
//! requests go to 200 that were issued and activated as usual. Figures are reported, never asserted.
//! `SCALE_SECONDS` (default 2) is for each line, `SCALE_INSTANCES` (default 1000,1000000) the sizes.

#![expect(clippy::print_stdout, reason = "its output is the report")]

mod seed;

use std::time::Duration;

use hub_tests::load::{Load, Outcome, Request, UNIQUE};
use hub_tests::postgres::{Cluster, Durability};
use hub_tests::{Engine, Hub, Setup, clock, setting, settings};
use serde_json::json;

/// Instances that requests are spread over.
const REAL: usize = 200;

#[tokio::main]
async fn main() {
    let lasting = Duration::from_secs(setting("SCALE_SECONDS", 2));
    let sizes: Vec<usize> = settings("SCALE_INSTANCES", &[1_000, 1_000_000]);
    let cluster = Cluster::start(Durability::Fsync);
    for engine in [Engine::Sqlite, Engine::Postgres] {
        let mut base: Option<Vec<Line>> = None;
        for size in &sizes {
            let lines = measure(engine, &cluster, *size, lasting).await;
            for (at, line) in lines.iter().enumerate() {
                report(engine, *size, line, base.as_ref().map(|base| &base[at]));
            }
            base.get_or_insert(lines);
        }
    }
}

/// A kind of request, with how many clients at once, and what they saw.
struct Line {
    what: &'static str,
    clients: usize,
    seen: Outcome,
}

async fn measure(engine: Engine, cluster: &Cluster, size: usize, lasting: Duration) -> Vec<Line> {
    let setup = Setup::on(engine).any_number_of_requests();
    let mut hub = match engine {
        Engine::Sqlite => setup.start().await,
        Engine::Postgres => setup.start_in(cluster).await,
    };
    let kinds = kinds(&hub).await;
    seed::fill(&hub, size.saturating_sub(REAL)).await;
    // As after a deployment: nothing is in the hub's memory from before.
    hub.restart();
    let mut lines = Vec::new();
    for (what, levels, requests) in &kinds {
        for &clients in *levels {
            let seen = Load { clients, lasting }.run(hub.address(), requests).await;
            lines.push(Line { what, clients, seen });
        }
    }
    lines
}

type Kind = (&'static str, &'static [usize], Vec<Request>);

/// One client shows the cost of a single request, many clients that of a batch.
const HOT: &[usize] = &[1, 64];
const READ: &[usize] = &[1];

async fn kinds(hub: &Hub) -> Vec<Kind> {
    hub.client("real").await;
    hub.list_names(&["tool.a", "tool.b", "tool.c", "tool.d", "tool.e"], &[], &[]).await;
    let (mut activations, mut checks, mut reports, mut own) = (vec![], vec![], vec![], vec![]);
    let (mut shows, mut usages) = (vec![], vec![]);
    let admin = format!("x-admin-api-key: {}\r\n", hub.admin_key());
    for n in 0..REAL {
        // Other ones activate: an activation replaces the key that the checks are made with.
        let license = hub.issue("real", &format!("active-{n}")).await.license_key;
        let body = json!({ "license_key": license }).to_string();
        activations.push(Request::post("/api/v1/instances/activate", "", &body));
        let id = format!("real-{n}");
        let instance = hub.reporter("real", &id).await;
        instance.report(&hub_tests::reports::report()).await;
        let key = format!("x-hub-api-key: {}\r\n", instance.hub_key);
        checks.push(Request::get("/api/v1/instances/self", &key));
        own.push(Request::get("/api/v1/instances/self/telemetry", &key));
        let path = format!("/api/v1/instances/{id}/telemetry");
        reports.push(Request::post(&path, &key, &report_body()));
        shows.push(Request::get(&format!("/api/v1/admin/instances/{id}"), &admin));
        let of_one = format!("/api/v1/admin/telemetry/tools?instance={id}");
        usages.push(Request::get(&of_one, &admin));
    }
    let get = |path: &str| vec![Request::get(path, &admin)];
    vec![
        ("activate", HOT, activations),
        ("self", HOT, checks),
        ("report", HOT, reports),
        ("self/telemetry", READ, own),
        ("instance", READ, shows),
        ("first page of instances", READ, get("/api/v1/admin/instances?limit=50")),
        ("instances of a client", READ, get("/api/v1/admin/clients/real/instances?limit=50")),
        ("instances by name", READ, get("/api/v1/admin/instances?q=real-19&limit=50")),
        ("suspended instances", READ, get("/api/v1/admin/instances?status=suspended&limit=50")),
        ("audit log", READ, get("/api/v1/admin/audit?limit=50")),
        ("tools of an instance", READ, usages),
        ("tools of a client", READ, get("/api/v1/admin/telemetry/tools?client=real")),
        ("errors of a client", READ, get("/api/v1/admin/telemetry/errors?client=real")),
        ("tools of the fleet", READ, get("/api/v1/admin/telemetry/tools")),
        ("series of the fleet", READ, get("/api/v1/admin/telemetry/series?step=1h")),
        ("stats", READ, get("/api/v1/admin/stats")),
    ]
}

/// A report of 5 tools with 20 durations each.
fn report_body() -> String {
    let durations: Vec<u64> = (1..=20).map(|d| d * d * 3).collect();
    let tool = |letter: char| {
        json!({"name": format!("tool.{letter}"), "calls": 20, "errors": {"TIMEOUT": 1},
            "durations_ms": durations})
    };
    let now = clock::ago(Duration::ZERO);
    json!({"report_id": format!("0191d6a0-0000-7000-8000-{UNIQUE}"), "window_start": now,
        "window_end": now, "tools": ('a'..='e').map(tool).collect::<Vec<_>>()})
    .to_string()
}

fn report(engine: Engine, size: usize, line: &Line, base: Option<&Line>) {
    let cost = |line: &Line| 1e3 / line.seen.per_second();
    let times = base.map(|base| format!("{:5.2} times", cost(line) / cost(base)));
    println!(
        "{engine:<9?} {size:>8} instances  {:<24} {:>3} clients {:>9.3} ms a request  p99 {:>8.2} ms  \
         {} failed  {}",
        line.what,
        line.clients,
        cost(line),
        line.seen.quantile(0.99).as_secs_f64() * 1e3,
        line.seen.failed,
        times.unwrap_or_default(),
    );
}
