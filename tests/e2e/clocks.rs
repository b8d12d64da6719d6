//! A clock that was ahead for a while hides nothing, deletes nothing and counts nothing twice.

use std::time::Duration;

use hub_core::time::Timestamp;
use hub_tests::clock::{DAY, now};
use hub_tests::reports::{Instance, report_of};
use hub_tests::{Engine, Hub, Setup, both_stores};
use serde_json::{Value, json};

/// A report of one call in the hour before.
fn report_at(at: Timestamp) -> Value {
    report_of(json!({
        "tools": [{"name": "browser.navigate", "calls": 1, "durations_ms": [5]}],
        "window_start": at.before(Duration::from_hours(1)).to_string(),
        "window_end": at.to_string(),
    }))
}

/// Starts the hub again with its clock at this time, and rolls up all the while.
fn set_clock(hub: &mut Hub, at: Timestamp) {
    hub.set_env("HUBD_PROOF_NOW", &at.to_string());
    hub.restart();
}

fn at(start: Timestamp, since: Duration) -> Timestamp {
    start.after(since)
}

async fn calls(hub: &Hub) -> Value {
    hub.usage("tools?since=30d").await["items"][0]["calls"].clone()
}

async fn until_said(hub: &Hub, times: usize) {
    for _ in 0..400 {
        if hub.log().matches("the clock disagrees").count() >= times {
            return;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("the clock is not doubted: {}", hub.log());
}

async fn until_trusted(hub: &Hub, time: Timestamp) {
    let trusted = format!("SELECT COUNT(*) FROM hub_clock WHERE trusted_at = {}", time.unix_ms());
    for _ in 0..400 {
        if hub.sql().await.number(&trusted).await == 1 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("the clock is not trusted: {}", hub.log());
}

both_stores!(
    a_clock_that_was_ahead_for_a_minute_leaves_no_trace,
    operators_are_told_of_a_doubted_clock,
    a_late_report_of_a_made_day_is_added
);

async fn a_clock_that_was_ahead_for_a_minute_leaves_no_trace(setup: Setup) {
    let start = now();
    let setup = setup.for_proofs().env("HUBD_PROOF_NOW", &start.to_string());
    let mut hub = setup.args(["--rollup-every", "20ms"]).start().await;
    hub.client("acme").await;
    let instance = hub.reporter("acme", "acme-1").await;
    let first = report_at(start);
    instance.report(&first).await;
    until_trusted(&hub, start).await;
    for (round, ahead) in [DAY * 9, DAY * 30, DAY * 365 * 5].into_iter().enumerate() {
        set_clock(&mut hub, at(start, ahead));
        let instance = renewed(&hub, &instance);
        until_said(&hub, round + 1).await;
        // Reports of that time are kept, and are of that time.
        instance.report(&report_at(at(start, ahead))).await;
        set_clock(&mut hub, at(start, Duration::from_mins(10)));
        until_trusted(&hub, at(start, Duration::from_mins(10))).await;
    }
    let instance = renewed(&hub, &instance);
    assert_eq!(instance.report(&first).await["duplicate"], true, "a repeat is still known");
    assert_eq!(calls(&hub).await, 1, "nothing is hidden or deleted");
    instance.report(&report_at(at(start, Duration::from_mins(10)))).await;
    assert_eq!(calls(&hub).await, 2, "nor is what comes after it");
    let seen: Timestamp =
        hub.show("acme-1").await["last_seen_at"].as_str().unwrap().parse().unwrap();
    assert!(seen <= at(start, Duration::from_mins(10)), "{seen}");
    assert_eq!(hub.sql().await.number("SELECT COUNT(*) FROM usage_day").await, 0);
    assert_eq!(hub.sql().await.number("SELECT day FROM telemetry_horizon").await, {
        (start.before(DAY * 14).unix_ms()) / 86_400_000
    });
}

async fn operators_are_told_of_a_doubted_clock(setup: Setup) {
    let start = now();
    let setup = setup.for_proofs().env("HUBD_PROOF_NOW", &start.to_string());
    let mut hub = setup.args(["--rollup-every", "20ms"]).start().await;
    until_trusted(&hub, start).await;
    let ready = json!({"status": "ready"});
    assert_eq!(hub.admin().get("/readyz").await.ok(), ready);
    let ahead = at(start, DAY * 30);
    set_clock(&mut hub, ahead);
    until_said(&hub, 1).await;
    let doubted = json!({
        "says": ahead.to_string(), "since": ahead.to_string(), "trusted": start.to_string(),
    });
    let told = hub.admin().get("/readyz").await.ok();
    assert_eq!(told, json!({"status": "ready", "doubted_clock": doubted}));
    assert_eq!(hub.anonymous().get("/readyz").await.ok(), ready, "strangers are told nothing");
    let wrong = hub.admin_with("lb_admin_00000000000000000000000000000000");
    assert_eq!(wrong.get("/readyz").await.ok(), ready);
    let checks = hub.ctl().run(&["doctor", "-o", "json"]).json()["checks"].clone();
    let of_clock = |check: &&Value| check["name"] == "hub's clock" && check["status"] == "warn";
    assert!(checks.as_array().unwrap().iter().any(|check| of_clock(&check)), "{checks}");
    let status = hub.ctl().run(&["status", "-o", "json"]).json();
    assert_eq!(status["hub"]["doubted_clock"], doubted, "{status}");
    assert!(hub.ctl().run(&["status"]).stdout.contains("which is doubted"));
}

/// The same instance, asked of a hub that was started again.
fn renewed(hub: &Hub, instance: &Instance) -> Instance {
    hub.reporter_with(&instance.id, &instance.hub_key)
}

/// When a wrong clock was believed in the end, reports for days that were made already count in them.
async fn a_late_report_of_a_made_day_is_added(hub: Hub) {
    hub.client("acme").await;
    let instance = hub.reporter("acme", "acme-1").await;
    let other = hub.reporter("acme", "acme-2").await;
    instance.report(&report_at(now())).await;
    let day = now().before(Duration::from_hours(1)).unix_ms() / 86_400_000;
    let mut sql = hub.sql().await;
    // As the roll-up does: the day is made of its hours, and the horizon moves.
    sql.execute(
        "INSERT INTO usage_day SELECT hour / 24, instance, tool, calls, errors, dur_n, dur_sum_us, \
         dur_max_us FROM usage_hour",
    )
    .await;
    sql.execute("INSERT INTO duration_day SELECT hour / 24, tool, bucket, n FROM duration_hour")
        .await;
    sql.execute(&format!("UPDATE telemetry_horizon SET day = {}", day + 2)).await;
    drop(sql);
    for reporter in [&instance, &other] {
        reporter.report(&report_at(now())).await;
    }
    for filter in ["", "&client=acme", "&min_clients=2"] {
        let tool = hub.usage(&format!("tools?since=3d{filter}")).await["items"][0].clone();
        assert_eq!((&tool["calls"], &tool["instances"]), (&json!(3), &json!(2)), "{filter}");
        let days = hub.usage(&format!("series?step=1d&since=2d{filter}")).await["items"].clone();
        let of = |field: &str| -> u64 {
            days.as_array().unwrap().iter().filter_map(|step| step[field].as_u64()).max().unwrap()
        };
        assert_eq!((of("calls"), of("instances")), (3, 2), "{filter}");
    }
    let spread = "SELECT CAST(SUM(n) AS BIGINT) FROM duration_day";
    assert_eq!(hub.sql().await.number(spread).await, 3);
}

/// One of two replicas has a clock that is a month ahead, for hours: the other one goes on.
#[tokio::test]
async fn postgres_one_replica_of_two_with_a_wrong_clock_moves_nothing() {
    let start = now();
    let setup = Setup::on(Engine::Postgres).for_proofs();
    let setup = setup.env("HUBD_PROOF_NOW", &start.to_string());
    let one = setup.args(["--rollup-every", "20ms"]).start().await;
    one.client("acme").await;
    let instance = one.reporter("acme", "acme-1").await;
    instance.report(&report_at(start)).await;
    until_trusted(&one, start).await;
    let mut other = one.replica();
    for step in 0..14_u32 {
        set_clock(&mut other, at(start, DAY * 30 + Duration::from_hours(2) * step));
        if step % 6 == 0 {
            until_said(&other, 1).await;
        }
    }
    assert_eq!(calls(&one).await, 1);
    let horizon = "SELECT day FROM telemetry_horizon";
    let day = start.before(DAY * 14).unix_ms() / 86_400_000;
    assert_eq!(one.sql().await.number(horizon).await, day);
}
