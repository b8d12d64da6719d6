//! Reads of usage: filters, ranges, quantiles, steps, and rows that would show single clients.

use std::time::Duration;

use hub_core::histogram::RELATIVE_ERROR;
use hub_tests::clock::{DAY, ago, now};
use hub_tests::reports::{Instance, report_of};
use hub_tests::{Hub, both_stores};
use serde_json::{Value, json};

async fn use_tool(instance: &Instance, back: Duration, tool: &str, calls: u64, durations: &[u64]) {
    let tools = json!([{"name": tool, "calls": calls, "errors": {"TIMEOUT": calls / 10},
        "durations_ms": durations}]);
    let at = ago(back);
    let report =
        json!({"tools": tools, "counts": {"agents": calls}, "window_start": at, "window_end": at});
    instance.report(&report_of(report)).await;
}

async fn tools(hub: &Hub, query: &str) -> Vec<(String, u64)> {
    let usage = hub.usage(&format!("tools?{query}")).await;
    let items = usage["items"].as_array().unwrap();
    items
        .iter()
        .map(|t| (t["tool"].as_str().unwrap().to_owned(), t["calls"].as_u64().unwrap()))
        .collect()
}

fn pairs(expected: &[(&str, u64)]) -> Vec<(String, u64)> {
    expected.iter().map(|(tool, calls)| ((*tool).to_owned(), *calls)).collect()
}

/// Two clients with one instance each, and one with two.
async fn fleet(hub: &Hub) -> [Instance; 3] {
    hub.client("acme").await;
    hub.client("globex").await;
    hub.list_names(&["a", "b", "common", "rare", "rarer"], &[], &["agents"]).await;
    [
        hub.reporter("acme", "acme-1").await,
        hub.reporter("acme", "acme-2").await,
        hub.reporter("globex", "globex-1").await,
    ]
}

both_stores!(
    usage_is_filtered_by_client_instance_and_time,
    quantiles_are_of_the_fleet_and_within_their_error,
    rows_made_by_too_few_clients_are_merged,
    a_series_has_every_step_also_the_empty_ones,
    numbers_at_their_ceiling_break_no_read,
    a_late_report_counts_its_instance_once
);

async fn usage_is_filtered_by_client_instance_and_time(hub: Hub) {
    let [one, two, globex] = fleet(&hub).await;
    use_tool(&one, Duration::ZERO, "a", 10, &[]).await;
    use_tool(&two, Duration::ZERO, "a", 20, &[]).await;
    use_tool(&two, DAY * 3, "b", 100, &[]).await;
    use_tool(&globex, Duration::ZERO, "a", 40, &[]).await;
    assert_eq!(tools(&hub, "").await, pairs(&[("b", 100), ("a", 70)]), "most calls first");
    assert_eq!(tools(&hub, "client=acme").await, pairs(&[("b", 100), ("a", 30)]));
    assert_eq!(tools(&hub, "instance=acme-2").await, pairs(&[("b", 100), ("a", 20)]));
    assert_eq!(tools(&hub, "client=globex&instance=acme-2").await, []);
    assert_eq!(tools(&hub, "since=1d").await, pairs(&[("a", 70)]));
    assert_eq!(tools(&hub, "until=1d").await, pairs(&[("b", 100)]));
    assert_eq!(
        tools(&hub, &format!("since={}&until=2030-01-01T00:00:00Z", ago(DAY))).await,
        pairs(&[("a", 70)])
    );
    let usage = hub.usage("tools?since=2026-01-01T00:59:00Z&until=2026-01-01T01:01:00Z").await;
    assert_eq!(
        (&usage["since"], &usage["until"]),
        (&json!("2026-01-01T00:00:00.000Z"), &json!("2026-01-01T02:00:00.000Z"))
    );
    let usage = hub.usage("tools").await;
    let tool = &usage["items"][1];
    assert_eq!((&tool["errors"], &tool["instances"]), (&json!(7), &json!(3)));
    assert_eq!((&tool["error_rate"], &tool["duration_ms"]), (&json!(0.1), &json!(null)));
    let admin = hub.admin();
    let read = "/api/v1/admin/telemetry/tools";
    admin.get(&format!("{read}?client=nobody")).await.problem(404, "client_not_found");
    admin.get(&format!("{read}?instance=nobody")).await.problem(404, "instance_not_found");
    admin.get(&format!("{read}?since=soon&min_clients=x&step=1h")).await.wrong_fields(&[
        "since",
        "min_clients",
        "query",
    ]);
}

async fn quantiles_are_of_the_fleet_and_within_their_error(hub: Hub) {
    let [one, two, _] = fleet(&hub).await;
    let durations: Vec<u64> = (1..=100).collect();
    use_tool(&one, Duration::ZERO, "a", 100, &durations[..50]).await;
    use_tool(&two, Duration::ZERO, "a", 100, &durations[50..]).await;
    let stats = hub.usage("tools").await["items"][0]["duration_ms"].clone();
    assert_eq!(
        (&stats["n"], &stats["mean"], &stats["max"]),
        (&json!(100), &json!(50.5), &json!(100.0))
    );
    let bound = stats["relative_error"].as_f64().unwrap();
    assert!((bound - RELATIVE_ERROR).abs() < 1e-9);
    for (quantile, exact) in [("p50", 50.0), ("p90", 90.0), ("p99", 99.0)] {
        let told = stats[quantile].as_f64().unwrap();
        assert!((told - exact).abs() / exact <= bound, "{quantile}: {told}");
    }
    for filter in ["client=acme", "instance=acme-1"] {
        let stats = hub.usage(&format!("tools?{filter}")).await["items"][0]["duration_ms"].clone();
        assert!(stats["mean"].is_number() && stats["n"].is_number(), "{stats}");
        for quantile in ["p50", "p90", "p99", "relative_error"] {
            assert_eq!(stats[quantile], json!(null), "{filter} {quantile}");
        }
    }
}

async fn rows_made_by_too_few_clients_are_merged(hub: Hub) {
    let [one, two, globex] = fleet(&hub).await;
    use_tool(&one, Duration::ZERO, "common", 10, &[5]).await;
    use_tool(&globex, Duration::ZERO, "common", 10, &[5]).await;
    use_tool(&one, Duration::ZERO, "rare", 30, &[7]).await;
    use_tool(&two, Duration::ZERO, "rare", 30, &[7]).await;
    use_tool(&two, Duration::ZERO, "rarer", 40, &[9]).await;
    assert_eq!(tools(&hub, "min_clients=1").await, tools(&hub, "").await);
    let merged = hub.usage("tools?min_clients=2").await["items"].clone();
    assert_eq!(
        (&merged[0]["tool"], &merged[0]["calls"], &merged[0]["instances"]),
        (&json!("other"), &json!(100), &json!(2)),
        "an instance counts once"
    );
    assert_eq!(
        (&merged[0]["duration_ms"]["n"], &merged[0]["duration_ms"]["max"]),
        (&json!(3), &json!(9.0))
    );
    assert!(merged[0]["duration_ms"]["p50"].is_number());
    assert_eq!(merged[1]["tool"], "common");
    // Of those that the filter leaves.
    assert_eq!(tools(&hub, "min_clients=2&client=acme").await, pairs(&[("other", 110)]));
    assert_eq!(
        hub.usage("errors?min_clients=2").await["items"],
        json!([
        {"tool": "other", "code": "OTHER", "count": 10},
        {"tool": "common", "code": "TIMEOUT", "count": 2}])
    );
    let counts = hub.usage("counts?min_clients=3").await["items"].clone();
    assert_eq!(counts, json!([{"name": "other", "sum": 120, "max": 40, "instances": 3}]));
    let hidden = hub.usage("series?step=1d&tool=rare&min_clients=2").await;
    let calls = |series: &Value| {
        series["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|step| step["calls"].as_u64().unwrap())
            .sum::<u64>()
    };
    assert_eq!(calls(&hidden), 0, "a tool that is merged has no series of its own");
    assert_eq!(calls(&hub.usage("series?step=1d&tool=other&min_clients=2").await), 100);
}

async fn a_series_has_every_step_also_the_empty_ones(hub: Hub) {
    let [one, two, _] = fleet(&hub).await;
    use_tool(&one, Duration::ZERO, "a", 10, &[4, 8]).await;
    use_tool(&two, DAY * 2, "b", 20, &[]).await;
    let hours = hub.usage("series").await;
    let items = hours["items"].as_array().unwrap();
    assert_eq!(items.len(), 169, "7 days, with the hour that has begun");
    assert_eq!(items[0]["at"], hours["since"]);
    let last = items.last().unwrap();
    assert_eq!(
        (&last["calls"], &last["errors"], &last["duration_ms_mean"]),
        (&json!(10), &json!(1), &json!(6.0))
    );
    assert_eq!((&items[0]["calls"], &items[0]["duration_ms_mean"]), (&json!(0), &json!(null)));
    let days = hub.usage("series?step=1d&since=3d").await["items"].clone();
    let calls: Vec<_> = days.as_array().unwrap().iter().map(|day| day["calls"].clone()).collect();
    assert_eq!(calls.iter().filter(|calls| **calls != 0).count(), 2, "{calls:?}");
    assert_eq!(calls.last().unwrap(), &json!(10));
    let of_b = hub.usage("series?step=1d&since=3d&tool=b").await["items"].clone();
    assert_eq!(of_b.as_array().unwrap().iter().filter(|day| day["calls"] != 0).count(), 1);
    let of_none = hub.usage("series?tool=none").await["items"].clone();
    assert!(of_none.as_array().unwrap().iter().all(|step| step["calls"] == 0));
    let read = "/api/v1/admin/telemetry/series";
    hub.admin().get(&format!("{read}?since=1970-01-01T00:00:00Z")).await.wrong_fields(&["since"]);
    hub.admin().get(&format!("{read}?step=1w&tool=A%20B")).await.wrong_fields(&["step", "tool"]);
    assert!(now() > "2026-01-01T00:00:00Z".parse().unwrap());
}

/// Sums of counters that an instance drove to their ceiling stop at the largest number.
const CEILING: i64 = 1 << 50;

async fn numbers_at_their_ceiling_break_no_read(hub: Hub) {
    let [one, ..] = fleet(&hub).await;
    use_tool(&one, Duration::ZERO, "a", 10, &[4]).await;
    let mut sql = hub.sql().await;
    let hour = now().unix_ms() / 3_600_000 - 1;

    for part in (0..9_000).step_by(1_000) {
        let rows = (part..part + 1_000).map(|n| {
            format!("({hour}, 1, {}, {CEILING}, {CEILING}, {CEILING}, {CEILING}, 1)", 1_000_000 + n)
        });
        let rows = rows.collect::<Vec<_>>().join(", ");
        sql.execute(&format!("INSERT INTO usage_hour VALUES {rows}")).await;
    }
    // All of them under one name, which is no longer told from the others.
    let tools = "INSERT INTO tools (id, name) SELECT DISTINCT tool, 't' || CAST(tool AS TEXT) FROM usage_hour \
         WHERE tool >= 1000000";
    sql.execute(tools).await;
    for read in ["tools", "series"] {
        for filter in ["min_clients=2", "client=acme", "instance=acme-1"] {
            let usage = hub.usage(&format!("{read}?{filter}&since=3h")).await;
            let items = usage["items"].as_array().unwrap();
            let most = items.iter().filter_map(|item| item["calls"].as_u64()).max().unwrap();
            let expected = if filter == "min_clients=2" || read == "series" {
                i64::MAX.unsigned_abs()
            } else {
                1 << 50
            };
            assert_eq!(most, expected, "{read} {filter}");
        }
    }
    assert!(one.own().await["hours"].as_array().unwrap().len() >= 2);
}

/// However reports come, an instance counts once an hour, once a day and once a range.
async fn a_late_report_counts_its_instance_once(hub: Hub) {
    let [one, two, _] = fleet(&hub).await;
    let back = [0_u64, 3, 3, 1, 30, 0, 26, 30, 2];
    for hours in back {
        use_tool(&one, Duration::from_hours(hours), "a", 10, &[]).await;
    }
    use_tool(&two, Duration::from_hours(3), "a", 10, &[]).await;
    use_tool(&two, Duration::from_hours(3), "b", 10, &[]).await;
    for (read, filter) in
        [("series?since=3d", "min_clients=2"), ("series?step=1d&since=3d", "min_clients=2")]
    {
        let kept = hub.usage(read).await["items"].clone();
        let counted = hub.usage(&format!("{read}&{filter}")).await["items"].clone();
        assert_eq!(kept, counted, "what is kept is what a count gives: {read}");
    }
    let both = hub.usage("series?since=4h&tool=a").await["items"].clone();
    let at_once = both.as_array().unwrap().iter().map(|step| step["instances"].as_u64().unwrap());
    assert_eq!(at_once.max(), Some(2));
    let tools = hub.usage("tools?since=3d").await["items"].clone();
    assert_eq!((&tools[0]["tool"], &tools[0]["instances"]), (&json!("a"), &json!(2)));
    // A range that ended is counted out of usage.
    let ended = format!("tools?since={}&until={}", ago(DAY * 2), ago(DAY));
    let tools = hub.usage(&ended).await["items"].clone();
    assert_eq!((&tools[0]["calls"], &tools[0]["instances"]), (&json!(30), &json!(1)));
}
