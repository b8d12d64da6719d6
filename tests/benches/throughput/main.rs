//! Activations, hub-key checks and telemetry reports a second, on both databases, against a bare hyper
//! server that reads the body and answers a constant, all in one run on one machine; and memory.
//!
//! `cargo bench -p hub-tests --bench throughput` prints a table. Figures are reported, never asserted: machines differ.
//! `BENCH_SECONDS` (default 5) and `BENCH_CLIENTS` (default 1,16,256) change the run.

#![expect(clippy::print_stdout, reason = "its output is the report")]

use std::time::Duration;

use hub_tests::bare::{self, Bare};
use hub_tests::load::{Load, Outcome, Request};
use hub_tests::postgres::{Cluster, Durability};
use hub_tests::workload::{Workload, report_body};
use hub_tests::{Engine, Hub, Setup, setting, settings};

fn main() {
    bare::serve_if_asked();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime.expect("a runtime").block_on(compare());
}

async fn compare() {
    let lasting = Duration::from_secs(setting("BENCH_SECONDS", 5));
    let clients: Vec<usize> = settings("BENCH_CLIENTS", &[1, 16, 256]);
    let load = |clients| Load { clients, lasting };

    let server = Bare::start(400);
    let mut ceiling = Vec::new();
    for &n in &clients {
        let requests = [Request::post("/", "", &"x".repeat(70))];
        ceiling.push(load(n).run(server.address(), &requests).await);
        report("bare hyper, POST", n, &ceiling[ceiling.len() - 1], None);
    }
    let mut report_ceiling = Vec::new();
    for &n in &clients {
        let requests = [Request::post("/", "", &report_body())];
        report_ceiling.push(load(n).run(server.address(), &requests).await);
        report("bare hyper, a report", n, &report_ceiling[report_ceiling.len() - 1], None);
    }
    drop(server);
    // Commits must reach the disk.
    let cluster = Cluster::start(Durability::Fsync);
    for engine in [Engine::Sqlite, Engine::Postgres] {
        let setup = Setup::on(engine).any_number_of_requests();
        let hub = match engine {
            Engine::Sqlite => setup.start().await,
            Engine::Postgres => setup.start_in(&cluster).await,
        };
        println!("{:<28} {:>8.1} MiB resident at rest", name(engine, "hubd"), hub.resident());
        let work = Workload::issue(&hub).await;
        for (n, bare) in clients.iter().zip(&ceiling) {
            let done = load(*n).run(hub.address(), &work.checks).await;
            report(&name(engine, "self"), *n, &done, Some(bare));
        }
        for (n, bare) in clients.iter().zip(&ceiling) {
            let done = load(*n).run(hub.address(), &work.activations).await;
            report(&name(engine, "activate"), *n, &done, Some(bare));
        }
        let before = store_bytes(&hub).await;
        let mut reports = 0;
        for (n, bare) in clients.iter().zip(&report_ceiling) {
            let done = load(*n).run(hub.address(), &work.reports).await;
            report(&name(engine, "report"), *n, &done, Some(bare));
            reports += done.answered();
        }
        let grown = store_bytes(&hub).await.saturating_sub(before);
        let each = grown / u64::try_from(reports.max(1)).unwrap_or(1);
        println!("{:<28} {each:>8} bytes stored a report", name(engine, "hubd"));
        println!(
            "{:<28} {:>8.1} MiB resident after the load",
            name(engine, "hubd"),
            hub.resident()
        );
    }
}

/// The size of the database, as the hub reports it.
async fn store_bytes(hub: &Hub) -> u64 {
    let stats = hub.admin().get("/api/v1/admin/stats").await.ok();
    stats["store_bytes"].as_u64().unwrap_or(0)
}

fn name(engine: Engine, what: &str) -> String {
    match engine {
        Engine::Sqlite => format!("{what}, SQLite"),
        Engine::Postgres => format!("{what}, PostgreSQL"),
    }
}

fn report(what: &str, clients: usize, done: &Outcome, bare: Option<&Outcome>) {
    let share = bare.map(|bare| 100.0 * done.per_second() / bare.per_second());
    let share = share.map(|share| format!("{share:5.1} % of bare hyper")).unwrap_or_default();
    println!(
        "{what:<28} {clients:>4} clients {:>9.0}/s  p50 {:>7.2} ms  p99 {:>7.2} ms  {} failed  {share}",
        done.per_second(),
        done.quantile(0.50).as_secs_f64() * 1e3,
        done.quantile(0.99).as_secs_f64() * 1e3,
        done.failed,
    );
}
