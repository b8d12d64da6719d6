//! Contexts: a hub's URL and key are entered once, readable only by their owner, and sent only to that hub.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use hub_tests::ctl::Ctl;
use hub_tests::fleet::fingerprint;
use hub_tests::{Hub, both_stores};
use serde_json::{Value, json as value};

use super::snapshot::compare;
use super::{error, files, json, key_in, own, ran, words};

const OTHER_KEY: &str = "lb_admin_00000000000000000000000000000000";

/// Where hubctl keeps contexts in a test.
fn kept(ctl: &Ctl) -> PathBuf {
    ctl.dir().join("config/hubctl/contexts.toml")
}

fn mode(path: &std::path::Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

/// A hubctl without contexts, with the hub's key on standard input.
fn stranger(hub: &Hub) -> Ctl {
    Ctl::default().stdin(hub.admin_key())
}

both_stores!(
    a_login_is_remembered,
    a_login_makes_the_context_that_is_named,
    a_wrong_key_is_not_kept,
    the_key_is_asked_for_and_not_shown,
    an_interrupted_question_leaves_the_terminal_as_it_was,
    without_a_terminal_the_key_comes_from_a_file,
    a_key_goes_to_its_own_hub_alone,
    a_context_is_added_listed_used_and_removed,
    a_dry_run_changes_no_context,
    each_value_is_shown_with_its_origin,
    a_variable_that_overrides_a_context_is_a_warning,
    a_file_that_others_can_read_is_refused,
    a_second_login_replaces_the_key
);

async fn a_login_is_remembered(hub: Hub) {
    let ctl = stranger(&hub);
    let line = format!("login prod --url {} --admin-key-file -", hub.base());
    let said = json(&ctl, &line);
    assert_eq!(
        (&said["name"], &said["url"], &said["current"], &said["changed"]),
        (&value!("prod"), &value!(hub.base()), &value!(true), &value!(true))
    );
    assert_eq!(said["fingerprint"], fingerprint(hub.admin_key()));
    assert_eq!(said["identity"]["role"], "owner");
    assert_eq!(json(&ctl, "whoami")["role"], "owner");
    let file = kept(&ctl);
    assert_eq!((mode(&file), mode(file.parent().unwrap())), (0o600, 0o700));
    for line in ["context list", "context show", "context show prod -o json", "-v whoami"] {
        let ran = ran(&ctl, line, 0);
        assert!(!(ran.stdout + &ran.stderr).contains(&hub.admin_key()[9..]), "{line}");
    }
}

/// Only a key that the hub accepts is kept.
/// `-c` names the context, as it does for every other command.
async fn a_login_makes_the_context_that_is_named(hub: Hub) {
    let ctl = stranger(&hub);
    let missing = error(&ctl, "whoami -c prod", 3);
    assert_eq!(missing["hint"], "hubctl login prod adds it", "{missing}");
    let login = format!("--url {} --admin-key-file -", hub.base());
    assert_eq!(json(&ctl, &format!("login -c prod {login}"))["name"], "prod");
    assert_eq!(json(&ctl, "whoami -c prod")["role"], "owner");
    assert_eq!(json(&ctl, &format!("login test -c prod {login}"))["name"], "test");
}

async fn a_wrong_key_is_not_kept(hub: Hub) {
    for (given, code) in [
        (OTHER_KEY, "admin_key_invalid"),
        ("hunter2", "admin_key_invalid"),
        ("", "admin_key_invalid"),
    ] {
        let ctl = Ctl::default().stdin(given);
        let line = format!("login --url {} --admin-key-file -", hub.base());
        assert_eq!(error(&ctl, &line, 4)["code"], code, "{given}");
        assert_eq!(files(&ctl), [""; 0], "nothing was written");
    }
}

async fn the_key_is_asked_for_and_not_shown(hub: Hub) {
    let ctl = Ctl::default();
    let line = format!("login --url {}", hub.base());
    let terminal = ctl.at_terminal(120, &words(&line));
    terminal.wait_for("admin key of ");
    terminal.type_line(hub.admin_key());
    let seen = terminal.end().expect(0).text;
    compare("question_of_login", &seen);
    assert!(!seen.contains(&hub.admin_key()[9..]), "it was echoed: {seen}");
    assert_eq!(json(&ctl, "whoami")["role"], "owner");
    // Without a name the context is named after the host.
    let name = hub.address().replace(':', "-");
    assert_eq!(json(&ctl, "context list")[0]["name"], value!(name));
}

/// Ctrl-C ends the question, and the terminal shows again what is typed.
async fn an_interrupted_question_leaves_the_terminal_as_it_was(hub: Hub) {
    let ctl = Ctl::default();
    // The signal goes to every program at the terminal; the shell ignores it.
    let script = format!(
        "trap : INT; stty -echoctl; hubctl login --url {}; echo code $?; \
        stty -a | tr ' ;' '\\n\\n' | grep -x -e echo -e -echo",
        hub.base()
    );
    let terminal = ctl.shell_at_terminal(120, &script);
    terminal.wait_for("admin key of ");
    terminal.type_keys("half of a \u{3}");
    let seen = terminal.end().text;
    assert!(!seen.contains("half"), "{seen}");
    // The message shows that hubctl ended by itself and not by the signal.
    assert!(seen.contains("error[interrupted]"), "{seen}");
    let lines: Vec<&str> = seen.lines().map(str::trim).collect();
    assert_eq!(lines[lines.len() - 2..], ["code 130", "echo"], "{seen}");
    assert_eq!(files(&ctl), [""; 0], "nothing was written");
}

async fn without_a_terminal_the_key_comes_from_a_file(hub: Hub) {
    let ctl = stranger(&hub).env("HUBCTL_URL", hub.base());
    for line in ["login", "login --yes"] {
        let refused = error(&ctl, line, 12);
        assert_eq!(refused["code"], "input_needed");
        assert!(refused["hint"].as_str().unwrap().contains("--admin-key-file"), "{refused}");
    }
    let line = words("login --no-input");
    let _ = ctl.at_terminal(120, &line).end().expect(12);
    let terminal = ctl.at_terminal(120, &words("login"));
    terminal.wait_for("admin key of ");
    terminal.type_keys("\u{4}");
    let _ = terminal.end().expect(12);
    own(&ctl, "key", &format!("{}\n", hub.admin_key()));
    ran(&ctl, "login prod --admin-key-file key", 0);
    fs::remove_file(ctl.dir().join("key")).unwrap();
    // The key is in the context now.
    assert_eq!(json(&ctl, "whoami")["role"], "owner");
    // Where nobody can be asked, the variables are taken as by every other command.
    ran(&hub.ctl(), "login prod", 0);
}

/// The key of a context goes to no other URL, wherever that URL comes from.
async fn a_key_goes_to_its_own_hub_alone(hub: Hub) {
    let ctl = stranger(&hub);
    ran(&ctl, &format!("login prod --url {} --admin-key-file -", hub.base()), 0);
    let (url, heard) = listener();
    let refused = error(&ctl, &format!("client list --url {url}"), 4);
    assert_eq!(refused["code"], "admin_key_missing");
    assert!(refused["hint"].as_str().unwrap().contains("the key of context prod"), "{refused}");
    // A request that needs no key is sent without one.
    ran(&ctl, &format!("version --url {url} --retries 0"), 14);
    let elsewhere = ctl.env("HUBCTL_URL", &url);
    error(&elsewhere, "client list", 4);
    error(&elsewhere, "-c prod client list", 4);
    error(&elsewhere, "api GET /api/v1/admin/stats", 4);
    ran(&elsewhere, "doctor", 14);
    let heard = heard.lock().unwrap().clone();
    assert!(heard.contains("GET /version "), "{heard}");
    let secret = &hub.admin_key()[9..];
    assert!(!heard.to_ascii_lowercase().contains("x-admin") && !heard.contains(secret));
}

async fn a_context_is_added_listed_used_and_removed(hub: Hub) {
    let ctl = stranger(&hub);
    own(&ctl, "owner.key", hub.admin_key());
    let line = format!("context add prod --url {} --admin-key-file owner.key", hub.base());
    assert_eq!(json(&ctl, &line)["current"], true, "the first is used");
    ran(&ctl, "context add test --url http://127.0.0.1:9 --default-output csv", 0);
    assert_eq!(error(&ctl, &line, 6)["existing"]["name"], "prod");
    assert_eq!(json(&ctl, &format!("{line} --if-not-exists"))["changed"], false);
    // Remembered from every folder, and read there when it is needed.
    let path = fs::canonicalize(ctl.dir()).unwrap().join("owner.key");
    let list = json(&ctl, "context list");
    assert_eq!(
        list[0],
        value!({"name": "prod", "url": hub.base(), "current": true,
        "key_from": path, "fingerprint": fingerprint(hub.admin_key()), "cacert": null,
        "output": null})
    );
    assert_eq!(list[1]["output"], "csv");
    assert!(!fs::read_to_string(kept(&ctl)).unwrap().contains("lb_admin_"));
    assert_eq!(json(&ctl, "whoami")["role"], "owner");
    ran(&ctl, "context use test", 0);
    error(&ctl, "whoami --retries 0", 4);
    assert_eq!(json(&ctl, "whoami -c prod")["role"], "owner");
    assert_eq!(ran(&ctl, "context list -q", 0).stdout, "prod\ntest\n");
    for line in ["context use prd", "context show prd", "whoami -c prd", "context remove prd"] {
        let unknown = error(&ctl, line, 3);
        assert_eq!(
            (&unknown["code"], &unknown["hint"]),
            (&value!("context_not_found"), &value!("did you mean prod?")),
            "{line}"
        );
    }
    assert_eq!(error(&ctl, "context remove prod", 12)["code"], "input_needed");
    ran(&ctl, "context remove prod --yes", 0);
    assert_eq!(json(&ctl, "context remove prod --yes --if-exists")["changed"], false);
    assert!(path.exists(), "a file that is only named stays");
    assert_eq!(ran(&ctl, "context list -q", 0).stdout, "test\n");
}

async fn a_dry_run_changes_no_context(hub: Hub) {
    let ctl = stranger(&hub);
    let add = "context add test --url http://127.0.0.1:9";
    let login = format!("login prod --url {} --admin-key-file -", hub.base());
    for line in [add, &login] {
        assert_eq!(json(&ctl, &format!("{line} --dry-run"))["dry_run"], true, "{line}");
    }
    assert_eq!(files(&ctl), [""; 0], "nothing was written");
    ran(&ctl, &login, 0);
    ran(&ctl, add, 0);
    let before = fs::read_to_string(kept(&ctl)).unwrap();
    for (line, words) in [
        ("context use test", "would use context test\n"),
        ("context remove prod", "would remove context prod\n"),
        ("context add new --url http://h", "would add context new\n"),
    ] {
        assert_eq!(ran(&ctl, &format!("{line} --dry-run"), 0).stdout, words);
    }
    assert_eq!(fs::read_to_string(kept(&ctl)).unwrap(), before);
}

/// Each value says where it comes from.
async fn each_value_is_shown_with_its_origin(hub: Hub) {
    let ctl = stranger(&hub);
    ran(&ctl, &format!("login prod --url {} --admin-key-file -", hub.base()), 0);
    let file = kept(&ctl).display().to_string();
    let of_prod = format!("context prod ({file})");
    let shown = |ctl: &Ctl, line: &str, name: &str, held: (Value, &str)| {
        let document = json(ctl, line);
        assert_eq!(document[name], value!({"value": held.0, "origin": held.1}), "{line}: {name}");
    };
    let owner = fingerprint(hub.admin_key());
    shown(&ctl, "context show", "context", (value!("prod"), &format!("current ({file})")));
    shown(&ctl, "context show", "url", (value!(hub.base()), &of_prod));
    shown(&ctl, "context show", "admin_key", (value!(owner), &of_prod));
    shown(&ctl, "context show", "timeout", (value!("30s"), "default"));
    shown(&ctl, "context show prod", "context", (value!("prod"), "flag"));
    shown(&ctl, "context show --timeout 5", "timeout", (value!("5s"), "flag"));
    shown(&ctl, "context show --url http://h", "admin_key", (value!(null), "default"));
    let env = ctl.env("HUBCTL_RETRIES", "7").env("HUBCTL_URL", "http://127.0.0.1:9");
    shown(&env, "context show", "retries", (value!("7"), "env HUBCTL_RETRIES"));
    shown(&env, "context show", "url", (value!("http://127.0.0.1:9"), "env HUBCTL_URL"));
    shown(&env, "context show --url http://h", "url", (value!("http://h"), "flag"));
    fs::create_dir(env.dir().join("hub-data")).unwrap();
    own(&env, "hub-data/admin.key", OTHER_KEY);
    shown(
        &env,
        "context show",
        "admin_key",
        (value!(fingerprint(OTHER_KEY)), "./hub-data/admin.key"),
    );
}

/// `context use` warns of variables that override the context.
async fn a_variable_that_overrides_a_context_is_a_warning(hub: Hub) {
    let ctl = stranger(&hub);
    ran(&ctl, &format!("login prod --url {} --admin-key-file -", hub.base()), 0);
    let ctl = ctl.env("HUBCTL_ADMIN_KEY", hub.admin_key());
    let warning = "warning: HUBCTL_ADMIN_KEY overrides the admin key of context prod\n";
    assert_eq!(ran(&ctl, "-c prod whoami", 0).stderr, warning);
    assert_eq!(ran(&ctl, "whoami", 0).stderr, "");
    let ctl = ctl.env("HUBCTL_URL", "http://127.0.0.1:9").env("HUBCTL_CONTEXT", "other");
    let said = ran(&ctl, "context use prod", 0).stderr;
    assert_eq!(
        said,
        "warning: HUBCTL_CONTEXT is set, and overrides the current context\n\
        warning: HUBCTL_URL is set, and overrides its URL\n\
        warning: HUBCTL_ADMIN_KEY is set, and overrides its admin key\n"
    );
}

/// A file that others can read is refused, with a hint.
async fn a_file_that_others_can_read_is_refused(hub: Hub) {
    let ctl = stranger(&hub);
    ran(&ctl, &format!("login prod --url {} --admin-key-file -", hub.base()), 0);
    for mode in [0o644, 0o660, 0o640] {
        fs::set_permissions(kept(&ctl), fs::Permissions::from_mode(mode)).unwrap();
        for line in ["whoami", "context list", "context use prod", "context show", "doctor"] {
            let code = if line == "doctor" {
                ran(&ctl, line, 2).code
            } else {
                let hint = error(&ctl, line, 2)["hint"].clone();
                assert_eq!(hint, value!(format!("chmod 600 {}", kept(&ctl).display())));
                2
            };
            assert_eq!(code, 2);
        }
    }
    fs::set_permissions(kept(&ctl), fs::Permissions::from_mode(0o600)).unwrap();
    ran(&ctl, "whoami", 0);
}

/// Logging in again replaces the key and keeps the rest; a name in use for another hub is refused.
async fn a_second_login_replaces_the_key(hub: Hub) {
    let ctl = Ctl::default().stdin(hub.admin_key());
    let line = format!("login prod --url {} --admin-key-file - --default-output csv", hub.base());
    ran(&ctl, &line, 0);
    let created = hub.ctl();
    ran(&created, "admin-key create ci --role viewer --sink file:ci.key", 0);
    let ctl = ctl.stdin(&key_in(&created, "ci.key"));
    // Without a name and a URL, the login is for the current context.
    let again = json(&ctl, "login --admin-key-file -");
    assert_eq!(
        (&again["name"], &again["identity"]["role"], &again["output"]),
        (&value!("prod"), &value!("viewer"), &value!("csv"))
    );
    assert!(ran(&ctl, "whoami", 0).stdout.starts_with("name,role"), "its format is kept");
    let taken = error(&ctl, "login prod --url http://127.0.0.1:9 --admin-key-file -", 6);
    assert_eq!(taken["code"], "context_exists");
}

/// A server that records requests and gives useless answers.
fn listener() -> (String, Arc<Mutex<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let heard = Arc::new(Mutex::new(String::new()));
    let notes = Arc::clone(&heard);
    std::thread::spawn(move || {
        for mut connection in listener.incoming().flatten() {
            let mut buffer = [0; 8192];
            let n = connection.read(&mut buffer).unwrap_or(0);
            notes.lock().unwrap().push_str(&String::from_utf8_lossy(&buffer[..n]));
            let _ = connection
                .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        }
    });
    (url, heard)
}
