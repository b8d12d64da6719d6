//! The audit log: one row for each change, in a chain that shows tampering.

use hub_core::api::{Action, Role};
use hub_tests::clock::{DAY, later};
use hub_tests::fleet::{fingerprint, text};
use hub_tests::sql::Sql;
use hub_tests::{Engine, Hub, both_stores};
use serde_json::{Value, json};

const AUDIT: &str = "/api/v1/admin/audit";
const VERIFY: &str = "/api/v1/admin/audit/verify";

/// Every action once, in the order of [`expected`].
async fn do_everything(hub: &Hub) {
    let client = "/api/v1/admin/clients/acme";
    hub.client("acme").await;
    hub.admin().patch(client, json!({"name": "Acme AG"})).await.expect(200).done();
    let issued = hub.issue("acme", "acme-1").await;
    hub.patch_instance("acme-1", json!({"grace_days": 3})).await;
    hub.activate(&issued.license_key).await;
    hub.act("acme-1", "rotate-license", json!({})).await;
    hub.act("acme-1", "rotate-hub-key", json!({})).await;
    hub.act("acme-1", "suspend", json!({"reason": "unpaid"})).await;
    hub.act("acme-1", "reactivate", json!({})).await;
    hub.admin().patch(client, json!({"status": "suspended"})).await.expect(200).done();
    hub.admin().patch(client, json!({"status": "active"})).await.expect(200).done();
    hub.admin().delete("/api/v1/admin/instances/acme-1").await.expect(204).done();
    hub.admin().delete(client).await.expect(204).done();
    hub.admin_key_of("ci", Role::Viewer).await;
    hub.admin().delete("/api/v1/admin/keys/ci").await.expect(204).done();
    let catalogue = json!({"tools": ["browser.navigate"], "codes": [], "counts": []});
    hub.admin().put("/api/v1/admin/telemetry/catalogue", catalogue).await.expect(200).done();
}

/// What [`do_everything`] leaves: action, target.
const EVERYTHING: [(Action, &str); 16] = [
    (Action::ClientCreate, "acme"),
    (Action::ClientUpdate, "acme"),
    (Action::InstanceCreate, "acme-1"),
    (Action::InstanceUpdate, "acme-1"),
    (Action::InstanceActivate, "acme-1"),
    (Action::InstanceRotateLicense, "acme-1"),
    (Action::InstanceRotateHubKey, "acme-1"),
    (Action::InstanceSuspend, "acme-1"),
    (Action::InstanceReactivate, "acme-1"),
    (Action::ClientSuspend, "acme"),
    (Action::ClientReactivate, "acme"),
    (Action::InstanceDelete, "acme-1"),
    (Action::ClientDelete, "acme"),
    (Action::AdminKeyCreate, "ci"),
    (Action::AdminKeyRevoke, "ci"),
    (Action::CatalogueSet, "catalogue"),
];

async fn events(hub: &Hub, filter: &str) -> Vec<Value> {
    let page = hub.admin().get(&format!("{AUDIT}?limit=500&{filter}")).await.ok();
    page["items"].as_array().unwrap().clone()
}

async fn verdict(hub: &Hub) -> Value {
    hub.admin().get(VERIFY).await.ok()
}

both_stores!(
    every_change_leaves_one_row,
    a_row_is_whole_numbered_and_holds_no_key,
    refused_and_empty_changes_leave_no_row,
    events_are_found_by_actor_action_target_and_time,
    events_of_a_target_are_found_among_thousands,
    pages_go_from_new_to_old_without_gaps,
    the_database_itself_refuses_changes,
    tampering_shows,
    a_cut_tail_shows
);

async fn every_change_leaves_one_row(hub: Hub) {
    for action in Action::ALL {
        assert!(EVERYTHING.iter().any(|(done, _)| done == action), "{action:?} is not tried");
    }
    let me = text(&hub.admin().get("/api/v1/admin/whoami").await.ok(), "name");
    let before = hub.audit().await.len();
    do_everything(&hub).await;
    let mut rows = hub.audit().await;
    rows.reverse();
    let expected: Vec<_> = EVERYTHING
        .iter()
        .map(|(action, target)| {
            let by_instance = *action == Action::InstanceActivate;
            let actor = if by_instance { "instance:acme-1".into() } else { format!("admin:{me}") };
            (actor, action.as_str().to_owned(), (*target).to_owned())
        })
        .collect();
    assert_eq!(rows[before..], expected);
    let verdict = verdict(&hub).await;
    assert_eq!((&verdict["ok"], &verdict["events"]), (&json!(true), &json!(rows.len())));
    assert_eq!(verdict["first_broken"], json!(null));
    assert_eq!(verdict["head"], events(&hub, "").await[0]["hash"]);
}

async fn a_row_is_whole_numbered_and_holds_no_key(hub: Hub) {
    hub.client("acme").await;
    let issued = hub.issue("acme", "acme-1").await;
    let named = hub.anonymous().header("x-request-id", "boot-42");
    let body = json!({"license_key": issued.license_key});
    let answer = named.post("/api/v1/instances/activate", body).await.expect(200);
    let key = text(&answer.json(), "hub_api_key");
    let page = hub.admin().get(AUDIT).await.expect(200);
    for secret in [&key["hk_".len()..], &issued.license_key["lb_inst_".len()..]] {
        assert!(!page.text().contains(secret));
    }
    assert!(page.text().contains(&fingerprint(&key)), "which key it was can be told");
    let items = page.json()["items"].as_array().unwrap().clone();
    assert_eq!(items[0]["request_id"], answer.header("x-request-id"));
    assert_ne!(items[0]["request_id"], "boot-42", "only operators name their requests");
    let seqs: Vec<i64> = items.iter().map(|event| event["seq"].as_i64().unwrap()).collect();
    assert!(seqs.windows(2).all(|pair| pair[0] == pair[1] + 1), "{seqs:?}");
    assert_eq!(*seqs.last().unwrap(), 1);
    for event in &items {
        assert_eq!(event.as_object().unwrap().len(), 8, "{event}");
        assert_eq!(text(event, "hash").len(), 64);
        assert!(text(event, "at").ends_with('Z'));
    }
}

async fn refused_and_empty_changes_leave_no_row(hub: Hub) {
    hub.client("acme").await;
    let issued = hub.issue("acme", "acme-1").await;
    hub.act("acme-1", "suspend", json!({})).await;
    let rows = hub.audit().await.len();
    hub.act("acme-1", "suspend", json!({})).await;
    let body = json!({"license_key": issued.license_key});
    hub.anonymous().post("/api/v1/instances/activate", body).await.expect(403).done();
    let again = json!({"name": "Acme", "slug": "acme"});
    hub.admin().post("/api/v1/admin/clients", again).await.expect(409).done();
    hub.admin().delete("/api/v1/admin/clients/acme").await.expect(409).done();
    hub.admin().patch("/api/v1/admin/instances/acme-1", json!({"x": 1})).await.expect(422).done();
    assert_eq!(hub.audit().await.len(), rows);
}

async fn events_are_found_by_actor_action_target_and_time(hub: Hub) {
    do_everything(&hub).await;
    let count = async |filter: &str| events(&hub, filter).await.len();
    assert_eq!(count("action=instance.suspend").await, 1);
    assert_eq!(count("target=acme-1").await, 8);
    assert_eq!(count("actor=instance%3Aacme-1").await, 1);
    assert_eq!(count("target=acme&action=client.update").await, 1);
    assert_eq!(count("target=nobody").await, 0);
    let all = count("").await;
    assert_eq!(count("since=1h").await, all);
    assert_eq!(count("until=1h").await, 0);
    assert_eq!(count(&format!("until={}", later(DAY))).await, all);
    let middle = events(&hub, "").await[5].clone();
    let at = text(&middle, "at");
    let older = count(&format!("until={at}")).await;
    let newer = count(&format!("since={at}")).await;
    assert_eq!(older + newer, all, "[since, until)");
    // The last 7 days, unless asked for more.
    let mut sql = hub.sql().await;
    allow_changes(&mut sql, hub.engine()).await;
    sql.execute("UPDATE audit_events SET at = at - 604800000 WHERE seq <= 3").await;
    assert_eq!(count("").await, all - 3);
    assert_eq!(count("since=8d").await, all);
    assert_eq!(count("until=1h").await, 3);
}

/// The index finds them within each 1024 events.
async fn events_of_a_target_are_found_among_thousands(hub: Hub) {
    hub.client("acme").await;
    let mut sql = hub.sql().await;
    let add = "INSERT INTO audit_events \
        SELECT seq + :n, at, actor, action, 'other', detail, request_id, prev_hash, hash \
        FROM audit_events WHERE seq + :n < 5000";
    for doubled in 0..13 {
        let last = sql.number("SELECT MAX(seq) FROM audit_events").await;
        assert!(last >= 1 << doubled);
        sql.execute(&add.replace(":n", &last.to_string())).await;
    }
    allow_changes(&mut sql, hub.engine()).await;
    let wanted = [4999, 4096, 4095, 3000, 2048, 1024, 1023, 7];
    let list = wanted.map(|seq| seq.to_string()).join(", ");
    let name = format!("UPDATE audit_events SET target = 'wanted' WHERE seq IN ({list})");
    assert_eq!(sql.execute(&name).await, 8);
    let found = async |filter: &str| {
        let found = events(&hub, filter).await;
        found.iter().map(|event| event["seq"].as_i64().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(found("target=wanted").await, wanted);
    assert_eq!(found("target=wanted&action=client.suspend").await, [0; 0]);
    let mut pages = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = format!("{AUDIT}?target=wanted&limit=3{cursor}");
        let page = hub.admin().get(&page).await.ok();
        pages.push(page["items"].as_array().unwrap().len());
        let Some(next) = page["next_cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(pages, [3, 3, 2]);
}

async fn pages_go_from_new_to_old_without_gaps(hub: Hub) {
    do_everything(&hub).await;
    let all = events(&hub, "").await;
    let (mut paged, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = hub.admin().get(&format!("{AUDIT}?limit=4{cursor}")).await.ok();
        paged.extend(page["items"].as_array().unwrap().clone());
        let Some(next) = page["next_cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
        hub.client(&format!("between-{}", paged.len())).await;
    }
    assert_eq!(paged, all, "rows that are added meanwhile are newer");
}

async fn the_database_itself_refuses_changes(hub: Hub) {
    hub.client("acme").await;
    let mut sql = hub.sql().await;
    for attack in [
        "UPDATE audit_events SET actor = 'system'",
        "UPDATE audit_events SET actor = 'system' WHERE seq = 1",
        "DELETE FROM audit_events",
        "DELETE FROM audit_events WHERE seq = 1",
    ] {
        let refused = sql.try_execute(attack).await.unwrap_err();
        assert!(refused.contains("append-only"), "{attack}: {refused}");
    }
    let again = "INTO audit_events (seq, at, actor, action, target, detail, request_id, prev_hash, \
        hash) SELECT seq, at, 'system', action, target, detail, request_id, prev_hash, hash \
        FROM audit_events WHERE seq = 1";
    let attacks = match hub.engine() {
        Engine::Sqlite => [
            format!("REPLACE {again}"),
            format!("INSERT OR REPLACE {again}"),
            format!("INSERT OR IGNORE {again}"),
            format!("INSERT {again} ON CONFLICT (seq) DO UPDATE SET actor = 'system'"),
        ],
        Engine::Postgres => {
            // It makes a session that skips the triggers which are not always on.
            sql.execute("SET session_replication_role = replica").await;
            [
                "TRUNCATE audit_events".to_owned(),
                "DELETE FROM audit_events".to_owned(),
                "UPDATE audit_events SET actor = 'system'".to_owned(),
                format!("INSERT {again} ON CONFLICT (seq) DO UPDATE SET actor = 'system'"),
            ]
        }
    };
    for attack in attacks {
        let refused = sql.try_execute(&attack).await.unwrap_err();
        assert!(refused.contains("append-only"), "{attack}: {refused}");
    }
    sql.try_execute(&format!("INSERT {again}")).await.unwrap_err();
    assert_eq!(verdict(&hub).await["ok"], true);
}

async fn tampering_shows(hub: Hub) {
    do_everything(&hub).await;
    let mut sql = hub.sql().await;
    allow_changes(&mut sql, hub.engine()).await;
    // From the newest to the oldest, so that each one is the first broken one in its turn.
    let detail = r#"UPDATE audit_events SET detail = '{"x":"y"}' WHERE seq = 10"#;
    broken(&hub, &mut sql, detail, 10).await;
    broken(&hub, &mut sql, "UPDATE audit_events SET at = at + 1 WHERE seq = 9", 9).await;
    broken(&hub, &mut sql, "UPDATE audit_events SET actor = 'system' WHERE seq = 8", 8).await;
    broken(&hub, &mut sql, "UPDATE audit_events SET target = 'x' WHERE seq = 7", 7).await;
    broken(&hub, &mut sql, "UPDATE audit_events SET request_id = 'x' WHERE seq = 6", 6).await;
    broken(&hub, &mut sql, "DELETE FROM audit_events WHERE seq = 4", 4).await;
    let insert = "INSERT INTO audit_events SELECT 4, at, actor, action, target, detail, \
        request_id, prev_hash, hash FROM audit_events WHERE seq = 3";
    broken(&hub, &mut sql, insert, 4).await;
    broken(&hub, &mut sql, "DELETE FROM audit_events WHERE seq = 1", 1).await;
}

async fn a_cut_tail_shows(hub: Hub) {
    do_everything(&hub).await;
    let head = verdict(&hub).await["head"].clone();
    let mut sql = hub.sql().await;
    allow_changes(&mut sql, hub.engine()).await;
    let last = sql.number("SELECT MAX(seq) FROM audit_events").await;
    sql.execute(&format!("DELETE FROM audit_events WHERE seq = {last}")).await;
    let cut = verdict(&hub).await;
    assert_eq!(cut["ok"], false, "{cut}");
    assert_ne!(cut["head"], head);
    sql.execute("DELETE FROM audit_events").await;
    assert_eq!(verdict(&hub).await["ok"], false);
}

/// Drops the triggers, as an attacker with the database in hand would.
pub(crate) async fn allow_changes(sql: &mut Sql, engine: Engine) {
    let of_table = if engine == Engine::Postgres { " ON audit_events" } else { "" };
    for trigger in ["audit_events_no_update", "audit_events_no_delete"] {
        sql.execute(&format!("DROP TRIGGER {trigger}{of_table}")).await;
    }
}

/// Tampers, and expects that the chain breaks at this event.
async fn broken(hub: &Hub, sql: &mut Sql, attack: &str, at: i64) {
    assert_eq!(sql.execute(attack).await, 1, "{attack}");
    let verdict = verdict(hub).await;
    assert_eq!(verdict["ok"], false, "{attack}");
    assert_eq!(verdict["first_broken"], at, "{attack}: {verdict}");
}
