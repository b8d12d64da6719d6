//! Telemetry at the command line: reports in, usage out, in each format and at a terminal.

#[path = "telemetry/preview.rs"]
mod preview; // what a hub would keep, told offline

use std::time::Duration;

use hub_core::api::Role;
use hub_tests::clock::{ago, later};
use hub_tests::ctl::Ctl;
use hub_tests::fleet::text;
use hub_tests::reports::report_of;
use hub_tests::{Hub, both_stores};
use serde_json::{Value, json as value};

use super::snapshot::compare;
use super::{error, json, ran, words};

const READS: [&str; 4] = ["tools", "series", "errors", "counts"];

/// A report of two tools, one of which fails, and two counts.
fn busy() -> Value {
    report_of(value!({
        "tools": [
            {"name": "browser.navigate", "calls": 12, "errors": {"HTTP_503": 1, "TIMEOUT": 2},
                "durations_ms": [12, 40.5, 1310]},
            {"name": "db.query", "calls": 3},
        ],
        "counts": {"agents_online": 3, "queue_depth": 40},
    }))
}

/// A hubctl with this file in the folder that it runs in.
fn with_file(ctl: Ctl, name: &str, content: &str) -> Ctl {
    std::fs::write(ctl.dir().join(name), content).unwrap();
    ctl
}

/// A hubctl on the machine of instance `acme-1`: it has a report and the hub key.
async fn machine(hub: &Hub, report: &Value) -> Ctl {
    hub.client("acme").await;
    hub.list_names(&["db.query"], &["HTTP_503"], &["queue_depth"]).await;
    let key = hub.reporter("acme", "acme-1").await.hub_key;
    let ctl = with_file(hub.ctl(), "hub.key", &format!("{key}\n"));
    with_file(ctl, "report.json", &report.to_string())
}

const SEND: &str = "telemetry send report.json --hub-key-file hub.key";

both_stores!(
    a_report_is_sent_once,
    a_report_that_is_refused_says_why,
    a_preview_shows_what_the_hub_would_keep,
    usage_is_read_in_each_format,
    filters_narrow_the_usage,
    a_person_sees_bars,
    the_catalogue_is_shown_and_changed,
    names_of_a_report_are_asked_about,
    every_command_writes_csv
);

/// A report counts once, however often and from whichever input it is sent.
async fn a_report_is_sent_once(hub: Hub) {
    let report = busy();
    let id = text(&report, "report_id");
    let ctl = machine(&hub, &report).await.env("HUBCTL_ADMIN_KEY", "");
    let sent = json(&ctl, SEND);
    assert_eq!(sent, value!({"report_id": id, "duplicate": false, "redacted": 0}));
    let own = format!("{SEND} --instance acme-1");
    assert_eq!(json(&ctl, &own), value!({"report_id": id, "duplicate": true, "redacted": 0}));
    assert_eq!(ran(&ctl, SEND, 0).stdout, format!("report {id} stored already   redacted 0\n"));
    assert_eq!(ran(&ctl, &format!("{SEND} -q"), 0).stdout, format!("{id}\n"));
    let csv = ran(&ctl, &format!("{SEND} -o csv"), 0).stdout;
    assert_eq!(csv, format!("report_id,duplicate,redacted\r\n{id},true,0\r\n"));
    let ctl = ctl.env("HUBCTL_HUB_KEY_FILE", "hub.key").stdin(&report.to_string());
    assert_eq!(json(&ctl, "telemetry send")["duplicate"], true);
    assert_eq!(json(&ctl, "telemetry send -")["duplicate"], true);
    let new = busy();
    let ctl = with_file(ctl, "report.json", &new.to_string());
    let words = ran(&ctl, "telemetry send report.json", 0).stdout;
    assert_eq!(words, format!("report {} stored   redacted 0\n", text(&new, "report_id")));
    assert_eq!(hub.usage("tools").await["items"][0]["calls"], 24);
}

async fn a_report_that_is_refused_says_why(hub: Hub) {
    let report = busy();
    let ctl = machine(&hub, &report).await.env("HUBCTL_ADMIN_KEY", "");
    let refused = |line: &str, code, name: &str| {
        let error = error(&ctl, line, code);
        assert_eq!(error["code"], value!(name), "{line}: {error}");
        error
    };
    refused(&format!("{SEND} --instance acme-2"), 5, "instance_mismatch");
    refused("telemetry send report.json", 4, "hub_key_missing");
    refused("telemetry send --hub-key-file -", 2, "usage");
    refused("telemetry send absent.json --hub-key-file hub.key", 2, "usage");
    let wrong =
        refused("telemetry send report.json --hub-key-file report.json", 4, "hub_key_invalid");
    assert!(!wrong.to_string().contains("browser"), "what is no key is not quoted: {wrong}");

    ran(&ctl, SEND, 0);
    let mut other = report.clone();
    other["counts"]["queue_depth"] = 41.into();
    std::fs::write(ctl.dir().join("report.json"), other.to_string()).unwrap();
    refused(SEND, 6, "report_conflict");
    other["window_end"] = later(Duration::from_hours(1)).into();
    std::fs::write(ctl.dir().join("report.json"), other.to_string()).unwrap();
    let early = refused(SEND, 2, "invalid_request");
    assert!(text(&early, "message").contains("window_end"), "{early}");
    hub.act("acme-1", "suspend", value!({})).await;
    refused(&format!("{SEND} --instance acme-1"), 5, "instance_suspended");
}

/// The preview comes from the same redactor as the hub's.
async fn a_preview_shows_what_the_hub_would_keep(hub: Hub) {
    let mut report = busy();
    report["host"] = "hunter2".into();
    report["tools"][1]["name"] = "Hunter Two".into();
    let ctl = machine(&hub, &report).await;
    let preview = json(&ctl, "telemetry preview report.json");
    assert_eq!((&preview["dry_run"], &preview["redacted"]), (&value!(true), &value!(2)));
    assert_eq!(json(&ctl, &format!("{SEND} --dry-run")), preview);
    let shown = ran(&ctl, "telemetry preview report.json", 0).stdout;
    assert_eq!(ran(&ctl, &format!("{SEND} --dry-run"), 0).stdout, shown);
    assert_eq!(hub.usage("tools").await["items"], value!([]), "nothing was stored");
    assert_eq!(json(&ctl, SEND)["redacted"], 2);
    assert_eq!(ran(&ctl, "telemetry tools -q", 0).stdout, "browser.navigate\nother\n");
}

async fn usage_is_read_in_each_format(hub: Hub) {
    let ctl = machine(&hub, &busy()).await;
    for read in ["tools", "errors", "counts"] {
        assert_eq!(json(&ctl, &format!("telemetry {read}")), value!([]), "{read}");
        assert_eq!(ran(&ctl, &format!("telemetry {read} -q"), 0).stdout, "");
    }
    ran(&ctl, SEND, 0);
    // With a fixed range: otherwise the next hour may begin between two reads.
    let (since, until) = (ago(Duration::from_hours(3)), later(Duration::from_hours(2)));
    for read in READS {
        let seen = json(&ctl, &format!("telemetry {read} --since {since} --until {until}"));
        let there = hub.usage(&format!("{read}?since={since}&until={until}")).await;
        assert_eq!(seen, there["items"], "{read}");
    }
    let steps = json(&ctl, "telemetry series --step 1d --tool db.query");
    let calls = steps.as_array().unwrap().iter().map(|step| step["calls"].as_u64().unwrap());
    assert_eq!(calls.sum::<u64>(), 3);

    let out = |line: &str| ran(&ctl, &format!("telemetry {line}"), 0).stdout;
    assert_eq!(out("tools -q"), "browser.navigate\ndb.query\n");
    assert_eq!(out("errors -o name"), "browser.navigate/TIMEOUT\nbrowser.navigate/HTTP_503\n");
    assert_eq!(out("counts -q"), "agents_online\nqueue_depth\n");
    let days = out("series --step 1d -q");
    assert!(days.lines().all(|at| at.ends_with("T00:00:00.000Z")), "{days}");

    assert_eq!(
        out("errors"),
        "TOOL\tCODE\tCOUNT\nbrowser.navigate\tTIMEOUT\t2\n\
        browser.navigate\tHTTP_503\t1\n"
    );
    assert_eq!(out("counts --no-headers"), "agents_online\t3\t3\t1\nqueue_depth\t40\t40\t1\n");
    assert_eq!(
        out("counts -o csv"),
        "name,sum,max,instances\r\nagents_online,3,3,1\r\n\
        queue_depth,40,40,1\r\n"
    );
    let tools = out("tools -o csv");
    let (header, rows) = tools.split_once("\r\n").unwrap();
    assert_eq!(
        header,
        "tool,calls,errors,error_rate,instances,duration_ms.n,duration_ms.mean,duration_ms.max,\
        duration_ms.p50,duration_ms.p90,duration_ms.p99,duration_ms.relative_error"
    );
    assert!(rows.starts_with("browser.navigate,12,3,0.25,1,3,454.16"), "{rows}");
    assert!(rows.ends_with("\r\ndb.query,3,0,0,1,,,,,,,\r\n"), "{rows}");
    assert!(!READS.iter().any(|read| out(read).contains('█')), "no bars but for people");
}

async fn filters_narrow_the_usage(hub: Hub) {
    let ctl = machine(&hub, &busy()).await;
    ran(&ctl, SEND, 0);
    hub.client("globex").await;
    hub.reporter("globex", "globex-1").await.report(&busy()).await;
    assert_eq!(json(&ctl, "telemetry tools")[0]["calls"], 24);
    for filter in ["--client acme", "--instance acme-1", "--client acme --instance acme-1"] {
        let tool = json(&ctl, &format!("telemetry tools {filter}"))[0].clone();
        assert_eq!(
            (&tool["calls"], &tool["duration_ms"]["p50"]),
            (&value!(12), &value!(null)),
            "distributions are the fleet's: {filter}"
        );
    }
    assert_eq!(json(&ctl, "telemetry tools --since 99d --until 98d"), value!([]));
    assert_eq!(
        ran(&ctl, "telemetry tools --min-clients 2 -q", 0).stdout,
        "browser.navigate\ndb.query\n"
    );
    assert_eq!(ran(&ctl, "telemetry tools --min-clients 3 -q", 0).stdout, "other\n");
    let client = error(&ctl, "telemetry errors --client acm", 3);
    assert_eq!(
        (&client["code"], &client["hint"]),
        (&value!("client_not_found"), &value!("did you mean acme?"))
    );
    let instance = error(&ctl, "telemetry series --instance acme-l", 3);
    assert_eq!(
        (&instance["code"], &instance["hint"]),
        (&value!("instance_not_found"), &value!("did you mean acme-1?"))
    );
    for wrong in ["--step 2h", "--since yesterday", "--min-clients many", "--tool Not_A_Tool"] {
        assert_eq!(error(&ctl, &format!("telemetry series {wrong}"), 2)["code"], "usage");
    }
}

async fn a_person_sees_bars(hub: Hub) {
    let ctl = machine(&hub, &busy()).await;
    ran(&ctl, SEND, 0);
    let seen = |columns: u16, line: &str| {
        let line = format!("telemetry {line}");
        ctl.at_terminal(columns, &words(&line)).end().expect(0).text
    };
    let full = "█".repeat(24);
    let tables = ["tools", "errors", "counts", "tools --since 99d --until 98d"];
    let tables = tables.map(|line| format!("$ hubctl telemetry {line}\n{}\n", seen(120, line)));
    compare("usage", &tables.concat());
    let series = seen(120, "series --since 3h");
    let headline = series.lines().next().unwrap();
    assert!(headline.ends_with("  15 calls, at most 15 a step"), "{series}");
    assert!(headline.contains('█') && series.contains(&format!(" 15 {full}")), "{series}");

    for columns in [200, 100, 80, 60, 59, 40] {
        for read in READS {
            let seen = seen(columns, &format!("{read} --since 3h"));
            let longest = seen.lines().map(|line| line.chars().count()).max().unwrap_or(0);
            assert!(longest <= usize::from(columns), "{columns}:\n{seen}");
            assert!(seen.contains('█'), "{columns}:\n{seen}");
            let named = matches!(read, "tools" | "errors");
            assert_eq!(seen.contains("browser.navigate"), named, "{columns}:\n{seen}");
        }
    }
}

async fn the_catalogue_is_shown_and_changed(hub: Hub) {
    let ctl = hub.ctl();
    let get = || json(&ctl, "telemetry catalogue get");
    assert_eq!(get(), value!({"tools": [], "codes": [], "counts": []}));
    let add = "telemetry catalogue add mail.send db.query --code TIMEOUT --count agents_online";
    let listed = value!({"tools": ["db.query", "mail.send"], "codes": ["TIMEOUT"],
        "counts": ["agents_online"]});
    let would = ran(&ctl, &format!("{add} --dry-run"), 0).stdout;
    assert!(
        would.starts_with("would update the catalogue\n    codes: none → TIMEOUT\n"),
        "{would}"
    );
    assert_eq!(
        ran(&ctl, add, 0).stdout,
        "4 names added to the catalogue, which now lists 2 tools, 1 code and 1 count\n"
    );
    assert_eq!(get(), listed);
    let events = hub.audit().await;
    let event = ("admin:owner", "catalogue.set", "catalogue");
    let (actor, action, target) = &events[0];
    assert_eq!((actor.as_str(), action.as_str(), target.as_str()), event);
    assert_eq!(json(&ctl, add)["changed"], false);
    assert_eq!(ran(&ctl, add, 0).stdout, "the catalogue is unchanged\n");
    assert_eq!(hub.audit().await.len(), events.len(), "nothing was asked to change");
    assert_eq!(
        ran(&ctl, "telemetry catalogue get -o csv", 0).stdout,
        "kind,name\r\ntool,db.query\r\ntool,mail.send\r\ncode,TIMEOUT\r\ncount,agents_online\r\n"
    );

    // What `get` writes, `set` takes.
    let file = with_file(hub.ctl(), "catalogue.json", &get().to_string());
    ran(&file, "telemetry catalogue remove db.query --code TIMEOUT", 0);
    assert_eq!(get()["tools"], value!(["mail.send"]));
    let set = "telemetry catalogue set --file catalogue.json";
    let words = "set the catalogue to 2 tools, 1 code and 1 count\n";
    assert_eq!(ran(&file, set, 0).stdout, words);
    assert_eq!((get(), json(&file, set)["changed"].clone()), (listed, value!(false)));

    let wrong = r#"{"tools": ["a", "hunter two"], "codes": [], "counts": ["A"]}"#;
    let wrong = error(&ctl.stdin(wrong), "telemetry catalogue set --file -", 2);
    let message = text(&wrong, "message");
    assert!(message.contains("tools[1] must") && message.contains("counts[0] must"), "{message}");
    assert!(!message.contains("hunter"), "{message}");
    let ctl = hub.ctl();
    for line in
        ["set", "set --clear db.query", "set --file - db.query", "set Not_A_Tool", "add", "remove"]
    {
        let line = format!("telemetry catalogue {line}");
        assert_eq!(error(&ctl, &line, 2)["code"], "usage", "{line}");
    }
    let watcher = hub.admin_key_of("watcher", Role::Viewer).await;
    let by_watcher = hub.ctl().env("HUBCTL_ADMIN_KEY", &watcher);
    let refused = error(&by_watcher, "telemetry catalogue set --clear", 5);
    assert_eq!(refused["code"], "role_forbidden");
    assert_eq!(
        json(&ctl, "telemetry catalogue set --clear"),
        value!({"tools": [], "codes": [], "counts": [], "changed": true})
    );
}

/// The names of a report are listed one by one, as a person answers.
async fn names_of_a_report_are_asked_about(hub: Hub) {
    let mut report = busy();
    report["tools"][1]["name"] = "Not A Name".into();
    let ctl = with_file(hub.ctl(), "report.json", &report.to_string());
    let add = "telemetry catalogue add --from report.json";
    assert_eq!(error(&ctl, add, 12)["code"], "input_needed");
    let terminal = ctl.at_terminal(80, &words(add));
    for (asked, answer) in [
        ("list the tool browser.navigate? [y/N]", "y"),
        ("list the code HTTP_503? [y/N]", "n"),
        ("list the code TIMEOUT? [y/N]", "yes"),
        ("list the count agents_online? [y/N]", ""),
        ("list the count queue_depth? [y/N]", "y"),
    ] {
        terminal.wait_for(asked);
        terminal.type_line(answer);
    }
    let _ = terminal.end().expect(0);
    let listed =
        value!({"tools": ["browser.navigate"], "codes": ["TIMEOUT"], "counts": ["queue_depth"]});
    assert_eq!(json(&ctl, "telemetry catalogue get"), listed);
    ran(&ctl, &format!("{add} --yes"), 0);
    let counts = json(&ctl, "telemetry catalogue get")["counts"].clone();
    assert_eq!(counts, value!(["agents_online", "queue_depth"]));
    assert_eq!(ran(&ctl, add, 0).stdout, "the catalogue is unchanged\n");
}

/// CSV is for objects, lists and changes alike; errors stay as they are.
async fn every_command_writes_csv(hub: Hub) {
    let ctl = hub.ctl();
    let out = |line: &str| ran(&ctl, &format!("{line} -o csv"), 0).stdout;
    let header = "slug,name,id,external_ref,status,suspension.reason,suspension.since,\
        instances.total,instances.pending,instances.active,instances.suspended,labels,\
        created_at,updated_at\r\n";
    assert_eq!(out("client list"), header, "the paths of the JSON document");
    let create = ["client", "create", "acme", "--name", "Acme, \"the\" GmbH", "-o", "csv"];
    assert_eq!(ctl.run(&create).expect(0).stdout, "handle,changed\r\nacme,true\r\n");
    let client = hub.admin().get("/api/v1/admin/clients/acme").await.ok();
    let (id, created) = (text(&client, "id"), text(&client, "created_at"));
    let row =
        format!("acme,\"Acme, \"\"the\"\" GmbH\",{id},,active,,,0,0,0,0,,{created},{created}\r\n");
    assert_eq!(out("client list --no-headers"), row);
    assert_eq!(out("client get acme --no-headers"), row, "the columns of the list");
    let issued = out("instance issue acme-1 --client acme --sink stdout");
    let key = issued.strip_prefix("handle,changed,license_key\r\nacme-1,true,lb_inst_");
    assert!(key.is_some_and(|rest| rest.trim_end().len() == 32), "{issued}");
    assert!(out("whoami").contains("\r\nowner,owner,"));
    assert!(out("stats").contains("\r\n1,1,0,0,1,0,"));
    let by_env = hub.ctl().env("HUBCTL_OUTPUT", "csv");
    let with_instance = row.replace(",active,,,0,0,", ",active,,,1,1,");
    assert_eq!(ran(&by_env, "client get acme --no-headers", 0).stdout, with_instance);
    let refused = ran(&by_env, "client get nobody", 3);
    assert!(refused.stderr.starts_with("error[client_not_found]:"), "{}", refused.stderr);
}
