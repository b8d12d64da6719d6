//! What a person sees who waits: after half a second, what is waited for; once, and never something else.

use std::fs::File;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

use hub_tests::ctl::Ctl;
use hub_tests::{Hub, both_stores};

use super::words;

/// A hub that takes connections and never answers, and a hubctl that asks it.
fn silent() -> (TcpListener, Ctl) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let key = "lb_admin_00000000000000000000000000000001";
    (listener, Ctl::default().env("HUBCTL_URL", &url).env("HUBCTL_ADMIN_KEY", key))
}

/// Requests that are sent at the same time share one line.
#[test]
fn one_line_is_for_all_requests() {
    let (_listener, ctl) = silent();
    for line in ["status --timeout 2s", "instance get a-1 a-2 a-3 a-4 --timeout 2s"] {
        let seen = ctl.at_terminal(80, &words(line)).end().expect(9).text;
        assert!(seen.contains("waiting for http://"), "{line}: {seen:?}");
        // A line is wiped before it is drawn again.
        for drawn in seen.split("\u{1b}[2K") {
            assert!(drawn.matches("waiting for").count() <= 1, "{line}: {seen:?}");
        }
    }
}

#[test]
fn every_command_shows_what_it_waits_for() {
    let (_listener, ctl) = silent();
    for line in ["doctor --timeout 2s", "whoami --timeout 2s", "telemetry report --timeout 2s"] {
        let seen = ctl.at_terminal(80, &words(line)).end().expect(9).text;
        assert!(seen.contains("waiting for http://"), "{line}: {seen:?}");
    }
}

/// The number of the attempt is what a narrow terminal shows of a pause.
#[test]
fn a_pause_before_another_attempt_is_shown() {
    let (listener, ctl) = silent();
    std::thread::spawn(move || listener.incoming().flatten().for_each(|socket| later(socket, 1)));
    let seen = ctl.at_terminal(50, &words("whoami --retries 1")).end().expect(10).text;
    assert!(seen.contains("attempt 1 of 1 follows"), "{seen:?}");
}

/// Whatever stands between hubctl and the hub may say so.
#[test]
fn nobody_waits_longer_than_there_is_time() {
    let (listener, ctl) = silent();
    let later = |socket| later(socket, u64::MAX);
    std::thread::spawn(move || listener.incoming().flatten().for_each(later));
    let _ = ctl.run(&words("whoami --retries 1")).expect(10);
}

/// Answers that the hub is overloaded, and wants to be asked again after so many seconds.
fn later(mut socket: TcpStream, seconds: u64) {
    let mut head = [0; 4096];
    let _ = socket.read(&mut head);
    let answer = format!(
        "HTTP/1.1 503 Service Unavailable\r\nRetry-After: {seconds}\r\nContent-Length: 0\r\n\
        Connection: close\r\n\r\n"
    );
    let _ = socket.write_all(answer.as_bytes());
}

/// At a terminal, a command that reads standard input says so.
#[test]
fn input_that_is_typed_is_asked_for() {
    let (_listener, ctl) = silent();
    for line in ["validate", "instance delete --stdin --yes", "fingerprint", "certificate verify"] {
        let terminal = ctl.at_terminal(80, &words(line));
        terminal.wait_for("reading standard input");
        // Nobody has to wait for the end of the input.
        terminal.type_keys("\u{3}");
        assert!(terminal.end().text.contains("Ctrl-D ends it"), "{line}");
    }
}

/// A key that is typed is not shown, and nobody has to wait for the end of it.
#[test]
fn a_key_on_standard_input_is_typed_unseen() {
    let (_listener, ctl) = silent();
    for line in [
        "--admin-key-file - whoami",
        "--admin-key-file - instance list",
        "--admin-key-file - --url http://127.0.0.1:1 context add here",
        "--admin-key-file - login",
    ] {
        let terminal = ctl.at_terminal(80, &words(line));
        terminal.wait_for("the admin key: ");
        terminal.type_keys("lb_admin_\u{3}");
        let seen = terminal.end().expect(130).text;
        assert!(!seen.contains("lb_admin"), "{seen:?}");
    }
}

both_stores!(
    a_slow_command_is_waited_for,
    a_lock_and_a_command_are_waited_for_until_a_signal_comes,
    what_failed_is_wrapped_with_its_handle
);

async fn a_lock_and_a_command_are_waited_for_until_a_signal_comes(hub: Hub) {
    hub.client("acme").await;
    let ctl = hub.ctl();
    let folder = File::open(ctl.dir()).unwrap();
    for (sink, waits) in [
        ("env-file:a.env?var=A", "waiting for another program"),
        ("cmd:sleep 60", "waiting for the command"),
    ] {
        folder.lock().unwrap();
        let line = ["instance", "issue", "acme-1", "--client", "acme", "--sink", sink];
        let terminal = ctl.at_terminal(80, &line);
        terminal.wait_for(waits);
        terminal.type_keys("\u{3}");
        let seen = terminal.end().expect(130).text;
        assert!(seen.contains("error[interrupted]"), "{seen:?}");
        folder.unlock().unwrap();
    }
    let _ = ctl.run(&words("instance get acme-1")).expect(3);
}

async fn a_slow_command_is_waited_for(hub: Hub) {
    hub.client("acme").await;
    let ctl = hub.ctl();
    let line = ["instance", "issue", "acme-1", "--client", "acme", "--sink"];
    let line =
        [line.as_slice(), &["cmd:while [ ! -e go ]; do sleep 0.05; done; cat > key"]].concat();
    let terminal = ctl.at_terminal(80, &line);
    terminal.wait_for("waiting for the command of --sink cmd:");
    std::fs::write(ctl.dir().join("go"), "").unwrap();
    let _ = terminal.end().expect(0);
}

async fn what_failed_is_wrapped_with_its_handle(hub: Hub) {
    hub.client("acme").await;
    let ctl = hub.ctl().env("NO_COLOR", "1");
    let handle = "acme-production-frankfurt-1";
    let line = format!("instance get {handle} acme-2");
    let seen = ctl.at_terminal(60, &words(&line)).end().expect(11).text;
    assert!(seen.lines().all(|line| line.chars().count() <= 60), "{seen}");
}
