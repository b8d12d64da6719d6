//! Whole outputs, as people see them: tables, records, errors, help.

use std::fmt::Write;

use hub_tests::ctl::Ctl;
use hub_tests::{Hub, fleet::own_license_key};
use serde_json::json as value;

use super::snapshot::{compare, written};
use super::{ran, words};

/// Two clients and three instances, in different states.
async fn furnished() -> (Hub, Ctl) {
    let hub = Hub::sqlite().await;
    for slug in ["acme", "globex"] {
        hub.client(slug).await;
    }
    let terms = value!({"license_sha256": hub_tests::fleet::sha256(&own_license_key(1)),
        "labels": {"env": "prod"}, "entitlements": ["backup", "sso"], "grace_days": 7,
        "max_activations": 3, "expires_at": "2099-12-31T00:00:00Z"});
    let path = "/api/v1/admin/clients/acme/instances";
    let mut new = terms;
    new["instance_id"] = "acme-prod".into();
    hub.admin().post(path, new).await.expect(201).done();
    hub.issue("acme", "acme-test").await;
    hub.issue("globex", "globex-1").await;
    hub.act("globex-1", "suspend", value!({"reason": "unpaid"})).await;
    let ctl = hub.ctl();
    (hub, ctl)
}

#[tokio::test]
async fn tables_at_a_terminal() {
    let (_hub, ctl) = furnished().await;
    let mut seen = String::new();
    for (columns, line) in [
        (120, "client list"),
        (120, "instance list"),
        (80, "instance list"),
        (60, "instance list"),
        (50, "instance list"),
        (120, "instance list --status active"),
        (100, "instance get acme-prod"),
        (100, "instance get globex-1"),
        (100, "client get acme"),
        (120, "admin-key list"),
        (100, "stats"),
    ] {
        let text = ctl.at_terminal(columns, &words(line)).end().expect(0).text;
        let text = if line == "stats" {
            text.lines().take(6).collect::<Vec<_>>().join("\n")
        } else {
            text
        };
        write!(seen, "$ hubctl {line}   ({columns} columns)\n{text}\n").unwrap();
    }
    compare("tables", &seen);
}

#[tokio::test]
async fn outputs_in_a_pipe() {
    let (_hub, ctl) = furnished().await;
    let mut seen = String::new();
    for line in [
        "client list",
        "instance list -o wide",
        "instance list --fields instance_id,license.expires_at,labels.env",
        "instance get acme-prod -o json",
        "instance get acme-prod -o yaml",
        "instance get acme-prod -o env",
        "instance get acme-prod -o csv",
        "client list -o jsonl --fields slug,status,instances",
        "instance update acme-prod --grace-days 9",
        "instance update acme-prod --grace-days 9",
        "instance suspend acme-test --reason unpaid --yes",
        "instance issue acme-new --client acme --sink file:new.key",
        "instance rotate-license acme-new --sink file:new.key --overlap 1h --time relative",
        "client delete globex --cascade --dry-run",
        "audit list --limit 2 --target acme-new",
    ] {
        let ran = ran(&ctl, line, 0);
        write!(seen, "$ hubctl {line}\n{}{}\n", ran.stdout, ran.stderr).unwrap();
    }
    compare("pipes", &seen);
}

#[tokio::test]
async fn errors_to_a_person_and_to_a_program() {
    let (hub, ctl) = furnished().await;
    let viewer = hub.admin_key_of("looker", hub_core::api::Role::Viewer).await;
    let viewer = hub.ctl().env("HUBCTL_ADMIN_KEY", &viewer);
    let nobody = Ctl::default().env("HUBCTL_URL", hub.base());
    let away = Ctl::default().env("HUBCTL_URL", "http://127.0.0.1:9");
    let mut seen = String::new();
    for (ctl, line, code) in [
        (&ctl, "instance get acme-prd", 3),
        (&ctl, "instance get acme-prd -o json", 3),
        (&ctl, "client create acme", 6),
        (&ctl, "client delete acme", 6),
        (&ctl, "client delete acme --cascade", 12),
        (&ctl, "client lst", 2),
        (&ctl, "client create Not_A_Slug", 2),
        (&ctl, "instance issue a-1 --client acme --expires-at soon -o json", 2),
        (&ctl, "instance issue a-1 --client acme", 12),
        (&ctl, "instance issue a-1 --client acme --sink file:none/key", 13),
        (&ctl, "instance rotate-hub-key acme-test --sink file:hub.key", 6),
        (&ctl, "instance list --fields nothing", 2),
        (&viewer, "instance suspend acme-prod --yes", 5),
        (&nobody, "client list", 4),
        (&away, "version --retries 0", 9),
    ] {
        let ran = ran(ctl, line, code);
        seen.push_str(&written(line, &ran));
    }
    compare("errors", &seen);
}

/// The help of a command and of its subcommands.
fn help(ctl: &Ctl, path: &str, seen: &mut String) {
    let text = ran(ctl, &format!("{path} --help"), 0).stdout;
    // Every command has the global options; they are shown once.
    let own = if path.is_empty() {
        text.as_str()
    } else {
        text.split("\nGlobal options:").next().unwrap()
    };
    write!(seen, "$ hubctl {path} --help\n{}\n\n", own.trim_end()).unwrap();
    let commands = text.split_once("\nCommands:\n").map_or("", |(_, rest)| rest);
    let commands = commands.lines().take_while(|line| line.starts_with("  "));
    let commands = commands.filter(|line| !line.starts_with("   "));
    let names: Vec<&str> = commands.filter_map(|line| line.split_whitespace().next()).collect();
    for name in names.into_iter().filter(|name| *name != "help") {
        help(ctl, format!("{path} {name}").trim(), seen);
    }
}

#[test]
fn the_help_of_every_command() {
    let mut seen = String::new();
    help(&Ctl::default(), "", &mut seen);
    for topic in ["exit-codes", "environment", "output", "fleet"] {
        let text = ran(&Ctl::default(), &format!("help {topic}"), 0).stdout;
        write!(seen, "$ hubctl help {topic}\n{text}\n").unwrap();
    }
    compare("help", &seen);
}
