//! A long run at half load, with a fault every half minute: nothing that was acknowledged is lost, and memory,
//! descriptors and the write-ahead log stay as they were.
//!
//! `cargo bench -p hub-tests --bench soak` runs for two minutes on each database, `SOAK_SECONDS` for longer, and
//! with `-- postgres` or `-- sqlite` on that one alone. It fails when something grows: what counts is the last
//! third of the run against the end of the first.

#![expect(clippy::print_stdout, reason = "its output is the report")]

mod fault;

use std::sync::{Arc, RwLock};
use std::time::{Duration, Instant};

use hub_tests::journal::{Bases, Holdings, Worker};
use hub_tests::postgres::{Cluster, Durability};
use hub_tests::{Engine, Hub, Setup, setting};
use tokio::sync::watch;

use fault::Fault;

const WORKERS: u32 = 16;
/// The workers work for so long and then do nothing for as long: that is half of what they can.
const SLICE: Duration = Duration::from_millis(500);
const BETWEEN_FAULTS: Duration = Duration::from_secs(30);

#[tokio::main]
async fn main() {
    let lasting = Duration::from_secs(setting("SOAK_SECONDS", 120));
    if is_asked_for("sqlite") {
        soak("SQLite", Setup::on(Engine::Sqlite).start().await, None, lasting).await;
    }
    if is_asked_for("postgres") {
        let cluster = Cluster::start(Durability::Fsync);
        let hub = Setup::on(Engine::Postgres).start_in(&cluster).await;
        soak("PostgreSQL", hub, Some(&cluster), lasting).await;
    }
}

/// Whether the arguments name this database, or none. (Cargo adds flags.)
fn is_asked_for(database: &str) -> bool {
    let mut names = std::env::args().skip(1).filter(|name| !name.starts_with('-')).peekable();
    names.peek().is_none() || names.any(|name| name == database)
}

/// What must not grow.
#[derive(Debug, Clone, Copy)]
struct Size {
    memory: usize,
    descriptors: usize,
    log: u64,
}

impl Size {
    fn of(hub: &Hub) -> Self {
        let open = std::fs::read_dir(format!("/proc/{}/fd", hub.pid())).expect("the hub runs");
        let log = hub.data_dir().join("hub.db-wal").metadata();
        Self {
            memory: hub.memory("VmRSS"),
            descriptors: open.count(),
            log: log.map_or(0, |log| log.len()),
        }
    }

    /// Panics if there is more than before, beyond what goes up and down.
    fn is_as(self, before: Self) {
        let Self { memory, descriptors, log } = before;
        assert!(
            self.memory <= memory + memory / 4 + (8 << 20),
            "memory grows: {self:?}, {before:?}"
        );
        assert!(self.descriptors <= descriptors + 64, "descriptors grow: {self:?}, {before:?}");
        // It is written back when it has 10,000 pages, and nothing reads for so long that it grows on.
        assert!(self.log <= log.max(64 << 20) + (16 << 20), "the log grows: {self:?}, {before:?}");
    }
}

async fn soak(database: &str, hub: Hub, cluster: Option<&Cluster>, lasting: Duration) {
    let bases: Bases = Arc::new(RwLock::new(vec![hub.base().to_owned()]));
    let (stop, stopped) = watch::channel(false);
    let workers = (0..WORKERS).map(|number| {
        let (bases, stopped) = (Arc::clone(&bases), stopped.clone());
        tokio::spawn(work(Worker::new(number, hub.admin_key()), bases, stopped))
    });
    let workers: Vec<_> = workers.collect();
    let begun = Instant::now();
    let (mut first, mut last) = (None, None);
    for round in 0.. {
        let due = BETWEEN_FAULTS.min(lasting / 4) * (round + 1);
        tokio::time::sleep(due.saturating_sub(begun.elapsed())).await;
        let size = Size::of(&hub);
        let (at, memory) = (begun.elapsed().as_secs(), size.memory >> 20);
        let log = size.log >> 20;
        print!("{database:<10} {at:>5} s  {memory:>4} MiB  {:>4} descriptors", size.descriptors);
        print!("  log {log:>3} MiB");
        if begun.elapsed() <= lasting / 3 || first.is_none() {
            first = Some(size);
        }
        last = Some(size);
        if begun.elapsed() >= lasting {
            println!();
            break;
        }
        let fault = Fault::of(round as usize, cluster);
        println!("  then {fault:?}");
        fault.happens(&hub, cluster).await;
    }
    stop.send(true).expect("the workers listen");
    let mut done = Vec::new();
    for worker in workers {
        let mut worker = worker.await.expect("no worker panics");
        worker.work(&bases, 2).await;
        done.push((worker.number(), worker.acknowledged().len()));
    }
    let mut sql = hub.sql().await;
    if let Err(problem) = Holdings::read(&mut sql).await.check(&done) {
        panic!("{problem}");
    }
    let steps: usize = done.iter().map(|(_, steps)| steps).sum();
    println!("{database:<10} {steps} steps were acknowledged, and each is there once");
    last.zip(first).map(|(last, first)| last.is_as(first)).expect("there were rounds");
}

/// Works half of the time.
async fn work(mut worker: Worker, bases: Bases, stopped: watch::Receiver<bool>) -> Worker {
    while !*stopped.borrow() {
        let (pause, paused) = watch::channel(false);
        let timer = async {
            tokio::time::sleep(SLICE).await;
            let _ = pause.send(true);
        };
        tokio::join!(worker.work_until(&bases, &paused), timer);
        tokio::time::sleep(SLICE).await;
    }
    worker
}
