//! The state of a license over two hubs: whatever many clients do at once, each is told what it would
//! have been told if all had come one after the other.

use std::time::Instant;

use futures_util::future::join_all;
use hub_tests::fleet::{own_hub_key, own_license_key, sha256};
use hub_tests::linear::{Model, Seen, is_linear};
use hub_tests::reports::report;
use hub_tests::{Engine, Hub, Setup};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::json;

/// The state of an instance. Keys are numbers that each round uses once.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct State {
    deleted: bool,
    suspended: bool,
    license: u32,
    newest: Option<HubKey>,
    /// The key before, which an activation leaves working for a while.
    older: Option<HubKey>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct HubKey {
    number: u32,
    used: bool,
}

#[derive(Debug, Clone, Copy)]
enum Step {
    Suspend,
    Reactivate,
    Delete,
    RotateLicense(u32),
    RotateHubKey(u32),
    Activate {
        license: u32,
        key: u32,
    },
    Validate(u32),
    /// Asks for itself.
    Ask(u32),
    Report(u32),
}

impl Model for State {
    type Step = Step;
    /// The status, and the code that the answer names.
    type Told = (u16, &'static str);

    fn take(&self, step: &Step) -> Vec<(Self, (u16, &'static str))> {
        let mut next = self.clone();
        let told = next.step(*step);
        let mut outcomes = vec![(next, told)];
        if let (Step::Report(_), (202, _)) = (step, told) {
            // An activation at the same time may not see yet that the key is in use.
            outcomes.push((self.clone(), told));
        }
        outcomes
    }
}

impl State {
    fn step(&mut self, step: Step) -> (u16, &'static str) {
        match step {
            Step::Suspend | Step::Reactivate | Step::Delete | Step::RotateLicense(_)
                if self.deleted =>
            {
                (404, "instance_not_found")
            }
            Step::Suspend => {
                self.suspended = true;
                (200, "")
            }
            Step::Reactivate => {
                self.suspended = false;
                (200, "")
            }
            Step::Delete => {
                self.deleted = true;
                (204, "")
            }
            Step::RotateLicense(number) => {
                self.license = number;
                (200, "")
            }
            Step::RotateHubKey(number) => self.rotate(number),
            Step::Activate { license, key } => self.activate(license, key),
            Step::Validate(license) if self.deleted || license != self.license => {
                (200, "license_invalid")
            }
            Step::Validate(_) => (200, if self.suspended { "instance_suspended" } else { "valid" }),
            Step::Ask(number) => match self.find(number) {
                None => (401, "hub_key_invalid"),
                Some(key) => {
                    key.used = true;
                    (200, if self.suspended { "suspended" } else { "active" })
                }
            },
            Step::Report(number) => self.report(number),
        }
    }

    fn find(&mut self, number: u32) -> Option<&mut HubKey> {
        let keys = self.newest.iter_mut().chain(&mut self.older);
        keys.into_iter().find(|key| key.number == number && !self.deleted)
    }

    fn rotate(&mut self, number: u32) -> (u16, &'static str) {
        if self.deleted {
            return (404, "instance_not_found");
        }
        if self.newest.is_none() {
            return (409, "not_activated");
        }
        self.newest = Some(HubKey { number, used: false });
        self.older = None;
        (200, "")
    }

    fn activate(&mut self, license: u32, number: u32) -> (u16, &'static str) {
        if self.deleted || license != self.license {
            return (401, "license_invalid");
        }
        if self.suspended {
            return (403, "instance_suspended");
        }
        let lost = self.newest.is_some_and(|key| !key.used);
        let running = self.older.is_some_and(|key| key.used);
        if !(lost && running) {
            self.older = self.newest;
        }
        self.newest = Some(HubKey { number, used: false });
        (200, "")
    }

    fn report(&mut self, number: u32) -> (u16, &'static str) {
        let suspended = self.suspended;
        match self.find(number) {
            None => (401, "hub_key_invalid"),
            Some(_) if suspended => (403, "instance_suspended"),
            Some(key) => {
                key.used = true;
                (202, "")
            }
        }
    }
}

/// Does the step at a hub.
async fn take(hub: &Hub, id: &str, step: Step) -> (u16, String) {
    let path = format!("/api/v1/admin/instances/{id}");
    let (admin, anyone) = (hub.admin(), hub.anonymous());
    let empty = json!({});
    let license = |number| json!({"license_key": own_license_key(number)});
    let answer = match step {
        Step::Suspend => admin.post(&format!("{path}/suspend"), empty).await,
        Step::Reactivate => admin.post(&format!("{path}/reactivate"), empty).await,
        Step::Delete => admin.delete(&path).await,
        Step::RotateLicense(number) => {
            let body = json!({"license_sha256": sha256(&own_license_key(number))});
            admin.post(&format!("{path}/rotate-license"), body).await
        }
        Step::RotateHubKey(number) => {
            let body = json!({"hub_key_sha256": sha256(&own_hub_key(number))});
            admin.post(&format!("{path}/rotate-hub-key"), body).await
        }
        Step::Activate { license: number, key } => {
            let mut body = license(number);
            body["hub_key_sha256"] = sha256(&own_hub_key(key)).into();
            anyone.post("/api/v1/instances/activate", body).await
        }
        Step::Validate(number) => anyone.post("/api/v1/instances/validate", license(number)).await,
        Step::Ask(number) => hub.instance(&own_hub_key(number)).get("/api/v1/instances/self").await,
        Step::Report(number) => hub.reporter_with(id, &own_hub_key(number)).send(&report()).await,
    };
    let status = answer.status.as_u16();
    let told = match (step, status) {
        (Step::Validate(_), 200) => answer.json()["code"].clone(),
        (Step::Ask(_), 200) => answer.json()["effective_status"].clone(),
        (_, 200..300) => "".into(),
        _ => answer.json()["code"].clone(),
    };
    (status, told.as_str().unwrap_or_default().to_owned())
}

/// Clients at the same time, and steps of each.
const CLIENTS: usize = 5;
const STEPS: usize = 5;

/// What the clients of a round do. Every new key has a number of its own, from `first` on.
fn steps(first: u32, random: &mut StdRng) -> Vec<Vec<Step>> {
    let mut last = first;
    let mut one = |random: &mut StdRng| {
        let some = first + random.random_range(1..12);
        let license = first + random.random_range(0..4_u32).saturating_sub(2);
        last += 1;
        match random.random_range(0..20) {
            0..=2 => Step::Suspend,
            3..=5 => Step::Reactivate,
            6 => Step::RotateLicense(first + 1),
            7 => Step::RotateHubKey(last),
            8..=10 => Step::Activate { license, key: last },
            11..=12 => Step::Validate(license),
            13..=16 => Step::Ask(some),
            17..=18 => Step::Report(some),
            _ if random.random_range(0..3) == 0 => Step::Delete,
            _ => Step::Ask(some),
        }
    };
    (0..CLIENTS).map(|_| (0..STEPS).map(|_| one(random)).collect()).collect()
}

/// Plays a round; what was seen if it was not linear.
async fn play(hubs: [&Hub; 2], n: u32, random: &mut StdRng) -> Result<(), Vec<Seen<State>>> {
    let (id, first) = (format!("acme-{n}"), 1 + 100 * n);
    let new = json!({"instance_id": id, "license_sha256": sha256(&own_license_key(first))});
    hubs[0].admin().post("/api/v1/admin/clients/acme/instances", new).await.expect(201).done();
    let start =
        State { deleted: false, suspended: false, license: first, newest: None, older: None };
    let clients = steps(first, random).into_iter().enumerate().map(|(client, steps)| {
        let id = &id;
        async move {
            let mut seen = Vec::new();
            for step in steps {
                let sent = Instant::now();
                let told = take(hubs[client % 2], id, step).await;
                let told = (told.0, known(&told.1));
                seen.push(Seen { step, told, sent, answered: Instant::now() });
            }
            seen
        }
    });
    let seen: Vec<Seen<State>> = join_all(clients).await.into_iter().flatten().collect();
    if is_linear(start, &seen) { Ok(()) } else { Err(seen) }
}

/// The codes that the model names.
fn known(code: &str) -> &'static str {
    let codes = [
        "",
        "active",
        "suspended",
        "valid",
        "license_invalid",
        "hub_key_invalid",
        "instance_suspended",
        "instance_not_found",
        "not_activated",
    ];
    codes.into_iter().find(|known| *known == code).unwrap_or_else(|| panic!("{code}"))
}

const ROUNDS: u32 = 60;

/// Plays all rounds; ends at the first that was not linear.
async fn play_all(hubs: [&Hub; 2], seed: u64) -> Result<(), Vec<Seen<State>>> {
    let mut random = StdRng::seed_from_u64(seed);
    hubs[0].client("acme").await;
    for n in 0..ROUNDS {
        play(hubs, n, &mut random).await?;
    }
    Ok(())
}

#[tokio::test]
async fn sqlite_a_license_has_one_state() {
    let hub = Setup::on(Engine::Sqlite).any_number_of_guesses().start().await;
    play_all([&hub, &hub], 1).await.unwrap();
}

#[tokio::test]
async fn postgres_a_license_has_one_state_at_two_hubs() {
    let hub = Setup::on(Engine::Postgres).any_number_of_guesses().start().await;
    let other = hub.replica();
    play_all([&hub, &other], 2).await.unwrap();
}

/// A hub that remembers for two seconds whose a key is: the check must find out.
#[tokio::test]
async fn postgres_a_hub_that_remembers_is_found_out() {
    let setup = Setup::on(Engine::Postgres).for_proofs().any_number_of_guesses();
    let hub = setup.env("HUBD_PROOF_LEAK", "remembered").start().await;
    let other = hub.replica();
    assert!(play_all([&hub, &other], 3).await.is_err());
}
