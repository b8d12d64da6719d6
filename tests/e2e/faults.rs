//! A disk that fails once: each system call of a write to the SQLite file in turn returns an error. The
//! hub may refuse that write; the next one must succeed without a restart.

use hub_tests::fleet::text;
use hub_tests::http::Answer;
use hub_tests::reports::report;
use hub_tests::strace::{self, Fault, Step};
use hub_tests::{Engine, Hub, Setup};
use serde_json::{Value, json};

/// The calls by which a write reaches the disk.
const CALLS: &[&str] = &["pwrite64", "fsync", "fdatasync", "ftruncate"];
const ERRORS: &[&str] = &["ENOSPC", "EIO"];
/// More calls of one name than a write makes.
const MOST: usize = 100;

#[tokio::test(flavor = "multi_thread")]
async fn a_new_client_meets_a_fault() {
    survives(Clients, Setup::on(Engine::Sqlite)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_activation_meets_a_fault() {
    survives(Activations::default(), Setup::on(Engine::Sqlite)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_meets_a_fault() {
    survives(Reports::default(), Setup::on(Engine::Sqlite)).await;
}

/// The log is written back into the file after each commit: a fault there loses nothing either.
#[tokio::test(flavor = "multi_thread")]
async fn a_checkpoint_meets_a_fault() {
    let setup = Setup::on(Engine::Sqlite).for_proofs().env("HUBD_PROOF_CHECKPOINT", "1");
    survives(Clients, setup).await;
}

/// Writes of one kind, counted from 0.
trait Writes {
    /// Prepares the `n`th write and the one after it.
    async fn prepare(&mut self, hub: &Hub, n: usize);
    async fn send(&self, hub: &Hub, n: usize) -> Answer;
    /// Checks that the hub has stored the `n`th write, which it answered like this.
    async fn check(&self, hub: &Hub, n: usize, answer: &Answer);
}

/// Lets each call of a write fail with each error, until a write makes no further call of that name;
/// first with a hub that was just started, whose write begins a new write-ahead log, then with one that
/// goes on with its log.
async fn survives(mut writes: impl Writes, setup: Setup) {
    if !strace::works() {
        return;
    }
    let mut hub = setup.start().await;
    let (mut n, mut faults) = (0, 0);
    for (call, error) in CALLS.iter().flat_map(|call| ERRORS.iter().map(move |error| (call, error)))
    {
        let mut stored = Vec::new();
        for just_started in [true, false] {
            for nth in 1..=MOST {
                assert!(nth < MOST, "a write has no end of {call}");
                writes.prepare(&hub, n).await;
                if just_started {
                    hub.restart();
                }
                let step = Step { call: (*call).to_owned(), nth };
                let met = meets(&writes, &hub, n, (&step, error), &mut stored).await;
                n += 2;
                if !met {
                    break;
                }
                faults += 1;
            }
        }
        hub.restart();
        for (n, answer) in &stored {
            writes.check(&hub, *n, answer).await;
        }
        let chain = hub.admin().get("/api/v1/admin/audit/verify").await.ok();
        assert_eq!(chain["ok"], true, "{chain}");
    }
    assert!(faults > 16, "{faults}");
}

/// Sends the `n`th write with the fault and the next one without it, and notes those that the hub has
/// acknowledged. Whether the first met the fault.
async fn meets(
    writes: &impl Writes,
    hub: &Hub,
    n: usize,
    (step, error): (&Step, &str),
    stored: &mut Vec<(usize, Answer)>,
) -> bool {
    let fault = Fault::at(hub, step, error);
    let answer = writes.send(hub, n).await;
    let met = fault.was_met();
    let place = format!("{error} at {} {}", step.call, step.nth);
    if answer.status.is_success() {
        stored.push((n, answer));
    } else {
        assert!(met, "refused without a fault: {answer}");
        answer.problem(503, "database_unavailable");
        let again = writes.send(hub, n).await;
        // A refused write may have been stored.
        let there = again.status.is_success() || again.status == 409;
        assert!(there, "{place}, then the same again: {again}");
    }
    let next = writes.send(hub, n + 1).await;
    assert!(next.status.is_success(), "{place}, then another: {next}");
    stored.push((n + 1, next));
    hub.anonymous().get("/readyz").await.expect(200).done();
    met
}

struct Clients;

impl Writes for Clients {
    async fn prepare(&mut self, _: &Hub, _: usize) {}

    async fn send(&self, hub: &Hub, n: usize) -> Answer {
        let new = json!({"name": "Acme", "slug": format!("acme-{n}")});
        hub.admin().post("/api/v1/admin/clients", new).await
    }

    async fn check(&self, hub: &Hub, n: usize, answer: &Answer) {
        let found = hub.admin().get(&format!("/api/v1/admin/clients/acme-{n}")).await.ok();
        assert_eq!(found, answer.json());
    }
}

/// The license keys of instances, each for one activation.
#[derive(Default)]
struct Activations(Vec<String>);

impl Writes for Activations {
    async fn prepare(&mut self, hub: &Hub, n: usize) {
        if n == 0 {
            hub.client("acme").await;
        }
        for n in [n, n + 1] {
            self.0.push(hub.issue("acme", &format!("acme-{n}")).await.license_key);
        }
    }

    async fn send(&self, hub: &Hub, n: usize) -> Answer {
        let body = json!({"license_key": self.0[n]});
        hub.anonymous().post("/api/v1/instances/activate", body).await
    }

    async fn check(&self, hub: &Hub, n: usize, answer: &Answer) {
        let found = hub.use_key(&text(&answer.json(), "hub_api_key")).await;
        assert_eq!(found["instance_id"], format!("acme-{n}"));
    }
}

/// The reports of one instance.
#[derive(Default)]
struct Reports {
    reporter: Option<String>,
    reports: Vec<Value>,
}

impl Writes for Reports {
    async fn prepare(&mut self, hub: &Hub, _: usize) {
        if self.reporter.is_none() {
            hub.client("acme").await;
            self.reporter = Some(hub.reporter("acme", "acme-1").await.hub_key);
        }
        self.reports.extend([report(), report()]);
    }

    async fn send(&self, hub: &Hub, n: usize) -> Answer {
        let hub_key = self.reporter.as_deref().unwrap();
        hub.reporter_with("acme-1", hub_key).send(&self.reports[n]).await
    }

    async fn check(&self, hub: &Hub, n: usize, _: &Answer) {
        assert_eq!(self.send(hub, n).await.expect(202).json()["duplicate"], true);
    }
}
