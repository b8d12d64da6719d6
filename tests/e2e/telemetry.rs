//! Reports: who may send them, what is kept of them, and that each counts once.

use std::time::Duration;

use futures_util::future::join_all;
use hub_tests::clock::{DAY, ago, later};
use hub_tests::reports::{report, report_of};
use hub_tests::{Hub, both_stores};
use serde_json::{Value, json};

const HOUR: Duration = Duration::from_hours(1);

async fn rows(hub: &Hub, table: &str) -> i64 {
    hub.sql().await.number(&format!("SELECT COUNT(*) FROM {table}")).await
}

/// Calls, errors, durations and counts over all time and instances.
async fn totals(hub: &Hub) -> Value {
    let tools = hub.usage("tools?since=9d").await;
    let sum = |field: &str| -> u64 {
        tools["items"].as_array().unwrap().iter().filter_map(|item| item[field].as_u64()).sum()
    };
    let counts = hub.usage("counts?since=9d").await;
    json!({"calls": sum("calls"), "errors": sum("errors"), "counts": counts["items"]})
}

both_stores!(
    a_report_is_taken_and_is_in_every_read,
    a_repeated_report_is_a_duplicate_and_does_not_count,
    the_same_report_many_times_at_once_counts_once,
    many_reports_at_once_are_all_counted,
    only_the_instance_itself_may_report,
    the_suspended_may_not_report_and_the_expired_may,
    content_that_is_not_allowed_is_dropped_and_counted,
    a_preview_is_exactly_what_is_stored,
    an_invalid_frame_is_refused_and_not_quoted,
    a_report_that_would_be_lost_is_refused_or_told,
    codes_beyond_the_share_of_a_day_count_under_other,
    a_deleted_instances_usage_goes_with_it
);

async fn a_report_is_taken_and_is_in_every_read(hub: Hub) {
    hub.client("acme").await;
    let instance = hub.reporter("acme", "acme-1").await;
    let sent = report();
    let answer = instance.report(&sent).await;
    assert_eq!(answer, json!({"report_id": sent["report_id"], "duplicate": false, "redacted": 0}));
    let usage = hub.usage("tools").await;
    let tool = &usage["items"][0];
    assert_eq!(
        (&tool["tool"], &tool["calls"], &tool["errors"], &tool["instances"]),
        (&json!("browser.navigate"), &json!(12), &json!(2), &json!(1))
    );
    assert_eq!(
        hub.usage("errors").await["items"],
        json!([{"tool": "browser.navigate", "code": "TIMEOUT", "count": 2}])
    );
    assert_eq!(
        hub.usage("counts").await["items"],
        json!([{"name": "agents_online", "sum": 3, "max": 3, "instances": 1}])
    );
    let own = instance.own().await;
    assert_eq!((&own["instance_id"], &own["reports"]), (&json!("acme-1"), &json!(1)));
    for period in ["hours", "days"] {
        let tools = &own[period][0]["tools"];
        assert_eq!(
            tools,
            &json!([{"tool": "browser.navigate", "calls": 12, "errors": 2,
            "duration_ms": {"n": 3, "mean": 60.5 / 3.0, "max": 30.0}}]),
            "{period}"
        );
    }
    assert_eq!(hub.admin().get("/api/v1/admin/stats").await.ok()["reports_24h"], 1);
    assert!(hub.show("acme-1").await["last_seen_at"].is_string());
}

async fn a_repeated_report_is_a_duplicate_and_does_not_count(hub: Hub) {
    hub.client("acme").await;
    let instance = hub.reporter("acme", "acme-1").await;
    let sent = report();
    instance.report(&sent).await;
    let before = totals(&hub).await;
    for _ in 0..3 {
        assert_eq!(instance.report(&sent).await["duplicate"], true);
    }
    // Content that is not kept does not make it another report.
    let mut same = sent.clone();
    same["secret"] = "x".into();
    let answer = instance.report(&same).await;
    assert_eq!((&answer["duplicate"], &answer["redacted"]), (&json!(true), &json!(1)));
    assert_eq!(answer["reasons"], json!({"unknown_member": 1}));
    let mut other = sent.clone();
    other["tools"][0]["calls"] = 13.into();
    instance.send(&other).await.problem(409, "report_conflict");
    assert_eq!(totals(&hub).await, before);
    // Ids belong to their instance: another instance may use the same one.
    let another = hub.reporter("acme", "acme-2").await;
    assert_eq!(another.report(&sent).await["duplicate"], false);
}

async fn the_same_report_many_times_at_once_counts_once(hub: Hub) {
    hub.client("acme").await;
    let instance = hub.reporter("acme", "acme-1").await;
    let sent = report();
    let answers = join_all((0..24).map(|_| instance.report(&sent))).await;
    assert_eq!(answers.iter().filter(|answer| answer["duplicate"] == false).count(), 1);
    assert_eq!(totals(&hub).await["calls"], 12);
}

async fn many_reports_at_once_are_all_counted(hub: Hub) {
    hub.client("acme").await;
    let mut instances = Vec::new();
    for n in 0..8 {
        instances.push(hub.reporter("acme", &format!("acme-{n}")).await);
    }
    let reports = (0..200).map(|n| {
        let instance = &instances[n % instances.len()];
        async move { instance.report(&report()).await }
    });
    assert!(join_all(reports).await.iter().all(|answer| answer["duplicate"] == false));
    let totals = totals(&hub).await;
    assert_eq!((&totals["calls"], &totals["errors"]), (&json!(2400), &json!(400)));
    assert_eq!(totals["counts"][0]["sum"], 600);
    let tool = hub.usage("tools").await["items"][0].clone();
    assert_eq!((&tool["instances"], &tool["duration_ms"]["n"]), (&json!(8), &json!(600)));
    assert!(!hub.log().contains("one by one"), "{}", hub.log());
}

async fn only_the_instance_itself_may_report(hub: Hub) {
    hub.client("acme").await;
    let instance = hub.reporter("acme", "acme-1").await;
    hub.issue("acme", "acme-2").await;
    for other in ["acme-2", "nobody", "Self", "%2F"] {
        hub.reporter_with(other, &instance.hub_key)
            .send(&report())
            .await
            .problem(403, "instance_mismatch");
    }
    let path = "/api/v1/instances/acme-1/telemetry";
    hub.anonymous().post(path, report()).await.problem(401, "hub_key_missing");
    hub.instance("hk_000000000000000000000000")
        .post(path, report())
        .await
        .problem(401, "hub_key_invalid");
    hub.admin().post(path, report()).await.problem(401, "hub_key_missing");
    assert_eq!(rows(&hub, "reports").await, 0);
}

async fn the_suspended_may_not_report_and_the_expired_may(hub: Hub) {
    hub.client("acme").await;
    let instance = hub.reporter("acme", "acme-1").await;
    hub.patch_instance("acme-1", json!({"expires_at": ago(DAY)})).await;
    instance.report(&report()).await;
    hub.act("acme-1", "suspend", json!({})).await;
    instance.send(&report()).await.problem(403, "instance_suspended");
    let dry = "/api/v1/instances/acme-1/telemetry?dry_run=true";
    hub.instance(&instance.hub_key).post(dry, report()).await.problem(403, "instance_suspended");
    hub.act("acme-1", "reactivate", json!({})).await;
    let client = "/api/v1/admin/clients/acme";
    hub.admin().patch(client, json!({"status": "suspended"})).await.expect(200).done();
    instance.send(&report()).await.problem(403, "client_suspended");
    assert_eq!(rows(&hub, "reports").await, 1);
    assert_eq!(instance.own().await["reports"], 1, "what is kept may be looked at");
}

async fn content_that_is_not_allowed_is_dropped_and_counted(hub: Hub) {
    hub.client("acme").await;
    let instance = hub.reporter("acme", "acme-1").await;
    hub.list_names(&["files.read"], &["ENOENT"], &[]).await;
    let sent = report_of(json!({
        "hostname": "db.internal", "env": {"PATH": "/secret"},
        "tools": [
            {"name": "files.read", "calls": 3, "args": {"path": "/etc/passwd"},
                "errors": {"ENOENT": 1, "open /etc/shadow": 1}, "durations_ms": [1, "x", -4]},
            {"name": "/usr/bin/secret", "calls": 2},
        ],
        "counts": {"agents_online": 1, "alice@example.com": 7},
    }));
    let answer = instance.report(&sent).await;
    assert_eq!(answer["redacted"], 8);
    let reasons = json!({"unknown_member": 3, "wrong_type": 1, "unlisted_tool": 1,
        "unlisted_code": 1, "unlisted_count": 1, "bad_number": 1});
    assert_eq!(answer["reasons"], reasons);
    let tools = hub.usage("tools").await;
    let names: Vec<_> = tools["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|t| (t["tool"].as_str().unwrap(), t["calls"].as_u64().unwrap()))
        .collect();
    assert_eq!(names, [("files.read", 3), ("other", 2)]);
    let errors = hub.usage("errors").await["items"].clone();
    assert_eq!(
        errors,
        json!([{"tool": "files.read", "code": "ENOENT", "count": 1},
        {"tool": "files.read", "code": "OTHER", "count": 1}])
    );
    assert_eq!(
        hub.usage("counts").await["items"],
        json!([
        {"name": "agents_online", "sum": 1, "max": 1, "instances": 1},
        {"name": "other", "sum": 7, "max": 7, "instances": 1}])
    );
}

/// `dry_run` shows what would be stored, and stores nothing.
async fn a_preview_is_exactly_what_is_stored(hub: Hub) {
    hub.client("acme").await;
    let instance = hub.reporter("acme", "acme-1").await;
    let sent = report();
    let preview = instance.preview(&sent).await;
    assert_eq!((&preview["dry_run"], &preview["redacted"]), (&json!(true), &json!(0)));
    let tool = &preview["report"]["tools"][0];
    assert_eq!(tool["duration_us"]["sum"], 60_500);
    assert_eq!((rows(&hub, "reports").await, rows(&hub, "usage_hour").await), (0, 0));
    instance.report(&sent).await;
    let mut sql = hub.sql().await;
    for (what, expected) in [
        ("SELECT calls FROM usage_hour", 12),
        ("SELECT errors FROM usage_hour", 2),
        ("SELECT dur_n FROM usage_hour", 3),
        ("SELECT dur_sum_us FROM usage_hour", 60_500),
        ("SELECT dur_max_us FROM usage_hour", 30_000),
        ("SELECT sum_n FROM count_hour", 3),
    ] {
        assert_eq!(sql.number(what).await, expected, "{what}");
    }
    for bucket in tool["duration_us"]["buckets"].as_array().unwrap() {
        let stored = format!("SELECT n FROM duration_hour WHERE bucket = {}", bucket[0]);
        assert_eq!(Some(sql.number(&stored).await), bucket[1].as_i64());
    }
    // The preview follows the catalogue, and tells where something is not kept.
    let remove = json!({"remove": {"tools": ["browser.navigate"], "codes": ["TIMEOUT"]}});
    hub.admin().patch("/api/v1/admin/telemetry/catalogue", remove).await.expect(200).done();
    let mut wrong = sent.clone();
    wrong["env"] = json!({"HOME": "/root"});
    wrong["tools"][0]["calls"] = json!("12");
    let preview = instance.preview(&wrong).await;
    assert_eq!(preview["report"]["tools"][0]["name"], "other");
    assert_eq!(preview["redacted"], 4);
    assert_eq!(
        preview["reasons"],
        json!({"unknown_member": 1, "wrong_type": 1, "unlisted_tool": 1, "unlisted_code": 1})
    );
    let mut places: Vec<String> = preview["dropped"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| format!("{} {}", one["at"].as_str().unwrap(), one["reason"].as_str().unwrap()))
        .collect();
    places.sort();
    assert_eq!(
        places,
        [
            "/* unknown_member",
            "/tools/0/calls wrong_type",
            "/tools/0/errors/* unlisted_code",
            "/tools/0/name unlisted_tool"
        ]
    );
}

async fn an_invalid_frame_is_refused_and_not_quoted(hub: Hub) {
    hub.client("acme").await;
    let instance = hub.reporter("acme", "acme-1").await;
    for body in ["", "{", "[]", "hunter2", "{\"report_id\":\"a\",\"report_id\":\"b\"}", "{} {}"] {
        instance.send_bytes(body).await.problem(400, "invalid_json");
    }
    instance.send_bytes(&b"{\"x\":\"\xff\"}"[..]).await.problem(400, "invalid_json");
    let answer = instance.send_bytes(r#"{"report_id":"hunter2","window_start":"hunter2"}"#).await;
    answer.wrong_fields(&["report_id", "window_start", "window_end"]);
    assert!(!answer.text().contains("hunter2"), "{answer}");
    let early = report_of(json!({"window_start": ago(DAY * 8)}));
    instance.send(&early).await.wrong_fields(&["window_end", "window_start"]);
    let future = report_of(json!({"window_end": later(HOUR)}));
    instance.send(&future).await.wrong_fields(&["window_end"]);
    let large = format!(r#"{{"x":"{}"}}"#, "s".repeat(1 << 20));
    instance.send_bytes(large).await.problem(413, "body_too_large");
    let path = "/api/v1/instances/acme-1/telemetry?verbose=1";
    hub.instance(&instance.hub_key).post(path, report()).await.wrong_fields(&["query"]);
    let encoded = hub.instance(&instance.hub_key).header("content-encoding", "gzip");
    encoded
        .post("/api/v1/instances/acme-1/telemetry", report())
        .await
        .problem(415, "unsupported_media_type");
    assert_eq!(rows(&hub, "reports").await, 0);
    let almost = report_of(json!({"x": "s".repeat(900_000)})).to_string();
    instance.send_bytes(almost).await.expect(202).done();
}

/// Small bodies that were taken once and lost what they said.
async fn a_report_that_would_be_lost_is_refused_or_told(hub: Hub) {
    hub.client("acme").await;
    let instance = hub.reporter("acme", "acme-1").await;
    hub.list_names(&["a"], &["A"], &[]).await;
    instance.send(&report_of(json!({"tools": {"a.b": 3}}))).await.wrong_fields(&["tools"]);
    instance.send(&report_of(json!({"counts": [1]}))).await.wrong_fields(&["counts"]);
    let tool = |tool: Value| report_of(json!({"tools": [tool]}));
    let told = async |report: &Value| {
        let preview = instance.preview(report).await;
        let tool = &preview["report"]["tools"][0];
        json!([tool["calls"], tool["errors"], preview["reasons"]])
    };
    assert_eq!(
        told(&tool(json!({"name": "a", "calls": 1.5, "durations_ms": [1, 2]}))).await,
        json!([2, {}, {"bad_number": 1}])
    );
    assert_eq!(
        told(&tool(json!({"name": "a", "calls": 1, "errors": {"TIMEOUT": 1_000_000_000}}))).await,
        json!([1, {"TIMEOUT": 1}, {"inconsistent": 1}])
    );
    assert_eq!(
        told(&tool(json!({"name": "a", "calls": 0, "errors": {"A": 5}}))).await,
        json!([0, {}, {"inconsistent": 1}])
    );
    let names: Vec<String> = (0..300).map(|n| format!("t{n}")).collect();
    hub.list_names(&names.iter().map(String::as_str).collect::<Vec<_>>(), &[], &[]).await;
    let tools: Vec<_> = names.iter().map(|name| json!({"name": name, "calls": 1})).collect();
    let answer = instance.report(&report_of(json!({"tools": tools}))).await;
    assert_eq!(answer["reasons"], json!({"over_limit": 100}));
    let items = hub.usage("tools").await["items"].as_array().unwrap().clone();
    assert_eq!(
        (items.len(), &items[0]["tool"], &items[0]["calls"]),
        (201, &json!("other"), &json!(100))
    );
}

/// An instance cannot use every pair that a large catalogue allows.
async fn codes_beyond_the_share_of_a_day_count_under_other(hub: Hub) {
    hub.client("acme").await;
    let instance = hub.reporter("acme", "acme-1").await;
    let tools: Vec<String> = (0..50).map(|n| format!("t{n}")).collect();
    let codes: Vec<String> = (0..60).map(|n| format!("E{n}")).collect();
    let text = |names: &[String]| names.to_vec();
    let add = json!({"add": {"tools": text(&tools), "codes": text(&codes)}});
    hub.admin().patch("/api/v1/admin/telemetry/catalogue", add).await.expect(200).done();
    let at = ago(Duration::ZERO);
    let all = |codes: &[String]| {
        let errors: Value = codes.iter().map(|code| (code.clone(), json!(1))).collect();
        let tools = tools.iter().map(|tool| json!({"name": tool, "errors": errors}));
        let tools: Vec<_> = tools.collect();
        report_of(json!({"tools": tools, "window_start": at, "window_end": at}))
    };
    assert_eq!(instance.report(&all(&codes[..30])).await["redacted"], 0);
    // 1,500 pairs are used: 500 more have room, and 500 have none.
    let next = all(&codes[30..50]);
    let preview = instance.preview(&next).await;
    assert_eq!(preview["reasons"], json!({"over_limit": 500}));
    let dropped = preview["dropped"].as_array().unwrap();
    // The share goes to the tools in the order of the catalogue: t4 is the 26th of 50.
    let first = json!({"at": "/tools/4/errors/E30", "reason": "over_limit"});
    assert_eq!((dropped.len(), &dropped[0]), (100, &first));
    let answer = instance.report(&next).await;
    assert_eq!((&answer["redacted"], &answer["reasons"]), (&json!(500), &preview["reasons"]));
    assert_eq!(instance.report(&next).await["duplicate"], true);
    let pairs = "SELECT COUNT(*) FROM error_hour WHERE code <> 0";
    assert_eq!(hub.sql().await.number(pairs).await, 2_000);
    assert_eq!(hub.usage("tools").await["items"][0]["errors"], 50);
    assert_eq!(instance.report(&all(&codes[..50])).await["reasons"], json!({"over_limit": 500}));
    // Another instance has a share of its own.
    let another = hub.reporter("acme", "acme-2").await;
    assert_eq!(another.report(&next).await["redacted"], 0);
}

async fn a_deleted_instances_usage_goes_with_it(hub: Hub) {
    hub.client("acme").await;
    let instance = hub.reporter("acme", "acme-1").await;
    instance.report(&report()).await;
    hub.reporter("acme", "acme-2").await.report(&report()).await;
    hub.admin().delete("/api/v1/admin/instances/acme-1").await.expect(204).done();
    instance.send(&report()).await.problem(401, "hub_key_invalid");
    let tool = hub.usage("tools").await["items"][0].clone();
    assert_eq!((&tool["calls"], &tool["instances"]), (&json!(12), &json!(1)));
    // The fleet's distributions name no instance, and stay.
    assert_eq!(hub.sql().await.number("SELECT CAST(SUM(n) AS BIGINT) FROM duration_hour").await, 6);
    for table in ["reports", "usage_hour", "error_hour", "count_hour"] {
        assert_eq!(rows(&hub, table).await, 1, "{table}");
    }
    let series = hub.usage("series?since=2h").await["items"].clone();
    let of = |field: &str| -> u64 {
        series.as_array().unwrap().iter().filter_map(|step| step[field].as_u64()).sum()
    };
    assert_eq!((of("calls"), of("errors"), of("instances")), (12, 2, 1));
    let other = "/api/v1/admin/instances/acme-2";
    hub.admin().delete(other).await.expect(204).done();
    assert_eq!(hub.usage("tools").await["items"], json!([]));
}
