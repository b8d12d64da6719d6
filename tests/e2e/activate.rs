//! Activation and validation: what an instance is told, in which state, and what it is counted for.

use hub_tests::clock::{DAY, ago, later};
use hub_tests::fleet::{Issued, fingerprint, own_hub_key, own_license_key, sha256, text};
use hub_tests::http::Answer;
use hub_tests::{Hub, Setup, both_stores};
use serde_json::{Value, json};

const ACTIVATE: &str = "/api/v1/instances/activate";
const VALIDATE: &str = "/api/v1/instances/validate";
const SELF: &str = "/api/v1/instances/self";

async fn acme(hub: &Hub, terms: Value) -> Issued {
    hub.client("acme").await;
    hub.issue_with("acme", "acme-1", terms).await
}

async fn try_activate(hub: &Hub, license_key: &str) -> Answer {
    hub.anonymous().post(ACTIVATE, json!({"license_key": license_key})).await
}

async fn activations(hub: &Hub) -> Value {
    hub.show("acme-1").await["license"]["activations"].clone()
}

both_stores!(
    the_answer_holds_all_that_an_instance_needs,
    activating_again_keeps_the_previous_key_for_an_overlap,
    an_activation_counts_once_its_key_was_used,
    a_limit_of_zero_admits_nobody,
    the_callers_own_key_is_registered_once,
    a_hash_of_another_or_an_ended_key_is_refused,
    all_wrong_licenses_are_answered_alike,
    refusals_have_an_order,
    validation_changes_nothing,
    guessing_is_limited_and_a_valid_key_is_not,
    other_refusals_do_not_count_as_guesses
);

async fn the_answer_holds_all_that_an_instance_needs(hub: Hub) {
    let until = later(DAY * 30);
    let terms = json!({"expires_at": until, "entitlements": ["sso"]});
    let issued = acme(&hub, terms).await;
    let body = json!({"license_key": issued.license_key, "instance_id": "acme-1"});
    let mut answer = hub.anonymous().post(ACTIVATE, body).await.ok();
    let key = text(&answer, "hub_api_key");
    assert!(key.starts_with("hk_") && key.len() == 27, "{key}");
    assert!(answer.as_object_mut().unwrap().remove("certificate").is_some());
    let shown = hub.show("acme-1").await;
    let expected = json!({
        "instance_id": "acme-1", "client_id": shown["client_id"], "status": "active",
        "hub_api_key": key, "hub_key_fingerprint": fingerprint(&key), "reactivated": false,
        "activated_at": shown["activated_at"],
        "license": {"fingerprint": fingerprint(&issued.license_key), "expires_at": until,
            "in_grace": false, "entitlements": ["sso"]},
        "telemetry_url": "/api/v1/instances/acme-1/telemetry",
    });
    assert_eq!(answer, expected);
    assert_eq!(
        (&shown["status"], &shown["hub_key"]["fingerprint"]),
        (&json!("active"), &json!(fingerprint(&key)))
    );
    hub.instance(&key).get(SELF).await.expect(200).done();
}

async fn activating_again_keeps_the_previous_key_for_an_overlap(hub: Hub) {
    let issued = acme(&hub, json!({})).await;
    let first = hub.hub_key(&issued.license_key).await;
    hub.use_key(&first).await;
    let again = hub.activate(&issued.license_key).await;
    assert_eq!(again["reactivated"], true);
    assert_eq!(again["activated_at"], hub.show("acme-1").await["activated_at"]);
    let second = text(&again, "hub_api_key");
    assert_ne!(first, second);
    hub.use_key(&second).await;
    hub.use_key(&first).await;
    // At most two live at once: a third ends the first.
    let third = hub.hub_key(&issued.license_key).await;
    hub.use_key(&third).await;
    hub.use_key(&second).await;
    hub.instance(&first).get(SELF).await.problem(401, "hub_key_invalid");
}

/// A lost answer costs no activation: the next one counts only if the newest key was used.
async fn an_activation_counts_once_its_key_was_used(hub: Hub) {
    let issued = acme(&hub, json!({"max_activations": 2})).await;
    for _ in 0..5 {
        hub.activate(&issued.license_key).await;
    }
    assert_eq!(activations(&hub).await, 1);
    let key = hub.hub_key(&issued.license_key).await;
    hub.use_key(&key).await;
    let key = hub.hub_key(&issued.license_key).await;
    assert_eq!(activations(&hub).await, 2);
    hub.activate(&issued.license_key).await;
    assert_eq!(activations(&hub).await, 2);
    let newest = hub.hub_key(&issued.license_key).await;
    hub.use_key(&newest).await;
    let refused = try_activate(&hub, &issued.license_key).await;
    refused.problem(403, "activation_limit_reached");
    assert_eq!(activations(&hub).await, 2);
    hub.use_key(&newest).await;
    hub.instance(&key).get(SELF).await.problem(401, "hub_key_invalid");
    hub.patch_instance("acme-1", json!({"max_activations": 3})).await;
    hub.activate(&issued.license_key).await;
    assert_eq!(activations(&hub).await, 3);
}

async fn a_limit_of_zero_admits_nobody(hub: Hub) {
    let issued = acme(&hub, json!({"max_activations": 0})).await;
    let refused = try_activate(&hub, &issued.license_key).await;
    refused.problem(403, "activation_limit_reached");
    assert_eq!(hub.show("acme-1").await["status"], "pending");
}

/// A script that is killed half-way registers the same key again, and nothing changes.
async fn the_callers_own_key_is_registered_once(hub: Hub) {
    let issued = acme(&hub, json!({"max_activations": 1})).await;
    let own = own_hub_key(1);
    let body = json!({"license_key": issued.license_key, "hub_key_sha256": sha256(&own)});
    let first = hub.anonymous().post(ACTIVATE, body.clone()).await.ok();
    assert_eq!(first.get("hub_api_key"), None);
    assert_eq!(first["hub_key_fingerprint"], json!(fingerprint(&own)));
    hub.use_key(&own).await;
    let audited = hub.audit().await.len();
    for _ in 0..3 {
        let again = hub.anonymous().post(ACTIVATE, body.clone()).await.ok();
        assert_eq!(again["hub_key_fingerprint"], first["hub_key_fingerprint"]);
        assert_eq!(again["activated_at"], first["activated_at"]);
        assert_eq!(again.get("hub_api_key"), None);
    }
    assert_eq!(activations(&hub).await, 1);
    assert_eq!(hub.audit().await.len(), audited, "a repeat is not audited");
    hub.use_key(&own).await;
}

async fn a_hash_of_another_or_an_ended_key_is_refused(hub: Hub) {
    let issued = acme(&hub, json!({})).await;
    let other = hub.issue("acme", "acme-2").await;
    let ended = own_hub_key(2);
    let register = async |license: &str, key: &str| {
        let body = json!({"license_key": license, "hub_key_sha256": sha256(key)});
        hub.anonymous().post(ACTIVATE, body).await
    };
    register(&issued.license_key, &ended).await.expect(200).done();
    register(&other.license_key, &ended).await.problem(409, "key_conflict");
    hub.act("acme-1", "rotate-hub-key", json!({})).await;
    register(&issued.license_key, &ended).await.problem(409, "key_conflict");
    register(&issued.license_key, &issued.license_key).await.problem(409, "key_conflict");
    register(&other.license_key, hub.admin_key()).await.problem(409, "key_conflict");
    hub.instance(&ended).get(SELF).await.problem(401, "hub_key_invalid");
}

/// Unknown, malformed and deleted licenses get the same answer, so that nobody learns which it is.
async fn all_wrong_licenses_are_answered_alike(hub: Hub) {
    let deleted = acme(&hub, json!({})).await.license_key;
    hub.admin().delete("/api/v1/admin/instances/acme-1").await.expect(204).done();
    let unknown = own_license_key(7);
    let mut seen = Vec::new();
    for wrong in [deleted.as_str(), &unknown, "", "x", "lb_inst_ABC", "lb_inst_\u{0}", "🦀"] {
        let mut problem = try_activate(&hub, wrong).await.problem(401, "license_invalid");
        problem.as_object_mut().unwrap().remove("request_id");
        seen.push(problem);
    }
    assert!(seen.iter().all(|problem| *problem == seen[0]), "{seen:#?}");
}

/// The holder of a valid license learns why it is refused, the first reason first.
async fn refusals_have_an_order(hub: Hub) {
    let issued = acme(&hub, json!({"max_activations": 0})).await;
    let patch = json!({"expires_at": ago(DAY)});
    hub.patch_instance("acme-1", patch).await;
    let client = "/api/v1/admin/clients/acme";
    hub.admin().patch(client, json!({"status": "suspended"})).await.expect(200).done();
    hub.act("acme-1", "suspend", json!({})).await;

    let mismatch = json!({"license_key": issued.license_key, "instance_id": "acme-2"});
    hub.anonymous().post(ACTIVATE, mismatch).await.problem(403, "instance_mismatch");
    expect_refusal(&hub, &issued, "instance_suspended").await;
    hub.act("acme-1", "reactivate", json!({})).await;
    expect_refusal(&hub, &issued, "client_suspended").await;
    hub.admin().patch(client, json!({"status": "active"})).await.expect(200).done();
    expect_refusal(&hub, &issued, "license_expired").await;
    hub.patch_instance("acme-1", json!({"expires_at": null})).await;
    try_activate(&hub, &issued.license_key).await.problem(403, "activation_limit_reached");
    hub.patch_instance("acme-1", json!({"max_activations": 1})).await;
    try_activate(&hub, &issued.license_key).await.expect(200).done();
}

async fn validation_changes_nothing(hub: Hub) {
    let issued = acme(&hub, json!({"entitlements": ["sso"]})).await;
    let body = json!({"license_key": issued.license_key});
    let before = (hub.show("acme-1").await, hub.audit().await);
    let verdict = hub.anonymous().post(VALIDATE, body).await.ok();
    let license = json!({"fingerprint": fingerprint(&issued.license_key), "expires_at": null,
        "in_grace": false, "entitlements": ["sso"]});
    let valid = json!({"valid": true, "code": "valid", "instance_id": "acme-1",
        "license": license});
    assert_eq!(verdict, valid);
    assert_eq!((hub.show("acme-1").await, hub.audit().await), before);
    let answer = hub.anonymous().post(VALIDATE, json!({"license_key": "x", "a": 1})).await;
    answer.wrong_fields(&["body"]);
    hub.anonymous().post(VALIDATE, json!({})).await.wrong_fields(&["license_key"]);
    hub.anonymous().post(VALIDATE, json!({"license_key": 7})).await.wrong_fields(&["license_key"]);
    hub.anonymous().post_empty(ACTIVATE).await.problem(400, "invalid_json");
}

/// Wrong keys are limited, right ones never: whoever shares an address is not locked out.
async fn guessing_is_limited_and_a_valid_key_is_not(setup: Setup) {
    let hub = setup.args(["--guess-burst", "5", "--guess-period", "1h"]).start().await;
    let issued = acme(&hub, json!({})).await;
    let key = hub.hub_key(&issued.license_key).await;
    let wrong = own_license_key(9);
    for _ in 0..5 {
        try_activate(&hub, &wrong).await.problem(401, "license_invalid");
    }
    let limited = try_activate(&hub, &wrong).await;
    limited.problem(429, "rate_limited");
    let seconds: u64 = limited.header("retry-after").parse().expect("Retry-After in seconds");
    assert!((1..=3600).contains(&seconds), "{limited}");
    hub.anonymous()
        .post(VALIDATE, json!({"license_key": wrong}))
        .await
        .problem(429, "rate_limited");
    hub.instance(&own_hub_key(9)).get(SELF).await.problem(429, "rate_limited");
    hub.admin_with("lb_admin_00000000000000000000000000000009")
        .get("/api/v1/admin/whoami")
        .await
        .problem(429, "rate_limited");

    hub.activate(&issued.license_key).await;
    hub.use_key(&key).await;
    hub.admin().get("/api/v1/admin/whoami").await.expect(200).done();
    let valid = json!({"license_key": issued.license_key});
    hub.anonymous().post(VALIDATE, valid).await.expect(200).done();
    hub.anonymous().get("/healthz").await.expect(200).done();
}

/// Only refusals for an unknown key cost: a suspended instance may poll as it likes.
async fn other_refusals_do_not_count_as_guesses(setup: Setup) {
    let hub = setup.args(["--guess-burst", "3", "--guess-period", "1h"]).start().await;
    let issued = acme(&hub, json!({})).await;
    hub.act("acme-1", "suspend", json!({})).await;
    for _ in 0..10 {
        try_activate(&hub, &issued.license_key).await.problem(403, "instance_suspended");
        let body = json!({"license_key": issued.license_key});
        hub.anonymous().post(VALIDATE, body).await.expect(200).done();
    }
}

async fn expect_refusal(hub: &Hub, issued: &Issued, code: &str) {
    try_activate(hub, &issued.license_key).await.problem(403, code);
    let body = json!({"license_key": issued.license_key});
    let verdict = hub.anonymous().post(VALIDATE, body).await.ok();
    assert_eq!((&verdict["valid"], &verdict["code"]), (&json!(false), &json!(code)));
}
