//! The same objects in every output format.

use std::process::Command;

use hub_tests::{Hub, both_stores};
use serde_json::{Value, json as value};

use super::snapshot::compare;
use super::{error, json, ran};

both_stores!(
    a_list_in_every_format,
    a_long_list_is_streamed,
    only_some_fields,
    a_shell_reads_variables
);

async fn a_list_in_every_format(hub: Hub) {
    hub.client("acme").await;
    hub.client("globex").await;
    let ctl = hub.ctl();
    let out = |line: &str| ran(&ctl, line, 0).stdout;
    let all = json(&ctl, "client list");
    let lines = out("client list -o jsonl");
    let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(Value::Array(lines), all);
    let yaml = out("client list -o yaml");
    assert!(yaml.starts_with("- id: ") && yaml.contains("\n  slug: acme\n"), "{yaml}");
    assert_eq!(out("client list -o name"), "acme\nglobex\n");
    let wide = out("client list -o wide");
    assert!(wide.lines().next().unwrap().ends_with("\tEXTERNAL REF\tUPDATED\tID"), "{wide}");
    assert!(out("client list -o csv").starts_with("slug,name,"));
    for (format, empty) in
        [("json", "[]\n"), ("jsonl", ""), ("yaml", "[]\n"), ("env", ""), ("name", "")]
    {
        assert_eq!(out(&format!("instance list -o {format}")), empty, "{format}");
    }
    assert_eq!(error(&ctl, "client list --limit x", 2)["code"], "usage");
}

/// Pages are written as they arrive; `--limit` counts over all of them.
async fn a_long_list_is_streamed(hub: Hub) {
    hub.client("acme").await;
    let mut sql = hub.sql().await;
    sql.execute("INSERT INTO clients (id, slug, name, status, labels, created_at, updated_at) \
        WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1203) \
        SELECT 'id-' || CAST(i AS TEXT), 'made-' || CAST(i AS TEXT), 'x', 'active', '{}', 0, 0 FROM n")
        .await;
    let ctl = hub.ctl();
    for (limit, n) in [("", 1204), ("--limit 501", 501), ("--limit 1", 1), ("--limit 0", 0)] {
        let lines = ran(&ctl, &format!("client list -o jsonl {limit}"), 0).stdout;
        assert_eq!(lines.lines().count(), n, "{limit}");
        assert_eq!(json(&ctl, &format!("client list {limit}")).as_array().unwrap().len(), n);
    }
    let slugs = ran(&ctl, "client list -q", 0).stdout;
    let distinct: std::collections::BTreeSet<_> = slugs.lines().collect();
    assert_eq!(distinct.len(), 1204);
}

async fn only_some_fields(hub: Hub) {
    hub.client("acme").await;
    hub.issue("acme", "acme-1").await;
    hub.issue_with("acme", "acme-2", value!({"labels": {"env": "prod"}, "grace_days": 7})).await;
    let ctl = hub.ctl();
    let fields =
        "instance list --fields license.grace_days,instance_id,hub_key.fingerprint,labels.env";
    let list = json(&ctl, fields);
    assert_eq!(
        list,
        value!([
            {"license": {"grace_days": 0}, "instance_id": "acme-1", "hub_key": {"fingerprint": null},
                "labels": {"env": null}},
            {"license": {"grace_days": 7}, "instance_id": "acme-2", "hub_key": {"fingerprint": null},
                "labels": {"env": "prod"}},
        ])
    );
    let out = |line: &str| ran(&ctl, line, 0).stdout;
    assert_eq!(out(&format!("{fields} --no-headers")), "0\tacme-1\t\t\n7\tacme-2\t\tprod\n");
    assert_eq!(
        out(&format!("{fields} -o csv")),
        "license.grace_days,instance_id,hub_key.fingerprint,labels.env\r\n0,acme-1,,\r\n7,acme-2,,prod\r\n"
    );
    assert_eq!(
        out("instance get acme-2 --fields status,labels -o yaml"),
        "status: pending\nlabels:\n  env: prod\n"
    );
    assert_eq!(
        out("instance list --fields instance_id -o jsonl"),
        "{\"instance_id\":\"acme-1\"}\n{\"instance_id\":\"acme-2\"}\n"
    );
    let wrong = error(&ctl, "instance list --fields instance", 2);
    assert!(wrong["hint"].as_str().unwrap().contains("instance_id"), "{wrong}");
    // A key that is shown once is shown whatever else was asked for.
    let issued =
        json(&ctl, "instance issue acme-3 --client acme --sink stdout --fields instance_id");
    assert_eq!(issued["instance_id"], "acme-3");
    assert!(issued["license_key"].as_str().unwrap().starts_with("lb_inst_"));
}

async fn a_shell_reads_variables(hub: Hub) {
    hub.client("acme").await;
    let ctl = hub.ctl();
    let issued = ran(&ctl, "instance issue acme-1 --client acme --sink stdout -o env", 0).stdout;
    let script =
        format!("{issued}\nprintf '%s %s %s' \"$INSTANCE_ID\" \"$CHANGED\" \"$LICENSE_KEY\"");
    let shell = Command::new("sh").args(["-c", &script]).output().unwrap();
    let said = String::from_utf8(shell.stdout).unwrap();
    assert!(said.starts_with("acme-1 true lb_inst_"), "{said}");
    let seen = ran(&ctl, "client get acme -o env", 0).stdout;
    compare("client_as_variables", &seen);
}
