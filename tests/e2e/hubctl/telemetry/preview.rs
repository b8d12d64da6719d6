//! Previews of reports, without a hub.

use hub_tests::ctl::Ctl;
use hub_tests::fleet::text;
use hub_tests::reports::report_of;
use serde_json::{Value, json as value};

use super::super::snapshot::compare;
use super::super::{error, json, ran, words};
use super::with_file;

/// A hubctl whose hub never answers.
fn offline(report: &Value) -> Ctl {
    let listed = r#"{"tools": ["browser.navigate"], "codes": [], "counts": ["agents_online"]}"#;
    let ctl = with_file(Ctl::default(), "report.json", &report.to_string());
    with_file(ctl, "catalogue.json", listed)
        .env("HUBCTL_URL", "http://127.0.0.1:9")
        .env("HUBCTL_ADMIN_KEY", &format!("lb_admin_{}", "0".repeat(32)))
}

/// A report with secrets in its name, members and durations.
fn careless() -> Value {
    report_of(value!({
        "tools": [
            {"name": "browser.navigate", "calls": 12, "errors": {"TIMEOUT": 2},
                "durations_ms": [0.016, "hunter2"]},
            {"name": "Hunter2 Tool", "calls": 1},
        ],
        "counts": {"agents_online": 3},
        "host": "hunter2",
    }))
}

#[tokio::test]
async fn a_preview_needs_no_hub() {
    let report = careless();
    let ctl = offline(&report);
    let (start, end) = (text(&report, "window_start"), text(&report, "window_end"));
    let none = value!({"n": 0, "sum": 0, "max": 0, "buckets": []});
    let expected = value!({"dry_run": true, "redacted": 4, "report": {
    "window_start": start, "window_end": end,
    "tools": [
        {"name": "browser.navigate", "calls": 12, "errors": {"OTHER": 2},
            "duration_us": {"n": 1, "sum": 16, "max": 16, "buckets": [[16, 1]]}},
        {"name": "other", "calls": 1, "errors": {}, "duration_us": none},
    ],
    "counts": {"agents_online": 3}},
    "reasons": {"unknown_member": 1, "unlisted_tool": 1, "unlisted_code": 1, "wrong_type": 1},
    "dropped": [
        {"at": "/counts/*", "reason": "x"},
    ]});
    let preview = "telemetry preview report.json --catalogue catalogue.json";
    let mut seen = json(&ctl, preview);
    let places = seen["dropped"].as_array().unwrap().iter();
    let mut places: Vec<_> = places.map(|one| (text(one, "at"), text(one, "reason"))).collect();
    places.sort();
    let told = [
        ("/*", "unknown_member"),
        ("/tools/0/durations_ms/1", "wrong_type"),
        ("/tools/0/errors/*", "unlisted_code"),
        ("/tools/1/name", "unlisted_tool"),
    ];
    assert_eq!(places, told.map(|(at, reason)| (at.to_owned(), reason.to_owned())));
    seen["dropped"] = expected["dropped"].clone();
    assert_eq!(seen, expected);
    // The report is one's own: names that the hub would not keep are shown.
    let table = ran(&ctl, preview, 0).stdout;
    for (place, name, reason) in [
        ("/*", "host", "unknown_member"),
        ("/tools/1/name", "Hunter2 Tool", "unlisted_tool"),
        ("/tools/0/errors/*", "TIMEOUT", "unlisted_code"),
    ] {
        assert!(table.contains(&format!("{place}\t{name}\t{reason}\t")), "{table}");
    }
    let csv = ran(&ctl, &format!("{preview} -o csv"), 0).stdout;
    assert!(csv.contains(&format!("\r\nwindow,{start}/{end},")), "{csv}");
    compare("preview_as_csv", &csv);
    let seen = ctl.at_terminal(80, &words(preview)).end().expect(0).text;
    compare("preview", &seen);
    let ctl = ctl.stdin(&report.to_string());
    assert_eq!(
        ran(&ctl, "telemetry preview --catalogue catalogue.json -q", 0).stdout,
        "browser.navigate\nbrowser.navigate/OTHER\nother\nagents_online\n"
    );
    let unreachable = error(&ctl, "telemetry preview --retries 0 report.json", 9);
    assert!(text(&unreachable, "hint").contains("--catalogue"), "{unreachable}");
}

#[tokio::test]
async fn a_preview_of_an_invalid_report_names_the_faults() {
    let ctl = offline(&careless());
    for body in ["hunter2", "[]", "", r#"{"hunter2": 1,"#, r#"{"counts": {}, "counts": {}}"#] {
        std::fs::write(ctl.dir().join("report.json"), body).unwrap();
        let refused = error(&ctl, "telemetry preview report.json --catalogue catalogue.json", 2);
        assert_eq!((&refused["code"], &refused["status"]), (&value!("invalid_json"), &value!(400)));
        assert!(!refused.to_string().contains("hunter2"), "{refused}");
    }
    let body = r#"{"report_id": "hunter2", "window_start": "hunter2", "hunter2": "hunter2"}"#;
    std::fs::write(ctl.dir().join("report.json"), body).unwrap();
    let refused = error(&ctl, "telemetry preview report.json --catalogue catalogue.json", 2);
    assert_eq!((&refused["code"], &refused["status"]), (&value!("invalid_request"), &value!(422)));
    let message = text(&refused, "message");
    for field in ["report_id must", "window_start must", "window_end is required"] {
        assert!(message.contains(field), "no {field} in {message}");
    }
    assert!(!refused.to_string().contains("hunter2"), "{refused}");
    assert_eq!(
        error(&ctl, "telemetry preview absent.json --catalogue catalogue.json", 2)["code"],
        "usage"
    );
}
