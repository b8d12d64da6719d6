//! hubctl at a terminal: questions, tables that fit, and keys that are shown once.

use std::fmt::Write;

use hub_core::exit::Exit;
use hub_tests::fleet::fingerprint;
use hub_tests::{Hub, both_stores};
use serde_json::json as value;

use super::snapshot::compare;
use super::{error, license_of, ran, words};

both_stores!(
    suspending_asks_and_takes_only_yes_for_an_answer,
    deleting_a_client_asks_for_its_slug_and_shows_its_instances,
    without_a_terminal_a_question_is_an_error,
    a_new_key_without_a_sink_is_shown_once,
    tables_fit_the_terminal,
    many_show_a_progress_bar,
    a_resize_does_not_answer_a_question,
    colours_are_for_terminals_that_want_them
);

async fn suspending_asks_and_takes_only_yes_for_an_answer(hub: Hub) {
    hub.client("acme").await;
    hub.issue("acme", "acme-1").await;
    let ctl = hub.ctl();
    let mut all = String::new();
    for (typed, code, status) in [
        ("n\r", 12, "pending"),
        ("\r", 12, "pending"),
        ("\u{4}", 12, "pending"),
        ("\u{3}", 130, "pending"),
        ("y\r", 0, "suspended"),
    ] {
        let terminal = ctl.at_terminal(100, &words("instance suspend acme-1"));
        terminal.wait_for("Go on? [y/N]");
        terminal.type_keys(typed);
        let seen = terminal.end().expect(code);
        assert_eq!(hub.show("acme-1").await["status"], status, "{typed:?}: {}", seen.text);
        write!(all, "typed {typed:?}, exit {code}\n{}\n", seen.text).unwrap();
    }
    compare("question_of_suspend", &all);
}

async fn deleting_a_client_asks_for_its_slug_and_shows_its_instances(hub: Hub) {
    hub.client("acme").await;
    for id in ["acme-1", "acme-2"] {
        let license = hub.issue("acme", id).await.license_key;
        let key = hub.hub_key(&license).await;
        if id == "acme-1" {
            hub.use_key(&key).await;
        }
    }
    let ctl = hub.ctl();
    let refused = error(&ctl, "client delete acme --yes", 6);
    assert_eq!(refused["code"], "client_not_empty");
    let mut all = String::new();
    for (typed, code) in [("yes", 12), ("acm", 12), ("acme", 0)] {
        let terminal = ctl.at_terminal(120, &words("client delete acme --cascade"));
        terminal.wait_for("Type acme to go on");
        terminal.type_line(typed);
        let seen = terminal.end().expect(code);
        let left = if code == 0 { 404 } else { 200 };
        hub.admin().get("/api/v1/admin/clients/acme").await.expect(left).done();
        write!(all, "typed {typed:?}, exit {code}\n{}\n", seen.text).unwrap();
    }
    compare("question_of_delete", &all);
}

/// Without a terminal, hubctl neither waits for an answer nor assumes one.
async fn without_a_terminal_a_question_is_an_error(hub: Hub) {
    hub.client("acme").await;
    hub.issue("acme", "acme-1").await;
    let ctl = hub.ctl();
    for line in [
        "instance suspend acme-1",
        "instance delete acme-1",
        "client suspend acme",
        "client delete acme --cascade",
        "admin-key revoke owner",
    ] {
        assert_eq!(error(&ctl, line, 12)["code"], "input_needed", "{line}");
    }
    let line = "instance suspend acme-1 --no-input";
    let _ = ctl.at_terminal(100, &words(line)).end().expect(Exit::InputNeeded.code().into());
    assert_eq!(hub.show("acme-1").await["status"], "pending");
    ran(&ctl, "instance suspend acme-1 --yes", 0);
}

async fn a_new_key_without_a_sink_is_shown_once(hub: Hub) {
    hub.client("acme").await;
    let ctl = hub.ctl();
    let seen = ctl.at_terminal(100, &words("instance issue acme-1 --client acme")).end().expect(0);
    let key = seen.text.lines().find(|line| line.starts_with("lb_inst_")).expect(&seen.text);
    assert_eq!(license_of(&hub, "acme-1").await, fingerprint(key.trim_end()));
    compare("new_key", &seen.text);
}

/// A narrow table loses columns, then takes two lines for each record; handles are never cut.
async fn tables_fit_the_terminal(hub: Hub) {
    hub.client("acme").await;
    let id = "acme-production-frankfurt-1";
    hub.issue_with("acme", id, value!({"labels": {"env": "prod", "region": "eu"}})).await;
    let ctl = hub.ctl();
    for columns in [200, 100, 80, 60, 59, 40] {
        let seen = ctl.at_terminal(columns, &words("instance list")).end().expect(0);
        let longest = seen.text.lines().map(width).max().unwrap_or(0);
        assert!(longest <= usize::from(columns), "{columns}:\n{}", seen.text);
        assert!(seen.text.contains(id), "{columns}:\n{}", seen.text);
        assert_eq!(seen.text.lines().count(), 2, "{columns}:\n{}", seen.text);
        assert_eq!(seen.text.contains("INSTANCE  "), columns >= 60, "{columns}:\n{}", seen.text);
    }
    let wide = ctl.at_terminal(200, &words("instance list")).end().expect(0).text;
    assert!(wide.contains("just now") && wide.contains("env=prod,region=eu"), "{wide}");
    let piped = ran(&ctl, "instance list", 0).stdout;
    assert!(piped.contains("\tenv=prod,region=eu\t20"), "RFC 3339 when piped: {piped}");
}

/// Long work shows a progress bar, which disappears at the end and leaves the messages. The terminal may
/// shrink meanwhile.
async fn many_show_a_progress_bar(hub: Hub) {
    hub.client("acme").await;
    for n in 10..70 {
        hub.issue("acme", &format!("acme-{n}")).await;
    }
    let ctl = hub.ctl();
    let line = "hubctl instance list -q | hubctl instance suspend --stdin --yes";
    let terminal = ctl.shell_at_terminal(100, line);
    terminal.wait_for("suspended acme-20");
    terminal.resize(30);
    let seen = terminal.end().expect(0).text;
    assert!(seen.contains("/60"), "{seen:?}");
    let said = seen.matches("suspended acme-").count();
    assert_eq!(said, 60, "{seen:?}");
    assert!(!ctl.run(&words("instance reactivate acme-10")).stderr.contains('\u{1b}'));
    // There is no bar in a pipe.
    let terminal = ctl.shell_at_terminal(
        100,
        "hubctl instance list -q | hubctl instance reactivate --stdin -o json",
    );
    let seen = terminal.end().expect(0).text;
    assert!(!seen.contains('\u{1b}'), "{seen:?}");
}

/// The question survives a change of the window size.
async fn a_resize_does_not_answer_a_question(hub: Hub) {
    hub.client("acme").await;
    hub.issue("acme", "acme-1").await;
    let terminal = hub.ctl().at_terminal(100, &words("instance delete acme-1"));
    terminal.wait_for("Go on? [y/N]");
    terminal.resize(20);
    terminal.resize(200);
    terminal.type_line("yes");
    assert!(terminal.end().expect(0).text.contains("deleted acme-1"));
}

async fn colours_are_for_terminals_that_want_them(hub: Hub) {
    let line = words("instance get nobody");
    let red = "\u{1b}[31m";
    let seen = hub.ctl().at_terminal(100, &line).end().expect(3).text;
    assert!(seen.contains(red) && seen.contains("nobody"), "{seen:?}");
    for (name, content) in [("NO_COLOR", "1"), ("TERM", "dumb")] {
        let ctl = hub.ctl().env(name, content);
        let seen = ctl.at_terminal(100, &line).end().expect(3).text;
        assert!(!seen.contains('\u{1b}'), "{name}: {seen:?}");
    }
    assert!(!ran(&hub.ctl(), "instance get nobody", 3).stderr.contains('\u{1b}'));
    let forced = hub.ctl().env("CLICOLOR_FORCE", "1");
    assert!(ran(&forced, "instance get nobody", 3).stderr.contains(red));
}

/// The columns that a line takes, without its colours.
fn width(line: &str) -> usize {
    let mut columns = 0;
    let mut parts = line.split('\u{1b}');
    columns += parts.next().map_or(0, |part| part.chars().count());
    for part in parts {
        columns += part.split_once('m').map_or(0, |(_, text)| text.chars().count());
    }
    columns
}
