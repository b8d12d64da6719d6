//! Keys never reach a file, a log, an error or a command line; and what is promised is what is set.
//!
//! The sweep looks for the random part of each key in several encodings. It first proves that it finds
//! what must be there.

use std::fs;

use hub_core::api::{ADMIN_KEY_HEADER, HUB_KEY_HEADER, Role};
use hub_tests::ctl::Ctl;
use hub_tests::fleet::{own_license_key, text};
use hub_tests::{Hub, Setup, both_stores, sweep};
use serde_json::json;
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;

const ACTIVATE: &str = "/api/v1/instances/activate";
const SELF: &str = "/api/v1/instances/self";

/// Every key that the hub has seen or made, and every answer that must hold none.
#[derive(Default)]
struct Sweep {
    keys: Vec<String>,
    answers: String,
}

both_stores!(
    keys_are_nowhere_but_in_the_answer_that_made_them,
    the_promise_tells_the_retention_that_is_set
);

async fn keys_are_nowhere_but_in_the_answer_that_made_them(setup: Setup) {
    let mut hub = setup.args(["--log", "trace"]).any_number_of_guesses().start().await;
    let mut sweep = Sweep::default();
    sweep.keys.push(hub.admin_key().to_owned());
    make_keys(&hub, &mut sweep).await;
    send_keys_where_they_do_not_belong(&hub, &mut sweep).await;
    let answer = hub.admin().get("/api/v1/admin/audit?limit=500").await;
    sweep.answers += &answer.text();

    let argv = fs::read(format!("/proc/{}/cmdline", hub.pid())).unwrap();
    let argv = String::from_utf8_lossy(&argv).into_owned();
    assert!(argv.contains("--data-dir"), "the command line is read");
    sweep.expect_none_in("hubd's command line", &argv);
    sweep.expect_none_in("the answers", &sweep.answers);
    sweep.expect_none_in("the log", &hub.log());
    assert!(hub.log().contains("/api/v1/instances/activate"), "the log is detailed");

    sweep.expect_none_in_files(&hub, "with the hub running");
    assert!(hub.stop().success());
    sweep.expect_none_in_files(&hub, "after its end");
}

/// What is promised is what is set.
async fn the_promise_tells_the_retention_that_is_set(setup: Setup) {
    let hub = setup.args(["--days-kept", "100d"]).start().await;
    let promise = hub.anonymous().get("/api/v1/privacy").await.ok();
    let stored = promise["stored"].as_array().expect("the allow-list");
    let days = |field: &str| {
        let found = stored.iter().find(|stored| stored["field"] == field);
        found.map(|stored| stored["retention_days"].clone()).expect("a field of the list")
    };
    assert_eq!(days("tools[].calls"), 100);
    assert_eq!(days("counts: number"), 100);
    assert_eq!(days("received"), 14);
    assert_eq!(days("report_id"), 8, "this one is not set");
    for field in stored {
        let (from, kind) = (text(field, "from"), text(field, "kind"));
        assert!(["operator", "hub", "sender"].contains(&from.as_str()), "{field}");
        assert!(from != "sender" || !kind.contains("name"), "no text of a sender: {field}");
    }
    assert_eq!(promise["catalogue"], json!({"tools": 0, "codes": 0, "counts": 0}));
    assert!(promise["covert_bits_per_report"].as_u64().unwrap() > 0);
    hub.list_names(&["a.b", "c"], &["E1"], &[]).await;
    let promise = hub.anonymous().get("/api/v1/privacy").await.ok();
    assert_eq!(promise["catalogue"], json!({"tools": 2, "codes": 1, "counts": 0}));
}

/// Keys by every path that makes one.
async fn make_keys(hub: &Hub, sweep: &mut Sweep) {
    hub.client("canary-client").await;
    let issued = hub.issue("canary-client", "canary-instance").await;
    let first = hub.hub_key(&issued.license_key).await;
    hub.use_key(&first).await;
    let second = hub.hub_key(&issued.license_key).await;
    let rotated = hub.act("canary-instance", "rotate-hub-key", json!({})).await;
    let third = text(&rotated, "hub_api_key");
    hub.use_key(&third).await;
    let overlap = json!({"overlap_seconds": 60});
    let license = hub.act("canary-instance", "rotate-license", overlap).await;
    let admin = hub.admin_key_of("canary-key", Role::Owner).await;
    let me = hub.admin_with(&admin).get("/api/v1/admin/whoami").await.expect(200);
    sweep.answers += &me.text();
    let license = text(&license, "license_key");
    sweep.keys.extend([issued.license_key, first, second, third, license, admin]);
}

/// Known and unknown keys in headers, bodies, queries and paths where they do not belong.
async fn send_keys_where_they_do_not_belong(hub: &Hub, sweep: &mut Sweep) {
    let unknown = "lb_inst_5eed5eed0badcafe5eed5eed0badcafe";
    sweep.keys.push(unknown.to_owned());
    sweep.keys.push("hk_5eed0badbeef5eed0badbeef".to_owned());
    for key in sweep.keys.clone() {
        let body = json!({"license_key": key, key.as_str(): key, "instance_id": key});
        let in_header = hub.with_key(HUB_KEY_HEADER, &key).header("x-note", &key);
        let bearer = hub.with_key("authorization", &format!("Bearer {key}"));
        let answers = [
            hub.anonymous().post(ACTIVATE, body.clone()).await,
            hub.anonymous().post("/api/v1/instances/validate", body.clone()).await,
            hub.admin().post("/api/v1/admin/clients", body.clone()).await,
            hub.admin().patch("/api/v1/admin/clients/canary-client", body).await,
            hub.admin().get(&format!("/api/v1/admin/clients?cursor={key}&{key}={key}")).await,
            hub.admin().get(&format!("/api/v1/admin/clients?q={key}")).await,
            hub.admin().get(&format!("/api/v1/admin/instances/{key}")).await,
            hub.admin().delete(&format!("/api/v1/admin/keys/{key}")).await,
            hub.anonymous().get(&format!("/{key}?{key}")).await,
            hub.with_key(ADMIN_KEY_HEADER, &key).get("/nowhere").await,
            in_header.get(SELF).await,
            bearer.get(SELF).await,
        ];
        for answer in answers {
            sweep.answers += &answer.text();
            for value in answer.headers.values() {
                sweep.answers += value.to_str().unwrap();
            }
        }
    }
    // A body that is not JSON, and one that is refused unread.
    for body in [format!("{{\"license_key\": \"{unknown}\""), unknown.repeat(200)] {
        let json = Some("application/json");
        let answer = hub.anonymous().send_bytes(http::Method::POST, ACTIVATE, json, body).await;
        sweep.answers += &answer.text();
    }
}

impl Sweep {
    /// What gives a key away, in each encoding.
    fn needles(&self) -> Vec<Vec<u8>> {
        let secrets = self.keys.iter().map(|key| key.rsplit('_').next().unwrap_or(key));
        secrets.flat_map(sweep::needles).collect()
    }

    fn expect_none_in(&self, place: &str, text: &str) {
        assert!(!text.is_empty(), "{place}: nothing to look into");
        assert!(!sweep::holds(text, &self.needles()), "a key is in {place}");
    }

    fn expect_none_in_files(&self, hub: &Hub, when: &str) {
        let places = sweep::places(hub);
        let known = [b"canary-instance".to_vec()];
        assert!(
            !sweep::files_with(&places, &known).is_empty(),
            "the sweep finds nothing at all {when}"
        );
        let found = sweep::files_with(&places, &self.needles());
        let found: Vec<_> = found.iter().filter(|file| !file.ends_with("admin.key")).collect();
        assert!(found.is_empty(), "a key is in {found:?} {when}");
    }
}

/// A list of processes shows no admin key and no license key.
#[tokio::test]
async fn hubctl_has_no_key_on_its_command_line() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    let admin = "lb_admin_5eed5eed0badcafe5eed5eed0badcafe";
    let license = own_license_key(0x5eed);
    let ctl = Ctl::default().env("HUBCTL_URL", &url).env("HUBCTL_ADMIN_KEY", admin);
    let file = ctl.dir().join("license");
    fs::write(&file, &license).unwrap();
    let with_license = ["validate", "--license-file", "license"];
    for (args, key) in [(&["whoami"][..], admin), (&with_license[..], license.as_str())] {
        let (request, argv) = while_it_asks(&ctl, args, &silent).await;
        assert!(request.contains(key), "it has sent the key: {request}");
        assert!(argv.contains(args[0]), "the command line is read: {argv:?}");
        assert!(!argv.contains("5eed"), "a key is on the command line");
    }
}

/// What hubctl sent to a hub that never answers, and its command line meanwhile.
async fn while_it_asks(ctl: &Ctl, args: &[&str], silent: &TcpListener) -> (String, String) {
    let mut child = ctl.command(args).spawn().unwrap();
    let (mut connection, _) = silent.accept().await.unwrap();
    let mut request = Vec::new();
    while !is_whole(&request) {
        assert!(connection.read_buf(&mut request).await.unwrap() > 0, "hubctl hung up");
    }
    let cmdline = fs::read(format!("/proc/{}/cmdline", child.id())).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (text(&request), text(&cmdline))
}

/// Whether the whole request has arrived, with its body if it has one.
fn is_whole(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request);
    text.split_once("\r\n\r\n").is_some_and(|(head, body)| {
        !head.to_lowercase().contains("content-length") || body.ends_with('}')
    })
}
