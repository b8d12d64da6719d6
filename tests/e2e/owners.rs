//! Owner keys at the start of a hub, and how whoever owns the machine comes in again.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use hub_core::api::Role;
use hub_tests::clock::{DAY, later};
use hub_tests::fleet::{fingerprint, text};
use hub_tests::{Hub, Setup, both_stores};
use serde_json::json;

const KEYS: &str = "/api/v1/admin/keys";
const WHOAMI: &str = "/api/v1/admin/whoami";
const OWN: &str = "lb_admin_000000000000000000000000000000cc";

both_stores!(
    a_key_file_that_exists_becomes_the_first_owner,
    an_owner_that_will_end_is_none_to_rely_on,
    a_bootstrap_key_that_has_ended_is_a_warning,
    a_key_file_that_cannot_be_used_stops_nothing,
    whoever_owns_the_machine_gets_a_new_owner_key
);

/// The key of another hub is in the data folder: it stays, and works here too.
async fn a_key_file_that_exists_becomes_the_first_owner(setup: Setup) {
    let other = Hub::sqlite().await;
    let mut hub = setup.data_file("admin.key", &format!("{OWN}\n")).start().await;
    assert_eq!(hub.admin_key(), OWN);
    let me = hub.admin().get(WHOAMI).await.ok();
    assert_eq!((text(&me, "name"), text(&me, "role")), ("owner".to_owned(), "owner".to_owned()));
    hub.restart();
    hub.admin().get(WHOAMI).await.expect(200).done();
    other.admin_with(OWN).get(WHOAMI).await.problem(401, "admin_key_invalid");
}

async fn an_owner_that_will_end_is_none_to_rely_on(mut hub: Hub) {
    let me = text(&hub.admin().get(WHOAMI).await.ok(), "name");
    let new = json!({"name": "brief", "role": "owner", "expires_at": later(DAY)});
    let brief = text(&hub.admin().post(KEYS, new).await.expect(201).json(), "admin_key");
    let path = format!("{KEYS}/{me}");
    hub.admin_with(&brief).delete(&path).await.problem(409, "last_owner_key");
    // One that has no end is, and the other may go then.
    let lasting = hub.admin_key_of("lasting", Role::Owner).await;
    hub.admin_with(&lasting).delete(&path).await.expect(204).done();
    hub.admin_with(&lasting).delete(&format!("{KEYS}/brief")).await.expect(204).done();
    // Nor does the start rely on one: without a lasting owner it makes one.
    hub.sql().await.execute("UPDATE admin_keys SET expires_at = 9999999999999").await;
    assert!(hub.stop().success());
    fs::remove_file(hub.data_dir().join("admin.key")).unwrap();
    hub.launch();
    hub.take_key_file();
    assert_eq!(hub.admin().get(WHOAMI).await.ok()["role"], "owner");
}

async fn a_bootstrap_key_that_has_ended_is_a_warning(setup: Setup) {
    let (earlier, later) =
        ("earlier-bootstrap-key-0123456789abcdef", "later-bootstrap-key-0123456789abcdef");
    let mut hub = setup.env("HUBD_ADMIN_API_KEY", earlier).start().await;
    for key in [later, earlier] {
        assert!(hub.stop().success());
        hub.set_env("HUBD_ADMIN_API_KEY", key);
        hub.launch();
    }
    assert!(hub.log().contains("has ended"), "{}", hub.log());
    hub.admin_with(earlier).get(WHOAMI).await.problem(401, "admin_key_invalid");
    hub.admin_with(later).get(WHOAMI).await.expect(200).done();
    assert!(!hub.data_dir().join("admin.key").exists(), "there is an owner");
}

async fn a_key_file_that_cannot_be_used_stops_nothing(setup: Setup) {
    let mut hub = setup.data_file("admin.key", "no key at all\n").start().await;
    assert!(hub.log().contains("hubd admin-key reset"), "{}", hub.log());
    hub.anonymous().get("/readyz").await.expect(200).done();
    let file = hub.data_dir().join("admin.key");
    assert_eq!(fs::read_to_string(&file).unwrap(), "no key at all\n");
    let (code, said, error) = hub.run(&["admin-key", "reset"]);
    assert_eq!(code, 0, "{said}{error}");
    hub.take_key_file();
    hub.admin().get(WHOAMI).await.expect(200).done();
    let kept = fs::read_to_string(file.with_extension("key.old")).unwrap();
    assert_eq!(kept, "no key at all\n");
}

async fn whoever_owns_the_machine_gets_a_new_owner_key(mut hub: Hub) {
    let lost = hub.admin_key().to_owned();
    let file = hub.data_dir().join("admin.key");
    for running in [true, false] {
        if !running {
            assert!(hub.stop().success());
        }
        let (code, said, error) = hub.run(&["admin-key", "reset"]);
        assert_eq!(code, 0, "{said}{error}");
        assert!(said.contains("admin.key") && !said.contains("lb_admin_"), "{said}");
        if !running {
            hub.launch();
        }
        let before = hub.admin_key().to_owned();
        hub.take_key_file();
        assert_ne!(hub.admin_key(), before);
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        let aside = file.with_extension(format!("key.{}", fingerprint(&before)));
        assert_eq!(fs::read_to_string(aside).unwrap().trim(), before, "the key before is kept");
        let me = hub.admin().get(WHOAMI).await.ok();
        assert_eq!(me["role"], "owner");
        let made = &hub.audit().await[0];
        let expected = ("system".to_owned(), "admin_key.create".to_owned(), text(&me, "name"));
        assert_eq!(*made, expected);
    }
    hub.admin_with(&lost).get(WHOAMI).await.expect(200).done();
    assert_eq!(hub.admin().get("/api/v1/admin/audit/verify").await.ok()["ok"], true);
}

#[tokio::test]
async fn sqlite_the_way_back_makes_no_database() {
    let mut hub = Hub::sqlite().await;
    assert!(hub.stop().success());
    let file = hub.data_dir().join("hub.db");
    fs::remove_file(&file).unwrap();
    let (code, said, error) = hub.run(&["admin-key", "reset"]);
    assert_eq!((code, said.as_str()), (1, ""));
    assert!(error.contains("there is no database"), "{error}");
    assert!(!file.exists());
    let key = fs::read_to_string(hub.data_dir().join("admin.key")).unwrap();
    assert_eq!(key.trim(), hub.admin_key(), "the key stays");
}
