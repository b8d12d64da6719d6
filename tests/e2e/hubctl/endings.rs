//! How hubctl ends: the exit code, and the message for a person or a script.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::process::Stdio;

use hub_core::exit::Exit;
use hub_tests::ctl::Ctl;
use hub_tests::fleet::own_license_key;
use hub_tests::{Hub, both_stores};
use serde_json::{Value, json as value};

use super::snapshot::{compare, written};
use super::{error, json, key_in, own, ran, words};

both_stores!(
    a_handle_in_use_is_refused_with_its_object,
    an_unknown_handle_gets_a_suggestion,
    a_wrong_key_and_a_missing_key_differ,
    an_admin_key_comes_from_a_file_or_standard_input,
    a_license_is_valid_unknown_refused_or_limited,
    a_verdict_has_the_same_columns_whatever_it_is,
    an_output_that_cannot_be_written_is_no_bug,
    no_key_is_shown_with_v
);

async fn a_handle_in_use_is_refused_with_its_object(hub: Hub) {
    hub.client("acme").await;
    let ctl = hub.ctl();
    let refused = error(&ctl, "client create acme", 6);
    assert_eq!(
        (&refused["code"], &refused["status"], &refused["retryable"]),
        (&value!("client_exists"), &value!(409), &value!(false))
    );
    let seen = hub.admin().get("/api/v1/admin/clients/acme").await.ok();
    assert_eq!(refused["existing"], seen);
    assert_eq!(json(&ctl, "client create acme --if-not-exists")["changed"], false);
}

async fn an_unknown_handle_gets_a_suggestion(hub: Hub) {
    hub.client("acme").await;
    hub.issue("acme", "acme-prod").await;
    let ctl = hub.ctl();
    let lines = ["instance get acme-prd", "client get nothing-like-it"];
    let said = lines.map(|line| written(line, &ran(&ctl, line, 3)));
    compare("suggestions", &said.concat());
}

async fn a_wrong_key_and_a_missing_key_differ(hub: Hub) {
    let ctl = hub.ctl().env("HUBCTL_ADMIN_KEY", "lb_admin_00000000000000000000000000000000");
    assert_eq!(error(&ctl, "client list", 4)["code"], "admin_key_invalid");
    let ctl = hub.ctl().env("HUBCTL_ADMIN_KEY", "");
    let none = error(&ctl, "client list", 4);
    assert_eq!((&none["code"], &none["request_id"]), (&value!("admin_key_missing"), &value!(null)));
    let ctl = hub.ctl().env("HUBCTL_ADMIN_KEY", "hunter2");
    let malformed = ran(&ctl, "client list", 4);
    assert!(!malformed.stderr.contains("hunter2"), "{}", malformed.stderr);
}

async fn an_admin_key_comes_from_a_file_or_standard_input(hub: Hub) {
    let ctl = hub.ctl().env("HUBCTL_ADMIN_KEY", "").stdin(hub.admin_key());
    own(&ctl, "key", &format!("{}\n", hub.admin_key()));
    assert_eq!(json(&ctl, "whoami --admin-key-file key")["role"], "owner");
    assert_eq!(json(&ctl, "whoami --admin-key-file -")["role"], "owner");
    assert_eq!(error(&ctl, "whoami --admin-key-file none", 2)["code"], "usage");
    let ctl = ctl.env("HUBCTL_ADMIN_KEY_FILE", "key");
    assert_eq!(json(&ctl, "whoami")["role"], "owner");
    // A hub that was started in this folder.
    let here = Ctl::default().env("HUBCTL_URL", hub.base());
    std::os::unix::fs::symlink(hub.data_dir(), here.dir().join("hub-data")).unwrap();
    assert_eq!(json(&here, "whoami")["role"], "owner");
}

/// The document of a refused license stays on standard output.
async fn a_license_is_valid_unknown_refused_or_limited(hub: Hub) {
    hub.client("acme").await;
    let license = hub.issue("acme", "acme-1").await.license_key;
    let ctl = |license: &str| hub.ctl().env("HUBCTL_ADMIN_KEY", "").stdin(license);
    assert_eq!(ran(&ctl(&license), "validate -o json", 0).json()["valid"], true);
    for wrong in [own_license_key(9).as_str(), "lb_inst_", ""] {
        let verdict = ran(&ctl(wrong), "validate -o json", 4).json();
        assert_eq!(verdict["code"], "license_invalid");
    }
    hub.act("acme-1", "suspend", value!({})).await;
    let verdict = ran(&ctl(&license), "validate -o json", 5).json();
    assert_eq!(
        (&verdict["valid"], &verdict["code"]),
        (&value!(false), &value!("instance_suspended"))
    );
    assert_eq!(ran(&ctl(&license), "validate", 5).stderr, "");
}

/// A script that reads columns by name finds them, empty where there is nothing.
async fn a_verdict_has_the_same_columns_whatever_it_is(hub: Hub) {
    hub.client("acme").await;
    let license = hub.issue("acme", "acme-1").await.license_key;
    let ctl = |license: &str| hub.ctl().env("HUBCTL_ADMIN_KEY", "").stdin(license);
    let unknown = own_license_key(9);
    let mut all = String::new();
    let mut heads = Vec::new();
    for (key, code) in [(license.as_str(), 0), (unknown.as_str(), 4), ("no key", 4)] {
        let line = "validate -o csv";
        let ran = ran(&ctl(key), line, code);
        heads.push(ran.stdout.lines().next().unwrap_or_default().to_owned());
        all += &written(line, &ran);
    }
    assert!(heads.iter().all(|head| *head == heads[0]), "{heads:?}");
    let line = "validate -o csv --fields code,instance_id,license.expires_at";
    all += &written(line, &ran(&ctl(&unknown), line, 4));
    compare("columns_of_validate", &all);
}

/// A full disk is not the fault of hubctl, and what the command did stands.
async fn an_output_that_cannot_be_written_is_no_bug(hub: Hub) {
    hub.client("acme").await;
    let ctl = hub.ctl();
    let full = |line: &str, code: i32| {
        let ran = ctl.run_in("sh", &format!("hubctl {line} > /dev/full"));
        assert_eq!(ran.code, code, "{line}: {}", ran.stderr);
        ran.stderr
    };
    let said = full("client list", 2);
    for line in ["--help", "--version", "help exit-codes", "completion bash", "man", "export"] {
        assert_eq!(full(line, 2), said, "{line}");
    }
    assert_eq!(full("client create globex", 2), said);
    hub.admin().get("/api/v1/admin/clients/globex").await.expect(200).done();
    let json: Value = serde_json::from_str(&full("client list -o json", 2)).unwrap();
    assert_eq!(
        (&json["error"]["code"], &json["error"]["retryable"]),
        (&value!("output_failed"), &value!(false))
    );
    compare("output_that_cannot_be_written", &said);
}

async fn no_key_is_shown_with_v(hub: Hub) {
    hub.client("acme").await;
    let ctl = hub.ctl();
    let said = ran(&ctl, "-v instance issue acme-1 --client acme --sink file:a.key", 0);
    let (admin, license) = (hub.admin_key(), key_in(&ctl, "a.key"));
    assert!(said.stderr.contains("> POST "), "{}", said.stderr);
    for secret in [&admin["lb_admin_".len()..], &license["lb_inst_".len()..]] {
        assert!(!said.stderr.contains(secret) && !said.stdout.contains(secret));
    }
}

/// A server that answers each request as the list says, then stops.
fn server(answers: Vec<String>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for answer in answers {
            let (mut connection, _) = listener.accept().unwrap();
            let mut reader = BufReader::new(connection.try_clone().unwrap());
            let mut line = String::new();
            while reader.read_line(&mut line).unwrap() > 2 {
                line.clear();
            }
            connection.write_all(answer.as_bytes()).unwrap();
        }
    });
    format!("http://{address}")
}

pub(super) fn answer(status: &str, headers: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "HTTP/1.1 {status}\r\n{headers}Connection: close\r\nContent-Length: {length}\r\n\r\n{body}"
    )
}

fn problem(status: &str, code: &str) -> String {
    let number = &status[..3];
    let body = format!(
        r#"{{"type":"about:blank","title":"x","status":{number},"code":"{code}","detail":"d","request_id":"r-1"}}"#
    );
    answer(status, "Retry-After: 0\r\nContent-Type: application/problem+json\r\n", &body)
}

fn stats() -> String {
    let body = value!({"clients": 1, "instances": {"total": 0, "pending": 0, "active": 0,
        "suspended": 0}, "admin_keys": 1, "reports_24h": 0, "audit_events": 1, "store_bytes": 1,
        "database": "sqlite"});
    answer("200 OK", "Content-Type: application/json\r\n", &body.to_string())
}

fn ctl_for(url: &str) -> Ctl {
    let key = "lb_admin_00000000000000000000000000000001";
    Ctl::default().env("HUBCTL_URL", url).env("HUBCTL_ADMIN_KEY", key)
}

#[test]
fn temporary_failures_are_retried() {
    let busy = || problem("503 Service Unavailable", "overloaded");
    let ctl =
        ctl_for(&server(vec![busy(), problem("429 Too Many Requests", "rate_limited"), stats()]));
    assert_eq!(json(&ctl, "stats")["clients"], 1);
    let ctl = ctl_for(&server(vec![busy(), busy(), stats()]));
    let given_up = error(&ctl, "stats --retries 1", Exit::HubFailed.code().into());
    assert_eq!(
        (&given_up["code"], &given_up["status"], &given_up["retryable"]),
        (&value!("overloaded"), &value!(503), &value!(true))
    );
    assert_eq!(given_up["request_id"], "r-1");
    let limited = || problem("429 Too Many Requests", "rate_limited");
    let ctl = ctl_for(&server(vec![limited(), limited()]));
    assert_eq!(error(&ctl, "stats --retries 1", 7)["retryable"], true);
}

/// A hub that cannot be reached or does not answer, and a server that is no hub.
#[test]
fn strangers_and_silence_have_their_own_codes() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let ctl = ctl_for(&format!("http://{closed}"));
    assert_eq!(error(&ctl, "stats --retries 0", 9)["code"], "unreachable");
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let ctl = ctl_for(&format!("http://{}", silent.local_addr().unwrap()));
    let late = error(&ctl, "stats --timeout 300ms", 9);
    assert_eq!((&late["code"], &late["retryable"]), (&value!("timeout"), &value!(true)));
    let html = answer("200 OK", "Content-Type: text/html\r\n", "<html>");
    assert_eq!(error(&ctl_for(&server(vec![html])), "stats", 14)["code"], "not_understood");
    let lost = answer("404 Not Found", "Content-Type: text/html\r\n", "<html>");
    error(&ctl_for(&server(vec![lost])), "stats", 14);
}

/// Wrong usage ends with exit 2, in JSON if JSON is the format, and repeats no key.
#[test]
fn usage_errors_have_the_chosen_format() {
    let ctl = ctl_for("http://127.0.0.1:9");
    for line in [
        "client lst",
        "client create",
        "client create Not_A_Slug",
        "instance issue acme-1",
        "instance list --status sleeping",
        "instance update acme-1",
        "audit list --action client.sell",
        "stats --url ftp://x",
        "stats --timeout soon",
    ] {
        assert_eq!(error(&ctl, line, 2)["code"], "usage", "{line}");
    }
    let said = ran(&ctl, "client lst", 2);
    assert!(said.stderr.starts_with("error[usage]: "), "{}", said.stderr);
    let typed = format!("whoami {}", own_license_key(0x5eed));
    assert!(!ran(&ctl, &typed, 2).stderr.contains("5eed"));
    assert_eq!(ran(&ctl, "--help", 0).stderr, "");
    let version = format!("hubctl {}\n", env!("CARGO_PKG_VERSION"));
    assert_eq!(ran(&ctl, "--version", 0).stdout, version);
    ran(&ctl, "", 2);
}

/// A reader that closes the pipe ends hubctl quietly.
#[tokio::test]
async fn a_closed_pipe_ends_it_quietly() {
    let hub = Hub::sqlite().await;
    for n in 0..300 {
        hub.client(&format!("client-{n:03}-with-a-long-name-to-fill-a-pipe")).await;
    }
    let ctl = hub.ctl();
    let mut child =
        ctl.command(&words("client list -o json")).stdout(Stdio::piped()).spawn().unwrap();
    // Closed before anything is read.
    drop(child.stdout.take());
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(i32::from(Exit::OutputClosed.code())));
    assert_eq!(said, "");
}
