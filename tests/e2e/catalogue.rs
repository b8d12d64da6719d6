//! The catalogue: which names the hub keeps, and what happens to usage when it changes.

use std::time::Duration;

use hub_core::api::Role;
use hub_tests::http::Answer;
use hub_tests::reports::report_of;
use hub_tests::{Engine, Hub, Setup, both_stores};
use serde_json::{Value, json};

const CATALOGUE: &str = "/api/v1/admin/telemetry/catalogue";

fn names(tools: &[&str], codes: &[&str], counts: &[&str]) -> Value {
    json!({"tools": tools, "codes": codes, "counts": counts})
}

async fn get(hub: &Hub) -> Value {
    hub.admin().get(CATALOGUE).await.ok()
}

fn etag(answer: &Answer) -> String {
    answer.headers["etag"].to_str().unwrap().to_owned()
}

/// The tools and their calls.
async fn calls(hub: &Hub) -> Value {
    let usage = hub.usage("tools").await;
    let items = usage["items"].as_array().unwrap().iter();
    items.map(|item| json!([item["tool"], item["calls"]])).collect()
}

both_stores!(
    a_catalogue_is_replaced_and_changed,
    a_wrong_catalogue_sets_nothing,
    only_listed_names_are_kept,
    a_removed_name_stays_as_long_as_its_usage,
    a_change_is_in_force_for_the_next_report
);

async fn a_catalogue_is_replaced_and_changed(hub: Hub) {
    assert_eq!(get(&hub).await, names(&[], &[], &[]));
    let sent = names(&["files.read", "browser.navigate", "files.read"], &["TIMEOUT"], &["x"]);
    let kept = names(&["browser.navigate", "files.read"], &["TIMEOUT"], &["x"]);
    let first = hub.admin().put(CATALOGUE, sent.clone()).await.expect(200);
    assert_eq!(first.json(), kept);
    assert_eq!(get(&hub).await, kept);
    let tag = etag(&first);
    assert_eq!(etag(&hub.admin().get(CATALOGUE).await), tag);

    let patch = json!({"add": {"tools": ["a"], "counts": ["y"]}, "remove": {"codes": ["TIMEOUT"]}});
    let kept = names(&["a", "browser.navigate", "files.read"], &[], &["x", "y"]);
    for _ in 0..2 {
        assert_eq!(hub.admin().patch(CATALOGUE, patch.clone()).await.ok(), kept, "may be repeated");
    }
    assert_eq!(hub.admin().patch(CATALOGUE, json!({})).await.ok(), kept);
    let stale = hub.admin().header("if-match", &tag);
    stale.put(CATALOGUE, sent.clone()).await.problem(412, "precondition_failed");
    stale.patch(CATALOGUE, patch).await.problem(412, "precondition_failed");
    let fresh = etag(&hub.admin().get(CATALOGUE).await);
    hub.admin().header("if-match", &fresh).put(CATALOGUE, sent).await.expect(200).done();

    let events = hub.audit().await;
    let sets = events.iter().filter(|(_, action, _)| action == "catalogue.set").count();
    assert_eq!(sets, 3, "what changes nothing is not audited");
    for (role, status) in [(Role::Viewer, 403), (Role::Provisioner, 403), (Role::Operator, 200)] {
        let key = hub.admin_key_of(&format!("{role}-key"), role).await;
        let caller = hub.admin_with(&key);
        caller.get(CATALOGUE).await.expect(200).done();
        caller.put(CATALOGUE, names(&[], &[], &[])).await.expect(status).done();
        caller.patch(CATALOGUE, json!({})).await.expect(status).done();
    }
}

async fn a_wrong_catalogue_sets_nothing(hub: Hub) {
    let before = names(&["a"], &["A"], &["a"]);
    hub.admin().put(CATALOGUE, before.clone()).await.expect(200).done();
    let put = async |body: Value| hub.admin().put(CATALOGUE, body).await;
    put(names(&["b", "A B", "other", "x..y"], &["B", "OTHER"], &["B", "user_1"]))
        .await
        .wrong_fields(&["tools[1]", "tools[2]", "tools[3]", "codes[1]", "counts[0]"]);
    put(json!({"tools": "a", "codes": [7], "counts": []}))
        .await
        .wrong_fields(&["tools", "codes[0]"]);
    put(json!({"tools": []})).await.wrong_fields(&["codes", "counts"]);
    put(json!({"tools": [], "codes": [], "counts": [], "words": []}))
        .await
        .wrong_fields(&["words"]);
    hub.admin().put(CATALOGUE, json!([])).await.problem(400, "invalid_json");
    let many = |n: usize| (0..n).map(|n| format!("t{n}")).collect::<Vec<_>>();
    put(json!({"tools": many(2_001), "codes": [], "counts": []})).await.wrong_fields(&["tools"]);
    let patch = async |body: Value| hub.admin().patch(CATALOGUE, body).await;
    patch(json!({"add": {"tools": ["B"], "words": []}, "remove": {"codes": "A"}}))
        .await
        .wrong_fields(&["add.tools[0]", "add.words", "remove.codes"]);
    patch(json!({"add": {"tools": ["b"]}, "remove": {"tools": ["b"]}}))
        .await
        .wrong_fields(&["remove"]);
    patch(json!({"add": {"tools": many(2_000)}})).await.wrong_fields(&["add.tools"]);
    assert_eq!(get(&hub).await, before);
    // The largest one is taken.
    let long = |n: usize| format!("{}.t{n}", "a".repeat(24));
    let tools: Vec<_> = (0..2_000).map(long).collect();
    let answer = put(json!({"tools": tools, "codes": [], "counts": []})).await.ok();
    assert_eq!(answer["tools"].as_array().unwrap().len(), 2_000);
}

/// What once got through a grammar: numbers of cards and people, addresses, names.
async fn only_listed_names_are_kept(hub: Hub) {
    hub.client("acme").await;
    let instance = hub.reporter("acme", "acme-1").await;
    let sent = report_of(json!({
        "tools": [
            {"name": "browser.navigate", "calls": 1, "errors": {"CC_4111_1111_1111_1111": 1}},
            {"name": "john.smith.gmail.com", "calls": 2, "errors": {"IP_192_168_10_25": 1}},
            {"name": "x.sk-ant-api", "calls": 3, "errors": {"SSN_123_45_6789": 1}},
        ],
        "counts": {"ssn_123_45_6789": 1, "agents_online": 1},
    }));
    let answer = instance.report(&sent).await;
    assert_eq!(
        answer["reasons"],
        json!({"unlisted_tool": 2, "unlisted_code": 3, "unlisted_count": 1})
    );
    assert_eq!(calls(&hub).await, json!([["other", 5], ["browser.navigate", 1]]));
    let mut sql = hub.sql().await;
    for (table, names) in [
        ("tools", vec!["browser.navigate", "other"]),
        ("error_codes", vec!["OTHER", "TIMEOUT"]),
        ("count_names", vec!["agents_online", "other"]),
    ] {
        let mut stored = sql.texts(&format!("SELECT name FROM {table}")).await;
        stored.sort();
        assert_eq!(stored, names, "{table}");
    }
    let own = hub.instance(&instance.hub_key);
    let answer = own.get("/api/v1/instances/self/catalogue").await.expect(200);
    assert_eq!(answer.json(), names(&["browser.navigate"], &["TIMEOUT"], &["agents_online"]));
    assert!(answer.headers.contains_key("etag"));
    hub.anonymous().get("/api/v1/instances/self/catalogue").await.problem(401, "hub_key_missing");
}

/// A name that is listed no longer counts under `other`; its usage stays readable, and then both go.
async fn a_removed_name_stays_as_long_as_its_usage(setup: Setup) {
    let mut hub = setup.args(["--rollup-every", "1h"]).start().await;
    hub.client("acme").await;
    let instance = hub.reporter("acme", "acme-1").await;
    hub.list_names(&["unused", "used"], &["USED"], &["used"]).await;
    let sent = || {
        report_of(json!({"tools": [{"name": "used", "calls": 2, "errors": {"USED": 1}}],
            "counts": {"used": 1}}))
    };
    let first = sent();
    instance.report(&first).await;
    hub.admin().put(CATALOGUE, names(&[], &[], &[])).await.expect(200).done();
    assert_eq!(instance.report(&first).await["duplicate"], true, "also after a change");
    let mut changed = first.clone();
    changed["tools"][0]["calls"] = 3.into();
    assert_eq!(instance.report(&changed).await["duplicate"], true, "numbers cannot be compared");
    assert_eq!(instance.report(&sent()).await["redacted"], 3);
    assert_eq!(calls(&hub).await, json!([["other", 2], ["used", 2]]));
    assert_eq!(hub.usage("errors?instance=acme-1").await["items"][1]["code"], "USED");
    let mut sql = hub.sql().await;
    for table in ["tools", "error_codes", "count_names"] {
        sql.execute(&format!("UPDATE {table} SET removed_at = 1 WHERE id > 0")).await;
    }
    drop(sql);
    let rolled_up = async |hub: &mut Hub, gone: &str| {
        hub.drop_args(2);
        hub.set_env("HUBD_ROLLUP_EVERY", "1ms");
        hub.restart();
        let find = format!("SELECT COUNT(*) FROM tools WHERE name = '{gone}'");
        for _ in 0..200 {
            if hub.sql().await.number(&find).await == 0 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("the name {gone} stays: {}", hub.log());
    };
    rolled_up(&mut hub, "unused").await;
    assert_eq!(calls(&hub).await, json!([["other", 2], ["used", 2]]));
    hub.admin().delete("/api/v1/admin/instances/acme-1").await.expect(204).done();
    let mut sql = hub.sql().await;
    for table in ["fleet_hour", "fleet_day", "duration_hour"] {
        sql.execute(&format!("DELETE FROM {table}")).await; // as retention does in its time
    }
    drop(sql);
    for _ in 0..200 {
        if hub.sql().await.number("SELECT COUNT(*) FROM tools WHERE id > 0").await == 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the names stay: {}", hub.log());
}

/// Whoever takes the next report, it is read by the new catalogue.
async fn a_change_is_in_force_for_the_next_report(hub: Hub) {
    let replica = (hub.engine() == Engine::Postgres).then(|| hub.replica());
    let other = replica.as_ref().unwrap_or(&hub);
    hub.client("acme").await;
    let instance = hub.reporter("acme", "acme-1").await;
    let there = other.reporter_with("acme-1", &instance.hub_key);
    for round in 0..10 {
        let name = format!("round.t{round}");
        hub.list_names(&[&name], &[], &[]).await;
        let sent = || report_of(json!({"tools": [{"name": name, "calls": 1}]}));
        assert_eq!(there.report(&sent()).await["redacted"], 0, "{round}");
        let remove = json!({"remove": {"tools": [name]}});
        hub.admin().patch(CATALOGUE, remove).await.expect(200).done();
        let preview = there.preview(&sent()).await;
        assert_eq!(preview["reasons"], json!({"unlisted_tool": 1}));
        assert_eq!(there.report(&sent()).await["reasons"], preview["reasons"], "{round}");
    }
    assert_eq!(hub.usage("tools").await["items"][0]["calls"], 10);
}
