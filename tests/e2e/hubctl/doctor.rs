//! `hubctl doctor`: what is wrong, each check before those that depend on it.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;

use hub_tests::ctl::Ctl;
use hub_tests::{Hub, both_stores, clock};
use serde_json::{Value, json as value};

use super::endings::answer;
use super::snapshot::compare;
use super::{ran, words};

/// The findings of doctor, which must end with this exit code.
fn found(ctl: &Ctl, line: &str, code: i32) -> Value {
    let found = ran(ctl, &format!("doctor {line} -o json"), code).json();
    assert_eq!(found["ok"], code == 0, "{found}");
    for check in found["checks"].as_array().unwrap() {
        let members: Vec<_> = check.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(members, ["detail", "hint", "name", "status"], "{check}");
    }
    found
}

fn status<'a>(found: &'a Value, name: &str) -> Option<&'a str> {
    let checks = found["checks"].as_array().unwrap();
    let check = checks.iter().find(|check| check["name"] == name)?;
    check["status"].as_str()
}

both_stores!(
    doctor_finds_nothing_wrong,
    a_key_that_the_hub_does_not_know_is_exit_4,
    a_key_that_ends_soon_is_a_warning,
    a_server_without_tls_fails_at_tls
);

async fn doctor_finds_nothing_wrong(hub: Hub) {
    let ctl = hub.ctl();
    let found = found(&ctl, "", 0);
    for name in [
        "contexts",
        "settings",
        "connection",
        "hub",
        "clock",
        "ready",
        "version",
        "admin key",
        "key's end",
    ] {
        assert_eq!(status(&found, name), Some("ok"), "{name}: {found}");
    }
    let piped = ran(&ctl, "doctor", 0).stdout;
    assert!(piped.starts_with("CHECK\tSTATUS\tDETAIL\tWHAT TO DO\n"), "{piped}");
    let seen = ctl.at_terminal(100, &words("doctor")).end().expect(0).text;
    compare("doctor", &seen);
    assert!(!seen.contains(&hub.admin_key()[9..]));
}

async fn a_key_that_the_hub_does_not_know_is_exit_4(hub: Hub) {
    let wrong = hub.ctl().env("HUBCTL_ADMIN_KEY", "lb_admin_00000000000000000000000000000000");
    let none = hub.ctl().env("HUBCTL_ADMIN_KEY", "");
    for ctl in [wrong, none] {
        let found = found(&ctl, "", 4);
        assert_eq!(
            (status(&found, "ready"), status(&found, "admin key")),
            (Some("ok"), Some("fail")),
            "{found}"
        );
    }
}

async fn a_key_that_ends_soon_is_a_warning(hub: Hub) {
    let soon = clock::later(3 * clock::DAY);
    let line = format!("admin-key create brief --role owner --expires-at {soon} --sink file:k");
    let ctl = hub.ctl();
    ran(&ctl, &line, 0);
    let found = found(&ctl, "--admin-key-file k", 0);
    assert_eq!(status(&found, "key's end"), Some("warn"), "{found}");
}

async fn a_server_without_tls_fails_at_tls(hub: Hub) {
    let url = format!("https://{}", hub.address());
    let found = found(&hub.ctl(), &format!("--url {url}"), 9);
    assert_eq!(
        (status(&found, "connection"), status(&found, "tls")),
        (Some("ok"), Some("fail")),
        "{found}"
    );
    assert_eq!(status(&found, "hub"), None, "what rests on it is not looked at");
}

#[test]
fn nobody_there_is_exit_9() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let found = found(&Ctl::default(), &format!("--url http://{closed}"), 9);
    assert_eq!(status(&found, "connection"), Some("fail"), "{found}");
    assert_eq!(status(&found, "admin key"), None);
}

/// With wrong settings, doctor checks nothing else.
#[test]
fn wrong_settings_are_a_check_too() {
    let found = found(&Ctl::default(), "--url ftp://h", 2);
    assert_eq!(status(&found, "settings"), Some("fail"), "{found}");
    let unknown = self::found(&Ctl::default(), "-c prod", 3);
    assert_eq!(status(&unknown, "settings"), Some("fail"), "{unknown}");
}

/// A hub that is not ready, a hub whose clock is wrong, and a server that is no hub.
#[test]
fn hubs_that_are_not_well_are_told_apart() {
    let well = Answers { ready: 200, version: env!("CARGO_PKG_VERSION"), date: None, up: "ok" };
    let sick = |answers: Answers, code| {
        let ctl =
            Ctl::default().env("HUBCTL_ADMIN_KEY", "lb_admin_00000000000000000000000000000001");
        found(&ctl, &format!("--url {} --retries 0", serve(answers)), code)
    };
    let found = sick(well, 0);
    assert_eq!(status(&found, "clock"), None, "it did not say what time it is: {found}");
    let found = sick(Answers { ready: 503, ..well }, 10);
    assert_eq!((status(&found, "hub"), status(&found, "ready")), (Some("ok"), Some("fail")));
    for (version, code, told) in [("0.1.99", 0, "warn"), ("9.0.0", 14, "fail")] {
        let found = sick(Answers { version, ..well }, code);
        assert_eq!(status(&found, "version"), Some(told), "{found}");
    }
    let past = Some("Sun, 06 Nov 1994 08:49:37 GMT");
    let found = sick(Answers { date: past, ..well }, 0);
    assert_eq!(status(&found, "clock"), Some("warn"), "{found}");
    let found = sick(Answers { up: "fine", ..well }, 14);
    assert_eq!((status(&found, "hub"), status(&found, "ready")), (Some("fail"), None));
}

/// How a server answers in place of the hub.
#[derive(Clone, Copy)]
struct Answers {
    ready: u16,
    version: &'static str,
    date: Option<&'static str>,
    up: &'static str,
}

impl Answers {
    fn to(self, path: &str) -> String {
        let date = self.date.map(|date| format!("Date: {date}\r\n")).unwrap_or_default();
        let (status, body) = match path {
            "/healthz" => (200, value!({"status": self.up})),
            "/readyz" => (self.ready, value!({"status": "ready"})),
            "/version" => (200, value!({"name": "hubd", "version": self.version, "schema": 1})),
            _ => (200, value!({"name": "ci", "role": "viewer", "fingerprint": "0123456789ab"})),
        };
        answer(&format!("{status} X"), &date, &body.to_string())
    }
}

fn serve(answers: Answers) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for mut connection in listener.incoming().flatten() {
            let mut reader = BufReader::new(connection.try_clone().unwrap());
            let mut head = String::new();
            while reader.read_line(&mut head).is_ok_and(|n| n > 2) {}
            let path = head.split(' ').nth(1).unwrap_or_default();
            let _ = connection.write_all(answers.to(path).as_bytes());
        }
    });
    url
}
