//! `self/telemetry`: all that is kept of an instance, however much it is, in little memory.

use hub_core::api::OwnTelemetry;
use hub_tests::clock::now;
use hub_tests::{Hub, both_stores};

both_stores!(much_usage_is_answered_whole_in_little_memory, usage_by_counts_alone_is_answered);

const HOURS: i64 = 14 * 24;
const TOOLS: usize = 320;
const MIB: usize = 1 << 20;

async fn much_usage_is_answered_whole_in_little_memory(hub: Hub) {
    let tools: Vec<String> = (0..TOOLS).map(|n| format!("tool.t{n}")).collect();
    let tools: Vec<&str> = tools.iter().map(String::as_str).collect();
    hub.list_names(&tools, &["TIMEOUT"], &["agents"]).await;
    hub.client("acme").await;
    let instance = hub.reporter("acme", "acme-1").await;
    instance.own().await;
    let first = now().unix_ms() / 3_600_000 - HOURS + 1;
    let mut sql = hub.sql().await;
    for table in [
        "usage_hour SELECT n, i.id, t.id, n % 7 + 1, 1, 1, 1500, 1500 FROM h, instances i, t",
        "error_hour SELECT n, i.id, t.id, 1, 1 FROM h, instances i, t",
        "count_hour SELECT n, i.id, 1, 2, 2 FROM h, instances i",
    ] {
        let last = first + HOURS - 1;
        sql.execute(&format!(
            "WITH RECURSIVE h(n) AS (SELECT CAST({first} AS BIGINT) UNION ALL \
             SELECT n + 1 FROM h WHERE n < {last}), t AS \
             (SELECT id FROM tools WHERE name LIKE 'tool.%') INSERT INTO {table}"
        ))
        .await;
    }
    let calls = sql.number("SELECT CAST(SUM(calls) AS BIGINT) FROM usage_hour").await;
    let before = hub.memory("VmHWM");
    let answer = instance.own().await;
    let grew = hub.memory("VmHWM") - before;
    let length = answer.to_string().len();
    assert!(length > 12 * MIB, "{length}");
    // Of it 16 MiB are the cache of SQLite's connection.
    assert!(grew < 32 * MIB, "{grew} bytes for an answer of {length}");
    let own: OwnTelemetry = serde_json::from_value(answer).unwrap();
    assert_eq!(own.instance_id.as_str(), "acme-1");
    for (periods, length) in [(&own.hours, HOURS), (&own.days, HOURS / 24)] {
        let periods_of_calls: u64 =
            periods.iter().flat_map(|period| &period.tools).map(|tool| tool.calls).sum();
        assert_eq!(i64::try_from(periods_of_calls).unwrap(), calls);
        assert!(periods.is_sorted_by(|a, b| a.at < b.at));
        let length = usize::try_from(length).unwrap();
        assert!((length..=length + 1).contains(&periods.len()), "{}", periods.len());
        for period in periods {
            assert_eq!((period.tools.len(), period.errors.len()), (TOOLS, TOOLS));
            assert!(period.tools.is_sorted_by(|a, b| a.tool < b.tool));
            assert_eq!(period.counts.len(), 1);
        }
    }
}

async fn usage_by_counts_alone_is_answered(hub: Hub) {
    hub.list_names(&[], &[], &["agents"]).await;
    hub.client("acme").await;
    let instance = hub.reporter("acme", "acme-1").await;
    let none: OwnTelemetry = serde_json::from_value(instance.own().await).unwrap();
    assert_eq!((none.reports, none.hours.len(), none.days.len()), (0, 0, 0));
    let report = hub_tests::reports::report_of(serde_json::json!({"counts": {"agents": 3}}));
    instance.report(&report).await;
    let own: OwnTelemetry = serde_json::from_value(instance.own().await).unwrap();
    assert_eq!((own.reports, own.hours.len(), own.days.len()), (1, 1, 1));
    assert_eq!(own.hours[0].counts[0].sum, 3);
    assert_eq!(own.days[0].counts, own.hours[0].counts);
}
