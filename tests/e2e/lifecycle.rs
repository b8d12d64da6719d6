//! First start, restart, crash and stop; and what every answer carries.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use hub_tests::fleet::text;
use hub_tests::{Engine, Hub, Setup, both_stores};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

fn mode(path: &Path) -> u32 {
    path.metadata().unwrap().permissions().mode() & 0o777
}

both_stores!(
    the_first_start_writes_a_key_that_only_its_owner_reads,
    acknowledged_writes_survive_a_crash,
    sigterm_is_a_good_end,
    every_stop_drains_the_queues,
    health_and_version_need_no_key,
    an_operators_request_id_is_kept_if_it_is_a_plain_one
);

async fn the_first_start_writes_a_key_that_only_its_owner_reads(mut hub: Hub) {
    let key_file = hub.data_dir().join("admin.key");
    assert_eq!(mode(&key_file), 0o600);
    let key = std::fs::read_to_string(&key_file).unwrap();
    let me = hub.admin().get("/api/v1/admin/whoami").await.ok();
    assert_eq!(me["role"], "owner");
    hub.restart();
    assert_eq!(std::fs::read_to_string(&key_file).unwrap(), key, "made once");
    assert_eq!(hub.admin().get("/api/v1/admin/whoami").await.ok(), me);
    assert!(!hub.log().contains(key.trim()), "the log names the file, not the key");
}

async fn acknowledged_writes_survive_a_crash(mut hub: Hub) {
    hub.client("acme").await;
    let issued = hub.issue("acme", "acme-1").await;
    let key = hub.hub_key(&issued.license_key).await;
    hub.kill();
    hub.launch();
    hub.use_key(&key).await;
    hub.activate(&issued.license_key).await;
    let verdict = hub.admin().get("/api/v1/admin/audit/verify").await.ok();
    assert_eq!(verdict["ok"], true);
}

async fn sigterm_is_a_good_end(mut hub: Hub) {
    hub.client("acme").await;
    // An idle connection does not delay the stop.
    let idle = hub.anonymous();
    idle.get("/readyz").await.expect(200).done();
    assert!(hub.stop().success());
}

/// Several times: the last connection's end and the signal come in any order.
async fn every_stop_drains_the_queues(mut hub: Hub) {
    for stops in 1..=8 {
        assert!(hub.stop().success());
        let drained = hub.log().matches("\"message\":\"stopped\"").count();
        assert_eq!(drained, stops, "the queues were not drained");
        hub.launch();
    }
}

async fn health_and_version_need_no_key(hub: Hub) {
    let anyone = hub.anonymous();
    assert_eq!(anyone.get("/healthz").await.ok(), json!({"status": "ok"}));
    assert_eq!(anyone.get("/readyz").await.ok(), json!({"status": "ready"}));
    let version = anyone.get("/version").await.ok();
    assert_eq!(version["name"], "hubd");
    assert_eq!(version["version"], env!("CARGO_PKG_VERSION"));
    anyone.get("/api/v1/privacy").await.expect(200).done();
    let stats = hub.admin().get("/api/v1/admin/stats").await.ok();
    let engine = if hub.engine() == Engine::Sqlite { "sqlite" } else { "postgres" };
    assert_eq!(stats["database"], engine);
    assert_eq!(stats["admin_keys"], 1);
    assert!(stats["store_bytes"].as_u64().unwrap() > 0);
}

/// Operators find their requests in the log and the audit; nobody else chooses what stands there.
async fn an_operators_request_id_is_kept_if_it_is_a_plain_one(setup: Setup) {
    let hub = setup.any_number_of_guesses().start().await;
    let whoami = "/api/v1/admin/whoami";
    let longest = "a".repeat(64);
    for kept in ["boot-42", "A.b_c-9", &longest] {
        let answer = hub.admin().header("x-request-id", kept).get(whoami).await;
        assert_eq!(answer.header("x-request-id"), kept);
        let stranger = hub.admin_with("lb_admin_00000000000000000000000000000000");
        for (caller, path) in
            [(hub.anonymous(), "/healthz"), (hub.anonymous(), "/nowhere"), (stranger, whoami)]
        {
            let answer = caller.header("x-request-id", kept).get(path).await;
            assert_ne!(answer.header("x-request-id"), kept, "{answer}");
        }
    }
    let too_long = "a".repeat(65);
    let key = "hk_0123456789abcdef01234567";
    for replaced in ["a b", "", "<script>", &too_long, "ab/c", key] {
        let sent = hub.admin().header("x-request-id", replaced);
        let answer = sent.get("/api/v1/admin/clients/nobody").await;
        let id = answer.header("x-request-id").to_owned();
        assert_ne!(id, replaced);
        assert_eq!(text(&answer.problem(404, "client_not_found"), "request_id"), id);
    }
}

#[tokio::test]
async fn sqlite_files_are_for_their_owner_alone() {
    let hub = Hub::sqlite().await;
    hub.client("acme").await;
    for file in std::fs::read_dir(hub.data_dir()).unwrap().flatten() {
        if file.file_type().unwrap().is_file() {
            assert_eq!(mode(&file.path()), 0o600, "{}", file.path().display());
        }
    }
}

#[tokio::test]
async fn sqlite_takes_one_hub_a_file() {
    let hub = Hub::sqlite().await;
    hub.client("acme").await;
    let (status, said) = hub.launch_refused();
    assert!(!status.success());
    assert!(!said.is_empty(), "it says why");
    hub.admin().get("/api/v1/admin/clients/acme").await.expect(200).done();
}

/// A file has one hub, by whatever name the hubs open it.
#[tokio::test]
async fn sqlite_takes_one_hub_a_file_by_whatever_name() {
    let hub = Hub::sqlite().await;
    hub.client("acme").await;
    let file = hub.data_dir().join("hub.db");
    for (name, link) in [
        ("symbolic", std::os::unix::fs::symlink as fn(_, _) -> std::io::Result<()>),
        ("hard", std::fs::hard_link as fn(_, _) -> std::io::Result<()>),
    ] {
        let folder = hub.dir().join(name);
        std::fs::create_dir(&folder).unwrap();
        let other = folder.join("other.db");
        link(file.clone(), other.clone()).unwrap();
        let url = format!("sqlite://{}", other.display());
        for args in [["--database", &url, "migrate"], ["--database", &url, "serve"]] {
            let (code, _, said) = hub.run(&args);
            assert_eq!(code, 1, "{said}");
            assert!(said.contains("another hubd uses"), "{said}");
        }
    }
    hub.client("globex").await;
    assert_eq!(hub.admin().get("/api/v1/admin/audit/verify").await.ok()["ok"], true);
}

/// Everybody could put files in the place of the database and the owner key.
#[tokio::test]
async fn sqlite_a_folder_that_everybody_can_write_is_refused() {
    let mut hub = Hub::sqlite().await;
    assert!(hub.stop().success());
    let chmod = |mode| {
        std::fs::set_permissions(hub.data_dir(), std::fs::Permissions::from_mode(mode)).unwrap();
    };
    chmod(0o777);
    let (status, said) = hub.launch_refused();
    assert_eq!(status.code(), Some(1));
    assert!(said.contains("everybody on this machine can write"), "{said}");
    chmod(0o755);
    hub.launch();
}

#[tokio::test]
async fn sqlite_a_misspelt_variable_is_refused() {
    let mut hub = Setup::on(Engine::Sqlite).start().await;
    assert!(hub.stop().success());
    hub.set_env("HUBD_LISTENN", "0.0.0.0:1");
    let (status, said) = hub.launch_refused();
    assert!(!status.success());
    assert!(said.contains("HUBD_LISTENN"), "{said}");
}

#[tokio::test]
async fn sqlite_a_stop_waits_for_the_rest_of_a_head() {
    let mut hub = Hub::sqlite().await;
    let mut peer = TcpStream::connect(hub.address()).await.unwrap();
    peer.write_all(b"GET /healthz HTTP/1.1\r\nHo").await.unwrap();
    // Whoever is answered later is accepted later: the half head was read by now.
    hub.anonymous().get("/healthz").await.expect(200).done();
    let log = hub.log_path();
    let stopping = tokio::task::spawn_blocking(move || hub.stop());
    while !std::fs::read_to_string(&log).unwrap().contains("stopping") {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    peer.write_all(b"st: hub\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    peer.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer:?}");
    assert!(stopping.await.unwrap().success());
}

/// Whoever connected just before the stop has a request on its way.
#[tokio::test]
async fn sqlite_a_stop_waits_for_the_request_of_a_new_connection() {
    let mut hub = Hub::sqlite().await;
    let mut peer = TcpStream::connect(hub.address()).await.unwrap();
    // Whoever is answered later is accepted later.
    hub.anonymous().get("/healthz").await.expect(200).done();
    let log = hub.log_path();
    let stopping = tokio::task::spawn_blocking(move || hub.stop());
    while !std::fs::read_to_string(&log).unwrap().contains("stopping") {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    peer.write_all(b"GET /healthz HTTP/1.1\r\nHost: hub\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    peer.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer:?}");
    assert!(stopping.await.unwrap().success());
}
