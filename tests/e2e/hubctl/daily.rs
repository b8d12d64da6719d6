//! The daily work: what needs somebody, ends that are moved on, many at once, and what would change.

use std::fs;

use hub_tests::browser::{self, Scheme};
use hub_tests::clock::{DAY, ago, later, later_than};
use hub_tests::ctl::Ctl;
use hub_tests::fleet::{own_hub_key, sha256, text};
use hub_tests::{Hub, both_stores};
use serde_json::json as value;

use super::{error, files, json, key_in, ran, words};

both_stores!(
    the_status_shows_what_needs_somebody,
    a_license_is_renewed_from_its_end_or_from_now,
    several_handles_are_changed_at_once,
    labels_change_one_by_one,
    ends_are_dates_and_spans,
    another_reason_replaces_the_first,
    a_key_in_use_is_not_ended_unasked,
    grace_is_seen_and_lists_are_sorted,
    a_log_that_was_replaced_is_found,
    a_wait_shows_what_is_waited_for,
    a_hidden_key_stays_hidden_after_ctrl_z,
    cells_are_no_formulas_and_unseen_characters_are_seen,
    a_report_is_one_page_that_needs_nothing_else
);

async fn the_status_shows_what_needs_somebody(hub: Hub) {
    let ctl = hub.ctl();
    assert!(ran(&ctl, "status", 0).stdout.ends_with("Nothing needs attention.\n"));
    hub.client("acme").await;
    hub.client("globex").await;
    for (id, terms) in [
        ("expired", value!({"expires_at": ago(DAY)})),
        ("graced", value!({"expires_at": ago(DAY), "grace_days": 9})),
        ("ending", value!({"expires_at": later(DAY * 9)})),
        ("fine", value!({"expires_at": later(DAY * 90)})),
        ("quiet", value!({"hub_key_sha256": sha256(&own_hub_key(1))})),
    ] {
        hub.issue_with("acme", id, terms).await;
    }
    hub.issue_with("globex", "refused", value!({"expires_at": later(DAY * 9)})).await;
    hub.sql().await.execute("UPDATE instances SET created_at = created_at - 172800000").await;
    hub.issue("acme", "stopped").await;
    hub.act("stopped", "suspend", value!({"reason": "unpaid"})).await;
    ran(&ctl, "client suspend globex --reason fraud --yes", 0);
    ran(&ctl, "admin-key create ci --role viewer --expires-at 9d --sink file:ci.key", 0);
    let document = json(&ctl, "status");
    let items: Vec<_> = document["items"].as_array().unwrap().iter().collect();
    let told: Vec<_> =
        items.iter().map(|item| (text(item, "reason"), text(item, "handle"))).collect();
    let expected = [
        ("expired", "expired"),
        ("in_grace", "graced"),
        ("ends", "ending"),
        ("silent", "quiet"),
        ("suspended", "stopped"),
        ("suspended", "globex"),
        ("admin_key_ends", "ci"),
    ];
    let expected: Vec<_> = expected.map(|(a, b)| (a.to_owned(), b.to_owned())).to_vec();
    assert_eq!(told, expected, "{document}");
    assert_eq!(
        (&document["hub"]["ready"], &document["counts"]["suspended"]),
        (&value!(true), &value!(2))
    );
    let seen = ctl.at_terminal(80, &words("status")).end().expect(0).text;
    for line in ["graced  ended 24 h ago, stops working in 7 d", "stopped  unpaid, since"] {
        assert!(seen.contains(line), "{seen}");
    }
    assert!(seen.contains("\u{1b}[31mexpired\u{1b}[0m") && seen.lines().count() <= 24, "{seen}");
    let viewer = hub.ctl().env("HUBCTL_ADMIN_KEY", &key_in(&ctl, "ci.key"));
    ran(&viewer, "status", 0);
    assert_eq!(ran(&ctl, "status -q", 0).stdout.lines().count(), 7);
}

async fn a_license_is_renewed_from_its_end_or_from_now(hub: Hub) {
    hub.client("acme").await;
    let end = later(DAY * 10);
    hub.issue_with("acme", "running", value!({"expires_at": end})).await;
    hub.issue_with("acme", "ended", value!({"expires_at": ago(DAY * 10)})).await;
    hub.issue("acme", "endless").await;
    let ctl = hub.ctl();
    let renewed = json(&ctl, "instance renew running --for 365d");
    assert_eq!(renewed["license"]["expires_at"], value!(later_than(&end, DAY * 365)));
    let renewed = json(&ctl, "instance renew ended --for 52w");
    let until = text(&renewed["license"], "expires_at");
    assert!(until > later(DAY * 363) && until < later(DAY * 365), "{until}");
    assert_eq!(error(&ctl, "instance renew endless --for 30d", 6)["code"], "no_end");
    error(&ctl, "instance renew running", 2);
    let many = json(&ctl, "instance renew running ended --until 2099-12-31");
    for one in many.as_array().unwrap() {
        assert_eq!(one["license"]["expires_at"], "2099-12-31T23:59:59.999Z");
    }
    let again = json(&ctl, "instance renew running --until 2099-12-31");
    assert_eq!(again["changed"], false);
}

async fn several_handles_are_changed_at_once(hub: Hub) {
    hub.client("acme").await;
    for n in 1..=3 {
        hub.issue("acme", &format!("acme-{n}")).await;
    }
    let ctl = hub.ctl();
    let done = json(&ctl, "instance suspend acme-1 acme-2 --yes");
    assert_eq!(done.as_array().unwrap().len(), 2);
    assert_eq!(error(&ctl, "instance suspend acme-1 acme-3", 12)["code"], "input_needed");
    let half = ran(&ctl, "instance reactivate acme-1 acme-9 -o json", 11);
    let failed: serde_json::Value = serde_json::from_str(&half.stderr).unwrap();
    assert_eq!(failed["error"]["items"][0]["handle"], "acme-9");
    assert_eq!(half.json()[0]["instance_id"], "acme-1");
    assert_eq!(hub.show("acme-1").await["status"], "pending");
    let piped = "hubctl instance list -q | hubctl instance update --stdin --label env=trial";
    assert_eq!(ctl.run_in("sh", piped).expect(0).stdout.lines().count(), 3);
    assert_eq!(json(&ctl, "instance get acme-1 acme-3").as_array().unwrap().len(), 2);
}

async fn labels_change_one_by_one(hub: Hub) {
    let ctl = hub.ctl();
    ran(&ctl, "client create acme --label tier=gold --label region=eu", 0);
    ran(&ctl, "instance issue acme-1 --client acme --label env=prod --sink file:a.key", 0);
    let labels = |line: &str| json(&ctl, line)["labels"].clone();
    assert_eq!(
        labels("client update acme --label tier=free --label region- --label new=1"),
        value!({"tier": "free", "new": "1"})
    );
    assert_eq!(labels("client ensure acme --label x=y")["tier"], "free", "the others stay");
    let ensured = "instance ensure acme-1 --client acme --label a=b";
    assert_eq!(labels(ensured), value!({"env": "prod", "a": "b"}));
    assert_eq!(json(&ctl, ensured)["changed"], false);
    assert_eq!(labels("instance update acme-1 --no-labels --label z=1"), value!({"z": "1"}));
    assert_eq!(labels("instance update acme-1 --no-labels"), value!({}));
    error(&ctl, "instance update acme-1 --label Env=x", 2);
}

async fn ends_are_dates_and_spans(hub: Hub) {
    hub.client("acme").await;
    let ctl = hub.ctl();
    let end = |line: &str| text(&json(&ctl, line)["license"], "expires_at");
    let issue = "instance issue acme-1 --client acme --sink file:a.key --expires-at 2099-12-15";
    assert_eq!(end(issue), "2099-12-15T23:59:59.999Z");
    assert_eq!(end(issue), "2099-12-15T23:59:59.999Z", "it can be repeated");
    let later = later(DAY * 7);
    let week = end("instance update acme-1 --expires-at 1w");
    assert!(week >= later && week < later_than(&later, DAY), "{week}");
    let plan = "version = 1\n[[client]]\nslug = \"acme\"\n[[client.instance]]\n\
        instance_id = \"acme-1\"\nexpires_at = 2099-12-15\n";
    fs::write(ctl.dir().join("fleet.toml"), plan).unwrap();
    ran(&ctl, "apply -f fleet.toml --yes", 0);
    let shown = hub.show("acme-1").await;
    assert_eq!(shown["license"]["expires_at"], "2099-12-15T23:59:59.999Z");
    let all = ran(&ctl, "audit list -q", 0).stdout;
    assert_eq!(ran(&ctl, "audit list --since 2020-01-01 -q", 0).stdout, all);
    assert_eq!(ran(&ctl, "audit list --since 2099-01-01 -q", 0).stdout, "");
}

async fn another_reason_replaces_the_first(hub: Hub) {
    hub.client("acme").await;
    hub.issue("acme", "acme-1").await;
    let ctl = hub.ctl();
    for noun in ["client suspend acme", "instance suspend acme-1"] {
        let reason = |line: &str| json(&ctl, line)["suspension"]["reason"].clone();
        assert_eq!(reason(&format!("{noun} --reason unpaid --yes")), "unpaid");
        assert_eq!(reason(&format!("{noun} --reason fraud --yes")), "fraud");
        assert_eq!(json(&ctl, &format!("{noun} --yes"))["changed"], false);
    }
}

async fn a_key_in_use_is_not_ended_unasked(hub: Hub) {
    hub.client("acme").await;
    let license = hub.issue("acme", "acme-1").await.license_key;
    let ctl = hub.ctl();
    ran(&ctl, "instance rotate-license acme-1 --sink file:l.key", 0);
    let key = hub.hub_key(&key_in(&ctl, "l.key")).await;
    assert_ne!(license, key_in(&ctl, "l.key"));
    hub.use_key(&key).await;
    for verb in ["rotate-license", "rotate-hub-key"] {
        let line = format!("instance {verb} acme-1 --sink file:{verb}.key");
        let refused = error(&ctl, &line, 12);
        assert_eq!(refused["code"], "input_needed");
        assert!(text(&refused, "message").contains("last seen"), "{refused}");
        assert!(!files(&ctl).contains(&format!("{verb}.key")));
        let asked = ctl.at_terminal(100, &words(&line));
        asked.wait_for("last seen just now");
        asked.type_line("n");
        let _ = asked.end().expect(12);
        for consent in ["--overlap 1h", "--overlap 0", "--yes"] {
            ran(&ctl, &format!("{line} {consent}"), 0);
        }
    }
}

async fn grace_is_seen_and_lists_are_sorted(hub: Hub) {
    hub.client("acme").await;
    for (id, days) in [("aa", 20), ("bb", 10)] {
        hub.issue_with("acme", id, value!({"expires_at": later(DAY * days)})).await;
    }
    let license = hub.issue("acme", "graced").await.license_key;
    hub.activate(&license).await;
    hub.patch_instance("graced", value!({"expires_at": ago(DAY), "grace_days": 9})).await;
    let ctl = hub.ctl();
    let listed = ran(&ctl, "instance list --expires-within 30d --sort expires_at -q", 0).stdout;
    assert_eq!(listed, "graced\nbb\naa\n");
    assert!(ran(&ctl, "instance list", 0).stdout.contains("\tactive, grace\t"));
    assert!(ran(&ctl, "instance get graced", 0).stdout.contains("STATUS\tactive, grace\n"));
    let seen = ctl.at_terminal(80, &words("audit list")).end().expect(0).text;
    assert!(seen.lines().next().unwrap().contains("AT "), "{seen}");
}

/// A chain that is sound in itself, but not the one that was verified before.
async fn a_log_that_was_replaced_is_found(hub: Hub) {
    hub.client("acme").await;
    let ctl = hub.ctl().env("XDG_STATE_HOME", "state");
    let state = ctl.dir().join("state");
    let ctl = ctl.env("XDG_STATE_HOME", state.to_str().unwrap());
    ran(&ctl, "audit verify", 0);
    hub.client("globex").await;
    ran(&ctl, "audit verify", 0);
    let kept = state.join("hubctl/audit-heads.json");
    let heads = fs::read_to_string(&kept).unwrap();
    let mut other: serde_json::Value = serde_json::from_str(&heads).unwrap();
    other[hub.base()]["hash"] = "0".repeat(64).into();
    fs::write(&kept, other.to_string()).unwrap();
    let found = ran(&ctl, "audit verify -o json", 6);
    assert!(found.stderr.contains("audit_rewritten"), "{}", found.stderr);
    // What it says to do for a new hub.
    let found = ran(&ctl, "audit verify", 6);
    assert!(found.stderr.contains(kept.to_str().unwrap()), "{}", found.stderr);
    other.as_object_mut().unwrap().remove(hub.base());
    fs::write(&kept, other.to_string()).unwrap();
    ran(&ctl, "audit verify", 0);
    assert_eq!(fs::read_to_string(&kept).unwrap(), heads);
}

async fn a_wait_shows_what_is_waited_for(hub: Hub) {
    hub.client("acme").await;
    hub.issue("acme", "acme-1").await;
    let ctl = hub.ctl();
    let waiting = ctl.at_terminal(80, &words("instance wait acme-1 --for suspended"));
    waiting.wait_for("waiting for acme-1 to be suspended");
    hub.act("acme-1", "suspend", value!({})).await;
    assert!(waiting.end().expect(0).text.contains("acme-1 is suspended"));
}

/// Stopped and continued, the question is asked again, still without echo.
async fn a_hidden_key_stays_hidden_after_ctrl_z(hub: Hub) {
    let ctl = hub.ctl();
    let line = format!("hubctl login prod --url {}", hub.base());
    let script = format!("set -m; {line}; echo stopped; fg");
    let asked = ctl.shell_at_terminal(80, &script);
    asked.wait_for("admin key of");
    asked.type_keys("\u{1a}");
    asked.wait_for("stopped");
    asked.wait_for_times("admin key of", 2);
    asked.type_line(hub.admin_key());
    let seen = asked.end();
    assert!(seen.text.contains("logged in"), "{}", seen.text);
    assert!(!seen.text.contains(hub.admin_key()), "{}", seen.text);
}

async fn cells_are_no_formulas_and_unseen_characters_are_seen(hub: Hub) {
    let ctl = hub.ctl();
    let new = value!({"slug": "formula", "name": "=1+1"});
    hub.admin().post("/api/v1/admin/clients", new).await.expect(201).done();
    let csv = ran(&ctl, "client list -o csv", 0).stdout;
    assert!(csv.contains("formula,'=1+1,"), "{csv}");
    // The hub takes no such name; what was typed, or another server says, is shown as it is.
    let evil = "evil\u{202e}\u{1b}[2J";
    for line in [
        ["instance", "get", evil].as_slice(),
        &["instance", "suspend", evil, "acme", "--yes"],
        &["instance", "delete", evil, "--if-exists", "--yes"],
        &["client", "create", "--name", evil],
        &["context", "use", evil],
        &["plan", "-f", evil],
        &["validate", "--license-file", evil],
    ] {
        for format in ["table", "json", "csv"] {
            let line = [line, &["-o", format]].concat();
            let seen = ctl.at_terminal(120, &line).end().text;
            let raw = seen.contains('\u{202e}') || seen.contains("\u{1b}[2J");
            assert!(!raw && seen.contains("202e"), "{line:?}: {seen:?}");
        }
    }
}

/// No script, and nothing that is loaded from elsewhere.
async fn a_report_is_one_page_that_needs_nothing_else(hub: Hub) {
    hub.client("acme").await;
    let ctl = hub.ctl();
    ran(&ctl, "telemetry report --since 30d --out fleet.html", 0);
    let page = fs::read_to_string(ctl.dir().join("fleet.html")).unwrap();
    assert_eq!(page.matches("<svg ").count(), 6, "three charts, each also for a phone: {page}");
    for elsewhere in ["<script", "src=", "href=", "@import", "url("] {
        assert!(!page.contains(elsewhere), "{elsewhere}");
    }
    assert!(page.contains("name=\"viewport\"") && page.contains("@media print"));
    assert_eq!(
        ran(&ctl, "telemetry report --since 30d", 0).stdout.lines().next(),
        page.lines().next()
    );
    seen_by_a_browser(&ctl);
}

/// Drawn at the widths of a phone and of a desk.
fn seen_by_a_browser(ctl: &Ctl) {
    let page = format!("file://{}", ctl.dir().join("fleet.html").display());
    for width in [390, 1100] {
        let Some(picture) = browser::draw(&page, width, Scheme::Light, ctl.dir()) else { return };
        // A page without charts and words is a tenth of that.
        assert!(picture.len() > 10_000, "{} bytes", picture.len());
    }
}
