//! What systemd gives a hub and is told by it: a socket, readiness, the watchdog; and the units.

use std::net::TcpListener;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use hub_tests::binaries::workspace;
use hub_tests::{Engine, Setup, both_stores, raw};

both_stores!(the_watchdog_is_fed_while_the_database_takes_writes, a_restart_loses_no_connection);

/// The socket that a supervisor reads what it is told from.
struct Told(UnixDatagram);

impl Told {
    fn at(path: &Path) -> Self {
        Self(UnixDatagram::bind(path).unwrap())
    }

    /// The next message, or none within a while.
    fn next(&self, within: Duration) -> Option<String> {
        let mut buffer = [0; 256];
        self.0.set_read_timeout(Some(within)).unwrap();
        let length = self.0.recv(&mut buffer).ok()?;
        Some(String::from_utf8_lossy(&buffer[..length]).trim_end().to_owned())
    }

    /// Reads on until this is said.
    fn until(&self, message: &str) {
        while self.next(Duration::from_secs(30)).unwrap_or_else(|| panic!("no {message}"))
            != message
        {}
    }
}

async fn the_watchdog_is_fed_while_the_database_takes_writes(setup: Setup) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notify");
    let told = Told::at(&path);
    let patience = Duration::from_secs(2);
    let mut hub = setup
        .env("NOTIFY_SOCKET", path.to_str().unwrap())
        .env("WATCHDOG_USEC", &patience.as_micros().to_string())
        .start()
        .await;
    assert_eq!(told.next(Duration::from_secs(30)).as_deref(), Some("READY=1"));
    for _ in 0..3 {
        assert_eq!(told.next(patience).as_deref(), Some("WATCHDOG=1"), "in time");
    }

    let mut other = hub.sql().await;
    other
        .script(match hub.engine() {
            Engine::Sqlite => "BEGIN IMMEDIATE",
            Engine::Postgres => "BEGIN; LOCK TABLE _sqlx_migrations",
        })
        .await;
    while !hub.log().contains("the watchdog is not fed") {
        tokio::task::yield_now().await;
    }
    while told.next(Duration::from_millis(1)).is_some() {}
    assert_eq!(told.next(patience), None, "nothing while writes wait");
    other.script("ROLLBACK").await;
    told.until("WATCHDOG=1");
    assert!(hub.stop().success());
    told.until("STOPPING=1");
}

/// Connections that are made while the hub restarts wait in the socket, and those that were made just
/// before are answered: each gets its one answer.
async fn a_restart_loses_no_connection(setup: Setup) {
    const CLIENTS: usize = 4;
    const RESTARTS: usize = 4;
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap().to_string();
    let mut hub = setup.handed(socket).start().await;
    assert_eq!(hub.address(), address);
    let stop = Arc::new(AtomicBool::new(false));
    let clients = (0..CLIENTS).map(|_| {
        let (address, stop) = (address.clone(), Arc::clone(&stop));
        tokio::spawn(async move {
            let mut answered = 0;
            // Until the restarts are over, and often enough to have met them.
            while !stop.load(Ordering::Relaxed) || answered <= RESTARTS {
                let request = b"GET /healthz HTTP/1.1\r\nHost: hub\r\nConnection: close\r\n\r\n";
                let answer = raw::exchange(&address, request).await;
                let answer = String::from_utf8_lossy(&answer);
                assert!(answer.starts_with("HTTP/1.1 200"), "after {answered}: {answer:?}");
                answered += 1;
            }
        })
    });
    let clients: Vec<_> = clients.collect();
    let hub = tokio::task::spawn_blocking(move || {
        for _ in 0..RESTARTS {
            hub.restart();
        }
        hub
    });
    let hub = hub.await.unwrap();
    stop.store(true, Ordering::Relaxed);
    for client in join_all(clients).await {
        client.unwrap();
    }
    assert!(hub.log().contains("handed over"));
}

/// The rule for plain HTTP is for the socket, whoever made it.
#[tokio::test]
async fn a_socket_for_everybody_is_no_way_round_tls() {
    let socket = TcpListener::bind("0.0.0.0:0").unwrap();
    let mut hub =
        Setup::on(Engine::Sqlite).handed(socket).env("HUBD_ALLOW_PLAIN_HTTP", "true").start().await;
    assert!(hub.stop().success());
    hub.set_env("HUBD_ALLOW_PLAIN_HTTP", "false");
    let (status, said) = hub.launch_refused();
    assert!(!status.success() && said.contains("--allow-plain-http"), "{said}");
}

/// systemd knows every word of the units, and the services may do as little as they say.
#[test]
#[expect(clippy::print_stderr, reason = "a skipped test says so")]
fn the_units_are_right_and_closed() {
    let folder = tempfile::tempdir().unwrap();
    let names = ["hubd.socket", "hubd.service", "hubd-backup.service", "hubd-backup.timer"];
    for name in names {
        let unit = std::fs::read_to_string(workspace().join("deploy").join(name)).unwrap();
        // The program must exist.
        let unit = unit.replace("/usr/local/bin/hubd", "/bin/true");
        std::fs::write(folder.path().join(name), unit).unwrap();
    }
    let analyze = |arguments: &[&str]| {
        let mut analyze = Command::new("systemd-analyze");
        analyze.args(arguments).current_dir(folder.path()).output().ok()
    };
    let Some(verified) = analyze(&[&["verify", "--man=no"], &names[..]].concat()) else {
        eprintln!("SKIPPED: systemd-analyze is not installed");
        return;
    };
    let said = String::from_utf8_lossy(&verified.stderr);
    assert!(verified.status.success() && said.is_empty(), "{said}");
    for service in ["hubd.service", "hubd-backup.service"] {
        // In tenths: 1.0 at most.
        let closed =
            analyze(&["security", "--offline=yes", "--threshold=10", "--no-pager", service]);
        let closed = closed.unwrap();
        assert!(closed.status.success(), "{}", String::from_utf8_lossy(&closed.stdout));
    }
}
