//! Commands over many instances, waiting for one, and dry runs.

use std::time::Duration;

use hub_tests::{Hub, both_stores, ctl::Ctl};
use serde_json::{Value, json as value};

use super::snapshot::compare;
use super::{error, files, json, ran, words};

/// A hub with a client and so many instances, each activated.
async fn fleet(hub: &Hub, n: usize) {
    hub.client("acme").await;
    for n in 1..=n {
        let issued = hub.issue("acme", &format!("acme-{n}")).await;
        hub.activate(&issued.license_key).await;
    }
}

async fn suspended(hub: &Hub) -> Vec<String> {
    let list = hub.admin().get("/api/v1/admin/instances?status=suspended").await.ok();
    let items = list["items"].as_array().unwrap().iter();
    items.map(|item| item["instance_id"].as_str().unwrap().to_owned()).collect()
}

both_stores!(
    handles_come_from_a_pipe,
    several_clients_are_created_at_once,
    several_instances_are_waited_for,
    one_that_fails_does_not_stop_the_rest,
    nobody_is_asked_while_a_list_is_read,
    waiting_ends_when_the_status_is_reached,
    waiting_has_an_end,
    a_dry_run_changes_nothing
);

async fn handles_come_from_a_pipe(hub: Hub) {
    fleet(&hub, 3).await;
    let ctl = hub.ctl().stdin("acme-1\n\n  acme-3\r\n");
    let said = ran(&ctl, "instance suspend --stdin --yes", 0);
    assert_eq!(said.stdout, "suspended acme-1\nsuspended acme-3\n", "in the order of the list");
    assert_eq!(said.stderr, "");
    assert_eq!(suspended(&hub).await, ["acme-1", "acme-3"]);
    let again = json(&ctl, "instance suspend --stdin --yes");
    assert_eq!(
        (&again[0]["changed"], &again[1]["instance_id"]),
        (&value!(false), &value!("acme-3"))
    );
    assert_eq!(ran(&ctl, "instance reactivate --stdin -q", 0).stdout, "acme-1\nacme-3\n");
    assert_eq!(suspended(&hub).await, [""; 0]);
    let csv = ran(&ctl, "instance delete --stdin --yes -o csv", 0).stdout;
    assert_eq!(csv, "handle,changed\r\nacme-1,true\r\nacme-3,true\r\n");
    let lines = ran(&ctl, "instance delete --stdin --yes --if-exists -o jsonl", 0).stdout;
    let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines[0], value!({"instance_id": "acme-1", "changed": false}));
    let empty = hub.ctl();
    assert_eq!(json(&empty, "instance delete --stdin --yes"), value!([]));
    let clients = hub.ctl().stdin("acme\n");
    ran(&clients, "client suspend --stdin --yes", 0);
    ran(&clients, "client reactivate --stdin", 0);
    ran(&clients, "client delete --stdin --yes --cascade", 0);
    hub.admin().get("/api/v1/admin/clients/acme").await.problem(404, "client_not_found");
}

async fn several_clients_are_created_at_once(hub: Hub) {
    let ctl = hub.ctl().stdin("initech\n\n umbrella \r\n");
    let said = ran(&ctl, "client create acme globex --label env=trial", 0).stdout;
    assert_eq!(said, "created client acme\ncreated client globex\n");
    let made = json(&ctl, "client create --stdin");
    assert_eq!(
        (&made[0]["slug"], &made[1]["name"], &made[1]["changed"]),
        (&value!("initech"), &value!("umbrella"), &value!(true))
    );
    // One that exists does not stop the others.
    let partial = ctl.run(&words("client create acme hooli -o json"));
    assert_eq!((partial.code, &partial.json()[0]["slug"]), (11, &value!("hooli")));
    assert!(partial.stderr.contains("\"code\": \"client_exists\""), "{}", partial.stderr);
    let again = json(&ctl, "client create acme hooli --if-not-exists");
    assert_eq!((&again[0]["changed"], &again[1]["changed"]), (&value!(false), &value!(false)));
    let ensured = ran(&ctl, "client ensure acme stark --label env=prod", 0).stdout;
    assert_eq!(ensured, "updated client acme\ncreated client stark\n");
    let would = ran(&ctl, "client ensure --stdin --label env=prod --dry-run", 0).stdout;
    let change = "    labels: none → env=prod\n";
    assert_eq!(
        would,
        format!("would update client initech\n{change}would update client umbrella\n{change}")
    );
    // A name is one client's, and so is a reference.
    for verb in ["create", "ensure"] {
        for field in ["--name X", "--external-ref crm:1"] {
            for which in ["one two", "--stdin"] {
                let refused = error(&ctl, &format!("client {verb} {which} {field}"), 2);
                assert_eq!(refused["code"], "usage", "{verb} {which} {field}");
            }
        }
    }
    let bad = hub.ctl().stdin("Not a slug\n");
    let bad = bad.run(&words("client create --stdin"));
    assert_eq!(bad.code, 11, "{}", bad.stderr);
    error(&ctl, "client create --name X --if-not-exists", 2);
    assert_eq!(json(&ctl, "client list").as_array().unwrap().len(), 6);
}

async fn several_instances_are_waited_for(hub: Hub) {
    fleet(&hub, 3).await;
    hub.issue("acme", "acme-late").await;
    let ctl = hub.ctl();
    let said = ran(&ctl, "instance wait acme-1 acme-2 acme-3", 0).stdout;
    assert_eq!(said, "acme-1 is active\nacme-2 is active\nacme-3 is active\n");
    let late = ctl.run(&words("instance wait acme-1 acme-late --timeout 300ms -o json"));
    assert_eq!((late.code, &late.json()[0]["instance_id"]), (11, &value!("acme-1")));
    let failed: Value = serde_json::from_str(&late.stderr).unwrap();
    assert_eq!(failed["error"]["items"][0]["code"], "wait_timed_out");
    assert_eq!(failed["error"]["retryable"], true);
    ran(&ctl, "instance delete acme-1 acme-2 --yes", 0);
    let gone = ctl.run(&words("instance wait acme-1 acme-2 --for deleted"));
    assert_eq!(gone.code, 11, "what never existed is not deleted: {}", gone.stderr);
    ran(&ctl.stdin("acme-3\n"), "instance wait --stdin", 0);
}

async fn one_that_fails_does_not_stop_the_rest(hub: Hub) {
    fleet(&hub, 2).await;
    let ctl = hub.ctl().stdin("acme-1\nacme-9\nacme-2\n");
    let said = ran(&ctl, "instance suspend --stdin --yes", 11);
    assert_eq!(said.stdout, "suspended acme-1\nsuspended acme-2\n");
    compare("some_failed", &said.stderr);
    let said = ran(&ctl, "instance reactivate --stdin -o json", 11);
    assert_eq!(said.json().as_array().unwrap().len(), 2, "those that were done");
    let error: Value = serde_json::from_str(&said.stderr).unwrap();
    let error = &error["error"];
    assert_eq!(
        (&error["code"], &error["exit"], &error["retryable"]),
        (&value!("partial"), &value!(11), &value!(false))
    );
    assert_eq!(
        (&error["items"][0]["handle"], &error["items"][0]["exit"]),
        (&value!("acme-9"), &value!(3))
    );
}

async fn nobody_is_asked_while_a_list_is_read(hub: Hub) {
    fleet(&hub, 1).await;
    let ctl = hub.ctl().stdin("acme-1\n");
    for line in ["instance suspend --stdin", "instance delete --stdin", "client delete --stdin"] {
        assert_eq!(error(&ctl, line, 12)["code"], "input_needed", "{line}");
    }
    assert_eq!(suspended(&hub).await, [""; 0]);
    assert_eq!(error(&ctl, "instance suspend", 2)["code"], "usage");
    assert_eq!(error(&ctl, "instance suspend acme-1 --stdin", 2)["code"], "usage");
    // A wrong key fails all of them, and is told once.
    let stranger = ctl.env("HUBCTL_ADMIN_KEY", "lb_admin_00000000000000000000000000000000");
    assert_eq!(error(&stranger, "instance suspend --stdin --yes", 4)["code"], "admin_key_invalid");
}

async fn waiting_ends_when_the_status_is_reached(hub: Hub) {
    hub.client("acme").await;
    let ctl = hub.ctl();
    let waits = |line: &str| ctl.command(&words(line)).spawn().unwrap();
    let ends = |child: std::process::Child| child.wait_with_output().unwrap().status.code();
    // The instance need not exist when the waiting begins.
    let active = waits("instance wait acme-1");
    let seen = waits("instance wait acme-1 --for seen --timeout 1m");
    std::thread::sleep(Duration::from_millis(300));
    let license = hub.issue("acme", "acme-1").await.license_key;
    let key = hub.hub_key(&license).await;
    hub.use_key(&key).await;
    assert_eq!((ends(active), ends(seen)), (Some(0), Some(0)));
    let gone = waits("instance wait acme-1 --for deleted");
    let stopped = waits("instance wait acme-1 --for suspended");
    std::thread::sleep(Duration::from_millis(300));
    hub.act("acme-1", "suspend", value!({})).await;
    assert_eq!(ends(stopped), Some(0));
    hub.admin().delete("/api/v1/admin/instances/acme-1").await.expect(204).done();
    assert_eq!(ends(gone), Some(0));
}

async fn waiting_has_an_end(hub: Hub) {
    fleet(&hub, 1).await;
    let ctl = hub.ctl();
    assert_eq!(json(&ctl, "instance wait acme-1")["instance_id"], "acme-1");
    assert_eq!(ran(&ctl, "instance wait acme-1 -q", 0).stdout, "acme-1\n");
    let late = error(&ctl, "instance wait acme-1 --for suspended --timeout 500ms", 8);
    assert_eq!((&late["code"], &late["retryable"]), (&value!("wait_timed_out"), &value!(true)));
    assert!(late["message"].as_str().unwrap().contains("it is active"), "{late}");
    let absent = error(&ctl, "instance wait acme-9 --timeout 300ms", 8);
    assert!(absent["message"].as_str().unwrap().contains("does not exist"), "{absent}");
    let never = error(&ctl, "instance wait acme-l --for deleted", 3);
    assert_eq!(
        (&never["code"], &never["hint"]),
        (&value!("instance_not_found"), &value!("did you mean acme-1?"))
    );
    let nobody = Ctl::default()
        .env("HUBCTL_URL", "http://127.0.0.1:9")
        .env("HUBCTL_ADMIN_KEY", hub.admin_key());
    assert_eq!(
        error(&nobody, "instance wait acme-1 --timeout 400ms --retries 0", 9)["code"],
        "unreachable"
    );
}

/// Each command that changes something, and what it says with `--dry-run`.
const WOULD: &[(&str, &str)] = &[
    ("client create globex", "would create client globex"),
    ("client ensure globex", "would create client globex"),
    ("client ensure acme --external-ref x", "would update client acme\n    external_ref: none → x"),
    ("client update acme --name Other", "would update client acme\n    name: Client acme → Other"),
    (
        "client update acme --label env=prod --label tier=1",
        "would update client acme\n    labels: none → env=prod,tier=1",
    ),
    ("client suspend acme", "would suspend client acme\n    status: active → suspended"),
    ("client delete acme --cascade", "would delete client acme and 3 instances"),
    ("instance issue acme-4 --client acme --sink file:4.key", "would issue acme-4"),
    (
        "instance ensure acme-1 --client acme --grace-days 3 --sink file:1.key",
        "would update acme-1\n    grace_days: 0 → 3",
    ),
    (
        "instance ensure acme-3 --client acme --sink file:3.key",
        "would make a new license for acme-3",
    ),
    (
        "instance update acme-1 --grace-days 9 --expires-at 2099-12-31",
        "would update acme-1\n    expires_at: never → 2099-12-31T23:59:59.999Z\n    grace_days: 0 → 9",
    ),
    ("instance suspend acme-2 --reason fraud", "would suspend acme-2\n    reason: none → fraud"),
    (
        "instance suspend acme-1 --reason fraud",
        "would suspend acme-1\n    reason: none → fraud\n    status: active → suspended",
    ),
    ("instance reactivate acme-2", "would reactivate acme-2\n    status: suspended → active"),
    ("instance delete acme-1", "would delete acme-1"),
    ("instance rotate-license acme-1 --sink file:1.key", "would replace the license key of acme-1"),
    ("instance rotate-hub-key acme-1 --sink file:1.key", "would replace the hub key of acme-1"),
    ("activate --license-file license --sink file:hub.key", "would activate acme-3"),
    ("admin-key create other --role viewer --sink file:other.key", "would create admin key other"),
    ("admin-key revoke ci", "would revoke admin key ci"),
    ("telemetry catalogue set a.b", "would update the catalogue\n    tools: none → a.b"),
    (
        "api DELETE /api/v1/admin/instances/acme-1",
        "would send DELETE /api/v1/admin/instances/acme-1",
    ),
];

async fn a_dry_run_changes_nothing(hub: Hub) {
    fleet(&hub, 2).await;
    hub.act("acme-2", "suspend", value!({})).await;
    let license = hub.issue("acme", "acme-3").await.license_key;
    let ctl = hub.ctl();
    std::fs::write(ctl.dir().join("license"), license).unwrap();
    ran(&ctl, "admin-key create ci --role viewer --sink file:ci.key", 0);
    let events = hub.audit().await.len();
    for (line, words) in WOULD {
        let said = ran(&ctl, &format!("{line} --dry-run"), 0);
        assert_eq!(said.stdout, format!("{words}\n"), "{line}");
        let document = json(&ctl, &format!("{line} --dry-run"));
        assert_eq!(
            (&document["dry_run"], &document["changed"]),
            (&value!(true), &value!(true)),
            "{line}: {document}"
        );
    }
    assert_eq!(hub.audit().await.len(), events);
    assert_eq!(files(&ctl), ["ci.key", "license"]);
    // A dry run fails as the command would, and says when nothing would change.
    assert_eq!(error(&ctl, "client create acme --dry-run", 6)["code"], "client_exists");
    assert_eq!(error(&ctl, "instance delete acme-9 --dry-run", 3)["code"], "instance_not_found");
    assert_eq!(
        error(&ctl, "instance issue n-1 --client none --sink file:n --dry-run", 3)["code"],
        "client_not_found"
    );
    assert_eq!(json(&ctl, "instance suspend acme-2 --dry-run")["changed"], false);
    assert_eq!(json(&ctl, "client update acme --name Client --dry-run")["changed"], true);
}
