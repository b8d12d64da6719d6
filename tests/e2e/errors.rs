//! Every error code is produced once, or says where it is produced instead.

use std::fmt::Write;

use http::Method;
use hub_core::api::Role;
use hub_core::problem::ErrorCode;
use hub_tests::clock::{DAY, ago};
use hub_tests::fleet::{own_hub_key, own_license_key, sha256, text};
use hub_tests::http::Answer;
use hub_tests::postgres::{Cluster, Durability};
use hub_tests::reports::report;
use hub_tests::{Engine, Hub, Setup, both_stores, raw};
use serde_json::{Value, json};

const ACTIVATE: &str = "/api/v1/instances/activate";
const CLIENTS: &str = "/api/v1/admin/clients";
const KEYS: &str = "/api/v1/admin/keys";
const SELF: &str = "/api/v1/instances/self";
const ISSUE: &str = "/api/v1/admin/clients/acme/instances";
const ROTATE: &str = "/api/v1/admin/instances/pending/rotate-hub-key";

both_stores!(
    every_code_has_the_status_and_body_that_the_table_says,
    a_wrong_method_gets_a_list_of_the_right_ones,
    wrong_keys_are_limited,
    a_full_hub_sheds_public_requests_and_nothing_else,
    the_cause_of_an_internal_error_is_only_in_the_log,
    errors_repeat_nothing_that_could_be_secret
);

/// After a change on purpose: `INSTA_UPDATE=always cargo test -p hub-tests every_code`, then read the diff.
async fn every_code_has_the_status_and_body_that_the_table_says(setup: Setup) {
    let hub = setup.any_number_of_guesses().start().await;
    furnish(&hub).await;
    let mut seen = String::new();
    for &code in ErrorCode::ALL {
        if let Some(answer) = provoke(&hub, code).await {
            answer.problem(code.status().as_u16(), code.as_str());
            writeln!(seen, "{:#}", answer.json()).unwrap();
        }
    }
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.add_filter(r#""request_id": "[^"]+""#, r#""request_id": "<id>""#);
    settings.bind(|| insta::assert_snapshot!("errors", seen));
}

/// An instance in each state that an activation is refused for.
async fn furnish(hub: &Hub) {
    for client in ["acme", "dormant"] {
        hub.client(client).await;
    }
    let own = |n: u32, id: &str| json!({"instance_id": id, "license_sha256": sha256(&own_license_key(n))});
    let mut full = own(5, "full");
    full["max_activations"] = 0.into();
    let mut expired = own(4, "expired");
    expired["expires_at"] = ago(DAY).into();
    let instances = [
        ("acme", own(1, "pending")),
        ("acme", own(2, "suspended")),
        ("dormant", own(3, "asleep")),
        ("acme", expired),
        ("acme", full),
    ];
    for (client, new) in instances {
        let path = format!("{CLIENTS}/{client}/instances");
        hub.admin().post(&path, new).await.expect(201).done();
    }
    hub.act("suspended", "suspend", json!({})).await;
    let suspend = json!({"status": "suspended"});
    hub.admin().patch(&format!("{CLIENTS}/dormant"), suspend).await.expect(200).done();
    hub.admin_key_of("watcher", Role::Viewer).await;
}

/// Makes the hub answer with a code; `None` for a code that needs more, with the name of its test.
#[expect(clippy::too_many_lines, reason = "a row a code")]
async fn provoke(hub: &Hub, code: ErrorCode) -> Option<Answer> {
    let (admin, anyone) = (hub.admin(), hub.anonymous());
    let activate = |n: u32| json!({"license_key": own_license_key(n)});
    Some(match code {
        ErrorCode::InvalidJson => {
            let json = Some("application/json");
            admin.send_bytes(Method::POST, CLIENTS, json, "{").await
        }
        ErrorCode::InvalidRequestTarget => admin.get("/api/v1/admin/clients/%zz").await,
        ErrorCode::InvalidCursor => admin.get(&format!("{CLIENTS}?cursor=x")).await,
        ErrorCode::AdminKeyMissing => anyone.get(CLIENTS).await,
        ErrorCode::AdminKeyInvalid => hub.admin_with("lb_admin_0").get(CLIENTS).await,
        ErrorCode::HubKeyMissing => anyone.get(SELF).await,
        ErrorCode::HubKeyInvalid => hub.instance(&own_hub_key(99)).get(SELF).await,
        ErrorCode::LicenseInvalid => anyone.post(ACTIVATE, activate(99)).await,
        ErrorCode::RoleForbidden => {
            let key = hub.admin_key_of("onlooker", Role::Viewer).await;
            hub.admin_with(&key).post(CLIENTS, json!({"name": "New"})).await
        }
        ErrorCode::InstanceSuspended => anyone.post(ACTIVATE, activate(2)).await,
        ErrorCode::ClientSuspended => anyone.post(ACTIVATE, activate(3)).await,
        ErrorCode::LicenseExpired => anyone.post(ACTIVATE, activate(4)).await,
        ErrorCode::InstanceMismatch => {
            let mut body = activate(1);
            body["instance_id"] = "full".into();
            anyone.post(ACTIVATE, body).await
        }
        ErrorCode::ActivationLimitReached => anyone.post(ACTIVATE, activate(5)).await,
        ErrorCode::RouteNotFound => anyone.get("/api/v1/nothing").await,
        ErrorCode::ClientNotFound => admin.get(&format!("{CLIENTS}/nobody")).await,
        ErrorCode::InstanceNotFound => admin.get("/api/v1/admin/instances/nobody").await,
        ErrorCode::AdminKeyNotFound => admin.delete(&format!("{KEYS}/nobody")).await,
        ErrorCode::MethodNotAllowed => anyone.delete("/healthz").await,
        ErrorCode::ClientExists => {
            admin.post(CLIENTS, json!({"name": "Acme", "slug": "acme"})).await
        }
        ErrorCode::InstanceExists => admin.post(ISSUE, json!({"instance_id": "pending"})).await,
        ErrorCode::ClientNotEmpty => admin.delete(&format!("{CLIENTS}/acme")).await,
        ErrorCode::NotActivated => admin.post(ROTATE, json!({})).await,
        ErrorCode::KeyConflict => {
            let hash = sha256(&own_license_key(1));
            let other = json!({"instance_id": "other", "license_sha256": hash});
            admin.post(ISSUE, other).await
        }
        ErrorCode::AdminKeyExists => {
            admin.post(KEYS, json!({"name": "watcher", "role": "viewer"})).await
        }
        ErrorCode::LastOwnerKey => {
            let me = text(&admin.get("/api/v1/admin/whoami").await.ok(), "name");
            admin.delete(&format!("{KEYS}/{me}")).await
        }
        ErrorCode::PreconditionFailed => {
            admin.if_match("\"x\"").patch(&format!("{CLIENTS}/acme"), json!({})).await
        }
        ErrorCode::BodyTooLarge => admin.post(CLIENTS, json!("x".repeat(70_000))).await,
        ErrorCode::UnsupportedMediaType => {
            admin.send_bytes(Method::POST, CLIENTS, Some("text/plain"), "x").await
        }
        ErrorCode::InvalidRequest => admin.post(CLIENTS, json!({"name": 1})).await,
        ErrorCode::ReportConflict => {
            let license = hub.issue("acme", "reporter").await.license_key;
            let instance = hub.instance(&hub.hub_key(&license).await);
            let path = "/api/v1/instances/reporter/telemetry";
            let mut body = report();
            instance.post(path, body.clone()).await.expect(202).done();
            body["counts"] = json!({"other_content": 1});
            instance.post(path, body).await
        }
        // Comes with its connection closed: sqlite_a_late_head_is_answered.
        ErrorCode::RequestTimeout
        // Needs a hub with small limits: wrong_keys_are_limited.
        | ErrorCode::RateLimited
        // Needs a damaged database: the_cause_of_an_internal_error_is_only_in_the_log.
        | ErrorCode::Internal
        // Needs a database that is gone: postgres_the_database_goes_away_and_comes_back.
        | ErrorCode::DatabaseUnavailable
        // Needs a hub with little room: a_full_hub_sheds_public_requests_and_nothing_else.
        | ErrorCode::Overloaded => return None,
    })
}

async fn a_wrong_method_gets_a_list_of_the_right_ones(hub: Hub) {
    let answer = hub.anonymous().delete("/healthz").await;
    answer.problem(405, "method_not_allowed");
    assert_eq!(answer.header("allow"), "GET, HEAD");
    let answer = hub.admin().send(Method::PUT, CLIENTS, None).await;
    answer.problem(405, "method_not_allowed");
    let mut allowed: Vec<&str> = answer.header("allow").split(", ").collect();
    allowed.sort_unstable();
    assert_eq!(allowed, ["GET", "HEAD", "POST"]);
}

async fn wrong_keys_are_limited(setup: Setup) {
    let hub = setup.args(["--guess-burst", "1", "--guess-period", "1h"]).start().await;
    hub.instance(&own_hub_key(1)).get(SELF).await.problem(401, "hub_key_invalid");
    let limited = hub.instance(&own_hub_key(2)).get(SELF).await;
    limited.problem(429, "rate_limited");
    assert!(limited.header("retry-after").parse::<u32>().is_ok_and(|s| s > 0), "{limited}");
}

/// A report that waits for the database holds its place until it is answered.
async fn a_full_hub_sheds_public_requests_and_nothing_else(setup: Setup) {
    let hub = setup.args(["--max-public-requests", "1"]).start().await;
    hub.client("acme").await;
    let (one, other) = (hub.reporter("acme", "acme-1").await, hub.reporter("acme", "acme-2").await);
    hub.use_key(&other.hub_key).await;
    let mut holder = hub.sql().await;
    let lock = match hub.engine() {
        Engine::Sqlite => "BEGIN IMMEDIATE",
        Engine::Postgres => "BEGIN; LOCK TABLE instances IN EXCLUSIVE MODE",
    };
    holder.script(lock).await;
    let sent = report();
    let reporting = async {
        // A check that came first may have the place.
        loop {
            let answer = one.send(&sent).await;
            if answer.status != 503 {
                return answer.expect(202).done();
            }
        }
    };
    let asking = async {
        let shed = until_shed(&hub, &other.hub_key).await;
        shed.problem(503, "overloaded");
        assert!(shed.header("retry-after").parse::<u32>().is_ok_and(|s| s > 0), "{shed}");
        hub.anonymous().get("/healthz").await.expect(200).done();
        hub.admin().get(CLIENTS).await.expect(200).done();
        holder.script("COMMIT").await;
        hub.admin().post(CLIENTS, json!({"name": "Acme"})).await.expect(201).done();
    };
    tokio::join!(reporting, asking);
    hub.use_key(&other.hub_key).await;
}

/// The log has the cause; the answer says only that the hub failed.
async fn the_cause_of_an_internal_error_is_only_in_the_log(hub: Hub) {
    hub.client("acme").await;
    hub.sql().await.execute("ALTER TABLE instances RENAME TO instances_gone").await;
    let answer = hub.admin().get("/api/v1/admin/instances").await;
    answer.problem(500, "internal");
    assert!(!answer.text().contains("instances_gone") && !answer.text().contains("SELECT"));
    hub.anonymous().get("/healthz").await.expect(200).done();
}

#[tokio::test]
async fn sqlite_a_late_head_is_answered() {
    let hub = Hub::sqlite().await;
    let bytes = hub.raw(b"GET /healthz HTTP/1.1\r\nHost: hub\r\n").await;
    let answers = raw::answers(&bytes).expect("a whole answer");
    let [answer] = answers.as_slice() else { panic!("{answers:?}") };
    assert_eq!(answer.status, 408);
    let problem: Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(problem["code"], "request_timeout");
}

/// Only PostgreSQL can go away while the hub runs.
#[tokio::test]
async fn postgres_the_database_goes_away_and_comes_back() {
    let cluster = Cluster::start(Durability::Fsync);
    let hub = Setup::on(Engine::Postgres).start_in(&cluster).await;
    hub.client("acme").await;
    let license = hub.issue("acme", "acme-1").await.license_key;
    cluster.stop();
    let activate = json!({"license_key": license});
    let unavailable = [
        hub.admin().get(&format!("{CLIENTS}/acme")).await,
        hub.admin().post(CLIENTS, json!({"name": "New"})).await,
        hub.anonymous().post(ACTIVATE, activate.clone()).await,
        hub.instance(&own_hub_key(1)).get(SELF).await,
        hub.anonymous().get("/readyz").await,
    ];
    for answer in &unavailable {
        answer.problem(503, "database_unavailable");
        assert!(answer.header("retry-after").parse::<u32>().is_ok_and(|s| s > 0), "{answer}");
    }
    hub.anonymous().get("/healthz").await.expect(200).done();
    cluster.resume();
    until_ready(&hub).await;
    hub.anonymous().post(ACTIVATE, activate).await.expect(200).done();
    assert_eq!(hub.admin().get("/api/v1/admin/audit/verify").await.ok()["ok"], true);
}

#[tokio::test]
async fn postgres_cuts_every_connection_and_the_next_requests_work() {
    const CUT: &str = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                       WHERE application_name = 'hubd' AND datname = current_database()";
    let hub = Hub::postgres().await;
    let path = format!("{CLIENTS}/acme");
    hub.client("acme").await;
    for name in ["Read", "Written"] {
        // So many at once that the hub uses all its connections.
        let busy = (0..64).map(|_| async { hub.admin().get(&path).await.expect(200).done() });
        futures_util::future::join_all(busy).await;
        assert!(hub.sql().await.execute(CUT).await > 4, "the hub has several connections");
        if name == "Written" {
            hub.admin().post(CLIENTS, json!({"name": name})).await.expect(201).done();
        }
        hub.admin().get(&path).await.expect(200).done();
    }
}

/// Asks until the hub refuses for want of room; gives up on one that never does.
async fn until_shed(hub: &Hub, hub_key: &str) -> Answer {
    for _ in 0..200 {
        let answer = hub.instance(hub_key).get(SELF).await;
        if answer.status == 503 {
            return answer;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("the hub has room without end");
}

/// Asks until the hub is ready again; gives up on one that never is.
async fn until_ready(hub: &Hub) {
    for _ in 0..600 {
        if hub.anonymous().get("/readyz").await.status == 200 {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    panic!("the hub does not become ready again");
}

/// An error never repeats a header, path text, a query, or any part of a public body.
async fn errors_repeat_nothing_that_could_be_secret(setup: Setup) {
    let hub = setup.any_number_of_guesses().start().await;
    let canary = "lb_inst_c0ffee00c0ffee00c0ffee00c0ffee00";
    let body = json!({canary: canary, "license_key": canary, "instance_id": canary});
    let named = json!({canary: canary, "name": canary, "role": canary});
    let answers = [
        hub.anonymous().get(&format!("/{canary}")).await,
        hub.anonymous().get(&format!("/api/v1/privacy?{canary}={canary}")).await,
        hub.anonymous()
            .send(Method::from_bytes(canary.as_bytes()).unwrap(), "/healthz", None)
            .await,
        hub.anonymous().post(ACTIVATE, body.clone()).await,
        hub.anonymous().post("/api/v1/instances/validate", body).await,
        hub.admin().get(&format!("{CLIENTS}/{canary}")).await,
        hub.admin().get(&format!("/api/v1/admin/instances/{canary}")).await,
        hub.admin().delete(&format!("{KEYS}/{canary}")).await,
        hub.admin().get(&format!("{CLIENTS}?cursor={canary}&limit={canary}")).await,
        hub.admin().post(KEYS, named).await,
        hub.admin_with(canary).get(CLIENTS).await,
        hub.instance(canary).get(SELF).await,
        hub.admin().if_match(canary).delete(&format!("{CLIENTS}/x")).await,
    ];
    for answer in answers {
        assert!(answer.status.is_client_error(), "{answer}");
        assert!(!answer.text().to_lowercase().contains("c0ffee00"), "{answer}");
        assert!(!format!("{:?}", answer.headers).to_lowercase().contains("c0ffee00"));
    }
}
