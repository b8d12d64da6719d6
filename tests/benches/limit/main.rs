//! What this machine could do at most, and the share of it that a hub on SQLite reaches.
//!
//! `cargo bench -p hub-tests --bench limit` prints, all measured in one run:
//!
//! - what a request costs on bare hyper together with its client (h), in JSON parsing and redaction (p),
//!   and in the engine (e): the same rows by prepared statements, 128 a commit, `FULL`;
//! - the limit, cores ÷ (h + p + e), of activations and of reports, and the hub beside it;
//! - reads beside a bare hyper server that answers as many bytes.
//!
//! Each share is given twice: in requests a second, and in CPU time, which a machine that others use too
//! disturbs less. Figures are reported, never asserted. `BENCH_SECONDS` (default 3) is for each line.

#![expect(clippy::print_stdout, reason = "its output is the report")]

mod engine;
mod parse;
mod served;

use std::time::Duration;

use hub_tests::bare;
use hub_tests::workload::Workload;
use hub_tests::{Engine, Setup, setting};

use self::engine::Cost;
use self::served::{Kind, Served, kinds, side_by_side};

/// How many clients write at once.
const WRITERS: [usize; 2] = [64, 256];
/// How many clients read at once.
const READERS: [usize; 3] = [16, 64, 256];

fn main() {
    bare::serve_if_asked();
    let lasting = Duration::from_secs(setting("BENCH_SECONDS", 3));
    println!("{:<34} {:>10} {:>14}", "alone, each", "CPU µs", "by the clock µs");
    let file = engine::File::new();
    let rows = file.list(lasting);
    let costs = [
        alone("parsing an activation", parse::activations(lasting)),
        alone("redacting a report", parse::reports(lasting)),
        alone("rows of an activation", file.activations(lasting)),
        alone("rows of a report", file.reports(lasting)),
    ];
    alone("a list of 51 instances", rows);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime.expect("a runtime").block_on(beside(lasting, costs));
}

fn alone(what: &str, cost: Cost) -> Cost {
    println!("{what:<34} {:>10.2} {:>14.2}", micros(cost.cpu), micros(cost.wall));
    cost
}

/// The hub beside the limit, and its reads beside bare hyper.
async fn beside(lasting: Duration, [activation, report, write, count]: [Cost; 4]) {
    let hub = Setup::on(Engine::Sqlite).any_number_of_requests().start().await;
    let work = Workload::issue(&hub).await;
    let [activations, reports, reads @ ..] = kinds(&hub, work).await;
    println!();
    for (kind, parsed, stored) in [(activations, activation, write), (reports, report, count)] {
        for clients in WRITERS {
            let (bare, hub) = side_by_side(&hub, &kind, clients, lasting).await;
            limit(&kind, clients, (bare, hub), parsed.cpu + stored.cpu);
        }
    }
    println!();
    for kind in reads {
        for clients in READERS {
            let (bare, hub) = side_by_side(&hub, &kind, clients, lasting).await;
            share(&kind, clients, bare, hub);
        }
    }
}

/// Prints the limit of a write, and how near the hub comes to it.
fn limit(kind: &Kind, clients: usize, (bare, hub): (Served, Served), alone: Duration) {
    let cores = std::thread::available_parallelism().expect("Linux says").get();
    #[expect(clippy::cast_precision_loss, reason = "a few cores")]
    let limit = cores as f64 / (bare.cpu + alone).as_secs_f64();
    println!(
        "{:<20} {clients:>4} clients  h {:>6.2} µs, p + e {:>6.2} µs: limit {limit:>7.0}/s  \
         hub {:>7.0}/s, {:>6.2} µs, {} failed: {:>5.1} % of the limit, \
         {:.1} % by CPU",
        kind.what,
        micros(bare.cpu),
        micros(alone),
        hub.per_second,
        micros(hub.cpu),
        hub.failed,
        100.0 * hub.per_second / limit,
        100.0 * (bare.cpu + alone).as_secs_f64() / hub.cpu.as_secs_f64(),
    );
}

/// Prints a read beside bare hyper.
fn share(kind: &Kind, clients: usize, bare: Served, hub: Served) {
    println!(
        "{:<20} {clients:>4} clients  {:>6} bytes  bare {:>7.0}/s, {:>6.2} µs  \
         hub {:>7.0}/s, {:>6.2} µs, {} failed: {:>5.1} % of bare hyper, \
         {:.1} % by CPU",
        kind.what,
        kind.answer,
        bare.per_second,
        micros(bare.cpu),
        hub.per_second,
        micros(hub.cpu),
        hub.failed,
        100.0 * hub.per_second / bare.per_second,
        100.0 * bare.cpu.as_secs_f64() / hub.cpu.as_secs_f64(),
    );
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}
