//! Admin keys: created, shown once, listed, revoked; the last owner key cannot be revoked.

use hub_core::api::Role;
use hub_tests::clock::{DAY, later};
use hub_tests::fleet::{fingerprint, sha256, text};
use hub_tests::{Engine, Hub, Setup, both_stores};
use serde_json::json;

const KEYS: &str = "/api/v1/admin/keys";
const WHOAMI: &str = "/api/v1/admin/whoami";

/// Asks until the last use is noted, which happens after the answer; gives up on a hub that never does.
async fn until_used(hub: &Hub, name: &str) {
    for _ in 0..600 {
        let keys = hub.admin().get(KEYS).await.ok();
        let key = keys["items"].as_array().unwrap().iter().find(|key| key["name"] == name).unwrap();
        if key["last_used_at"].is_string() {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("the use of {name} is never noted");
}

both_stores!(
    a_key_is_shown_once_and_says_who_it_is,
    a_key_of_the_callers_own_can_be_registered_again_and_again,
    a_taken_name_is_refused,
    a_revoked_key_ends_at_once_and_never_comes_back,
    the_last_owner_key_cannot_go,
    an_expired_owner_key_does_not_count,
    every_wrong_field_is_named,
    a_bootstrap_key_can_be_set
);

async fn a_key_is_shown_once_and_says_who_it_is(hub: Hub) {
    let new = json!({"name": "ci", "role": "provisioner", "expires_at": later(DAY)});
    let created = hub.admin().post(KEYS, new).await.expect(201);
    let made = created.json();
    let key = text(&made, "admin_key");
    assert!(key.starts_with("lb_admin_") && key.len() == 41, "{created}");
    assert_eq!(text(&made, "fingerprint"), fingerprint(&key));
    assert_eq!(made["last_used_at"], json!(null));

    let me = hub.admin_with(&key).get(WHOAMI).await.ok();
    let own = json!({"name": "ci", "role": "provisioner", "fingerprint": fingerprint(&key)});
    assert_eq!(me, own);

    let list = hub.admin().get(KEYS).await.expect(200);
    assert!(!list.text().contains(&key), "the list shows a key");
    let items = list.json()["items"].as_array().unwrap().clone();
    let ci = items.iter().find(|item| item["name"] == "ci").unwrap();
    assert_eq!(ci["fingerprint"], made["fingerprint"]);
    until_used(&hub, "ci").await;
    assert_eq!(list.json()["next_cursor"], json!(null));
}

async fn a_key_of_the_callers_own_can_be_registered_again_and_again(hub: Hub) {
    let own = "lb_admin_000000000000000000000000000000aa";
    let new = json!({"name": "own", "role": "viewer", "key_sha256": sha256(own)});
    let created = hub.admin().post(KEYS, new.clone()).await.expect(201).json();
    assert_eq!(created.get("admin_key"), None);
    let again = hub.admin().post(KEYS, new).await.ok();
    assert_eq!(again["fingerprint"], json!(fingerprint(own)));
    hub.admin_with(own).get(WHOAMI).await.expect(200).done();

    let other_role = json!({"name": "own", "role": "owner", "key_sha256": sha256(own)});
    hub.admin().post(KEYS, other_role).await.problem(409, "admin_key_exists");
    let other_key = json!({"name": "own", "role": "viewer", "key_sha256": sha256("x")});
    hub.admin().post(KEYS, other_key).await.problem(409, "admin_key_exists");
    let other_name = json!({"name": "own-2", "role": "viewer", "key_sha256": sha256(own)});
    hub.admin().post(KEYS, other_name).await.problem(409, "key_conflict");
}

async fn a_taken_name_is_refused(hub: Hub) {
    hub.admin_key_of("ci", Role::Viewer).await;
    let again = json!({"name": "ci", "role": "viewer"});
    hub.admin().post(KEYS, again).await.problem(409, "admin_key_exists");
}

async fn a_revoked_key_ends_at_once_and_never_comes_back(hub: Hub) {
    let own = "lb_admin_000000000000000000000000000000bb";
    let new = json!({"name": "gone", "role": "viewer", "key_sha256": sha256(own)});
    hub.admin().post(KEYS, new.clone()).await.expect(201).done();
    let revoked = hub.admin().delete(&format!("{KEYS}/gone")).await.expect(204);
    assert!(revoked.body.is_empty());
    hub.admin_with(own).get(WHOAMI).await.problem(401, "admin_key_invalid");
    hub.admin().delete(&format!("{KEYS}/gone")).await.problem(404, "admin_key_not_found");
    hub.admin().post(KEYS, new).await.problem(409, "key_conflict");
    // The name is free again.
    hub.admin_key_of("gone", Role::Viewer).await;
}

async fn the_last_owner_key_cannot_go(hub: Hub) {
    let first = text(&hub.admin().get(WHOAMI).await.ok(), "name");
    let path = format!("{KEYS}/{first}");
    hub.admin_key_of("not-an-owner", Role::Operator).await;
    hub.admin().delete(&path).await.problem(409, "last_owner_key");
    let second = hub.admin_key_of("second", Role::Owner).await;
    hub.admin_with(&second).delete(&path).await.expect(204).done();
    hub.admin_with(&second).delete(&format!("{KEYS}/second")).await.problem(409, "last_owner_key");
}

/// An owner key that has expired does not count as another owner key.
async fn an_expired_owner_key_does_not_count(hub: Hub) {
    let first = text(&hub.admin().get(WHOAMI).await.ok(), "name");
    hub.admin_key_of("expired", Role::Owner).await;
    let expire = "UPDATE admin_keys SET expires_at = 1 WHERE name = 'expired'";
    assert_eq!(hub.sql().await.execute(expire).await, 1);
    let path = format!("{KEYS}/{first}");
    hub.admin().delete(&path).await.problem(409, "last_owner_key");
}

async fn every_wrong_field_is_named(hub: Hub) {
    let wrong = json!({"name": "No Handle", "role": "king", "key_sha256": "00", "extra": 1});
    let answer = hub.admin().post(KEYS, wrong).await;
    answer.wrong_fields(&["name", "role", "key_sha256", "extra"]);
    hub.admin().post(KEYS, json!({})).await.wrong_fields(&["name", "role"]);
}

/// The operator's own bootstrap key works, and the hub makes no other.
async fn a_bootstrap_key_can_be_set(setup: Setup) {
    let key = "an-operators-own-bootstrap-key-0123456789";
    let hub = setup.env("HUBD_ADMIN_API_KEY", key).start().await;
    assert_eq!(hub.admin_key(), key);
    let me = hub.admin().get(WHOAMI).await.ok();
    assert_eq!((&me["role"], &me["fingerprint"]), (&json!("owner"), &json!(fingerprint(key))));
    assert!(!hub.data_dir().join("admin.key").exists());
    assert_eq!(hub.engine() == Engine::Postgres, hub.database_url().starts_with("postgres"));
}
