//! What those who do nothing wrong notice while a stranger, an instance or a license takes all that it can get.
//!
//! `cargo bench -p hub-tests --bench attacks` runs each attack against a hub of default settings on each database,
//! on the same machine: what is refused to four clients that check keys, report, validate and list, and how
//! long their answers take. Figures are reported, never asserted. `BENCH_SECONDS` (default 3) is for each line.

#![expect(clippy::print_stdout, reason = "its output is the report")]

use std::any::Any;
use std::time::Duration;

use futures_util::future::join_all;
use hub_tests::crowd::{Crowd, Flood, room};
use hub_tests::load::{Load, Request};
use hub_tests::postgres::{Cluster, Durability};
use hub_tests::reports::Instance;
use hub_tests::workload::{Workload, activation_body};
use hub_tests::{Engine, Hub, Setup, setting};

/// How many do nothing wrong.
const INNOCENTS: usize = 4;

/// Those who attack have other addresses than the innocents.
const STRANGER: &str = "127.0.0.2";

/// What an attack needs: who attacks is known to the hub, or not.
struct Attackers {
    instance: Instance,
    license: String,
}

/// An attack goes on until this is dropped.
type UnderWay = Box<dyn Any>;

#[derive(Debug, Clone, Copy)]
enum Attack {
    None,
    SlowBodies,
    AdminKeys,
    LicenseKeys,
    Probes,
    SlowReports,
    Reads,
    Activations,
    Idle,
}

const ATTACKS: [(&str, Attack); 9] = [
    ("nobody attacks", Attack::None),
    ("4,100 connections whose bodies do not come", Attack::SlowBodies),
    ("300 clients with a wrong admin key", Attack::AdminKeys),
    ("200 clients with a wrong license key", Attack::LicenseKeys),
    ("128 clients that ask for /readyz and /api/v1/privacy", Attack::Probes),
    ("32 bodies of 64 KiB of one instance that do not come", Attack::SlowReports),
    ("64 clients that read the usage of one instance", Attack::Reads),
    ("64 clients that activate one license", Attack::Activations),
    ("12,000 idle connections of 12 addresses", Attack::Idle),
];

#[tokio::main]
async fn main() {
    room();
    let lasting = Duration::from_secs(setting("BENCH_SECONDS", 3));
    against("SQLite", Setup::on(Engine::Sqlite).start().await, lasting).await;
    let cluster = Cluster::start(Durability::Fsync);
    against("PostgreSQL", Setup::on(Engine::Postgres).start_in(&cluster).await, lasting).await;
}

async fn against(database: &str, hub: Hub, lasting: Duration) {
    let innocents = innocents(&hub).await;
    hub.client("greedy").await;
    let instance = hub.reporter("greedy", "greedy-1").await;
    hub.use_key(&instance.hub_key).await;
    let license = hub.issue("greedy", "greedy-2").await.license_key;
    let attackers = Attackers { instance, license };
    println!("\n{database:<56} {:>9} {:>9} {:>9} {:>9}", "answered", "refused", "p50 ms", "p99 ms");
    for (name, attack) in ATTACKS {
        let attack = begin(attack, &hub, &attackers).await;
        let seen = Load { clients: INNOCENTS, lasting }.run(hub.address(), &innocents).await;
        drop(attack);
        println!(
            "{name:<56} {:>9} {:>9} {:>9.2} {:>9.2}",
            seen.answered(),
            seen.failed,
            seen.quantile(0.50).as_secs_f64() * 1e3,
            seen.quantile(0.99).as_secs_f64() * 1e3,
        );
    }
    println!("{:<56} {:>9.1}", "MiB resident afterwards", hub.resident());
}

/// What the innocents send, in turn.
async fn innocents(hub: &Hub) -> Vec<Request> {
    let Workload { checks, reports, .. } = Workload::issue(hub).await;
    let license = hub.issue("bench", "validated").await.license_key;
    // Not activations: a license may have a few a minute.
    let validation = Request::post("/api/v1/instances/validate", "", &activation_body(&license));
    let key = format!("x-admin-api-key: {}\r\n", hub.admin_key());
    let list = Request::get("/api/v1/admin/instances?limit=10", &key);
    let each = checks.into_iter().zip(reports);
    each.flat_map(|(check, report)| [check, report, validation.clone(), list.clone()]).collect()
}

/// Begins an attack, and gives it once it is under way.
async fn begin(attack: Attack, hub: &Hub, attackers: &Attackers) -> UnderWay {
    let Attackers { instance, license } = attackers;
    let own_key = format!("x-hub-api-key: {}\r\n", instance.hub_key);
    let activate =
        |license: &str| Request::post("/api/v1/instances/activate", "", &activation_body(license));
    let crowd = async |clients: usize, all: Request| -> UnderWay {
        let (_last, most) = all.bytes().split_last().expect("a request has bytes");
        Box::new(Crowd::of(clients, STRANGER, hub.address(), most).await) as UnderWay
    };
    let flood = async |clients: usize, requests: &[Request]| -> UnderWay {
        let each = clients / requests.len();
        let floods = requests.iter().map(|sent| Flood::of(each, STRANGER, hub.address(), sent));
        let floods: Vec<Flood> = floods.collect();
        join_all(floods.iter().map(|flood| flood.answered(each as u64))).await;
        Box::new(floods) as UnderWay
    };
    match attack {
        Attack::None => Box::new(()),
        Attack::SlowBodies => crowd(4_100, activate(WRONG_LICENSE)).await,
        Attack::AdminKeys => {
            let key = "x-admin-api-key: lb_admin_00000000000000000000000000000000\r\n";
            flood(300, &[Request::get("/api/v1/admin/whoami", key)]).await
        }
        Attack::LicenseKeys => flood(200, &[activate(WRONG_LICENSE)]).await,
        Attack::Probes => {
            flood(128, &[Request::get("/readyz", ""), Request::get("/api/v1/privacy", "")]).await
        }
        Attack::SlowReports => {
            let path = format!("/api/v1/instances/{}/telemetry", instance.id);
            crowd(32, Request::post(&path, &own_key, &" ".repeat(64 << 10))).await
        }
        Attack::Reads => {
            flood(64, &[Request::get("/api/v1/instances/self/telemetry", &own_key)]).await
        }
        Attack::Activations => flood(64, &[activate(license)]).await,
        Attack::Idle => {
            let mut crowds = Vec::new();
            for address in 2..14 {
                let from = format!("127.0.0.{address}");
                let request = Request::get("/version", "");
                let mut idle = Crowd::of(1_000, &from, hub.address(), request.bytes()).await;
                idle.answered().await;
                crowds.push(idle);
            }
            Box::new(crowds)
        }
    }
}

const WRONG_LICENSE: &str = "lb_inst_00000000000000000000000000000000";
