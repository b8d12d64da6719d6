//! plan, apply and export: the hub ends as the fleet file says, however often the command is killed.

#[path = "fleet_file/conflicts.rs"]
mod conflicts; // what another fleet or client has
#[path = "fleet_file/deletes.rs"]
mod deletes; // what goes, and how much of it may
#[path = "fleet_file/export.rs"]
mod export; // what a hub has, as a file
#[path = "fleet_file/keys.rs"]
mod keys; // licenses and their sinks
#[path = "fleet_file/large.rs"]
mod large; // many instances, and runs that are killed
#[path = "fleet_file/saved.rs"]
mod saved; // plans in files, and hubs that changed since
#[path = "fleet_file/terminal.rs"]
mod terminal; // the question
#[path = "fleet_file/words.rs"]
mod words; // states, the catalogue, formats, plans that go on

use std::fs;

use hub_core::api::Role;
use hub_tests::ctl::{Ctl, Ran};
use hub_tests::fleet::{fingerprint, text};
use hub_tests::{Hub, both_stores};
use serde_json::{Value, json as value};

use super::snapshot::{compare, written};
use super::{error, files, json, key_in, license_of, own, ran};

/// Two instances, one of them suspended.
const FLEET: &str = r#"version = 1
fleet = "acme-prod"
[[client]]
slug = "acme"
name = "Acme GmbH"
  [[client.instance]]
  instance_id = "acme-1"
  labels = { env = "prod" }
  expires_at = "2099-12-31T00:00:00Z"
  sink = "file:acme-1.key"
  [[client.instance]]
  instance_id = "acme-2"
  state = "suspended"
  grace_days = 7
  entitlements = ["sso"]
  sink = "file:acme-2.key"
"#;

const PLAN: &str = "plan -f fleet.toml";
const APPLY: &str = "apply -f fleet.toml --yes";
const NO_CHANGES: &str = "No changes: the hub is as the file says.\n";

/// Puts a file into the folder that hubctl runs in.
fn write(ctl: &Ctl, name: &str, text: &str) {
    own(ctl, name, text);
}

/// A hubctl with a fleet file.
fn with_fleet(hub: &Hub, text: &str) -> Ctl {
    let ctl = hub.ctl();
    write(&ctl, "fleet.toml", text);
    ctl
}

/// A hubctl whose fleet file was applied.
fn with_applied(hub: &Hub, text: &str) -> Ctl {
    let ctl = with_fleet(hub, text);
    ran(&ctl, APPLY, 0);
    ctl
}

/// The document of a command that ends with this exit code, and its error.
fn outcome(ctl: &Ctl, line: &str, code: i32) -> (Value, Value) {
    let Ran { stdout, stderr, .. } = ran(ctl, &format!("{line} -o json"), code);
    let read = |text: &str| serde_json::from_str(text).unwrap_or_else(|_| panic!("{line}: {text}"));
    let error: Value = read(&stderr);
    (read(&stdout), error["error"].clone())
}

/// The items of a document as lines, such as `create instance acme-1 applied`.
fn items(document: &Value) -> Vec<String> {
    let item = |item: &Value| {
        let words = ["action", "kind", "handle", "status"].map(|name| text(item, name));
        words.join(" ")
    };
    document["items"].as_array().unwrap().iter().map(item).collect()
}

/// How much the hub has logged.
async fn events(hub: &Hub) -> usize {
    hub.audit().await.len()
}

async fn is_there(hub: &Hub, instance_id: &str) -> bool {
    let path = format!("/api/v1/admin/instances?q={instance_id}");
    let page = hub.admin().get(&path).await.ok();
    page["items"].as_array().unwrap().iter().any(|i| i["instance_id"] == instance_id)
}

both_stores!(
    a_fleet_is_made_and_a_second_apply_changes_nothing,
    differences_are_changed,
    any_of_three_formats_comes_from_a_file_or_from_stdin,
    faults_carry_line_and_column,
    rows_are_for_scripts,
    a_plan_changes_nothing,
    without_a_terminal_it_needs_a_yes
);

async fn a_fleet_is_made_and_a_second_apply_changes_nothing(hub: Hub) {
    let ctl = with_fleet(&hub, FLEET);
    let lines = "+ create client acme\n\
        + create instance acme-1 of acme → file:acme-1.key\n\
        + create instance acme-2 of acme → file:acme-2.key\n\
        ⏸ suspend instance acme-2 of acme\n\
        Plan: 3 to create, 0 to update, 1 to suspend, 0 to delete.\n";
    let before = events(&hub).await;
    assert_eq!(ran(&ctl, PLAN, 0).stdout, lines);
    assert_eq!(events(&hub).await, before, "a plan changes nothing");
    assert!(!ctl.dir().join("acme-1.key").exists());
    let applied = ran(&ctl, APPLY, 0);
    let last = "Applied: 3 created, 0 updated, 1 suspended, 0 deleted.\n";
    assert_eq!(applied.stdout, format!("{lines}{last}"));
    for id in ["acme-1", "acme-2"] {
        let key = key_in(&ctl, &format!("{id}.key"));
        assert_eq!(license_of(&hub, id).await, fingerprint(&key));
        assert!(!applied.stdout.contains(&key) && !applied.stderr.contains(&key));
    }
    let acme = hub.admin().get("/api/v1/admin/clients/acme").await.ok();
    assert_eq!(
        (&acme["name"], &acme["labels"]),
        (&value!("Acme GmbH"), &value!({"hubctl.fleet": "acme-prod"}))
    );
    let first = hub.show("acme-1").await;
    assert_eq!(first["labels"], value!({"env": "prod", "hubctl.fleet": "acme-prod"}));
    assert_eq!(first["license"]["expires_at"], "2099-12-31T00:00:00.000Z");
    let second = hub.show("acme-2").await;
    assert_eq!(
        (&second["status"], &second["license"]["grace_days"], &second["license"]["entitlements"]),
        (&value!("suspended"), &value!(7), &value!(["sso"]))
    );

    let before = events(&hub).await;
    // Nothing to ask either.
    assert_eq!(ran(&ctl, "apply -f fleet.toml", 0).stdout, NO_CHANGES);
    let document = json(&ctl, "apply -f fleet.toml");
    assert_eq!((&document["items"], &document["changed"]), (&value!([]), &value!(false)));
    assert_eq!(events(&hub).await, before);
}

async fn differences_are_changed(hub: Hub) {
    let ctl = with_applied(&hub, FLEET);
    write(
        &ctl,
        "fleet.toml",
        &FLEET
            .replace("2099-12", "2098-12")
            .replace("prod\" }", "test\" }")
            .replace("\"suspended\"", "\"active\"")
            .replace("Acme GmbH", "Acme AG"),
    );
    let plan = ran(&ctl, &format!("{PLAN} --detailed-exitcode"), 20).stdout;
    assert_eq!(
        plan,
        "~ update client acme\n    name: Acme GmbH → Acme AG\n\
        ~ update instance acme-1 of acme\n    \
            expires_at: 2099-12-31T00:00:00.000Z → 2098-12-31T00:00:00.000Z\n    \
            labels: env=prod,hubctl.fleet=acme-prod → env=test,hubctl.fleet=acme-prod\n\
        ▶ reactivate instance acme-2 of acme\n\
        Plan: 0 to create, 2 to update, 1 to reactivate, 0 to delete.\n"
    );
    let done = json(&ctl, APPLY);
    assert_eq!(
        items(&done),
        [
            "update client acme applied",
            "update instance acme-1 applied",
            "reactivate instance acme-2 applied"
        ]
    );
    assert_eq!((&done["changed"], &done["summary"]["update"]), (&value!(true), &value!(2)));
    assert_eq!(hub.show("acme-1").await["labels"]["env"], "test");
    assert_eq!(hub.show("acme-2").await["status"], "pending");
    ran(&ctl, &format!("{PLAN} --detailed-exitcode"), 0);
    // Members that the file does not name stay as they are.
    hub.patch_instance("acme-1", value!({"grace_days": 9, "max_activations": 5})).await;
    assert_eq!(ran(&ctl, PLAN, 0).stdout, NO_CHANGES);
    write(&ctl, "fleet.toml", &FLEET.replace("name =", "state = \"suspended\"\nname ="));
    assert_eq!(
        ran(&ctl, &format!("{APPLY} --detailed-exitcode"), 20).stdout.matches("⏸").count(),
        2
    );
    let client = hub.admin().get("/api/v1/admin/clients/acme").await.ok();
    assert_eq!((&client["status"], &client["name"]), (&value!("suspended"), &value!("Acme GmbH")));
}

async fn any_of_three_formats_comes_from_a_file_or_from_stdin(hub: Hub) {
    let yaml = "# a fleet\nversion: 1\nfleet: mine\nclient:\n- slug: acme\n  instance:\n  \
        - {instance_id: acme-1, sink: 'file:acme-1.key', labels: {env: prod}}\n";
    let json_text = value!({"version": 1, "fleet": "mine", "client": [{"slug": "acme", "instance":
        [{"instance_id": "acme-1", "sink": "file:acme-1.key", "labels": {"env": "prod"}}]}]})
    .to_string();
    let toml = "version = 1\nfleet = \"mine\"\n[[client]]\nslug = \"acme\"\n[[client.instance]]\n\
        instance_id = \"acme-1\"\nsink = \"file:acme-1.key\"\nlabels.env = \"prod\"\n";
    let ctl = hub.ctl().stdin(yaml);
    ran(&ctl, "apply -f - --yes", 0);
    for (name, text) in
        [("f.toml", toml), ("f.yaml", yaml), ("f.yml", yaml), ("f.json", &json_text)]
    {
        write(&ctl, name, text);
        assert_eq!(ran(&ctl, &format!("plan -f {name}"), 0).stdout, NO_CHANGES, "{name}");
        let piped = hub.ctl().stdin(text);
        // Another folder, where the sink is not.
        let plan = ran(&piped, "plan -f -", 0);
        assert_eq!(plan.stdout, NO_CHANGES, "{name}");
        assert!(plan.stderr.starts_with("warning: acme-1 exists, and file:acme-1.key does not"));
    }
}

/// Each fault is shown with its line and column, and no request is sent.
async fn faults_carry_line_and_column(hub: Hub) {
    let text =
        FLEET.replace("env = \"prod\"", "env = \"pr od\"").replace("grace_days = 7", "grace = 7");
    let ctl = with_fleet(&hub, &text);
    for line in [PLAN, APPLY] {
        let told = ran(&ctl, line, 2);
        assert_eq!(told.stdout, "");
        compare("faults_of_a_file", &told.stderr);
    }
    let wrong = hub.ctl().stdin("version: 1\nclient:\n  - slug: [\n");
    let message = text_of(&error(&wrong, "plan -f -", 2));
    assert!(message.starts_with("stdin:3:"), "{message}");
    let ctl = with_fleet(&hub, &FLEET.replace("  sink = \"file:acme-2.key\"\n", ""));
    let before = events(&hub).await;
    for line in [PLAN, APPLY] {
        let message = text_of(&error(&ctl, line, 2));
        assert!(message.starts_with("fleet.toml:12:3: instance acme-2 is new"), "{message}");
    }
    assert_eq!(events(&hub).await, before, "not even the other one was issued");
    for line in [
        "plan",
        "plan -f none.toml",
        "apply",
        "apply -f a b",
        "apply p --prune",
        "export --fleet a=b",
        "plan -f - --admin-key-file -",
    ] {
        assert_eq!(error(&ctl, line, 2)["code"], "usage", "{line}");
    }
}

async fn rows_are_for_scripts(hub: Hub) {
    let ctl = with_fleet(&hub, FLEET);
    assert_eq!(ran(&ctl, &format!("{PLAN} -q"), 0).stdout, "acme\nacme-1\nacme-2\nacme-2\n");
    let csv = ran(&ctl, &format!("{APPLY} -o csv"), 0).stdout;
    assert!(
        csv.starts_with(
            "action,kind,handle,client,status,error\r\n\
        create,client,acme,acme,applied,\r\n"
        ),
        "{csv}"
    );
    let lines = ran(&ctl, &format!("{PLAN} -o jsonl"), 0).stdout;
    assert_eq!(lines, "", "all of it is done");
    write(&ctl, "fleet.toml", &FLEET.replace('7', "9").replace("\"suspended\"", "\"active\""));
    let lines = ran(&ctl, &format!("{PLAN} -o jsonl"), 0).stdout;
    let actions = lines.lines().map(|line| text(&serde_json::from_str(line).unwrap(), "action"));
    assert_eq!(actions.collect::<Vec<_>>(), ["update", "reactivate"]);
    assert!(ran(&ctl, &format!("{PLAN} -o yaml"), 0).stdout.contains("\n- action: update\n"));
    let plan = json(&ctl, PLAN);
    for (name, content) in [
        ("format_version", value!(1)),
        ("fleet", value!("acme-prod")),
        ("hub", value!(hub.base())),
        ("warnings", value!([])),
        ("changed", value!(false)),
    ] {
        assert_eq!(plan[name], content);
    }
}

async fn a_plan_changes_nothing(hub: Hub) {
    let ctl = with_fleet(&hub, FLEET);
    let before = events(&hub).await;
    let told = ran(&ctl, "apply -f fleet.toml --dry-run", 0).stdout;
    assert_eq!(told, ran(&ctl, PLAN, 0).stdout, "no yes is needed");
    let document = json(&ctl, "apply -f fleet.toml --dry-run");
    assert_eq!((&document["dry_run"], &document["changed"]), (&value!(true), &value!(true)));
    ran(&ctl, "plan -f fleet.toml --out p.json --dry-run", 0);
    assert_eq!(files(&ctl), ["fleet.toml"]);
    assert_eq!(events(&hub).await, before);
}

/// Where nobody can consent, nothing is done.
async fn without_a_terminal_it_needs_a_yes(hub: Hub) {
    let ctl = with_fleet(&hub, FLEET);
    let before = events(&hub).await;
    let refused = error(&ctl, "apply -f fleet.toml", 12);
    assert_eq!(refused["code"], "input_needed");
    assert_eq!(events(&hub).await, before);
    assert!(!ctl.dir().join("acme-1.key").exists());
    // A viewer may plan, and may not apply.
    let viewer = hub.admin_key_of("watcher", Role::Viewer).await;
    let by_viewer = hub.ctl().env("HUBCTL_ADMIN_KEY", &viewer);
    write(&by_viewer, "fleet.toml", FLEET);
    ran(&by_viewer, PLAN, 0);
    let (document, refused) = outcome(&by_viewer, APPLY, 11);
    assert_eq!((&refused["code"], &refused["retryable"]), (&value!("partial"), &value!(false)));
    assert_eq!(document["items"][0]["error"]["code"], "role_forbidden");
    assert_eq!(items(&document)[1], "create instance acme-1 skipped", "it needs its client");
}

fn text_of(error: &Value) -> String {
    text(error, "message")
}

#[tokio::test]
async fn a_hub_that_is_gone_is_an_error() {
    let ctl = Ctl::default()
        .env("HUBCTL_URL", "http://127.0.0.1:9")
        .env("HUBCTL_ADMIN_KEY", "lb_admin_00000000000000000000000000000000");
    write(&ctl, "fleet.toml", FLEET);
    assert_eq!(error(&ctl, "plan -f fleet.toml --retries 0", 9)["retryable"], true);
}

#[test]
fn help_explains_the_file() {
    let help = ran(&Ctl::default(), "plan --help", 0).stdout;
    for member in ["[[client.instance]]", "license_sha256", "max_activations", "hubctl.fleet"] {
        assert!(help.contains(member), "{member}");
    }
    assert!(ran(&Ctl::default(), "apply --help", 0).stdout.contains("--max-deletes"));
}
