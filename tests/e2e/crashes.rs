//! Hubs and servers that are killed, frozen or cut off under load, and clients that go away: what was
//! acknowledged is there, once and whole, and the next request works.
//!
//! `HUB_TEST_ROUNDS` sets how often hubs are killed, 50 times unless it is set.

mod failover; // a partner takes over

use std::sync::{Arc, RwLock};
use std::time::Duration;

use futures_util::future::join_all;
use hub_core::api::ADMIN_KEY_HEADER;
use hub_tests::journal::{Bases, Holdings, Worker};
use hub_tests::postgres::{Cluster, Durability};
use hub_tests::{Engine, Hub, Setup, both_stores, setting};
use rand::RngExt;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::sync::watch;

const WORKERS: u32 = 8;

fn rounds() -> usize {
    setting("HUB_TEST_ROUNDS", 50)
}

/// Hubs over one database, and workers that use all of them.
struct Load {
    hubs: Vec<Hub>,
    bases: Bases,
    workers: Vec<Worker>,
}

impl Load {
    fn on(hubs: Vec<Hub>) -> Self {
        let workers = (0..WORKERS).map(|number| Worker::new(number, hubs[0].admin_key()));
        let workers = workers.collect();
        let load = Self { bases: Arc::new(RwLock::new(Vec::new())), hubs, workers };
        load.find_hubs();
        load
    }

    fn find_hubs(&self) {
        let bases = self.hubs.iter().map(|hub| hub.base().to_owned()).collect();
        *self.bases.write().unwrap() = bases;
    }

    /// Does something to the hubs while the workers work, and stops them after it.
    async fn meanwhile(&mut self, what: impl AsyncFnOnce(&mut Vec<Hub>)) {
        let (stop, stopped) = watch::channel(false);
        let working: Vec<_> = self
            .workers
            .drain(..)
            .map(|mut worker| {
                let (bases, stopped) = (Arc::clone(&self.bases), stopped.clone());
                tokio::spawn(async move {
                    worker.work_until(&bases, &stopped).await;
                    worker
                })
            })
            .collect();
        what(&mut self.hubs).await;
        stop.send(true).unwrap();
        for worker in working {
            self.workers.push(worker.await.unwrap());
        }
        self.find_hubs();
    }

    /// Every worker gets on, and the database holds what it must.
    async fn check(&mut self) {
        let bases = Arc::clone(&self.bases);
        join_all(self.workers.iter_mut().map(|worker| worker.work(&bases, 2))).await;
        self.check_still().await;
    }

    async fn check_still(&mut self) {
        let acknowledged: Vec<_> = self
            .workers
            .iter()
            .map(|worker| (worker.number(), worker.acknowledged().len()))
            .collect();
        let mut sql = self.hubs[0].sql().await;
        if let Err(problem) = Holdings::read(&mut sql).await.check(&acknowledged) {
            panic!("{problem}");
        }
        let verdict = self.hubs[0].admin().get("/api/v1/admin/audit/verify").await.ok();
        assert_eq!(verdict["ok"], true, "{verdict}");
    }
}

/// Some time in which the workers work.
async fn a_while() {
    let millis = rand::rng().random_range(5..100);
    tokio::time::sleep(Duration::from_millis(millis)).await;
}

async fn kill_again_and_again(hubs: Vec<Hub>, rounds: usize) {
    let mut load = Load::on(hubs);
    for round in 0..rounds {
        load.meanwhile(async |hubs| {
            a_while().await;
            let at = round % hubs.len();
            hubs[at].kill();
            hubs[at].launch();
        })
        .await;
        // What the killed hub left, before anything is sent again.
        load.check_still().await;
    }
    load.check().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_killed_under_load() {
    kill_again_and_again(vec![Hub::sqlite().await], rounds()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_killed_under_load() {
    let one = Hub::postgres().await;
    let other = one.replica();
    kill_again_and_again(vec![one, other], rounds()).await;
}

/// A roll-out: one replica after the other stops in good order and starts again.
#[tokio::test(flavor = "multi_thread")]
async fn postgres_replicas_are_replaced_under_load() {
    let one = Hub::postgres().await;
    let hubs = vec![one.replica(), one.replica(), one];
    let mut load = Load::on(hubs);
    for round in 0..rounds() / 5 {
        load.meanwhile(async |hubs| {
            a_while().await;
            let at = round % hubs.len();
            hubs[at].restart();
        })
        .await;
        load.check().await;
    }
}

/// What can happen to a server.
#[derive(Debug, Clone, Copy)]
enum Accident {
    Restart,
    Terminate,
    Freeze,
    ReadOnly,
}

async fn happen(cluster: &Cluster, hubs: &[Hub], accident: Accident) {
    match accident {
        Accident::Restart => {
            cluster.stop();
            a_while().await;
            cluster.resume();
        }
        Accident::Terminate => {
            const CUT: &str = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                               WHERE application_name = 'hubd'";
            for _ in 0..5 {
                hubs[0].sql().await.execute(CUT).await;
                a_while().await;
            }
        }
        Accident::Freeze => {
            cluster.freeze();
            let asked = hubs[0].anonymous().get("/readyz").await;
            cluster.thaw();
            asked.problem(503, "database_unavailable");
        }
        Accident::ReadOnly => {
            cluster.set_read_only(true).await;
            a_while().await;
            let new = serde_json::json!({"name": "Refused"});
            let refused = hubs[0].admin().post("/api/v1/admin/clients", new).await;
            cluster.set_read_only(false).await;
            refused.problem(503, "database_unavailable");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_has_accidents_under_load() {
    let cluster = Cluster::start(Durability::Fsync);
    let one = Setup::on(Engine::Postgres).start_in(&cluster).await;
    let other = one.replica();
    let mut load = Load::on(vec![one, other]);
    let accidents = [Accident::Restart, Accident::Terminate, Accident::Freeze, Accident::ReadOnly];
    for round in 0..rounds().div_ceil(5) {
        let accident = accidents[round % accidents.len()];
        load.meanwhile(async |hubs| {
            a_while().await;
            happen(&cluster, hubs, accident).await;
        })
        .await;
        load.check().await;
    }
}

both_stores!(clients_go_away);

/// 5,000 clients that close their connection as soon as they have sent a request, or a part of one.
async fn clients_go_away(hub: Hub) {
    let mut load = Load::on(vec![hub]);
    load.meanwhile(async |hubs| {
        for batch in 0..50 {
            let going = (0..100).map(|n| go_away(&hubs[0], batch * 100 + n));
            join_all(going).await;
        }
    })
    .await;
    load.check().await;
    let hub = &load.hubs[0];
    hub.anonymous().get("/readyz").await.expect(200).done();
    let half = "SELECT (SELECT COUNT(*) FROM clients WHERE slug LIKE 'gone-%') \
                - (SELECT COUNT(*) FROM audit_events WHERE target LIKE 'gone-%')";
    assert_eq!(hub.sql().await.number(half).await, 0, "a change and its audit event come together");
}

async fn go_away(hub: &Hub, n: usize) {
    let body = format!(r#"{{"name": "Gone", "slug": "gone-{n}"}}"#);
    let head = format!(
        "POST /api/v1/admin/clients HTTP/1.1\r\nHost: hub\r\n{ADMIN_KEY_HEADER}: {}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        hub.admin_key(),
        body.len()
    );
    let request = head + &body;
    let sent = request.len() - (n % 3) * (n % 50);
    let mut peer = TcpStream::connect(hub.address()).await.unwrap();
    // The hub may have closed it already.
    let _ = peer.write_all(&request.as_bytes()[..sent]).await;
}
