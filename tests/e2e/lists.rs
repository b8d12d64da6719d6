//! Lists: order, pages, filters, and cursors that stay in place.

use hub_tests::clock::{DAY, ago, later, later_than};
use hub_tests::fleet::{own_hub_key, sha256, text};
use hub_tests::{Hub, both_stores};
use serde_json::{Value, json};

/// The handles of a list, over all its pages.
async fn handles(hub: &Hub, path: &str) -> Vec<String> {
    let mut all = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = hub.admin().get(&format!("{path}{cursor}")).await.ok();
        all.extend(names(&page));
        let Some(next) = page["next_cursor"].as_str() else { return all };
        let joint = if path.contains('?') { '&' } else { '?' };
        cursor = format!("{joint}cursor={next}");
    }
}

fn names(page: &Value) -> Vec<String> {
    let field = |item: &Value| if item["slug"].is_string() { "slug" } else { "instance_id" };
    page["items"].as_array().unwrap().iter().map(|item| text(item, field(item))).collect()
}

async fn instances(hub: &Hub, filter: &str) -> Vec<String> {
    handles(hub, &format!("/api/v1/admin/instances?{filter}")).await
}

both_stores!(
    a_list_is_ordered_and_paged,
    cursors_stay_in_place_while_rows_come_and_go,
    a_cursor_of_another_list_or_none_at_all_is_refused,
    wrong_parameters_are_named_and_unknown_ones_refused,
    instances_are_found_by_status_label_and_name,
    silent_instances_are_those_that_could_have_said_something,
    ending_instances_are_found_in_their_grace_too,
    instances_are_sorted_by_their_end_and_by_their_last_call,
    clients_are_found_by_name_status_and_label,
    names_are_found_whatever_the_case_of_their_letters
);

async fn a_list_is_ordered_and_paged(hub: Hub) {
    for slug in ["b", "a-b", "a0", "ab", "a", "zz", "a-0"] {
        hub.client(&format!("c{slug}")).await;
    }
    let expected = ["ca", "ca-0", "ca-b", "ca0", "cab", "cb", "czz"];
    for limit in [1, 2, 3, 7, 500] {
        let path = format!("/api/v1/admin/clients?limit={limit}");
        assert_eq!(handles(&hub, &path).await, expected, "limit {limit}");
    }
    let page = hub.admin().get("/api/v1/admin/clients?limit=7").await.ok();
    assert_eq!(page["next_cursor"], json!(null), "a full last page is the last");
    let empty = hub.admin().get("/api/v1/admin/instances").await.ok();
    assert_eq!(empty, json!({"items": [], "next_cursor": null}));
}

async fn cursors_stay_in_place_while_rows_come_and_go(hub: Hub) {
    for slug in ["c1", "c3", "c5", "c7"] {
        hub.client(slug).await;
    }
    let path = "/api/v1/admin/clients?limit=2";
    let first = hub.admin().get(path).await.ok();
    assert_eq!(names(&first), ["c1", "c3"]);
    hub.client("c2").await;
    hub.client("c4").await;
    for gone in ["c3", "c5"] {
        hub.admin().delete(&format!("/api/v1/admin/clients/{gone}")).await.expect(204).done();
    }
    let next = text(&first, "next_cursor");
    let second = hub.admin().get(&format!("{path}&cursor={next}")).await.ok();
    assert_eq!(names(&second), ["c4", "c7"], "nothing twice, nothing left out");
}

async fn a_cursor_of_another_list_or_none_at_all_is_refused(hub: Hub) {
    for slug in ["c1", "c2"] {
        hub.client(slug).await;
        hub.issue(slug, &format!("{slug}-1")).await;
    }
    let lists = ["/api/v1/admin/clients", "/api/v1/admin/instances", "/api/v1/admin/audit"];
    for list in lists {
        let page = hub.admin().get(&format!("{list}?limit=1")).await.ok();
        let cursor = text(&page, "next_cursor");
        for other in lists {
            let answer = hub.admin().get(&format!("{other}?cursor={cursor}")).await;
            if list == other {
                answer.expect(200).done();
            } else {
                answer.problem(400, "invalid_cursor");
            }
        }
        for forged in ["x", "%00", "", &"A".repeat(3000), "..%2F..", "-1"] {
            let answer = hub.admin().get(&format!("{list}?cursor={forged}")).await;
            answer.problem(400, "invalid_cursor");
        }
    }
}

async fn wrong_parameters_are_named_and_unknown_ones_refused(hub: Hub) {
    let wrong = async |list: &str, query: &str, fields: &[&str]| {
        let path = format!("/api/v1/admin/{list}?{query}");
        hub.admin().get(&path).await.wrong_fields(fields);
    };
    wrong("clients", "limit=0&status=pending&label=x", &["limit", "status", "label"]).await;
    wrong("clients", "limit=501", &["limit"]).await;
    wrong("clients", "limit=5&limit=6", &["limit"]).await;
    wrong("clients", "secret=hunter2", &["query"]).await;
    wrong(
        "instances",
        "silent_for=1s&expires_within=0d&q=",
        &["silent_for", "expires_within", "q"],
    )
    .await;
    wrong("audit", "since=yesterday&action=client.sell", &["since", "action"]).await;
    wrong("keys", "limit=5", &["query"]).await;
    wrong("clients/x", "verbose=1", &["query"]).await;
    let answer = hub.admin().get("/api/v1/admin/clients?secret=hunter2").await;
    assert!(!answer.text().contains("hunter2") && !answer.text().contains("secret"), "{answer}");
}

async fn instances_are_found_by_status_label_and_name(hub: Hub) {
    furnish(&hub).await;
    assert_eq!(instances(&hub, "").await, ["a-1", "a-2", "a-3", "b-1", "c-1"]);
    assert_eq!(instances(&hub, "status=pending").await, ["a-1"]);
    assert_eq!(instances(&hub, "status=active").await, ["a-3"]);
    assert_eq!(instances(&hub, "status=expired").await, ["b-1"]);
    assert_eq!(instances(&hub, "status=suspended").await, ["a-2"]);
    assert_eq!(instances(&hub, "status=client_suspended").await, ["c-1"]);
    assert_eq!(instances(&hub, "label=env%3Dprod").await, ["a-1", "a-3", "b-1"]);
    assert_eq!(instances(&hub, "label=env%3Dprod&label=tier%3Dgold").await, ["a-3"]);
    assert_eq!(instances(&hub, "label=env%3Dpro").await, [""; 0]);
    assert_eq!(instances(&hub, "q=A-").await, ["a-1", "a-2", "a-3"]);
    assert_eq!(instances(&hub, "q=%25").await, [""; 0], "a wildcard is an ordinary character");
    assert_eq!(instances(&hub, "q=_-1").await, [""; 0]);
    let of_client = "/api/v1/admin/clients/aa/instances?label=env%3Dprod&limit=1";
    assert_eq!(handles(&hub, of_client).await, ["a-1", "a-3"]);
    let paged = instances(&hub, "label=env%3Dprod&limit=1").await;
    assert_eq!(paged, ["a-1", "a-3", "b-1"]);
}

/// Pending and suspended ones are silent for a reason; one that moved here and was never seen counts from
/// the day it was created.
async fn silent_instances_are_those_that_could_have_said_something(hub: Hub) {
    for client in ["aa", "bb"] {
        hub.client(client).await;
    }
    for (n, client, id) in [(1, "aa", "moved"), (2, "aa", "suspended"), (3, "bb", "of-client")] {
        let moved = json!({"hub_key_sha256": sha256(&own_hub_key(n))});
        hub.issue_with(client, id, moved).await;
    }
    hub.issue("aa", "pending").await;
    let heard = hub.issue("aa", "heard").await;
    let key = hub.hub_key(&heard.license_key).await;
    hub.use_key(&key).await;
    hub.act("suspended", "suspend", json!({})).await;
    let suspend = json!({"status": "suspended"});
    hub.admin().patch("/api/v1/admin/clients/bb", suspend).await.expect(200).done();
    assert_eq!(instances(&hub, "silent_for=24h").await, [""; 0]);
    hub.sql().await.execute("UPDATE instances SET created_at = created_at - 172800000").await;
    assert_eq!(instances(&hub, "silent_for=24h").await, ["moved"]);
    assert_eq!(instances(&hub, "silent_for=1w").await, [""; 0]);
}

async fn ending_instances_are_found_in_their_grace_too(hub: Hub) {
    hub.client("aa").await;
    for (id, terms) in [
        ("soon", json!({"expires_at": later(DAY * 3)})),
        ("later", json!({"expires_at": later(DAY * 60), "grace_days": 9})),
        ("in-grace", json!({"expires_at": ago(DAY), "grace_days": 7})),
        ("gone", json!({"expires_at": ago(DAY)})),
        ("never", json!({})),
    ] {
        hub.issue_with("aa", id, terms).await;
    }
    assert_eq!(instances(&hub, "expires_within=30d").await, ["in-grace", "soon"]);
    assert_eq!(instances(&hub, "expires_within=13w").await, ["in-grace", "later", "soon"]);
    let license = async |id: &str| hub.show(id).await["license"].clone();
    let in_grace = license("in-grace").await;
    assert_eq!(in_grace["in_grace"], true);
    assert_eq!(in_grace["works_until"], json!(later_than(&text(&in_grace, "expires_at"), DAY * 7)));
    let soon = license("soon").await;
    assert_eq!((&soon["in_grace"], &soon["works_until"]), (&json!(false), &soon["expires_at"]));
    assert_eq!(license("never").await["works_until"], json!(null));
}

/// Those without the member come last; the handle decides between equals; a cursor is for one order.
async fn instances_are_sorted_by_their_end_and_by_their_last_call(hub: Hub) {
    hub.client("aa").await;
    let (first, second) = (later(DAY), later(DAY * 2));
    for (id, end) in
        [("aa", None), ("bb", Some(&second)), ("cc", Some(&first)), ("dd", Some(&first))]
    {
        hub.issue_with("aa", id, json!({"expires_at": end})).await;
    }
    hub.issue("aa", "ee").await;
    for limit in [1, 2, 3, 500] {
        let by =
            async |member: &str| instances(&hub, &format!("sort={member}&limit={limit}")).await;
        assert_eq!(by("expires_at").await, ["cc", "dd", "bb", "aa", "ee"], "{limit}");
        assert_eq!(by("instance_id").await, ["aa", "bb", "cc", "dd", "ee"], "{limit}");
    }
    for (id, at) in [("dd", 1_000), ("bb", 2_000)] {
        let seen = format!("UPDATE instances SET last_seen_at = {at} WHERE instance_id = '{id}'");
        hub.sql().await.execute(&seen).await;
    }
    assert_eq!(instances(&hub, "sort=last_seen_at&limit=2").await, ["dd", "bb", "aa", "cc", "ee"]);
    let path = "/api/v1/admin/instances?limit=1";
    let page = hub.admin().get(&format!("{path}&sort=expires_at")).await.ok();
    let cursor = text(&page, "next_cursor");
    for other in ["", "&sort=last_seen_at"] {
        let answer = hub.admin().get(&format!("{path}{other}&cursor={cursor}")).await;
        answer.problem(400, "invalid_cursor");
    }
    hub.admin().get(&format!("{path}&sort=name")).await.wrong_fields(&["sort"]);
}

/// Lower-casing is Unicode's, so that both databases find the same.
async fn names_are_found_whatever_the_case_of_their_letters(hub: Hub) {
    for (slug, name) in
        [("a1", "MÜLLER & SÖHNE"), ("a2", "Ελλάς"), ("a3", "Straße"), ("a4", "plain")]
    {
        let new = json!({"slug": slug, "name": name});
        hub.admin().post("/api/v1/admin/clients", new).await.expect(201).done();
    }
    let found = async |text: &str| {
        let q = text.bytes().map(|byte| format!("%{byte:02X}")).collect::<Vec<_>>().concat();
        handles(&hub, &format!("/api/v1/admin/clients?q={q}&limit=1")).await
    };
    for (text, slugs) in [
        ("müller", vec!["a1"]),
        ("SÖHNE", vec!["a1"]),
        ("ελλά", vec!["a2"]),
        ("ΕΛΛΆΣ", vec!["a2"]),
        ("λάς", vec!["a2"]),
        ("STRA", vec!["a3"]),
        ("A", vec!["a1", "a2", "a3", "a4"]),
        ("nothing", vec![]),
    ] {
        assert_eq!(found(text).await, slugs, "{text}");
    }
}

async fn clients_are_found_by_name_status_and_label(hub: Hub) {
    for (slug, name, tier) in [("acme", "Acme GmbH", "gold"), ("globex", "Globex", "free")] {
        let new = json!({"slug": slug, "name": name, "labels": {"tier": tier}});
        hub.admin().post("/api/v1/admin/clients", new).await.expect(201).done();
    }
    let suspend = json!({"status": "suspended"});
    hub.admin().patch("/api/v1/admin/clients/globex", suspend).await.expect(200).done();
    let found =
        async |filter: &str| handles(&hub, &format!("/api/v1/admin/clients?{filter}")).await;
    assert_eq!(found("q=gmbh").await, ["acme"]);
    assert_eq!(found("q=LOBE").await, ["globex"]);
    assert_eq!(found("status=suspended").await, ["globex"]);
    assert_eq!(found("label=tier%3Dgold").await, ["acme"]);
    assert_eq!(found("label=tier%3Dgold&status=suspended").await, [""; 0]);
}

/// One instance in each effective status.
async fn furnish(hub: &Hub) {
    for client in ["aa", "bb", "cc"] {
        hub.client(client).await;
    }
    let prod = json!({"labels": {"env": "prod"}});
    hub.issue_with("aa", "a-1", prod.clone()).await;
    hub.issue_with("aa", "a-2", json!({"labels": {"env": "test"}})).await;
    let gold = json!({"labels": {"env": "prod", "tier": "gold"}});
    let issued = hub.issue_with("aa", "a-3", gold).await;
    hub.activate(&issued.license_key).await;
    let issued = hub.issue_with("bb", "b-1", prod).await;
    hub.activate(&issued.license_key).await;
    hub.patch_instance("b-1", json!({"expires_at": ago(DAY)})).await;
    hub.issue("cc", "c-1").await;
    hub.act("a-2", "suspend", json!({})).await;
    let suspend = json!({"status": "suspended"});
    hub.admin().patch("/api/v1/admin/clients/cc", suspend).await.expect(200).done();
}
