//! Many at once, and several hubs over one database.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use hub_core::api::{HUB_KEY_HEADER, Role};
use hub_tests::fleet::{own_hub_key, sha256, text};
use hub_tests::http::Caller;
use hub_tests::metrics::{Metrics, free_address};
use hub_tests::reports::report;
use hub_tests::{Engine, Hub, Setup, both_stores};
use serde_json::{Value, json};

/// How many of the hub's statements wait for a lock.
const LOCKED: &str = "SELECT COUNT(*) FROM pg_stat_activity WHERE application_name = 'hubd' \
    AND datname = current_database() AND wait_event_type = 'Lock'";
const ACTIVATE: &str = "/api/v1/instances/activate";
const SELF: &str = "/api/v1/instances/self";

/// Activates with a key of the caller's own and uses it; `None` when the license has no activation left.
/// The key is empty when a later activation replaced it before it was used.
async fn activate_and_use(hub: &Hub, license_key: &str, n: u32) -> Option<String> {
    let own = own_hub_key(n);
    let body = json!({"license_key": license_key, "hub_key_sha256": sha256(&own)});
    let answer = hub.anonymous().post(ACTIVATE, body).await;
    if answer.status == 403 {
        answer.problem(403, "activation_limit_reached");
        return None;
    }
    answer.expect(200).done();
    let used = hub.instance(&own).get(SELF).await;
    Some(if used.status == 200 { own } else { String::new() })
}

both_stores!(
    concurrent_activations_never_exceed_the_limit,
    one_hash_sent_many_times_at_once_is_one_activation,
    of_many_that_take_a_handle_one_wins,
    owner_keys_revoking_each_other_leave_one,
    changes_that_wait_share_a_commit_and_nothing_else,
    the_audit_chain_holds_under_concurrent_changes
);

async fn concurrent_activations_never_exceed_the_limit(setup: Setup) {
    let hub = setup.any_number_of_guesses().start().await;
    hub.client("acme").await;
    for (round, many) in [2_u32, 8, 32].into_iter().enumerate() {
        let id = format!("acme-{round}");
        let limit = many / 2;
        let terms = json!({"max_activations": limit});
        let license = hub.issue_with("acme", &id, terms).await.license_key;
        let tries = (0..many).map(|n| activate_and_use(&hub, &license, many * 100 + n));
        let taken: Vec<String> = join_all(tries).await.into_iter().flatten().collect();
        assert!(!taken.is_empty());
        let activations = hub.show(&id).await["license"]["activations"].as_u64().unwrap();
        assert!((1..=u64::from(limit)).contains(&activations), "{activations} of {limit}");
        expect_known(&hub, &taken).await;
    }
    assert!(!hub.log().contains("one by one"), "{}", hub.log());
}

async fn one_hash_sent_many_times_at_once_is_one_activation(hub: Hub) {
    hub.client("acme").await;
    let license = hub.issue_with("acme", "acme-1", json!({"max_activations": 1})).await.license_key;
    let body = json!({"license_key": license, "hub_key_sha256": sha256(&own_hub_key(1))});
    let tries = (0..16).map(|_| async {
        hub.anonymous().post(ACTIVATE, body.clone()).await.expect(200).done();
    });
    join_all(tries).await;
    let rows = hub.audit().await;
    let activations = rows.iter().filter(|(_, action, _)| action == "instance.activate");
    assert_eq!(activations.count(), 1, "a repeat is not audited");
    assert_eq!(hub.show("acme-1").await["license"]["activations"], 1);
}

async fn of_many_that_take_a_handle_one_wins(hub: Hub) {
    let tries = (0..16).map(|_| async {
        let new = json!({"name": "Acme", "slug": "acme"});
        hub.admin().post("/api/v1/admin/clients", new).await
    });
    let answers = join_all(tries).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 1);
    for lost in answers.iter().filter(|answer| answer.status != 201) {
        lost.problem(409, "client_exists");
    }
    // Derived handles get different suffixes instead.
    let tries = (0..16).map(|_| async {
        let new = json!({"name": "Globex"});
        text(&hub.admin().post("/api/v1/admin/clients", new).await.expect(201).json(), "slug")
    });
    let mut slugs = join_all(tries).await;
    slugs.sort();
    slugs.dedup();
    assert_eq!(slugs.len(), 16);
}

async fn owner_keys_revoking_each_other_leave_one(hub: Hub) {
    let first = text(&hub.admin().get("/api/v1/admin/whoami").await.ok(), "name");
    let mut owners = vec![(first, hub.admin_key().to_owned())];
    for name in ["owner-b", "owner-c", "owner-d"] {
        owners.push((name.to_owned(), hub.admin_key_of(name, Role::Owner).await));
    }
    let revoke = owners.iter().map(|(name, key)| {
        let (path, caller) = (format!("/api/v1/admin/keys/{name}"), hub.admin_with(key));
        async move { caller.delete(&path).await.status }
    });
    let statuses = join_all(revoke).await;
    assert_eq!(statuses.iter().filter(|status| **status == 204).count(), 3, "{statuses:?}");
    assert_eq!(statuses.iter().filter(|status| **status == 409).count(), 1, "{statuses:?}");
}

/// How many changes have come so far, those that wait and those that were taken.
fn all_came(metrics: &Metrics) -> f64 {
    let of = |name| metrics.value(&format!("{name}{{queue=\"changes\"}}")).unwrap();
    of("hubd_queue_depth") + of("hubd_batch_items_sum")
}

/// All wait for a lock that the test holds, and then are one transaction, or two: the first took its turn
/// before the others came.
async fn changes_that_wait_share_a_commit_and_nothing_else(setup: Setup) {
    let address = free_address();
    let lock = match setup.engine() {
        Engine::Sqlite => "BEGIN IMMEDIATE",
        Engine::Postgres => "BEGIN; SELECT seq FROM audit_head WHERE id = 1 FOR UPDATE",
    };
    let hub = setup.args(["--metrics-listen", &address]).start().await;
    hub.client("acme").await;
    hub.issue("acme", "acme-taken").await;
    let before = hub.audit().await.len();
    let batches = "hubd_batch_items_count{queue=\"changes\"}";
    let metrics = Metrics::read(&address).await;
    let (done, came) = (metrics.value(batches).unwrap(), all_came(&metrics));
    let mut holder = hub.sql().await;
    holder.script(lock).await;
    let changes = (0..24).map(|n| {
        let id = if n % 4 == 3 { "acme-taken".to_owned() } else { format!("acme-{n}") };
        let hub = &hub;
        async move {
            let path = "/api/v1/admin/clients/acme/instances";
            let answer = hub.admin().post(path, json!({"instance_id": id})).await;
            if n % 4 == 3 {
                answer.problem(409, "instance_exists");
            } else {
                answer.expect(201).done();
            }
        }
    });
    let release = async {
        // The first ones are on their way to the database already.
        while all_came(&Metrics::read(&address).await) < came + 24.0 {}
        holder.script("COMMIT").await;
    };
    tokio::join!(join_all(changes), release);
    let shared = Metrics::read(&address).await.value(batches).unwrap() - done;
    assert!(shared <= 2.0, "{shared} commits");
    assert!(!hub.log().contains("one by one"), "{}", hub.log());
    let rows = hub.audit().await;
    let created: BTreeSet<_> = rows[..rows.len() - before].iter().map(|row| &row.2).collect();
    assert_eq!((rows.len() - before, created.len()), (18, 18), "{created:?}");
    assert_eq!(hub.admin().get("/api/v1/admin/audit/verify").await.ok()["ok"], true);
}

/// The chain stays whole under concurrent writes.
async fn the_audit_chain_holds_under_concurrent_changes(hub: Hub) {
    hub.client("acme").await;
    let changes = (0..32).map(|n| {
        let hub = &hub;
        async move {
            let issued = hub.issue("acme", &format!("acme-{n}")).await;
            hub.activate(&issued.license_key).await;
            hub.act(&issued.instance_id, "suspend", json!({})).await;
        }
    });
    join_all(changes).await;
    let verdict = hub.admin().get("/api/v1/admin/audit/verify").await.ok();
    assert_eq!(verdict["ok"], true, "{verdict}");
    assert!(verdict["events"].as_u64().unwrap() >= 97, "{verdict}");
}

/// Every key that was used is in the database, live or ended. An ended key no longer belongs to its
/// instance, so this searches all hub keys.
async fn expect_known(hub: &Hub, keys: &[String]) {
    let hashes = "SELECT hash FROM instance_keys WHERE kind = 'hub'";
    let stored = hub.sql().await.blobs(hashes).await;
    let stored: Vec<String> = stored.iter().map(hex::encode).collect();
    for key in keys.iter().filter(|key| !key.is_empty()) {
        assert!(stored.contains(&sha256(key)), "an acknowledged key is lost");
    }
}

/// A key that one hub has ended, the other must refuse.
struct Pair {
    one: Hub,
    other: Hub,
}

impl Pair {
    async fn start() -> Self {
        let one = Setup::on(Engine::Postgres).any_number_of_guesses().start().await;
        one.client("acme").await;
        let other = one.replica();
        Self { one, other }
    }

    /// An active instance, and its key in use at the other hub.
    async fn instance(&self, n: u32) -> (String, String, Caller) {
        let id = format!("acme-{n}");
        let license = self.one.issue("acme", &id).await.license_key;
        let key = self.one.hub_key(&license).await;
        let caller = self.other.with_key(HUB_KEY_HEADER, &key);
        caller.get(SELF).await.expect(200).done();
        (id, license, caller)
    }
}

/// A report whose instance is being deleted waits for the deletion, and costs its neighbours nothing.
#[tokio::test]
async fn postgres_a_report_meets_a_deletion() {
    let address = free_address();
    let setup = Setup::on(Engine::Postgres).args(["--metrics-listen", &address]);
    let hub = setup.start().await;
    hub.client("acme").await;
    let mut instances = Vec::new();
    for id in ["acme-first", "acme-gone", "acme-1", "acme-2"] {
        let instance = hub.reporter("acme", id).await;
        instance.report(&report()).await;
        instances.push(instance);
    }
    let [first, gone, others @ ..] = &*instances else { unreachable!() };
    let (mut holder, mut deleter, mut watcher) =
        (hub.sql().await, hub.sql().await, hub.sql().await);
    // The first report is a batch and waits, so that all the others are one.
    holder
        .script("BEGIN; SELECT id FROM instances WHERE instance_id = 'acme-first' FOR UPDATE")
        .await;
    let id = "(SELECT id FROM instances WHERE instance_id = 'acme-gone')";
    deleter
        .script(&format!(
            "BEGIN; UPDATE instance_keys SET not_after = 0, instance = NULL WHERE instance = {id}; \
             DELETE FROM instances WHERE instance_id = 'acme-gone'"
        ))
        .await;
    let waiting = async |n: f64| {
        let depth = "hubd_queue_depth{queue=\"reports\"}";
        while Metrics::read(&address).await.value(depth) != Some(n) {}
    };
    let (own, late) = (report(), report());
    let behind_it = async {
        while watcher.number(LOCKED).await == 0 {}
        let neighbours = join_all(others.iter().map(async |other| {
            other.report(&report()).await;
        }));
        let steps = async {
            waiting(3.0).await;
            holder.script("COMMIT").await;
            waiting(0.0).await;
            while watcher.number(LOCKED).await == 0 {}
            deleter.script("COMMIT").await;
        };
        tokio::join!(gone.send(&late), neighbours, steps).0
    };
    let (first_answer, answer) = tokio::join!(first.send(&own), behind_it);
    first_answer.expect(202).done();
    answer.problem(401, "hub_key_invalid");
    assert!(!hub.log().contains("one by one"), "{}", hub.log());
}

#[tokio::test]
async fn postgres_after_a_suspension_no_hub_activates() {
    let pair = Pair::start().await;
    let (id, license, caller) = pair.instance(1).await;
    for _ in 0..100 {
        pair.one.act(&id, "suspend", json!({})).await;
        let body = json!({"license_key": license});
        pair.other.anonymous().post(ACTIVATE, body).await.problem(403, "instance_suspended");
        let own = caller.get(SELF).await.ok();
        assert_eq!(own["effective_status"], "suspended");
        pair.one.act(&id, "reactivate", json!({})).await;
        assert_eq!(caller.get(SELF).await.ok()["effective_status"], "active");
    }
}

#[tokio::test]
async fn postgres_after_a_rotation_no_hub_accepts_the_old_key() {
    let pair = Pair::start().await;
    let (id, mut license, mut caller) = pair.instance(1).await;
    for _ in 0..100 {
        let rotated = pair.one.act(&id, "rotate-hub-key", json!({})).await;
        caller.get(SELF).await.problem(401, "hub_key_invalid");
        caller = pair.other.instance(&text(&rotated, "hub_api_key"));
        caller.get(SELF).await.expect(200).done();
        let rotated = pair.one.act(&id, "rotate-license", json!({})).await;
        let validate = async |license: &str| -> Value {
            let body = json!({"license_key": license});
            pair.other.anonymous().post("/api/v1/instances/validate", body).await.ok()
        };
        assert_eq!(validate(&license).await["code"], "license_invalid");
        license = text(&rotated, "license_key");
        assert_eq!(validate(&license).await["code"], "valid");
    }
}

#[tokio::test]
async fn postgres_after_a_deletion_no_hub_knows_the_instance() {
    let pair = Pair::start().await;
    for n in 0..100 {
        let (id, license, caller) = pair.instance(n).await;
        let path = format!("/api/v1/admin/instances/{id}");
        pair.one.admin().delete(&path).await.expect(204).done();
        caller.get(SELF).await.problem(401, "hub_key_invalid");
        let body = json!({"license_key": license});
        pair.other.anonymous().post(ACTIVATE, body).await.problem(401, "license_invalid");
        pair.other.admin().get(&path).await.problem(404, "instance_not_found");
    }
}

#[tokio::test]
async fn postgres_a_revoked_admin_key_ends_on_every_hub() {
    let pair = Pair::start().await;
    for n in 0..100 {
        let name = format!("key-{n}");
        let key = pair.one.admin_key_of(&name, Role::Viewer).await;
        let caller = pair.other.admin_with(&key);
        caller.get("/api/v1/admin/whoami").await.expect(200).done();
        let path = format!("/api/v1/admin/keys/{name}");
        pair.one.admin().delete(&path).await.expect(204).done();
        caller.get("/api/v1/admin/whoami").await.problem(401, "admin_key_invalid");
    }
}

#[tokio::test]
async fn postgres_two_hubs_activating_one_license_keep_its_limit() {
    let pair = Pair::start().await;
    let terms = json!({"max_activations": 6});
    let license = pair.one.issue_with("acme", "acme-1", terms).await.license_key;
    let tries = (0..32).map(|n| {
        let hub = if n % 2 == 0 { &pair.one } else { &pair.other };
        activate_and_use(hub, &license, n)
    });
    let taken: Vec<String> = join_all(tries).await.into_iter().flatten().collect();
    let activations = pair.one.show("acme-1").await["license"]["activations"].as_u64().unwrap();
    assert!((1..=6).contains(&activations), "{activations}");
    expect_known(&pair.one, &taken).await;
    let verdict = pair.other.admin().get("/api/v1/admin/audit/verify").await.ok();
    assert_eq!(verdict["ok"], true);
}
