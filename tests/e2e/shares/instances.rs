//! Instances, licenses and operators: whoever has shown a key has a share.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use hub_core::api::Role;
use hub_tests::crowd::{Crowd, Flood};
use hub_tests::fleet::{own_hub_key, sha256};
use hub_tests::http::Answer;
use hub_tests::load::Request;
use hub_tests::reports::{Instance, report, report_of};
use hub_tests::workload::activation_body;
use hub_tests::{Hub, Setup, both_stores};
use serde_json::json;

use super::{ACTIVATE, CLIENTS, Innocents, SELF, WHOAMI};

both_stores!(
    one_instance_has_few_requests_in_flight,
    the_bodies_of_one_instance_leave_room_for_others,
    reads_of_one_instance_hold_up_nobody,
    an_instance_has_a_rate_of_reports,
    a_license_has_a_rate_of_activations,
    activations_whose_keys_are_never_used_leave_nothing,
    one_admin_key_has_few_requests_in_flight,
    an_overloaded_hub_refuses_some_and_recovers
);

fn expect_limited(answer: &Answer) {
    answer.problem(429, "rate_limited");
    assert!(answer.header("retry-after").parse::<u32>().is_ok_and(|s| s > 0), "{answer}");
}

/// The head of a report, and a part of its body.
fn part_of_report(instance: &Instance, length: usize, sent: usize) -> Vec<u8> {
    let head = format!(
        "POST /api/v1/instances/{}/telemetry HTTP/1.1\r\nHost: hub\r\nX-Hub-Api-Key: {}\r\n\
         Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n",
        instance.id, instance.hub_key
    );
    [head.as_bytes(), &vec![b' '; sent]].concat()
}

async fn greedy(hub: &Hub) -> Instance {
    hub.client("greedy").await;
    let instance = hub.reporter("greedy", "greedy-1").await;
    hub.use_key(&instance.hub_key).await;
    instance
}

/// Asks until it is refused, with one more that waits each time: whoever came while this asked was refused
/// in its place.
async fn until_limited(
    hub: &Hub,
    waiting: &mut Vec<Crowd>,
    part: &[u8],
    ask: impl AsyncFn() -> Answer,
) {
    loop {
        let answer = ask().await;
        if !answer.status.is_success() {
            return expect_limited(&answer);
        }
        waiting.push(Crowd::of(1, "127.0.0.1", hub.address(), part).await);
    }
}

async fn one_instance_has_few_requests_in_flight(setup: Setup) {
    let hub = setup.args(["--max-public-requests", "32"]).start().await;
    let innocents = Innocents::of(&hub).await;
    let instance = greedy(&hub).await;
    let part = part_of_report(&instance, 1_000_000, 1);
    let mut waiting = vec![Crowd::of(32, "127.0.0.1", hub.address(), &part).await];
    let caller = hub.instance(&instance.hub_key);
    until_limited(&hub, &mut waiting, &part, async || caller.get(SELF).await).await;
    innocents.go_on(5).await;
    expect_limited(&instance.send(&report()).await);
    drop(waiting);
    while instance.send(&report()).await.status == 429 {
        tokio::task::yield_now().await;
    }
}

async fn the_bodies_of_one_instance_leave_room_for_others(setup: Setup) {
    const MIB: usize = 1 << 20;
    let hub = setup.args(["--max-report-bytes", "8388608"]).start().await;
    let innocents = Innocents::of(&hub).await;
    let instance = greedy(&hub).await;
    let part = part_of_report(&instance, MIB, MIB - 1);
    let mut waiting = vec![Crowd::of(32, "127.0.0.1", hub.address(), &part).await];
    let other = hub.reporter("greedy", "greedy-2").await;
    for _ in 0..5 {
        innocents.go_on(1).await;
        other.report(&report_of(json!({"x": "s".repeat(900_000)}))).await;
    }
    // Those that have no room were refused; the others still wait for their last byte.
    let large = async || instance.send(&report_of(json!({"x": "s".repeat(1_000_000)}))).await;
    until_limited(&hub, &mut waiting, &part, large).await;
    for mut crowd in waiting {
        crowd.answered().await;
    }
    instance.report(&report()).await;
}

async fn reads_of_one_instance_hold_up_nobody(hub: Hub) {
    let innocents = Innocents::of(&hub).await;
    let instance = greedy(&hub).await;
    instance.report(&report()).await;
    let key = format!("X-Hub-Api-Key: {}\r\n", instance.hub_key);
    let request = Request::get(&format!("{SELF}/telemetry"), &key);
    let flood = Flood::of(64, "127.0.0.2", hub.address(), &request);
    flood.answered(64).await;
    innocents.go_on(10).await;
    let other = hub.reporter("greedy", "greedy-2").await;
    other.own().await;
    let statuses: Vec<u16> = flood.statuses().into_keys().collect();
    assert_eq!(statuses, [200, 429]);
}

async fn an_instance_has_a_rate_of_reports(setup: Setup) {
    let hub = setup.args(["--report-burst", "12", "--report-period", "1h"]).start().await;
    let innocents = Innocents::of(&hub).await;
    let instance = greedy(&hub).await;
    for _ in 0..12 {
        instance.report(&report()).await;
    }
    expect_limited(&instance.send(&report()).await);
    innocents.go_on(10).await;
    hub.use_key(&instance.hub_key).await;
}

async fn a_license_has_a_rate_of_activations(setup: Setup) {
    let hub = setup.args(["--activation-burst", "12", "--activation-period", "1h"]).start().await;
    let innocents = Innocents::of(&hub).await;
    hub.client("greedy").await;
    let license = hub.issue("greedy", "greedy-1").await.license_key;
    let audited = hub.audit().await.len();
    let body = json!({"license_key": license});
    let tries = (0..30).map(|_| async { hub.anonymous().post(ACTIVATE, body.clone()).await });
    let answers = join_all(tries).await;
    let (granted, limited): (Vec<_>, Vec<_>) =
        answers.iter().partition(|answer| answer.status == 200);
    assert_eq!(granted.len(), 12);
    limited.into_iter().for_each(expect_limited);
    assert_eq!(hub.audit().await.len() - audited, 12, "only what is granted is audited");
    innocents.go_on(10).await;
    expect_limited(&hub.anonymous().post(ACTIVATE, body).await);
}

/// Neither the hub's nor the caller's keys; and the activation counts once.
async fn activations_whose_keys_are_never_used_leave_nothing(hub: Hub) {
    hub.client("acme").await;
    let license = hub.issue_with("acme", "acme-1", json!({"max_activations": 1})).await.license_key;
    let keys = async || hub.sql().await.number("SELECT COUNT(*) FROM instance_keys").await;
    let used = hub.hub_key(&license).await;
    hub.activate(&license).await;
    let some = keys().await;
    for n in 0..20 {
        let mut body = json!({"license_key": license});
        if n % 2 == 0 {
            body["hub_key_sha256"] = sha256(&own_hub_key(n)).into();
        }
        hub.anonymous().post(ACTIVATE, body).await.expect(200).done();
    }
    assert_eq!(keys().await, some);
    assert_eq!(hub.show("acme-1").await["license"]["activations"], 1);
    hub.instance(&used).get(SELF).await.problem(401, "hub_key_invalid");
    let newest = hub.hub_key(&license).await;
    hub.use_key(&newest).await;
}

async fn one_admin_key_has_few_requests_in_flight(setup: Setup) {
    let hub = setup.args(["--admin-key-requests", "4", "--max-admin-requests", "2"]).start().await;
    let innocents = Innocents::of(&hub).await;
    let key = hub.admin_key_of("greedy", Role::Operator).await;
    let part = format!(
        "POST {CLIENTS} HTTP/1.1\r\nHost: hub\r\nX-Admin-Api-Key: {key}\r\n\
         Content-Type: application/json\r\nContent-Length: 60\r\n\r\n{{"
    );
    let mut waiting = vec![Crowd::of(4, "127.0.0.1", hub.address(), part.as_bytes()).await];
    let caller = hub.admin_with(&key);
    until_limited(&hub, &mut waiting, part.as_bytes(), async || caller.get(WHOAMI).await).await;
    innocents.go_on(5).await;
}

/// Many times what the hub has room for, all of it by valid keys: some are told to come again later.
async fn an_overloaded_hub_refuses_some_and_recovers(setup: Setup) {
    const INSTANCES: usize = 20;
    let hub = setup.args(["--queue", "8"]).any_number_of_requests().start().await;
    let innocents = Innocents::of(&hub).await;
    hub.client("many").await;
    let mut floods = Vec::new();
    let mut last = String::new();
    for n in 0..INSTANCES {
        last = hub.issue("many", &format!("many-{n}")).await.license_key;
        let request = Request::post(ACTIVATE, "", &activation_body(&last));
        floods.push(Flood::of(10, "127.0.0.2", hub.address(), &request));
    }
    let busy = loop {
        let body = json!({"license_key": last});
        let answer = hub.anonymous().post(ACTIVATE, body).await;
        if answer.status != 200 {
            break answer;
        }
    };
    busy.problem(503, "overloaded");
    assert!(busy.header("retry-after").parse::<u32>().is_ok_and(|s| s > 0), "{busy}");
    for n in 0..5 {
        innocents.probe().await;
        innocents.operate(1_000 + n).await;
        hub.use_key(&innocents.instance.hub_key).await;
    }
    // Who of the crowd is served is chance; that some are is not.
    let statuses: BTreeSet<u16> =
        floods.into_iter().flat_map(|flood| flood.statuses().into_keys()).collect();
    assert!(statuses.contains(&200), "{statuses:?}");
    assert!(statuses.iter().all(|status| [200, 503].contains(status)), "{statuses:?}");
    // What was under way when the crowd left is still to be answered.
    while hub.anonymous().post(ACTIVATE, json!({"license_key": last})).await.status == 503 {
        tokio::task::yield_now().await;
    }
    innocents.go_on(3).await;
    let chain = hub.admin().get("/api/v1/admin/audit/verify").await.ok();
    assert_eq!(chain["ok"], true);
}
