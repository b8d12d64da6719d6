//! Alerts and the dashboard: each alert fires, and both ask for metrics that a hub has.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use hub_tests::binaries::workspace;
use hub_tests::metrics::{Metrics, free_address};
use hub_tests::{Engine, Setup};

const ALERTS: &str = "deploy/alerts.yaml";
const CASES: &str = "deploy/alerts.test.yaml";
const DASHBOARD: &str = "deploy/grafana/letsbe-hub.json";

fn read(file: &str) -> String {
    fs::read_to_string(workspace().join(file)).unwrap()
}

/// Prometheus' own tool fires every alert, and none for a hub that is well.
#[test]
#[expect(clippy::print_stderr, reason = "a skipped test says so")]
fn each_alert_is_fired() {
    let (alerts, cases) = (read(ALERTS), read(CASES));
    let names: Vec<_> = alerts.lines().filter_map(|l| l.trim().strip_prefix("- alert: ")).collect();
    assert!(names.len() > 5);
    for name in names {
        let fired = format!("alertname=\"{name}\", alertstate=\"firing\"");
        assert!(cases.contains(&fired), "nothing fires {name}");
    }
    let mut promtool = Command::new("promtool");
    promtool.args(["test", "rules", CASES]).current_dir(workspace());
    let Ok(tested) = promtool.output() else {
        eprintln!("SKIPPED: promtool is not installed; Debian has it in prometheus");
        return;
    };
    assert!(tested.status.success(), "{}", String::from_utf8_lossy(&tested.stdout));
}

/// All metrics of a hub that has had a request, counted its licenses and made a backup.
async fn metrics() -> Metrics {
    let address = free_address();
    let hub = Setup::on(Engine::Sqlite).args(["--metrics-listen", &address]).start().await;
    hub.client("acme").await;
    hub.anonymous().get("/readyz").await.expect(200).done();
    let (code, _, said) = hub.run(&["backup", "--to", "backups"]);
    assert_eq!(code, 0, "{said}");
    loop {
        let metrics = Metrics::read(&address).await;
        if metrics.value("hubd_licenses_in_grace").is_some() {
            return metrics;
        }
        tokio::task::yield_now().await;
    }
}

/// The name and the labels' names of a series such as `name{label="value"} 1`, without the labels that
/// Prometheus adds.
fn shape(series: &str) -> (&str, BTreeSet<&str>) {
    let (name, rest) = series.split_once('{').unwrap_or((series, ""));
    let name = name.split(' ').next().unwrap();
    let labels = rest.split('=').filter_map(|before| before.rsplit(['"', ',', ' ', '{']).next());
    (name, labels.filter(|label| !["", "}", "job", "instance"].contains(label)).collect())
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .filter(|word| word.starts_with("hubd_"))
}

#[tokio::test]
async fn alerts_and_dashboard_ask_for_metrics_that_exist() {
    let metrics = metrics().await;
    let has = metrics.text().lines().filter(|line| !line.starts_with('#'));
    let has: BTreeSet<_> = has.map(|line| shape(line.rsplit_once(' ').unwrap().0)).collect();
    for file in [ALERTS, CASES, DASHBOARD] {
        let text = read(file);
        assert!(words(&text).count() > 5, "{file}");
        for name in words(&text) {
            assert!(has.iter().any(|(known, _)| *known == name), "{file}: {name}");
        }
    }
    let cases = read(CASES);
    let series = cases.split("series: '").skip(1).map(|text| text.split('\'').next().unwrap());
    for series in series.filter(|series| !series.starts_with("up{")) {
        assert!(has.contains(&shape(series)), "no hub has {series}");
    }
}
