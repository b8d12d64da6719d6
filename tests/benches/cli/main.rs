//! How long hubctl takes, compared with programs that do less: its start with `true`, a list with `curl`; and
//! how long a large fleet file takes.
//!
//! `cargo bench -p hub-tests --bench cli` prints a table. Each pair is run in turn, so that other
//! work on the machine disturbs both. Figures are reported, never asserted. `CLI_RUNS` (default 300) of each.

#![expect(clippy::print_stdout, reason = "its output is the report")]

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use hub_tests::ctl::Ctl;
use hub_tests::fleet::large_fleet;
use hub_tests::postgres::{Cluster, Durability};
use hub_tests::{Engine, Hub, Setup, binaries};

/// In a fleet file.
const INSTANCES: usize = 10_000;

#[tokio::main]
async fn main() {
    let hub = Hub::sqlite().await;
    hub.client("acme").await;
    for n in 0..50 {
        hub.issue("acme", &format!("acme-{n}")).await;
    }
    let ctl = hub.ctl();
    let size = std::fs::metadata(binaries::hubctl()).expect("hubctl is built").len();
    println!("hubctl, stripped                    {:>8.2} MB", mega(size));

    compare("hubctl --version", &["--version"], &ctl, "true", &[]);
    compare("hubctl completion bash", &["completion", "bash"], &ctl, "true", &[]);
    let url = format!("{}/api/v1/admin/instances?limit=500", hub.base());
    let key = format!("X-Admin-Api-Key: {}", hub.admin_key());
    let curl = ["-sS", "-H", &key, &url];
    compare("hubctl instance list", &["instance", "list"], &ctl, "curl", &curl);
    compare(
        "hubctl instance list -o json",
        &["instance", "list", "-o", "json"],
        &ctl,
        "curl",
        &curl,
    );
    drop(hub);
    fleet("SQLite", &Hub::sqlite().await);
    let cluster = Cluster::start(Durability::Fsync);
    fleet("PostgreSQL", &Setup::on(Engine::Postgres).start_in(&cluster).await);
}

/// Plans a large fleet of new instances, and applies it.
fn fleet(database: &str, hub: &Hub) {
    let ctl = hub.ctl();
    let file = large_fleet(INSTANCES);
    std::fs::write(ctl.dir().join("fleet.toml"), file).expect("the file is written");
    std::fs::create_dir(ctl.dir().join("keys")).expect("the folder is made");
    for (what, args) in [
        ("plan", &["plan", "-f", "fleet.toml"][..]),
        ("apply", &["apply", "-f", "fleet.toml", "--yes"]),
        ("plan again", &["plan", "-f", "fleet.toml"]),
    ] {
        let took = time(ctl.command(args)).as_secs_f64();
        println!("{INSTANCES} instances, {database:<10} {what:<10} {took:>7.2} s");
    }
}

/// Runs both in turn, and prints how long each takes.
fn compare(what: &str, args: &[&str], ctl: &Ctl, other: &str, other_args: &[&str]) {
    let runs = runs();
    let (mut own, mut others) = (Vec::with_capacity(runs), Vec::with_capacity(runs));
    for _ in 0..runs {
        own.push(time(ctl.command(args)));
        let mut program = Command::new(other);
        program.args(other_args);
        others.push(time(program));
    }
    let [own_min, own_median] = summary(&mut own);
    let [other_min, other_median] = summary(&mut others);
    println!(
        "{what:<30} {own_median:>7.2} ms (least {own_min:.2})   {other} {other_median:>6.2} ms \
         (least {other_min:.2})"
    );
}

fn time(mut program: Command) -> Duration {
    program.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let begun = Instant::now();
    let status = program.status().expect("the program starts");
    let took = begun.elapsed();
    assert!(status.success(), "{program:?} failed");
    took
}

/// The least and the median, in milliseconds.
fn summary(times: &mut [Duration]) -> [f64; 2] {
    times.sort_unstable();
    [times[0], times[times.len() / 2]].map(|time| time.as_secs_f64() * 1e3)
}

#[expect(clippy::cast_precision_loss, reason = "a size in MB has few digits")]
fn mega(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

#[expect(clippy::disallowed_methods, reason = "the settings of this program")]
fn runs() -> usize {
    let runs = std::env::var("CLI_RUNS").unwrap_or_else(|_| "300".to_owned());
    runs.parse().expect("CLI_RUNS is a number")
}
