//! Instances: issuing, terms, labels, status, suspension, deletion.

use hub_tests::clock::{DAY, ago, later, later_than};
use hub_tests::fleet::{fingerprint, text};
use hub_tests::{Hub, both_stores};
use serde_json::json;

const SELF: &str = "/api/v1/instances/self";

both_stores!(
    a_new_instance_is_whole_and_shows_its_license_once,
    a_handle_is_made_from_the_clients_when_none_is_given,
    handles_are_unique_over_all_clients_and_some_are_reserved,
    every_wrong_term_is_named,
    a_patch_keeps_what_is_absent_and_clears_what_is_null,
    times_are_written_in_utc,
    if_match_protects_a_change_by_someone_else,
    suspension_shows_its_reason_and_ends_with_reactivation,
    a_pending_instance_stays_pending_through_a_suspension,
    expiry_and_grace_come_from_the_dates,
    an_instance_sees_itself_without_labels,
    a_deleted_instance_is_gone_with_its_keys,
    what_is_not_there_is_404
);

async fn a_new_instance_is_whole_and_shows_its_license_once(hub: Hub) {
    let client = hub.client("acme").await;
    let until = later(DAY * 365);
    let terms = json!({"instance_id": "acme-prod", "expires_at": until, "grace_days": 14,
        "max_activations": 3, "entitlements": ["sso", "audit"], "labels": {"env": "prod"}});
    let path = "/api/v1/admin/clients/acme/instances";
    let created = hub.admin().post(path, terms).await.expect(201);
    assert_eq!(created.location(), "/api/v1/admin/instances/acme-prod");
    let mut issued = created.json();
    let license = text(&issued, "license_key");
    assert!(license.starts_with("lb_inst_") && license.len() == 40, "{created}");
    issued.as_object_mut().unwrap().remove("license_key");
    let (made, key_made) = (&issued["created_at"], &issued["license"]["issued_at"]);
    let expected = json!({
        "instance_id": "acme-prod", "client_id": client["id"], "client_slug": "acme",
        "status": "pending", "effective_status": "pending",
        "license": {
            "fingerprint": fingerprint(&license), "issued_at": key_made, "expires_at": until,
            "grace_days": 14, "works_until": later_than(&until, DAY * 14), "in_grace": false,
            "max_activations": 3, "activations": 0,
            "entitlements": ["audit", "sso"],
        },
        "hub_key": null, "suspension": null, "labels": {"env": "prod"},
        "created_at": made, "updated_at": made, "activated_at": null, "last_seen_at": null,
    });
    assert_eq!(issued, expected);
    let shown = hub.admin().get("/api/v1/admin/instances/acme-prod").await.expect(200);
    assert_eq!(shown.etag(), created.etag());
    assert_eq!(shown.json(), expected);
    assert!(!shown.text().contains(&license));
}

async fn a_handle_is_made_from_the_clients_when_none_is_given(hub: Hub) {
    hub.client("acme").await;
    let path = "/api/v1/admin/clients/acme/instances";
    let first = text(&hub.admin().post_empty(path).await.expect(201).json(), "instance_id");
    let second = hub.admin().post(path, json!({})).await.expect(201).json();
    let second = text(&second, "instance_id");
    assert!(first.starts_with("acme-") && second.starts_with("acme-"), "{first} {second}");
    assert_ne!(first, second);
    // The longest slug leaves room for no suffix.
    let long = "l".repeat(63);
    hub.client(&long).await;
    let path = format!("/api/v1/admin/clients/{long}/instances");
    let made = text(&hub.admin().post_empty(&path).await.expect(201).json(), "instance_id");
    assert!(made.parse::<hub_core::name::InstanceId>().is_ok(), "{made}");
}

async fn handles_are_unique_over_all_clients_and_some_are_reserved(hub: Hub) {
    hub.client("acme").await;
    hub.client("globex").await;
    hub.issue("acme", "prod").await;
    let taken = json!({"instance_id": "prod"});
    for client in ["acme", "globex"] {
        let path = format!("/api/v1/admin/clients/{client}/instances");
        hub.admin().post(&path, taken.clone()).await.problem(409, "instance_exists");
    }
    let path = "/api/v1/admin/clients/acme/instances";
    let uuid = "0191d6a0-0000-7000-8000-000000000000";
    for word in ["activate", "validate", "self", "A", "a--b", "-a", "a_b", uuid] {
        let answer = hub.admin().post(path, json!({"instance_id": word})).await;
        answer.wrong_fields(&["instance_id"]);
    }
}

async fn every_wrong_term_is_named(hub: Hub) {
    hub.client("acme").await;
    let wrong = json!({"expires_at": "soon", "grace_days": 91, "max_activations": -1,
        "entitlements": ["SSO"], "labels": {"a": 1}, "license_sha256": "ab", "color": "red",
        "hub_key_sha256": 7});
    let answer = hub.admin().post("/api/v1/admin/clients/acme/instances", wrong).await;
    answer.wrong_fields(&[
        "expires_at",
        "grace_days",
        "max_activations",
        "entitlements",
        "labels",
        "license_sha256",
        "color",
        "hub_key_sha256",
    ]);
    hub.issue("acme", "acme-1").await;
    let path = "/api/v1/admin/instances/acme-1";
    let wrong = json!({"grace_days": null, "entitlements": null, "labels": null, "status": "x",
        "expires_at": 5, "max_activations": "many"});
    hub.admin().patch(path, wrong).await.wrong_fields(&[
        "grace_days",
        "entitlements",
        "labels",
        "status",
        "expires_at",
        "max_activations",
    ]);
}

async fn a_patch_keeps_what_is_absent_and_clears_what_is_null(hub: Hub) {
    hub.client("acme").await;
    let terms = json!({"expires_at": later(DAY), "max_activations": 2, "grace_days": 3,
        "entitlements": ["sso"], "labels": {"a": "1", "b": "2"}});
    hub.issue_with("acme", "acme-1", terms).await;
    let before = hub.show("acme-1").await;
    let kept = hub.patch_instance("acme-1", json!({})).await;
    assert_eq!(kept["license"], before["license"]);
    let changed = hub.patch_instance("acme-1", json!({
        "expires_at": null, "max_activations": null, "entitlements": [], "labels": {"c": "3"},
    })).await;
    assert_eq!(changed["license"]["expires_at"], json!(null));
    assert_eq!(changed["license"]["max_activations"], json!(null));
    assert_eq!(changed["license"]["entitlements"], json!([]));
    assert_eq!(changed["license"]["grace_days"], 3);
    assert_eq!(changed["labels"], json!({"c": "3"}));
    assert_eq!(changed["license"]["fingerprint"], before["license"]["fingerprint"]);
}

/// Times are read with any offset, and written in UTC with milliseconds.
async fn times_are_written_in_utc(hub: Hub) {
    hub.client("acme").await;
    let terms = json!({"expires_at": "2099-06-30T23:59:59+02:00"});
    hub.issue_with("acme", "acme-1", terms).await;
    let shown = hub.show("acme-1").await;
    assert_eq!(shown["license"]["expires_at"], "2099-06-30T21:59:59.000Z");
}

async fn if_match_protects_a_change_by_someone_else(hub: Hub) {
    hub.client("acme").await;
    hub.issue("acme", "acme-1").await;
    let path = "/api/v1/admin/instances/acme-1";
    let seen = hub.admin().get(path).await.expect(200).etag();
    hub.patch_instance("acme-1", json!({"labels": {"a": "b"}})).await;
    let late = hub.admin().if_match(&seen);
    late.patch(path, json!({"grace_days": 9})).await.problem(412, "precondition_failed");
    late.delete(path).await.problem(412, "precondition_failed");
    assert_eq!(hub.show("acme-1").await["license"]["grace_days"], 0);
    let now = hub.admin().get(path).await.expect(200).etag();
    hub.admin().if_match(&now).delete(path).await.expect(204).done();
}

async fn suspension_shows_its_reason_and_ends_with_reactivation(hub: Hub) {
    hub.client("acme").await;
    let issued = hub.issue("acme", "acme-1").await;
    let key = hub.hub_key(&issued.license_key).await;
    let suspended = hub.act("acme-1", "suspend", json!({"reason": "unpaid"})).await;
    assert_eq!(
        (&suspended["status"], &suspended["effective_status"]),
        (&json!("suspended"), &json!("suspended"))
    );
    assert_eq!(suspended["suspension"]["reason"], "unpaid");

    let again = hub.act("acme-1", "suspend", json!({"reason": "unpaid"})).await;
    assert_eq!(again, suspended, "already suspended: unchanged");
    let own = hub.instance(&key).get(SELF).await.ok();
    assert_eq!(own["suspension"], suspended["suspension"]);
    assert_eq!(own["certificate"], json!(null));

    let path = "/api/v1/admin/instances/acme-1/reactivate";
    let active = hub.admin().post_empty(path).await.ok();
    assert_eq!((&active["status"], &active["suspension"]), (&json!("active"), &json!(null)));
    assert_eq!(active["license"]["activations"], 1, "suspension keeps the activation");
    assert_eq!(hub.admin().post_empty(path).await.ok()["updated_at"], active["updated_at"]);
    hub.instance(&key).get(SELF).await.expect(200).done();
}

async fn a_pending_instance_stays_pending_through_a_suspension(hub: Hub) {
    hub.client("acme").await;
    hub.issue("acme", "acme-1").await;
    let path = "/api/v1/admin/instances/acme-1/suspend";
    let suspended = hub.admin().post_empty(path).await.ok();
    assert_eq!(suspended["suspension"]["reason"], json!(null));
    let path = "/api/v1/admin/instances/acme-1/reactivate";
    assert_eq!(hub.admin().post_empty(path).await.ok()["status"], "pending");
    let answer = hub
        .admin()
        .post("/api/v1/admin/instances/acme-1/suspend", json!({"reason": "Not A Code"}))
        .await;
    answer.wrong_fields(&["reason"]);
}

async fn expiry_and_grace_come_from_the_dates(hub: Hub) {
    hub.client("acme").await;
    let issued = hub.issue("acme", "acme-1").await;
    let key = hub.hub_key(&issued.license_key).await;
    let past = json!({"expires_at": ago(DAY), "grace_days": 2});
    assert_eq!(hub.patch_instance("acme-1", past).await["effective_status"], "active");
    let validate = async || {
        let body = json!({"license_key": issued.license_key});
        hub.anonymous().post("/api/v1/instances/validate", body).await.ok()
    };
    let graced = validate().await;
    assert_eq!((&graced["valid"], &graced["license"]["in_grace"]), (&json!(true), &json!(true)));
    let over = hub.patch_instance("acme-1", json!({"grace_days": 0})).await;
    assert_eq!((&over["status"], &over["effective_status"]), (&json!("active"), &json!("expired")));
    assert_eq!(validate().await["code"], "license_expired");
    let own = hub.instance(&key).get(SELF).await.ok();
    assert_eq!((&own["effective_status"], &own["certificate"]), (&json!("expired"), &json!(null)));
    assert_eq!((&own["valid"], &own["code"]), (&json!(false), &json!("license_expired")));
    hub.patch_instance("acme-1", json!({"expires_at": null})).await;
    assert_eq!(validate().await["code"], "valid");
}

async fn an_instance_sees_itself_without_labels(hub: Hub) {
    hub.client("acme").await;
    let terms = json!({"labels": {"owner": "team-red"}, "entitlements": ["sso"]});
    let issued = hub.issue_with("acme", "acme-1", terms).await;
    let key = hub.hub_key(&issued.license_key).await;
    let mut own = hub.instance(&key).get(SELF).await.ok();
    let own = own.as_object_mut().unwrap();
    assert!(own.remove("certificate").is_some());
    assert_eq!(
        (own.remove("valid"), own.remove("code")),
        (Some(json!(true)), Some(json!("valid")))
    );
    let mut shown = hub.show("acme-1").await;
    shown.as_object_mut().unwrap().remove("labels");
    // This request counts as a sign of life.
    shown["last_seen_at"] = own["last_seen_at"].clone();
    assert_eq!(json!(own), shown);
}

async fn a_deleted_instance_is_gone_with_its_keys(hub: Hub) {
    hub.client("acme").await;
    let issued = hub.issue("acme", "acme-1").await;
    let key = hub.hub_key(&issued.license_key).await;
    let path = "/api/v1/admin/instances/acme-1";
    let deleted = hub.admin().delete(path).await.expect(204);
    assert!(deleted.body.is_empty());
    hub.admin().delete(path).await.problem(404, "instance_not_found");
    hub.instance(&key).get(SELF).await.problem(401, "hub_key_invalid");
    let body = json!({"license_key": issued.license_key});
    let answer = hub.anonymous().post("/api/v1/instances/activate", body.clone()).await;
    answer.problem(401, "license_invalid");
    let verdict = hub.anonymous().post("/api/v1/instances/validate", body).await.ok();
    assert_eq!(verdict, json!({"valid": false, "code": "license_invalid"}));
}

async fn what_is_not_there_is_404(hub: Hub) {
    for handle in ["nobody", "No%20Handle", "%2E%2E", "self", "a"] {
        let path = format!("/api/v1/admin/instances/{handle}");
        hub.admin().get(&path).await.problem(404, "instance_not_found");
        hub.admin().patch(&path, json!({})).await.problem(404, "instance_not_found");
        hub.admin().delete(&path).await.problem(404, "instance_not_found");
        for verb in ["suspend", "reactivate", "rotate-license", "rotate-hub-key"] {
            let answer = hub.admin().post_empty(&format!("{path}/{verb}")).await;
            answer.problem(404, "instance_not_found");
        }
    }
}
