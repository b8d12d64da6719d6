//! What programs read: one document on standard output, and dry runs that say what would change.

use hub_tests::reports::report_of;
use hub_tests::{Hub, both_stores};
use serde_json::{Value, json as value};

use super::{error, json, own, ran};

both_stores!(
    every_command_writes_one_document,
    a_change_has_the_chosen_fields_in_csv_too,
    a_dry_run_of_the_catalogue_says_each_field,
    a_file_is_no_name_for_the_catalogue,
    one_thing_is_one,
    fractions_are_short,
    use_is_split_within_its_filters,
    a_mark_before_a_text_is_skipped
);

/// With `-o json` standard output holds one document, whatever a command writes otherwise.
async fn every_command_writes_one_document(hub: Hub) {
    hub.client("acme").await;
    hub.issue("acme", "acme-1").await;
    let ctl = hub.ctl();
    for line in [
        "status",
        "client list",
        "client get acme",
        "instance get acme-1",
        "telemetry tools",
        "telemetry series --step 1w",
        "telemetry report",
        "telemetry report --out fleet.html",
        "telemetry catalogue get",
        "audit verify",
        "admin-key list",
        "export",
        "stats",
        "whoami",
        "version",
        "doctor",
        "context list",
        "context show",
        "api GET /api/v1/admin/stats",
        "help exit-codes",
    ] {
        json(&ctl, line);
    }
    let report = json(&ctl, "telemetry report --since 30d");
    assert_eq!((&report["calls"], &report["tools"]), (&value!(0), &value!(0)), "{report}");
    let page = ran(&ctl, "telemetry report --out -", 0).stdout;
    assert!(page.starts_with("<!doctype html>"), "{page}");
}

async fn a_change_has_the_chosen_fields_in_csv_too(hub: Hub) {
    hub.client("acme").await;
    hub.issue("acme", "acme-1").await;
    hub.issue("acme", "acme-2").await;
    let ctl = hub.ctl();
    let fields = "--label env=prod -o csv --fields instance_id,labels.env,changed";
    let one = ran(&ctl, &format!("instance update acme-1 {fields}"), 0).stdout;
    assert_eq!(one, "instance_id,labels.env,changed\r\nacme-1,prod,true\r\n");
    let many = ran(&ctl, &format!("instance update acme-1 acme-2 {fields}"), 0).stdout;
    assert_eq!(many, "instance_id,labels.env,changed\r\nacme-1,prod,false\r\nacme-2,prod,true\r\n");
}

async fn a_dry_run_of_the_catalogue_says_each_field(hub: Hub) {
    hub.list_names(&["db.query"], &[], &[]).await;
    let ctl = hub.ctl();
    let add = "telemetry catalogue add file.read --code TIMEOUT --dry-run";
    assert_eq!(
        ran(&ctl, add, 0).stdout,
        "would update the catalogue\n    codes: none → TIMEOUT\n    tools: db.query → db.query,file.read\n"
    );
    let changes = &json(&ctl, add)["changes"];
    assert_eq!(
        changes[0],
        value!({"field": "codes", "before": [], "after": ["TIMEOUT"]}),
        "{changes}"
    );
    let set = ran(&ctl, "telemetry catalogue set file.read --dry-run", 0).stdout;
    assert_eq!(set, "would update the catalogue\n    tools: db.query → file.read\n");
    assert_eq!(json(&ctl, "telemetry catalogue get")["tools"], value!(["db.query"]));
}

/// `set cat.json` would list a tool of that name, and forget all the others.
async fn a_file_is_no_name_for_the_catalogue(hub: Hub) {
    hub.list_names(&["db.query"], &[], &[]).await;
    let ctl = hub.ctl();
    std::fs::write(ctl.dir().join("cat.json"), r#"{"tools": [], "codes": [], "counts": []}"#)
        .unwrap();
    for verb in ["set", "add"] {
        let refused = error(&ctl, &format!("telemetry catalogue {verb} cat.json"), 2);
        assert!(refused["message"].as_str().unwrap().contains("cat.json"), "{refused}");
    }
    assert_eq!(json(&ctl, "telemetry catalogue get")["tools"], value!(["db.query"]));
    ran(&ctl, "telemetry catalogue add other.json", 0);
    ran(&ctl, "telemetry catalogue set --file cat.json", 0);
    assert_eq!(json(&ctl, "telemetry catalogue get")["tools"], value!([]));
}

async fn one_thing_is_one(hub: Hub) {
    hub.client("acme").await;
    let instance = hub.reporter("acme", "acme-1").await;
    instance.report(&report_of(value!({"tools": [{"name": "web.open", "calls": 1}]}))).await;
    let status = ran(&hub.ctl(), "status", 0).stdout;
    assert!(status.contains("1 client, 1 instance:"), "{status}");
    assert!(status.contains("1 call by 1 instance in 7 days"), "{status}");
    let document: Value = json(&hub.ctl(), "status");
    let detail = document["items"][0]["detail"].as_str().unwrap();
    assert_eq!(detail, "1 call by 1 instance");
}

/// A third has six decimals, and the columns are those that can hold something.
async fn fractions_are_short(hub: Hub) {
    hub.client("acme").await;
    let instance = hub.reporter("acme", "acme-1").await;
    let tool = value!({"name": "browser.navigate", "calls": 3, "errors": {"TIMEOUT": 1},
        "durations_ms": [1, 1, 2]});
    instance.report(&report_of(value!({"tools": [tool]}))).await;
    let ctl = hub.ctl();
    for (line, formats) in [
        // What the hub says is in JSON as it says it.
        ("tools", ["csv", "env", "table"].as_slice()),
        ("tools --by client", &["csv", "env"]),
        ("series --step 1w --since 1d", &["json", "jsonl", "yaml", "csv", "env"]),
    ] {
        for format in formats {
            let text = ran(&ctl, &format!("telemetry {line} -o {format}"), 0).stdout;
            assert!(text.contains("0.333333"), "{line} -o {format}: {text}");
            assert!(!text.contains("3333333"), "{line} -o {format}: {text}");
        }
    }
    let by = ran(&ctl, "telemetry tools --by client -o csv", 0).stdout;
    assert_eq!(
        by,
        "by,tool,calls,errors,error_rate,instances,duration_ms.n,duration_ms.mean,duration_ms.max\r\n\
         acme,browser.navigate,3,1,0.333333,1,3,1.333333,2\r\n"
    );
}

async fn use_is_split_within_its_filters(hub: Hub) {
    for (client, id) in [("acme", "acme-1"), ("acme", "acme-2"), ("globex", "globex-1")] {
        if id.ends_with("-1") {
            hub.client(client).await;
        }
        let instance = hub.reporter(client, id).await;
        let tool = value!({"name": "browser.navigate", "calls": 3});
        instance.report(&report_of(value!({"tools": [tool]}))).await;
    }
    let ctl = hub.ctl();
    let by = |line: &str| {
        let parts = json(&ctl, &format!("telemetry tools --by {line}"));
        let parts = parts.as_array().unwrap().iter();
        let mut parts: Vec<_> = parts.map(|part| part["by"].as_str().unwrap().to_owned()).collect();
        parts.sort();
        parts
    };
    assert_eq!(by("client"), ["acme", "globex"]);
    assert_eq!(by("client --client globex"), ["globex"]);
    assert_eq!(by("client --instance acme-1"), ["acme"]);
    assert_eq!(by("instance"), ["acme-1", "acme-2", "globex-1"]);
    assert_eq!(by("instance --client acme"), ["acme-1", "acme-2"]);
    assert_eq!(by("instance --instance acme-2"), ["acme-2"]);
    for line in ["client --client nobody", "instance --instance nobody"] {
        error(&ctl, &format!("telemetry tools --by {line}"), 3);
    }
}

/// Some editors put a byte order mark before everything that they write.
async fn a_mark_before_a_text_is_skipped(hub: Hub) {
    hub.client("acme").await;
    let instance = hub.reporter("acme", "acme-1").await;
    let ctl = hub.ctl();
    let marked = |name: &str, text: &str| {
        own(&ctl, name, &format!("\u{feff}{text}\r\n"));
    };
    marked("hub.key", &instance.hub_key);
    marked("report.json", &report_of(value!({"tools": []})).to_string());
    marked("names.json", &json(&ctl, "telemetry catalogue get").to_string());
    marked("new.json", r#"{"name": "Globex"}"#);
    marked("fleet.yaml", "version: 1\nclient:\n- slug: initech");
    for line in [
        "telemetry preview report.json",
        "telemetry send report.json --hub-key-file hub.key",
        "telemetry catalogue set --file names.json",
        "api POST /api/v1/admin/clients --input new.json",
        "plan -f fleet.yaml --out plan.json",
    ] {
        ran(&ctl, line, 0);
    }
    marked("plan.json", &std::fs::read_to_string(ctl.dir().join("plan.json")).unwrap());
    ran(&ctl, "apply plan.json --yes", 0);
}
