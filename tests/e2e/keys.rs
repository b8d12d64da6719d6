//! Keys that callers make themselves, rotation and overlap.

use hub_tests::fleet::{fingerprint, own_hub_key, own_license_key, sha256, text};
use hub_tests::http::Answer;
use hub_tests::{Hub, both_stores};
use serde_json::{Value, json};

const SELF: &str = "/api/v1/instances/self";
const ISSUE: &str = "/api/v1/admin/clients/acme/instances";

async fn rotate(hub: &Hub, what: &str, body: Value) -> Answer {
    let path = format!("/api/v1/admin/instances/acme-1/rotate-{what}");
    hub.admin().post(&path, body).await
}

async fn verdict(hub: &Hub, license_key: &str) -> Value {
    let body = json!({"license_key": license_key});
    hub.anonymous().post("/api/v1/instances/validate", body).await.ok()["code"].clone()
}

both_stores!(
    issuing_with_a_hash_can_be_repeated,
    issuing_without_a_handle_can_be_repeated,
    an_installation_brings_its_keys_from_an_older_hub,
    a_rotated_license_ends_at_once,
    a_license_in_overlap_works_and_a_second_rotation_ends_it,
    a_rotated_hub_key_ends_at_once_also_one_in_overlap,
    rotating_to_ones_own_key_can_be_repeated,
    an_ended_key_never_comes_back,
    a_hub_key_can_only_be_rotated_after_activation,
    at_most_two_keys_of_a_kind_live
);

async fn issuing_with_a_hash_can_be_repeated(hub: Hub) {
    hub.client("acme").await;
    let own = own_license_key(1);
    let new = json!({"instance_id": "acme-1", "license_sha256": sha256(&own), "grace_days": 3});
    let first = hub.admin().post(ISSUE, new.clone()).await.expect(201).json();
    assert_eq!(first.get("license_key"), None);
    assert_eq!(first["license"]["fingerprint"], json!(fingerprint(&own)));
    let events = hub.audit().await.len();
    let again = hub.admin().post(ISSUE, new.clone()).await.ok();
    assert_eq!(again, first);
    assert_eq!(hub.audit().await.len(), events);

    let mut other = new.clone();
    other["grace_days"] = 4.into();
    hub.admin().post(ISSUE, other).await.problem(409, "instance_exists");
    let mut other = new.clone();
    other["license_sha256"] = sha256("another").into();
    hub.admin().post(ISSUE, other).await.problem(409, "instance_exists");
    let mut other = new;
    other["instance_id"] = "acme-2".into();
    hub.admin().post(ISSUE, other).await.problem(409, "key_conflict");
    hub.activate(&own).await;
}

/// The license then tells which instance was made, so a script that was killed makes no second one.
async fn issuing_without_a_handle_can_be_repeated(hub: Hub) {
    hub.client("acme").await;
    hub.client("globex").await;
    let own = own_license_key(1);
    let new = json!({"license_sha256": sha256(&own), "grace_days": 3});
    let first = hub.admin().post(ISSUE, new.clone()).await.expect(201).json();
    let events = hub.audit().await.len();
    assert_eq!(hub.admin().post(ISSUE, new.clone()).await.ok(), first);
    assert_eq!(hub.audit().await.len(), events);

    let mut other = new.clone();
    other["grace_days"] = 4.into();
    hub.admin().post(ISSUE, other).await.problem(409, "instance_exists");
    let of_globex = "/api/v1/admin/clients/globex/instances";
    hub.admin().post(of_globex, new.clone()).await.problem(409, "key_conflict");
    let rotated = json!({"license_sha256": sha256(&own_license_key(2)), "overlap_seconds": 60});
    let path = format!("/api/v1/admin/instances/{}/rotate-license", text(&first, "instance_id"));
    hub.admin().post(&path, rotated).await.expect(200).done();
    hub.admin().post(ISSUE, new).await.problem(409, "key_conflict");
}

/// Moving from an older hub: both keys go on working, and the instance is active at once.
async fn an_installation_brings_its_keys_from_an_older_hub(hub: Hub) {
    hub.client("acme").await;
    let (license, key) = (format!("lb_inst_{:040x}", 3), own_hub_key(3));
    let new = json!({"instance_id": "acme-1", "license_sha256": sha256(&license),
        "hub_key_sha256": sha256(&key), "max_activations": 1});
    let moved = hub.admin().post(ISSUE, new.clone()).await.expect(201).json();
    assert_eq!(
        (&moved["status"], &moved["hub_key"]["fingerprint"]),
        (&json!("active"), &json!(fingerprint(&key)))
    );
    assert_eq!(hub.use_key(&key).await["instance_id"], "acme-1");
    assert_eq!(verdict(&hub, &license).await, "valid");
    assert_eq!(hub.admin().post(ISSUE, new).await.ok()["instance_id"], "acme-1");

    let both = json!({"license_sha256": sha256("a"), "hub_key_sha256": sha256("a")});
    hub.admin().post(ISSUE, both).await.wrong_fields(&["hub_key_sha256"]);
    let taken = json!({"instance_id": "acme-2", "hub_key_sha256": sha256(&license)});
    hub.admin().post(ISSUE, taken).await.problem(409, "key_conflict");
    hub.admin().get("/api/v1/admin/instances/acme-2").await.problem(404, "instance_not_found");
}

async fn a_rotated_license_ends_at_once(hub: Hub) {
    hub.client("acme").await;
    let old = hub.issue("acme", "acme-1").await.license_key;
    let key = hub.hub_key(&old).await;
    let rotated = rotate(&hub, "license", json!({})).await.ok();
    let new = text(&rotated, "license_key");
    let expected = json!({"instance_id": "acme-1", "license_key": new,
        "license_fingerprint": fingerprint(&new), "previous_valid_until": null});
    assert_eq!(rotated, expected);
    assert_eq!(verdict(&hub, &old).await, "license_invalid");
    assert_eq!(verdict(&hub, &new).await, "valid");
    let shown = hub.use_key(&key).await;
    assert_eq!(shown["license"]["fingerprint"], json!(fingerprint(&new)));
    assert_eq!(shown["status"], "active", "rotation keeps the activation");
}

async fn a_license_in_overlap_works_and_a_second_rotation_ends_it(hub: Hub) {
    hub.client("acme").await;
    let first = hub.issue("acme", "acme-1").await.license_key;
    let rotated = rotate(&hub, "license", json!({"overlap_seconds": 3600})).await.ok();
    let second = text(&rotated, "license_key");
    assert!(text(&rotated, "previous_valid_until").ends_with('Z'));
    for license in [&first, &second] {
        assert_eq!(verdict(&hub, license).await, "valid");
    }
    let rotated = rotate(&hub, "license", json!({"overlap_seconds": 3600})).await.ok();
    let third = text(&rotated, "license_key");
    assert_eq!(verdict(&hub, &first).await, "license_invalid", "at most two live at once");
    assert_eq!(verdict(&hub, &second).await, "valid");
    // Without overlap every earlier key ends.
    let last = text(&rotate(&hub, "license", json!({})).await.ok(), "license_key");
    for ended in [&first, &second, &third] {
        assert_eq!(verdict(&hub, ended).await, "license_invalid");
    }
    assert_eq!(verdict(&hub, &last).await, "valid");
}

async fn a_rotated_hub_key_ends_at_once_also_one_in_overlap(hub: Hub) {
    hub.client("acme").await;
    let license = hub.issue("acme", "acme-1").await.license_key;
    let first = hub.hub_key(&license).await;
    hub.use_key(&first).await;
    let second = hub.hub_key(&license).await;
    let rotated = rotate(&hub, "hub-key", json!({})).await.ok();
    let third = text(&rotated, "hub_api_key");
    let expected = json!({"instance_id": "acme-1", "hub_api_key": third,
        "hub_key_fingerprint": fingerprint(&third), "previous_valid_until": null});
    assert_eq!(rotated, expected);
    for ended in [&first, &second] {
        hub.instance(ended).get(SELF).await.problem(401, "hub_key_invalid");
    }
    hub.use_key(&third).await;

    let rotated = rotate(&hub, "hub-key", json!({"overlap_seconds": 60})).await.ok();
    let fourth = text(&rotated, "hub_api_key");
    hub.use_key(&third).await;
    hub.use_key(&fourth).await;
}

async fn rotating_to_ones_own_key_can_be_repeated(hub: Hub) {
    hub.client("acme").await;
    let old = hub.issue("acme", "acme-1").await.license_key;
    let key = hub.hub_key(&old).await;
    for (what, hash_field, own) in [
        ("license", "license_sha256", own_license_key(5)),
        ("hub-key", "hub_key_sha256", own_hub_key(5)),
    ] {
        let body = json!({hash_field: sha256(&own), "overlap_seconds": 600});
        let first = rotate(&hub, what, body.clone()).await.ok();
        let events = hub.audit().await.len();
        let again = rotate(&hub, what, body).await.ok();
        assert_eq!(again, first, "{what}");
        assert_eq!(hub.audit().await.len(), events, "{what}");
    }
    // The repeats have not ended the keys in overlap.
    assert_eq!(verdict(&hub, &old).await, "valid");
    hub.use_key(&key).await;
    hub.use_key(&own_hub_key(5)).await;
}

async fn an_ended_key_never_comes_back(hub: Hub) {
    hub.client("acme").await;
    let old = hub.issue("acme", "acme-1").await.license_key;
    let key = hub.hub_key(&old).await;
    rotate(&hub, "license", json!({})).await.expect(200).done();
    rotate(&hub, "hub-key", json!({})).await.expect(200).done();
    rotate(&hub, "license", json!({"license_sha256": sha256(&old)}))
        .await
        .problem(409, "key_conflict");
    rotate(&hub, "hub-key", json!({"hub_key_sha256": sha256(&key)}))
        .await
        .problem(409, "key_conflict");
    hub.admin().delete("/api/v1/admin/instances/acme-1").await.expect(204).done();
    let new = json!({"instance_id": "acme-1", "license_sha256": sha256(&old)});
    hub.admin().post(ISSUE, new).await.problem(409, "key_conflict");
}

async fn a_hub_key_can_only_be_rotated_after_activation(hub: Hub) {
    hub.client("acme").await;
    hub.issue("acme", "acme-1").await;
    rotate(&hub, "hub-key", json!({})).await.problem(409, "not_activated");
    rotate(&hub, "license", json!({"overlap_seconds": 604_801}))
        .await
        .wrong_fields(&["overlap_seconds"]);
    rotate(&hub, "license", json!({"overlap": 1})).await.wrong_fields(&["overlap"]);
}

/// No more than two keys of a kind are live, whatever was done.
async fn at_most_two_keys_of_a_kind_live(hub: Hub) {
    hub.client("acme").await;
    let mut license = hub.issue("acme", "acme-1").await.license_key;
    for _ in 0..4 {
        let key = hub.hub_key(&license).await;
        hub.use_key(&key).await;
        let overlap = json!({"overlap_seconds": 604_800});
        license = text(&rotate(&hub, "license", overlap.clone()).await.ok(), "license_key");
        rotate(&hub, "hub-key", overlap).await.expect(200).done();
        for kind in ["license", "hub"] {
            let live = format!(
                "SELECT COUNT(*) FROM instance_keys WHERE kind = '{kind}' \
                AND (not_after IS NULL OR not_after > 0)"
            );
            assert!(hub.sql().await.number(&live).await <= 2, "{kind}");
        }
    }
}
