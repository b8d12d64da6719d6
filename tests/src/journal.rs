//! A journaling client: workers that change the hub step by step, each on rows of its own, and note what
//! was acknowledged; and what the database must hold after each step.
//!
//! A worker sends a step again until the hub acknowledges it. So after any fault the database holds
//! what the acknowledged steps made, and all or nothing of the one that came next.

mod holdings;

pub use holdings::Holdings;

use std::sync::{Arc, RwLock};
use std::time::Duration;

use bytes::Bytes;
use http::Method;
use hub_core::api::{ADMIN_KEY_HEADER, HUB_KEY_HEADER, REQUEST_ID_HEADER};
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::clock::ago;
use crate::fleet::{own_hub_key, own_license_key, sha256};
use crate::http::{Answer, Caller};
use crate::reports::report_of;

/// Where the hubs listen now.
pub type Bases = Arc<RwLock<Vec<String>>>;

/// A client that works alone on its own rows.
#[derive(Debug)]
pub struct Worker {
    /// Its number, which its names and keys are made of.
    number: u32,
    admin_key: String,
    /// The window of its reports: a report is the same whenever it is sent again.
    at: String,
    /// The steps that were acknowledged, each with the request id of the answer.
    acknowledged: Vec<String>,
}

/// What a step does. The first step of a worker makes its client, the others go round by round, each
/// round with a new instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Client,
    Issue,
    Activate,
    Report(u32),
    Suspend,
    Reactivate,
    Label,
    /// Deletes the instance, in every other round.
    Finish,
}

/// The steps with one instance.
const ROUND: [Step; 9] = [
    Step::Issue,
    Step::Activate,
    Step::Report(0),
    Step::Suspend,
    Step::Reactivate,
    Step::Report(1),
    Step::Label,
    Step::Report(2),
    Step::Finish,
];

/// No worker does so many rounds: the number of a worker and that of a round make a key.
const ROUNDS: u32 = 100_000_000;

fn step(n: usize) -> (Step, u32) {
    let Some(n) = n.checked_sub(1) else { return (Step::Client, 0) };
    let round = u32::try_from(n / ROUND.len()).expect("a worker does not do so many rounds");
    (ROUND[n % ROUND.len()], round)
}

impl Worker {
    /// A worker that has done nothing yet.
    #[must_use]
    pub fn new(number: u32, admin_key: &str) -> Self {
        let at = ago(Duration::from_hours(1));
        Self { number, admin_key: admin_key.to_owned(), at, acknowledged: Vec::new() }
    }

    /// The steps that were acknowledged, each with the request id of the answer.
    #[must_use]
    pub fn acknowledged(&self) -> &[String] {
        &self.acknowledged
    }

    /// Its number.
    #[must_use]
    pub fn number(&self) -> u32 {
        self.number
    }

    /// Does this many more steps, however often a hub fails.
    pub async fn work(&mut self, bases: &Bases, steps: usize) {
        let end = self.acknowledged.len() + steps;
        for attempt in 0.. {
            assert!(
                attempt < 10_000,
                "a step is never acknowledged: {:?}",
                self.acknowledged.len()
            );
            if self.acknowledged.len() == end {
                return;
            }
            if !self.attempt(bases, attempt).await {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
    }

    /// Works until it is told to stop.
    pub async fn work_until(&mut self, bases: &Bases, stop: &watch::Receiver<bool>) {
        for attempt in 0.. {
            if *stop.borrow() {
                return;
            }
            if !self.attempt(bases, attempt).await {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
    }

    /// Sends the next step once; whether it was acknowledged.
    async fn attempt(&mut self, bases: &Bases, attempt: usize) -> bool {
        let base = {
            let bases = bases.read().expect("nobody panics with it");
            bases[(attempt + self.number as usize) % bases.len()].clone()
        };
        let sent = tokio::time::timeout(Duration::from_secs(30), self.send(&base)).await;
        let Ok(Some(answer)) = sent else { return false };
        let (step, _) = step(self.acknowledged.len());
        let status = answer.status.as_u16();
        let done = match step {
            Step::Client => [201, 409].contains(&status),
            Step::Issue => [200, 201].contains(&status),
            Step::Report(_) => status == 202,
            Step::Finish => [200, 204, 404].contains(&status),
            _ => status == 200,
        };
        // A hub that answers before it commits may refuse what builds on the step before.
        let may_pass = status >= 500 || [401, 403, 404, 429].contains(&status);
        assert!(done || may_pass, "{step:?}: {answer}");
        if done {
            self.acknowledged.push(answer.header(REQUEST_ID_HEADER).to_owned());
        }
        done
    }

    async fn send(&self, base: &str) -> Option<Answer> {
        let (step, round) = step(self.acknowledged.len());
        let name = name(self.number);
        let instance = instance(self.number, round);
        let key = self.number * ROUNDS + round;
        let of_admin = format!("/api/v1/admin/instances/{instance}");
        let (method, path, body) = match step {
            Step::Client => {
                let new = json!({"name": name, "slug": name});
                (Method::POST, "/api/v1/admin/clients".to_owned(), new)
            }
            Step::Issue => {
                let license = sha256(&own_license_key(key));
                let new = json!({"instance_id": instance, "license_sha256": license});
                (Method::POST, format!("/api/v1/admin/clients/{name}/instances"), new)
            }
            Step::Activate => {
                let hub_key = sha256(&own_hub_key(key));
                let body = json!({"license_key": own_license_key(key), "hub_key_sha256": hub_key});
                (Method::POST, "/api/v1/instances/activate".to_owned(), body)
            }
            Step::Report(n) => {
                let path = format!("/api/v1/instances/{instance}/telemetry");
                (Method::POST, path, report(key, n, &self.at))
            }
            Step::Suspend => (Method::POST, format!("{of_admin}/suspend"), json!({})),
            Step::Reactivate => (Method::POST, format!("{of_admin}/reactivate"), json!({})),
            Step::Label => (Method::PATCH, of_admin, json!({"labels": {"env": "prod"}})),
            Step::Finish if is_deleted(round) => (Method::DELETE, of_admin, Value::Null),
            Step::Finish => (Method::GET, of_admin, Value::Null),
        };
        let caller = match step {
            Step::Report(_) => Caller::new(base).header(HUB_KEY_HEADER, &own_hub_key(key)),
            _ => Caller::new(base).header(ADMIN_KEY_HEADER, &self.admin_key),
        };
        let json = (!body.is_null()).then_some("application/json");
        let body = if body.is_null() { Bytes::new() } else { Bytes::from(body.to_string()) };
        caller.try_send(method, &path, json, body).await.ok()
    }
}

fn name(worker: u32) -> String {
    format!("worker-{worker}")
}

fn instance(worker: u32, round: u32) -> String {
    format!("worker-{worker}-{round}")
}

fn is_deleted(round: u32) -> bool {
    round % 2 == 1
}

/// The `n`th report of an instance. Its id is always the same, so it counts once.
fn report(key: u32, n: u32, at: &str) -> Value {
    let durations: Vec<u32> = (0..=n).map(|d| d * 10).collect();
    let mut report = report_of(json!({
        "tools": [{"name": "work", "calls": calls(n), "errors": {"TIMEOUT": n},
            "durations_ms": durations}],
    }));
    report["report_id"] =
        format!("0191d6a0-0000-7000-8000-{:012}", u64::from(key) * 10 + u64::from(n)).into();
    report["window_start"] = at.into();
    report["window_end"] = at.into();
    report
}

fn calls(report: u32) -> u32 {
    10 * (report + 1)
}
