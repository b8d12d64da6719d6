//! Delivery of new keys: a key is in its sink before the hub knows it, whatever happens on the way.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

use hub_tests::fleet::{fingerprint, own_hub_key, own_license_key, sha256, text};
use hub_tests::{Hub, both_stores};
use serde_json::json as value;

use super::snapshot::{compare, written};
use super::{error, files, json, key_in, license_of, own, ran};

const ISSUE: &str = "instance issue acme-1 --client acme --sink file:a.key";

both_stores!(
    a_key_is_in_a_file_for_its_owner_alone,
    the_same_command_again_changes_nothing,
    a_run_that_was_killed_is_finished_by_the_next,
    a_rotation_replaces_the_key_in_its_sink,
    a_sink_that_is_no_safe_place_is_refused_first,
    standard_output_is_for_the_key_alone,
    without_a_place_for_the_key_nothing_is_done,
    a_refusal_leaves_no_key_behind
);

async fn a_key_is_in_a_file_for_its_owner_alone(hub: Hub) {
    hub.client("acme").await;
    let ctl = hub.ctl();
    let said = ran(&ctl, ISSUE, 0);
    let key = key_in(&ctl, "a.key");
    assert_eq!(license_of(&hub, "acme-1").await, fingerprint(&key));
    let mode = fs::metadata(ctl.dir().join("a.key")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(files(&ctl), ["a.key"], "nothing else is left");
    compare("issued_to_a_file", &written(ISSUE, &said));
    assert!(!said.stdout.contains(&key) && !said.stderr.contains(&key));
}

async fn the_same_command_again_changes_nothing(hub: Hub) {
    hub.client("acme").await;
    let ctl = hub.ctl();
    ran(&ctl, ISSUE, 0);
    let (key, events) = (key_in(&ctl, "a.key"), hub.audit().await.len());
    assert_eq!(json(&ctl, ISSUE)["changed"], false);
    assert_eq!((key_in(&ctl, "a.key"), hub.audit().await.len()), (key, events));
    // Another sink does not have the key, and gets none.
    let elsewhere = ISSUE.replace("a.key", "b.key");
    let refused = error(&ctl, &elsewhere, 6);
    assert_eq!(refused["code"], "instance_exists");
    assert_eq!(refused["existing"]["instance_id"], "acme-1");
    assert_eq!(files(&ctl), ["a.key"]);
    ran(&ctl, &format!("{elsewhere} --if-not-exists"), 0);
    assert_eq!(files(&ctl), ["a.key"]);
}

/// The run was killed after the key was in its sink, before the hub knew the key or before it answered.
async fn a_run_that_was_killed_is_finished_by_the_next(hub: Hub) {
    hub.client("acme").await;
    let ctl = hub.ctl();
    let left = own_license_key(7);
    own(&ctl, "a.key", &left);
    assert_eq!(json(&ctl, ISSUE)["changed"], true);
    assert_eq!(
        (license_of(&hub, "acme-1").await, key_in(&ctl, "a.key")),
        (fingerprint(&left), left.clone())
    );

    let next = own_license_key(8);
    own(&ctl, "a.key", &next);
    let rotate = "instance rotate-license acme-1 --sink file:a.key";
    ran(&ctl, rotate, 0);
    assert_eq!(license_of(&hub, "acme-1").await, fingerprint(&next));

    fs::write(ctl.dir().join("license"), &next).unwrap();
    let key = own_hub_key(7);
    own(&ctl, "hub.key", &key);
    let body = value!({"license_key": next, "hub_key_sha256": sha256(&key)});
    hub.anonymous().post("/api/v1/instances/activate", body).await.expect(200).done();
    ran(&ctl, "activate --license-file license --sink file:hub.key", 0);
    assert_eq!(key_in(&ctl, "hub.key"), key);
    assert_eq!(hub.show("acme-1").await["license"]["activations"], 1);
}

async fn a_rotation_replaces_the_key_in_its_sink(hub: Hub) {
    hub.client("acme").await;
    let ctl = hub.ctl();
    ran(&ctl, ISSUE, 0);
    let first = key_in(&ctl, "a.key");
    let rotated = json(&ctl, "instance rotate-license acme-1 --sink file:a.key --overlap 1h");
    assert!(rotated["previous_valid_until"].is_string(), "{rotated}");
    let second = key_in(&ctl, "a.key");
    assert_ne!(first, second);
    hub.activate(&first).await;
    let key = hub.hub_key(&second).await;
    ran(&ctl, "instance rotate-hub-key acme-1 --sink file:hub.key --overlap 0", 0);
    hub.instance(&key).get("/api/v1/instances/self").await.problem(401, "hub_key_invalid");
    hub.use_key(&key_in(&ctl, "hub.key")).await;
    let pending = hub.issue("acme", "acme-2").await;
    let refused = error(&ctl, "instance rotate-hub-key acme-2 --sink file:new.key", 6);
    assert_eq!(refused["code"], "not_activated");
    assert!(!ctl.dir().join("new.key").exists());
    hub.activate(&pending.license_key).await;
}

/// A sink that is refused ends with exit 13, before any request.
async fn a_sink_that_is_no_safe_place_is_refused_first(hub: Hub) {
    hub.client("acme").await;
    let ctl = hub.ctl();
    let at = |name: &str| ctl.dir().join(name);
    symlink("elsewhere", at("link")).unwrap();
    fs::create_dir(at("folder")).unwrap();
    fs::create_dir(at("open")).unwrap();
    fs::set_permissions(at("open"), fs::Permissions::from_mode(0o777)).unwrap();
    own(&ctl, "other", "no key");
    for sink in ["link", "folder", "open/key", "none/key", "other"] {
        let refused = error(&ctl, &ISSUE.replace("a.key", sink), 13);
        assert_eq!(
            (&refused["code"], &refused["retryable"]),
            (&value!("sink_failed"), &value!(true)),
            "{sink}"
        );
        hub.admin().get("/api/v1/admin/instances/acme-1").await.expect(404).done();
    }
    ran(&ctl, &format!("{} --allow-open-folder", ISSUE.replace("a.key", "open/key")), 0);
}

async fn standard_output_is_for_the_key_alone(hub: Hub) {
    hub.client("acme").await;
    let ctl = hub.ctl();
    let issued = ran(&ctl, "instance issue acme-1 --client acme --sink stdout", 0);
    let key = issued.stdout.trim_end();
    assert_eq!(license_of(&hub, "acme-1").await, fingerprint(key));
    compare("issued_to_standard_output", &issued.stderr);
    assert!(!issued.stderr.contains(key));
    let key =
        json(&ctl, "instance issue acme-2 --client acme --sink stdout")["license_key"].clone();
    assert_eq!(license_of(&hub, "acme-2").await, fingerprint(key.as_str().unwrap()));
    let made = json(&ctl, "admin-key create ci --role viewer --sink stdout");
    assert_eq!(text(&made, "fingerprint"), fingerprint(&text(&made, "admin_key")));
    let rotated = json(&ctl, "instance rotate-license acme-1 --sink stdout --yes");
    assert_eq!(text(&rotated, "license_fingerprint"), fingerprint(&text(&rotated, "license_key")));
    ran(&ctl, "instance issue acme-3 --client acme --sink stdout -o name", 2);
}

/// Without a sink and without a terminal the key would be lost, so no request is sent.
async fn without_a_place_for_the_key_nothing_is_done(hub: Hub) {
    hub.client("acme").await;
    let ctl = hub.ctl();
    let events = hub.audit().await.len();
    for line in [
        "instance issue acme-1 --client acme",
        "instance ensure acme-1 --client acme",
        "instance rotate-license acme-1",
        "admin-key create ci --role viewer",
        "activate",
    ] {
        assert_eq!(error(&ctl, line, 12)["code"], "input_needed", "{line}");
    }
    assert_eq!(hub.audit().await.len(), events);
}

/// What the hub refuses leaves the sink as it was.
async fn a_refusal_leaves_no_key_behind(hub: Hub) {
    let ctl = hub.ctl();
    assert_eq!(error(&ctl, ISSUE, 3)["code"], "client_not_found");
    assert_eq!(files(&ctl), [""; 0]);
    hub.client("acme").await;
    let license = hub.issue("acme", "acme-1").await.license_key;
    fs::write(ctl.dir().join("license"), &license).unwrap();
    hub.act("acme-1", "suspend", value!({})).await;
    let activate = "activate --license-file license --sink file:hub.key";
    assert_eq!(error(&ctl, activate, 5)["code"], "instance_suspended");
    assert_eq!(files(&ctl), ["license"]);
    hub.act("acme-1", "reactivate", value!({})).await;
    ran(&ctl, activate, 0);
    let key = key_in(&ctl, "hub.key");
    hub.act("acme-1", "suspend", value!({})).await;
    ran(&ctl, activate, 5);
    assert_eq!(key_in(&ctl, "hub.key"), key);
}
