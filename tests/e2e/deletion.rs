//! What is deleted beside what goes on.

use std::cell::Cell;
use std::time::Duration;

use futures_util::future::join_all;
use hub_tests::clock::ago;
use hub_tests::reports::report_of;
use hub_tests::{Engine, Hub, Setup, both_stores};
use serde_json::{Value, json};

both_stores!(a_client_goes_with_many_instances);

/// More than one statement takes.
async fn a_client_goes_with_many_instances(setup: Setup) {
    let hub = setup.any_number_of_requests().start().await;
    hub.list_names(&["browser.navigate", "files.read"], &[], &[]).await;
    for client in ["acme", "umbrella"] {
        hub.client(client).await;
    }
    let stays = reporting(&hub, "umbrella", "umbrella-1").await;
    let gone = join_all((0..3).map(|n| {
        let id = format!("acme-reporting-{n}");
        let hub = &hub;
        async move { reporting(hub, "acme", &id).await }
    }));
    gone.await;
    let silent = (0..250).map(|n| {
        let id = format!("acme-{n}");
        let hub = &hub;
        async move { hub.issue("acme", &id).await }
    });
    join_all(silent).await;
    hub.admin().delete("/api/v1/admin/clients/acme?cascade=true").await.expect(204).done();
    assert_eq!(hub.admin().get("/api/v1/admin/stats").await.ok()["instances"]["total"], 1);
    assert_eq!(calls(&hub).await, [(3, 1), (3, 1)]);
    let count =
        async |table: &str| hub.sql().await.number(&format!("SELECT COUNT(*) FROM {table}")).await;
    assert_eq!((count("usage_hour").await, count("last_use").await), (6, 3));
    hub.admin().delete("/api/v1/admin/clients/umbrella?cascade=true").await.expect(204).done();
    stays.send(&report_of(json!({}))).await.problem(401, "hub_key_invalid");
    assert_eq!(calls(&hub).await, []);
    assert_eq!(hub.sql().await.number("SELECT COUNT(*) FROM last_use_hour WHERE n <> 0").await, 0);
}

/// Both write the fleet's rows. If each waits for the other, PostgreSQL ends one after a second, and counts it.
#[tokio::test]
async fn postgres_deletions_and_reports_do_not_wait_for_each_other() {
    const DEADLOCKS: &str =
        "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()";
    const CONNECTIONS: &str = "SELECT COUNT(*) FROM pg_stat_activity \
         WHERE application_name = 'hubd' AND datname = current_database()";
    let mut hub = Setup::on(Engine::Postgres).any_number_of_requests().start().await;
    hub.client("acme").await;
    hub.list_names(&["browser.navigate", "files.read"], &[], &[]).await;
    let gone: Vec<String> = (0..24).map(|n| format!("acme-gone-{n}")).collect();
    join_all(gone.iter().map(|id| reporting(&hub, "acme", id))).await;
    let done = Cell::new(false);
    let deletions = async {
        for id in &gone {
            hub.admin().delete(&format!("/api/v1/admin/instances/{id}")).await.expect(204).done();
        }
        done.set(true);
    };
    let reports = (0..4).map(async |n| {
        let instance = reporting(&hub, "acme", &format!("acme-{n}")).await;
        let mut sent = 1;
        while !done.get() {
            for report in hours_of_two_tools() {
                instance.report(&report).await;
            }
            sent += 1;
        }
        sent
    });
    let (sent, ()) = tokio::join!(join_all(reports), deletions);
    let sent: u64 = sent.into_iter().sum();
    assert_eq!(calls(&hub).await, [(3 * sent, 4), (3 * sent, 4)]);
    // What a connection has counted is known when it is closed, at the latest.
    hub.stop();
    let mut sql = hub.sql().await;
    while sql.number(CONNECTIONS).await > 0 {}
    assert_eq!(sql.number(DEADLOCKS).await, 0);
}

/// An instance that has reported both tools.
async fn reporting(hub: &Hub, client: &str, id: &str) -> hub_tests::reports::Instance {
    let license = hub.issue(client, id).await.license_key;
    let instance = hub.reporter_with(id, &hub.hub_key(&license).await);
    for report in hours_of_two_tools() {
        instance.report(&report).await;
    }
    instance
}

/// A report of each of the last three hours.
fn hours_of_two_tools() -> [Value; 3] {
    [0, 1, 2].map(|hours| {
        let at = ago(Duration::from_hours(hours));
        report_of(json!({
            "tools": [{"name": "browser.navigate", "calls": 1}, {"name": "files.read", "calls": 1}],
            "window_start": at, "window_end": at,
        }))
    })
}

/// The calls of each tool, and how many instances made them.
async fn calls(hub: &Hub) -> Vec<(u64, u64)> {
    let usage = hub.usage("tools").await;
    let number = |tool: &Value, name: &str| tool[name].as_u64().expect("a number");
    let tools = usage["items"].as_array().expect("a list");
    tools.iter().map(|tool| (number(tool, "calls"), number(tool, "instances"))).collect()
}
