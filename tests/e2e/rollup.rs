//! Days made of hours: whatever is killed meanwhile, every read gives the same total.

use std::time::Duration;

use hub_tests::clock::now;
use hub_tests::reports::report;
use hub_tests::{Hub, Setup, both_stores};
use serde_json::{Value, json};

/// How many hours, and how many instances, usage is seeded for.
const HOURS: i64 = 24 * 12;
const INSTANCES: i64 = 5;

fn today() -> i64 {
    now().unix_ms() / 86_400_000
}

/// Usage of days long past, straight into the hours: one tool, one code, one count, one bucket.
async fn seed(hub: &Hub) {
    let first = (today() - 26) * 24;
    let mut sql = hub.sql().await;
    for part in (0..HOURS).step_by(24) {
        let rows = |row: &dyn Fn(i64, i64) -> String| {
            let hours = (part..part + 24).flat_map(|h| (1..=INSTANCES).map(move |i| (h, i)));
            hours.map(|(h, i)| row(first + h, i)).collect::<Vec<_>>().join(", ")
        };
        let usage = rows(&|h, i| format!("({h}, {i}, 0, 10, 1, 2, 3000, 2000)"));
        sql.execute(&format!("INSERT INTO usage_hour VALUES {usage}")).await;
        let errors = rows(&|h, i| format!("({h}, {i}, 0, 0, 1)"));
        sql.execute(&format!("INSERT INTO error_hour VALUES {errors}")).await;
        let counts = rows(&|h, i| format!("({h}, {i}, 0, 4, {i})"));
        sql.execute(&format!("INSERT INTO count_hour VALUES {counts}")).await;
        let fleet = |times: i64| {
            let (calls, took) = (10 * times * INSTANCES, 3000 * times * INSTANCES);
            let (errors, n) = (times * INSTANCES, 2 * times * INSTANCES);
            format!("{calls}, {errors}, {n}, {took}, 2000, {INSTANCES}")
        };
        let both = |at: i64, times: i64| {
            format!("({at}, 0, {}), ({at}, -1, {})", fleet(times), fleet(times))
        };
        let hours = (part..part + 24).map(|h| both(first + h, 1)).collect::<Vec<_>>().join(", ");
        sql.execute(&format!("INSERT INTO fleet_hour VALUES {hours}")).await;
        let day = both((first + part) / 24, 24);
        sql.execute(&format!("INSERT INTO fleet_day VALUES {day}")).await;
        let spread = (part..part + 24).map(|h| format!("({}, 0, 100, 10)", first + h));
        let spread = spread.collect::<Vec<_>>().join(", ");
        sql.execute(&format!("INSERT INTO duration_hour VALUES {spread}")).await;
    }
    let last = first + HOURS - 1;
    for tool in [0, -1] {
        for i in 1..=INSTANCES {
            let row = format!("INSERT INTO last_use VALUES ({i}, {tool}, {last}, NULL)");
            sql.execute(&row).await;
        }
        let row = format!("INSERT INTO last_use_hour VALUES ({tool}, {last}, {INSTANCES})");
        sql.execute(&row).await;
    }
}

/// Leaves out the last two arguments, which slow the roll-up down, from the next start on.
fn hurry(hub: &mut Hub) {
    hub.drop_args(2);
    hub.set_env("HUBD_ROLLUP_EVERY", "1ms");
}

async fn instances(hub: &Hub) {
    hub.client("acme").await;
    for n in 0..INSTANCES {
        hub.issue("acme", &format!("acme-{n}")).await;
    }
}

/// All reads of the seeded time.
async fn everything(hub: &Hub) -> [Value; 4] {
    let mut reads = ["tools", "errors", "counts", "series?step=1d"].map(|read| {
        let joint = if read.contains('?') { '&' } else { '?' };
        format!(
            "{read}{joint}since={}",
            hub_core::time::Timestamp::from_unix_ms((today() - 27) * 86_400_000)
        )
    });
    let mut all = Vec::new();
    for read in &mut reads {
        all.push(hub.usage(read).await["items"].clone());
    }
    all.try_into().unwrap()
}

async fn number(hub: &Hub, sql: &str) -> i64 {
    hub.sql().await.number(sql).await
}

/// Waits until every hour beyond the retention is rolled up.
async fn until_rolled_up(hub: &Hub) {
    let old = format!("SELECT COUNT(*) FROM usage_hour WHERE hour < {}", (today() - 14) * 24);
    for _ in 0..600 {
        if number(hub, &old).await == 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the days are never made: {}", hub.log());
}

both_stores!(
    sums_over_hours_and_days_stay_equal_through_kills,
    old_usage_is_deleted,
    the_number_of_instances_is_put_right,
);

/// Killed again and again while it makes days: at each moment the sums are those of the hours.
async fn sums_over_hours_and_days_stay_equal_through_kills(setup: Setup) {
    let mut hub = setup.args(["--rollup-every", "1h"]).start().await;
    instances(&hub).await;
    seed(&hub).await;
    let before = everything(&hub).await;
    assert_eq!(before[0][0]["calls"], HOURS * INSTANCES * 10);
    hurry(&mut hub);
    for round in 0..6 {
        hub.kill();
        hub.launch();
        for _ in 0..round {
            assert_eq!(everything(&hub).await, before, "round {round}");
        }
    }
    until_rolled_up(&hub).await;
    assert_eq!(everything(&hub).await, before);
    ranges_that_meet_add_up(&hub).await;
    let days = "SELECT CAST(SUM(calls) AS BIGINT) FROM usage_day";
    let hours = "SELECT CAST(COALESCE(SUM(calls), 0) AS BIGINT) FROM usage_hour";
    let (days, hours) = (number(&hub, days).await, number(&hub, hours).await);
    assert_eq!(days + hours, HOURS * INSTANCES * 10);
    assert!(days > 0, "some days are made");
    let spread = "SELECT CAST(SUM(n) AS BIGINT) FROM duration_day";
    assert_eq!(number(&hub, spread).await, days / 5);
}

/// Where only days are kept, a range is of whole days and says so.
async fn ranges_that_meet_add_up(hub: &Hub) {
    let day = today() - 20;
    let at = |hours: i64| {
        hub_core::time::Timestamp::from_unix_ms((day * 24 + hours) * 3_600_000).to_string()
    };
    let read = async |since: i64, until: i64, filter: &str| {
        let range = format!("since={}&until={}{filter}", at(since), at(until));
        let tools = hub.usage(&format!("tools?{range}")).await;
        (tools["since"].clone(), tools["until"].clone(), tools["items"][0]["calls"].clone())
    };
    let whole = json!(24 * INSTANCES * 10);
    for filter in ["", "&client=acme", "&min_clients=1"] {
        for (since, until) in [(1, 13), (0, 12), (13, 24)] {
            let seen = read(since, until, filter).await;
            assert_eq!(seen, (json!(at(0)), json!(at(24)), whole.clone()), "{since} {until}");
        }
        let two = read(-1, 2, filter).await;
        assert_eq!(two, (json!(at(-24)), json!(at(24)), json!(2 * 24 * INSTANCES * 10)));
    }
    let path = format!("/api/v1/admin/telemetry/series?step=1h&since={}&until={}", at(0), at(30));
    let refused = hub.admin().get(&path).await;
    refused.wrong_fields(&["step"]);
    assert!(refused.text().contains("hours are kept from"), "{refused}");
    let days = hub.usage(&format!("series?step=1d&since={}&until={}", at(5), at(30))).await;
    let steps = days["items"].as_array().unwrap();
    assert_eq!((steps.len(), &steps[0]["at"]), (2, &json!(at(0))));
    assert_eq!((&steps[0]["calls"], &steps[0]["instances"]), (&whole, &json!(INSTANCES)));
    assert_eq!(steps[0]["complete"], true);
}

async fn old_usage_is_deleted(setup: Setup) {
    let args = ["--days-kept", "20d", "--rollup-every", "1h"];
    let mut hub = setup.args(args).start().await;
    instances(&hub).await;
    let ten = "INSERT INTO reports VALUES (1, :a, :a, 0, 0)";
    let sixteen = if hub.engine() == hub_tests::Engine::Sqlite {
        "zeroblob(16)"
    } else {
        "decode(repeat('00', 16), 'hex')"
    };
    hub.sql().await.execute(&ten.replace(":a", sixteen)).await;
    hub.sql().await.execute("UPDATE telemetry_horizon SET digests_from = 0").await; // a day ago
    seed(&hub).await;
    hurry(&mut hub);
    hub.restart();
    until_rolled_up(&hub).await;
    let oldest = format!("SELECT COUNT(*) FROM usage_day WHERE day < {}", today() - 21);
    for _ in 0..200 {
        if number(&hub, &oldest).await == 0
            && number(&hub, "SELECT COUNT(*) FROM reports").await == 0
        {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(number(&hub, &oldest).await, 0);
    assert_eq!(number(&hub, "SELECT COUNT(*) FROM reports").await, 0);
    assert!(number(&hub, "SELECT COUNT(*) FROM usage_day").await > 0);
    // The hub still takes reports.
    hub.reporter("acme", "fresh").await.report(&report()).await;
    assert_eq!(hub.usage("tools?since=1d").await["items"][0]["calls"], 12);
}

/// A hub of an earlier version adds instances and does not count them.
async fn the_number_of_instances_is_put_right(setup: Setup) {
    let hub = setup.args(["--rollup-every", "50ms"]).start().await;
    instances(&hub).await;
    for wrong in [0, INSTANCES + 2] {
        hub.sql().await.execute(&format!("UPDATE instance_total SET n = {wrong}")).await;
        let mut tries = 0;
        while hub.admin().get("/api/v1/admin/stats").await.ok()["instances"]["total"] != INSTANCES {
            assert!(tries < 600, "{wrong} stays: {}", hub.log());
            tries += 1;
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

/// Two hubs that roll up the same days at the same time count nothing twice.
#[tokio::test]
async fn postgres_two_hubs_roll_up_without_harm() {
    let mut one =
        Setup::on(hub_tests::Engine::Postgres).args(["--rollup-every", "1h"]).start().await;
    instances(&one).await;
    seed(&one).await;
    let before = everything(&one).await;
    hurry(&mut one);
    one.restart();
    let other = one.replica();
    until_rolled_up(&one).await;
    assert_eq!(everything(&other).await, before);
    assert_eq!(everything(&one).await[0], json!(before[0]));
    for hub in [&one, &other] {
        assert!(!hub.log().contains("not rolled up"), "{}", hub.log());
    }
}
