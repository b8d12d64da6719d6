//! Connections: how many there can be, and which one goes when there is no room.

use std::fs;
use std::time::Duration;

use hub_tests::crowd::{Crowd, answer, connect_from, room};
use hub_tests::raw::{self, RawAnswer};
use hub_tests::{Engine, Hub, Setup, both_stores};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::Mutex;
use tokio::time::timeout;

use super::{CLIENTS, Innocents, PRIVACY, SELF, WHOAMI};

both_stores!(
    idle_connections_lock_nobody_out,
    twelve_thousand_idle_connections_lock_nobody_out,
    few_descriptors_lock_nobody_out,
    unfinished_requests_lock_nobody_out,
    strangers_of_an_address_have_few_connections,
    handshakes_that_do_not_come_are_connections_too
);

const VERSION: &[u8] = b"GET /version HTTP/1.1\r\nHost: hub\r\n\r\n";

async fn idle_connections_lock_nobody_out(setup: Setup) {
    let hub = setup.args(["--max-connections", "40"]).start().await;
    let innocents = Innocents::of(&hub).await;
    for from in ["127.0.0.2", "127.0.0.3", "127.0.0.4"] {
        let mut idle = Crowd::of(40, from, hub.address(), VERSION).await;
        idle.answered().await;
        let _silent = Crowd::of(40, from, hub.address(), b"").await;
        innocents.go_on(2).await;
    }
}

/// More than the hub takes, and from each address as many as one may have.
#[expect(clippy::print_stderr, reason = "a skipped test says so")]
async fn twelve_thousand_idle_connections_lock_nobody_out(hub: Hub) {
    // One database after the other: both would be more than a process may have.
    static TURN: Mutex<()> = Mutex::const_new(());
    let _turn = TURN.lock().await;
    if room() < 16_000 {
        return eprintln!("SKIPPED: a process may have {} sockets here", room());
    }
    let innocents = Innocents::of(&hub).await;
    let mut crowds = Vec::new();
    for address in 2..14 {
        let from = format!("127.0.0.{address}");
        for _ in 0..10 {
            crowds.push(Crowd::of(103, &from, hub.address(), VERSION).await);
        }
        innocents.go_on(1).await;
    }
    innocents.go_on(3).await;
    let alive: usize = crowds.iter_mut().map(Crowd::open).sum();
    assert!(alive > 11_000, "{alive} of 12,360 are still connected");
}

/// The hub raises a soft limit. Under a hard one it takes fewer connections.
async fn few_descriptors_lock_nobody_out(setup: Setup) {
    for limit in ["-Sn 1024", "-n 1024"] {
        let hub = setup.clone().descriptors(limit).start().await;
        let innocents = Innocents::of(&hub).await;
        let mut crowds = Vec::new();
        for from in ["127.0.0.2", "127.0.0.3", "127.0.0.4"] {
            crowds.push(Crowd::of(800, from, hub.address(), VERSION).await);
            innocents.go_on(2).await;
        }
        let expected = if limit == "-n 1024" { 500..1_024 } else { 2_300..2_401 };
        let mut alive = 0;
        // Those that the hub has not accepted yet are connected too.
        for _ in 0..200 {
            alive = crowds.iter_mut().map(Crowd::open).sum();
            if expected.contains(&alive) {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        assert!(expected.contains(&alive), "{limit}: {alive} of 2,400 are still connected");
    }
}

async fn unfinished_requests_lock_nobody_out(setup: Setup) {
    let hub = setup.args(["--max-connections", "40"]).start().await;
    let innocents = Innocents::of(&hub).await;
    let body = b"POST /api/v1/instances/activate HTTP/1.1\r\nHost: hub\r\n\
        Content-Type: application/json\r\nContent-Length: 60\r\n\r\n{";
    let _bodies = Crowd::of(60, "127.0.0.2", hub.address(), body).await;
    innocents.go_on(2).await;
    let _heads = Crowd::of(60, "127.0.0.3", hub.address(), b"GET /version HTTP/1.1\r\nHo").await;
    innocents.go_on(2).await;
}

async fn handshakes_that_do_not_come_are_connections_too(setup: Setup) {
    let hub = setup.over_tls().args(["--max-connections", "40", "--head-timeout", "5m"]);
    let mut hub = hub.start().await;
    let _silent = Crowd::of(400, "127.0.0.2", hub.address(), b"").await;
    hub.admin().get("/healthz").await.expect(200).done();
    let sockets = || {
        let open = fs::read_dir(format!("/proc/{}/fd", hub.pid())).unwrap();
        let open = open.filter_map(|file| fs::read_link(file.ok()?.path()).ok());
        open.filter(|path| path.to_string_lossy().starts_with("socket:")).count()
    };
    let closing = async {
        // Beside them there are the one that it listens on, and those to PostgreSQL.
        while sockets() > 80 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    assert!(timeout(Duration::from_secs(20), closing).await.is_ok(), "{} sockets", sockets());
    hub.admin().get("/healthz").await.expect(200).done();
    assert!(hub.stop().success());
}

/// One request on a connection of its own.
async fn ask(hub: &Hub, from: &str, path: &str, key: &str) -> RawAnswer {
    let mut socket = connect_from(from, hub.address()).await;
    let request = format!("GET {path} HTTP/1.1\r\nHost: hub\r\n{key}Connection: close\r\n\r\n");
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut bytes = Vec::new();
    socket.read_to_end(&mut bytes).await.unwrap();
    raw::answers(&bytes).unwrap().pop().unwrap()
}

async fn strangers_of_an_address_have_few_connections(setup: Setup) {
    let hub = setup.args(["--address-connections", "4"]).any_number_of_guesses().start().await;
    let innocents = Innocents::of(&hub).await;
    let mut idle = Crowd::of(4, "127.0.0.2", hub.address(), VERSION).await;
    idle.answered().await;
    let from_there = async |path: &str, key: &str| ask(&hub, "127.0.0.2", path, key).await;
    for (path, key) in [
        (PRIVACY, ""),
        ("/nowhere", ""),
        (CLIENTS, ""),
        (SELF, "X-Hub-Api-Key: hk_000000000000000000000000\r\n"),
    ] {
        let limited = from_there(path, key).await;
        assert_eq!(limited.status, 429, "{path}: {limited:?}");
        assert!(limited.header("retry-after").is_some(), "{limited:?}");
    }
    let mut silent = connect_from("127.0.0.2", hub.address()).await;
    assert_eq!(answer(&mut silent, &mut Vec::new()).await, Some(429));
    // A key makes of a stranger somebody who is known, and health is told to everybody.
    let admin = format!("X-Admin-Api-Key: {}\r\n", hub.admin_key());
    let instance = format!("X-Hub-Api-Key: {}\r\n", innocents.instance.hub_key);
    for (path, key) in [("/healthz", ""), ("/readyz", ""), (WHOAMI, &*admin), (SELF, &*instance)] {
        assert_eq!(from_there(path, key).await.status, 200, "{path}");
    }
    innocents.go_on(2).await;
    drop(idle);
    while from_there(PRIVACY, "").await.status != 200 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn sqlite_a_trusted_proxy_may_have_any_number_of_connections() {
    let hub = Setup::on(Engine::Sqlite).args(["--address-connections", "2"]);
    let hub = hub.args(["--trusted-proxies", "::ffff:127.0.0.2/128"]).start().await;
    let mut idle = Crowd::of(8, "127.0.0.2", hub.address(), VERSION).await;
    idle.answered().await;
    assert_eq!(ask(&hub, "127.0.0.2", PRIVACY, "").await.status, 200);
}

/// What a connection sent before takes no memory while it is idle.
#[tokio::test]
async fn sqlite_idle_connections_take_little_memory() {
    const CONNECTIONS: usize = 4_000;
    const AT_ONCE: usize = 100;
    let hub = Setup::on(Engine::Sqlite).any_number_of_requests().start().await;
    let before = hub.memory("VmRSS");
    let head = format!("GET /version HTTP/1.1\r\nHost: hub\r\nX: {}\r\n\r\n", "a".repeat(15_000));
    let mut crowds = Vec::new();
    for _ in 0..CONNECTIONS / AT_ONCE {
        let mut crowd = Crowd::of(AT_ONCE, "127.0.0.1", hub.address(), head.as_bytes()).await;
        crowd.answered().await;
        crowds.push(crowd);
    }
    // Memory goes back to the system with a delay, and while others are served.
    let mut most = 0;
    let anyone = hub.anonymous();
    for _ in 0..5_000 {
        anyone.get("/version").await.expect(200).done();
        most = hub.memory("VmRSS").saturating_sub(before) / CONNECTIONS;
        if most <= 15 << 10 {
            return;
        }
    }
    panic!("{most} bytes a connection");
}
