//! Metrics: what is counted, that others can read it, and that nothing in it comes from a request.

use std::process::{Command, Stdio};

use hub_tests::clock::{DAY, ago, later};
use hub_tests::metrics::{Metrics, free_address};
use hub_tests::{Engine, Hub, Setup, both_stores, third_party};
use serde_json::json;

both_stores!(requests_refusals_and_work_are_counted, licenses_that_need_somebody_are_counted);

async fn start(setup: Setup) -> (Hub, String) {
    let address = free_address();
    let hub = setup.args(["--metrics-listen", &address]).start().await;
    (hub, address)
}

async fn requests_refusals_and_work_are_counted(setup: Setup) {
    let (hub, address) = start(setup).await;
    let before = Metrics::read(&address).await;
    hub.client("acme").await;
    let issued = hub.issue("acme", "acme-1").await;
    hub.activate(&issued.license_key).await;
    hub.anonymous().get("/api/v1/Hunter2").await.problem(404, "route_not_found");
    hub.admin_with("Hunter2").get("/api/v1/admin/whoami").await.problem(401, "admin_key_invalid");
    let after = Metrics::read(&address).await;
    let activated = "hubd_http_requests_total\
        {method=\"POST\",route=\"/api/v1/instances/activate\",status=\"200\"}";
    assert_eq!((before.value(activated), after.value(activated)), (None, Some(1.0)));
    let none = "hubd_http_requests_total{method=\"any\",route=\"none\",status=\"404\"}";
    assert_eq!(after.value(none), Some(1.0));
    for code in ["route_not_found", "admin_key_invalid"] {
        let series = format!("hubd_refusals_total{{code=\"{code}\"}}");
        assert_eq!((before.value(&series), after.value(&series)), (Some(0.0), Some(1.0)), "{code}");
    }
    let more = |series: &str| after.value(series).unwrap() - before.value(series).unwrap();
    assert!(more("hubd_commits_total") >= 3.0, "{}", after.text());
    assert!(more("hubd_connections_total") >= 1.0);
    assert!(more("hubd_batch_items_count{queue=\"activations\"}") >= 1.0);
    assert_eq!(after.value("hubd_queue_depth{queue=\"activations\"}"), Some(0.0));
    let counted = "hubd_http_request_duration_seconds_count\
        {method=\"POST\",route=\"/api/v1/instances/activate\"}";
    assert_eq!(after.value(counted), Some(1.0));
    // What a request says is nowhere.
    for secret in ["Hunter2", "acme", &issued.license_key] {
        assert!(!after.text().contains(secret), "{secret}");
    }
}

async fn licenses_that_need_somebody_are_counted(mut hub: Hub) {
    hub.client("acme").await;
    for (id, terms) in [
        ("never", json!({})),
        ("soon", json!({"expires_at": later(DAY * 29)})),
        ("later", json!({"expires_at": later(DAY * 31)})),
        ("grace", json!({"expires_at": ago(DAY), "grace_days": 7})),
        ("over", json!({"expires_at": ago(DAY * 9), "grace_days": 7})),
    ] {
        hub.issue_with("acme", id, terms).await;
    }
    // Those of a suspended client do not work.
    hub.client("globex").await;
    for (id, at) in [("refused-soon", later(DAY * 29)), ("refused-in-grace", ago(DAY))] {
        hub.issue_with("globex", id, json!({"expires_at": at, "grace_days": 7})).await;
    }
    let suspend = json!({"status": "suspended"});
    hub.admin().patch("/api/v1/admin/clients/globex", suspend).await.expect(200).done();
    let address = free_address();
    hub.set_env("HUBD_METRICS_LISTEN", &address);
    hub.restart();
    // They are counted in a task of their own, so they may come a moment after the listener.
    let metrics = loop {
        let metrics = Metrics::read(&address).await;
        if metrics.value("hubd_licenses_ending_30d").is_some() {
            break metrics;
        }
        tokio::task::yield_now().await;
    };
    assert_eq!(metrics.value("hubd_licenses_ending_30d"), Some(1.0));
    assert_eq!(metrics.value("hubd_licenses_in_grace"), Some(1.0));
}

/// The parser of Prometheus' own client for Python accepts every line.
#[tokio::test]
async fn a_parser_of_others_reads_the_metrics() {
    const PROGRAM: &str = "
import sys
from prometheus_client.parser import text_string_to_metric_families
families = {family.name: family for family in text_string_to_metric_families(sys.stdin.read())}
assert families['hubd_http_requests'].type == 'counter', families
assert families['hubd_http_request_duration_seconds'].type == 'histogram'
assert all(family.documentation for family in families.values())
print(len(families))
";
    let packages = ["prometheus-client==0.23.1"];
    let Some(python) = third_party::python("prometheus", &packages) else { return };
    let (hub, address) = start(Setup::on(Engine::Sqlite)).await;
    hub.client("acme").await;
    let metrics = Metrics::read(&address).await;
    let mut parser = Command::new(python);
    parser
        .args(["-c", PROGRAM])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = parser.spawn().unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), metrics.text().as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// One line for each request, and only where it was asked for.
#[tokio::test]
async fn the_access_log_is_behind_a_flag() {
    let answered = |hub: &Hub| hub.log().matches("\"message\":\"answered\"").count();
    let quiet = Hub::sqlite().await;
    quiet.anonymous().get("/healthz").await.expect(200).done();
    assert_eq!(answered(&quiet), 0);
    let hub = Setup::on(Engine::Sqlite).args(["--access-log"]).start().await;
    let answer = hub.anonymous().get("/version?secret=Hunter2").await;
    let log = hub.log();
    let line = log.lines().find(|line| line.contains("\"message\":\"answered\"")).unwrap();
    let line: serde_json::Value = serde_json::from_str(line).unwrap();
    assert_eq!(
        (&line["route"], &line["status"]),
        (&json!("/version"), &json!(answer.status.as_u16()))
    );
    assert!(line["micros"].is_u64() && line["level"] == "INFO", "{line}");
    assert!(!log.contains("Hunter2"));
}

/// The first of each kind in a minute at once, all others as one number: nobody fills the log.
#[tokio::test]
async fn wrong_keys_and_limited_callers_are_warned_of() {
    let mut hub = Hub::sqlite().await;
    hub.anonymous().get("/api/v1/admin/stats").await.expect(401).done();
    let licenses = || json!({"license_key": hub_tests::fleet::own_license_key(7)});
    for _ in 0..15 {
        hub.anonymous().post("/api/v1/instances/activate", licenses()).await.expect(401).done();
    }
    hub.anonymous().post("/api/v1/instances/validate", licenses()).await.expect(200).done();
    let wrong = hub.instance(&hub_tests::fleet::own_hub_key(7));
    wrong.get("/api/v1/instances/self").await.expect(401).done();
    let wrong = hub.admin_with("lb_admin_00000000000000000000000000000007");
    for _ in 0..12 {
        wrong.get("/api/v1/admin/stats").await.done();
    }
    assert!(hub.stop().success());
    let log = hub.log();
    let lines: Vec<serde_json::Value> =
        log.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let warned = |message: &str, route: &str, code: &str| -> Vec<u64> {
        let of = |line: &&serde_json::Value| {
            line["level"] == "WARN"
                && line["message"] == message
                && [&line["route"], &line["place"]].contains(&&json!(route))
                && [&line["code"], &line["what"]].contains(&&json!(code))
        };
        lines.iter().filter(of).map(|line| line["more"].as_u64().unwrap_or(1)).collect()
    };
    let activate = "/api/v1/instances/activate";
    assert_eq!(warned("refused", activate, "license_invalid"), [1]);
    assert_eq!(warned("the same again", activate, "license_invalid"), [14]);
    assert_eq!(warned("refused", "/api/v1/instances/validate", "license_invalid"), [1]);
    assert_eq!(warned("refused", "/api/v1/instances/self", "hub_key_invalid"), [1]);
    let stats = "/api/v1/admin/stats";
    let [wrong] = warned("the same again", stats, "admin_key_invalid")[..] else { panic!("{log}") };
    let [limited] = warned("the same again", stats, "rate_limited")[..] else { panic!("{log}") };
    assert_eq!(wrong + limited, 10, "12 in all, two of them written at once: {log}");
    assert!(!log.contains("admin_key_missing"), "a key that is missing is none that is wrong");
}
