//! A change of several objects at a terminal: one question, and a refusal changes none of them.

use std::fmt::Write;

use hub_tests::{Hub, both_stores};

use super::snapshot::compare;
use super::words;

both_stores!(
    suspending_several_asks_once,
    a_refusal_changes_none_of_them,
    many_are_counted,
    one_that_is_not_there_is_told_before_the_question,
    deleting_several_clients_asks_once,
    revoking_several_keys_asks_once
);

/// A client, and so many instances, the first of which was seen.
async fn fleet(hub: &Hub, n: usize) {
    hub.client("acme").await;
    for n in 1..=n {
        let license = hub.issue("acme", &format!("acme-{n}")).await.license_key;
        if n == 1 {
            let key = hub.hub_key(&license).await;
            hub.use_key(&key).await;
        }
    }
}

/// Types an answer to the one question of a command; gives all that was seen.
fn answered(hub: &Hub, line: &str, question: &str, typed: &str, code: i32) -> String {
    let terminal = hub.ctl().at_terminal(100, &words(line));
    terminal.wait_for(question);
    terminal.type_line(typed);
    let seen = terminal.end().expect(code).text;
    assert_eq!(seen.matches(question).count(), 1, "{line}:\n{seen}");
    seen
}

async fn status(hub: &Hub, id: &str) -> String {
    hub.show(id).await["status"].as_str().unwrap().to_owned()
}

async fn suspending_several_asks_once(hub: Hub) {
    fleet(&hub, 3).await;
    hub.act("acme-3", "suspend", serde_json::json!({})).await;
    // One that is suspended already is no part of the question.
    let line = "instance suspend acme-1 acme-2 acme-3";
    let seen = answered(&hub, line, "Go on? [y/N]", "y", 0);
    assert_eq!(status(&hub, "acme-1").await, "suspended");
    assert_eq!(status(&hub, "acme-2").await, "suspended");
    let again = hub.ctl().at_terminal(100, &words(line)).end().expect(0).text;
    compare("question_about_several", &format!("{seen}\n{again}"));
}

async fn a_refusal_changes_none_of_them(hub: Hub) {
    fleet(&hub, 2).await;
    let mut all = String::new();
    for verb in ["suspend", "delete"] {
        for typed in ["n", ""] {
            let line = format!("instance {verb} acme-1 acme-2");
            let seen = answered(&hub, &line, "Go on? [y/N]", typed, 12);
            writeln!(all, "{seen}").unwrap();
        }
        assert_eq!(status(&hub, "acme-1").await, "active");
        assert_eq!(status(&hub, "acme-2").await, "pending");
    }
    compare("refusals_about_several", &all);
}

/// Ten are named, and the others counted.
async fn many_are_counted(hub: Hub) {
    fleet(&hub, 12).await;
    let handles: Vec<String> = (1..=12).map(|n| format!("acme-{n}")).collect();
    let line = format!("instance delete {}", handles.join(" "));
    let seen = answered(&hub, &line, "Go on? [y/N]", "y", 0);
    assert!(seen.contains("acme-10 and 2 more"), "{seen}");
    hub.admin().get("/api/v1/admin/instances/acme-12").await.expect(404).done();
}

async fn one_that_is_not_there_is_told_before_the_question(hub: Hub) {
    fleet(&hub, 2).await;
    let line = "instance suspend acme-1 acme-9 acme-2";
    let seen = answered(&hub, line, "Go on? [y/N]", "y", 11);
    assert_eq!(status(&hub, "acme-2").await, "suspended");
    // The id of the request differs from run to run.
    let lines = seen.lines().filter(|line| !line.contains("request-id"));
    compare("question_after_a_failure", &lines.collect::<Vec<_>>().join("\n"));
}

async fn deleting_several_clients_asks_once(hub: Hub) {
    fleet(&hub, 2).await;
    hub.client("globex").await;
    let line = "client delete acme globex --cascade";
    let question = "Type 2 clients to go on";
    let mut all = String::new();
    for (typed, code, left) in [("acme", 12, 200), ("2", 12, 200), ("2 clients", 0, 404)] {
        let seen = answered(&hub, line, question, typed, code);
        for client in ["acme", "globex"] {
            let path = format!("/api/v1/admin/clients/{client}");
            hub.admin().get(&path).await.expect(left).done();
        }
        writeln!(all, "{seen}").unwrap();
    }
    for client in ["initech", "umbrella"] {
        hub.client(client).await;
    }
    all += &answered(&hub, "client suspend initech umbrella", "Go on? [y/N]", "y", 0);
    compare("question_about_several_clients", &all);
}

async fn revoking_several_keys_asks_once(hub: Hub) {
    let ctl = hub.ctl();
    for name in ["ci", "old"] {
        let line = format!("admin-key create {name} --role viewer --sink file:{name}.key");
        super::ran(&ctl, &line, 0);
    }
    let seen = answered(&hub, "admin-key revoke ci old", "Go on? [y/N]", "n", 12);
    let line = "admin-key list -q";
    let before = super::ran(&ctl, line, 0).stdout;
    assert_eq!(before.lines().count(), 3, "{before}");
    let done = answered(&hub, "admin-key revoke ci old", "Go on? [y/N]", "y", 0);
    assert_eq!(super::ran(&ctl, line, 0).stdout, "owner\n");
    compare("question_about_several_keys", &format!("{seen}\n{done}"));
}
