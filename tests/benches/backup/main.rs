//! How long writes take while the hub's SQLite file is backed up, and while it is not.
//!
//! `cargo bench -p hub-tests --bench backup` fills a file with activations and reports, then measures
//! activations with and without `hubd backup` beside them, in turn. Figures are reported, never asserted.
//! `BENCH_SECONDS` (default 5) is for each part, `BENCH_ROUNDS` (default 5) how often.

#![expect(clippy::print_stdout, reason = "its output is the report")]

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use hub_tests::load::{Load, Outcome};
use hub_tests::workload::Workload;
use hub_tests::{Engine, Hub, Setup, setting};

/// How many clients activate at once: the hub is busy, and has room.
const CLIENTS: usize = 4;

#[tokio::main]
async fn main() {
    let lasting = Duration::from_secs(setting("BENCH_SECONDS", 5));
    let hub = Setup::on(Engine::Sqlite).any_number_of_requests().start().await;
    let work = Workload::issue(&hub).await;
    let fill = Load { clients: 64, lasting: 2 * lasting };
    fill.run(hub.address(), &work.reports).await;
    fill.run(hub.address(), &work.activations).await;
    let load = Load { clients: CLIENTS, lasting };
    let mut ratios = Vec::new();
    for _ in 0..setting("BENCH_ROUNDS", 5) {
        let alone = load.run(hub.address(), &work.activations).await;
        let stop = AtomicBool::new(false);
        let (beside, copies) = std::thread::scope(|scope| {
            let copies = scope.spawn(|| back_up_until(&hub, &stop));
            let beside = tokio::task::block_in_place(|| {
                tokio::runtime::Handle::current()
                    .block_on(load.run(hub.address(), &work.activations))
            });
            stop.store(true, Ordering::Relaxed);
            (beside, copies.join().expect("the backups end"))
        });
        line("alone", &alone);
        line("while backed up", &beside);
        let ratio = beside.quantile(0.99).as_secs_f64() / alone.quantile(0.99).as_secs_f64();
        println!("{ratio:.2} times the p99, {copies}");
        ratios.push(ratio);
    }
    ratios.sort_unstable_by(f64::total_cmp);
    println!("the median of all rounds: {:.2} times the p99", ratios[ratios.len() / 2]);
}

fn line(what: &str, done: &Outcome) {
    println!(
        "{what:<16} {:>7.0}/s  p50 {:>6.2} ms  p99 {:>6.2} ms  {} failed",
        done.per_second(),
        done.quantile(0.50).as_secs_f64() * 1e3,
        done.quantile(0.99).as_secs_f64() * 1e3,
        done.failed,
    );
}

/// Makes one backup after the other; what they were.
fn back_up_until(hub: &Hub, stop: &AtomicBool) -> String {
    let folder = tempfile::tempdir_in(hub.dir()).expect("a folder");
    let to = folder.path().to_str().expect("UTF-8");
    let (mut copies, begun) = (0, Instant::now());
    let mut said = String::new();
    while !stop.load(Ordering::Relaxed) {
        let (code, output, problem) = hub.run(&["backup", "--to", to, "--keep", "1"]);
        assert_eq!(code, 0, "{problem}");
        (copies, said) = (copies + 1, output);
    }
    let each = begun.elapsed() / copies.max(1);
    format!("{copies} backups, {:.1} s each: {}", each.as_secs_f64(), said.trim())
}
