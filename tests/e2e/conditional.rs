//! Requests with conditions: `If-Match` on every verb that changes something, and `If-None-Match`.

use http::Method;
use hub_tests::fleet::text;
use hub_tests::http::Answer;
use hub_tests::{Hub, both_stores};
use serde_json::json;

const INSTANCE: &str = "/api/v1/admin/instances/acme-1";

both_stores!(
    every_change_of_an_instance_is_refused_once_somebody_else_changed_it,
    what_has_no_tag_matches_none,
    what_is_known_already_is_not_sent_again,
    another_reason_replaces_the_reason_of_a_suspension,
    a_client_is_suspended_for_a_reason
);

async fn tag(hub: &Hub, path: &str) -> String {
    hub.admin().get(path).await.expect(200).etag()
}

async fn every_change_of_an_instance_is_refused_once_somebody_else_changed_it(hub: Hub) {
    hub.client("acme").await;
    let issued = hub.issue("acme", "acme-1").await;
    hub.activate(&issued.license_key).await;
    let stale = tag(&hub, INSTANCE).await;
    hub.patch_instance("acme-1", json!({"grace_days": 1})).await;
    let events = hub.audit().await.len();
    let late = || hub.admin().if_match(&stale);
    for verb in ["suspend", "reactivate", "rotate-license", "rotate-hub-key"] {
        let answer = late().post_empty(&format!("{INSTANCE}/{verb}")).await;
        answer.problem(412, "precondition_failed");
    }
    late().patch(INSTANCE, json!({"grace_days": 2})).await.problem(412, "precondition_failed");
    late().delete(INSTANCE).await.problem(412, "precondition_failed");
    assert_eq!(hub.audit().await.len(), events, "nothing was done");
    for verb in ["suspend", "reactivate", "rotate-license", "rotate-hub-key"] {
        let current = tag(&hub, INSTANCE).await;
        let admin = hub.admin().if_match(&current);
        admin.post_empty(&format!("{INSTANCE}/{verb}")).await.expect(200).done();
    }
}

/// Lists and admin keys have no tags.
async fn what_has_no_tag_matches_none(hub: Hub) {
    hub.client("acme").await;
    let key = json!({"name": "ci", "role": "viewer"});
    hub.admin().post("/api/v1/admin/keys", key).await.expect(201).done();
    let wrong = |answer: Answer| answer.problem(412, "precondition_failed");
    let admin = || hub.admin().if_match("\"x\"");
    wrong(admin().post("/api/v1/admin/clients", json!({"name": "Globex"})).await);
    wrong(admin().post_empty("/api/v1/admin/clients/acme/instances").await);
    wrong(admin().post("/api/v1/admin/keys", json!({"name": "other", "role": "viewer"})).await);
    wrong(admin().delete("/api/v1/admin/keys/ci").await);
    hub.admin().if_match("*").delete("/api/v1/admin/keys/ci").await.expect(204).done();
}

async fn what_is_known_already_is_not_sent_again(hub: Hub) {
    hub.client("acme").await;
    hub.issue("acme", "acme-1").await;
    for path in [INSTANCE, "/api/v1/admin/clients/acme"] {
        let known = tag(&hub, path).await;
        for header in [known.clone(), format!("W/{known}"), format!("\"x\", {known}"), "*".into()] {
            let answer = hub.admin().header("if-none-match", &header).get(path).await.expect(304);
            assert_eq!((answer.etag(), answer.body.len()), (known.clone(), 0), "{header}");
        }
        let head = hub.admin().header("if-none-match", &known).send(Method::HEAD, path, None).await;
        assert_eq!((head.status.as_u16(), head.etag()), (304, known), "{path}");
        hub.admin().header("if-none-match", "\"x\"").get(path).await.expect(200).done();
    }
    let known = tag(&hub, INSTANCE).await;
    hub.act("acme-1", "suspend", json!({})).await;
    hub.admin().header("if-none-match", &known).get(INSTANCE).await.expect(200).done();
}

async fn another_reason_replaces_the_reason_of_a_suspension(hub: Hub) {
    hub.client("acme").await;
    hub.issue("acme", "acme-1").await;
    let first = hub.act("acme-1", "suspend", json!({"reason": "unpaid"})).await;
    let events = hub.audit().await.len();
    for same in [json!({}), json!({"reason": "unpaid"})] {
        assert_eq!(hub.act("acme-1", "suspend", same).await["suspension"], first["suspension"]);
    }
    assert_eq!(hub.audit().await.len(), events);
    let second =
        hub.act("acme-1", "suspend", json!({"reason": "fraud"})).await["suspension"].clone();
    assert_eq!(second["reason"], "fraud");
    assert_eq!(second["since"], first["suspension"]["since"]);
    assert_eq!(hub.audit().await.len(), events + 1);
    assert_eq!(hub.audit().await[0].1, "instance.suspend");
}

async fn a_client_is_suspended_for_a_reason(hub: Hub) {
    hub.client("acme").await;
    let path = "/api/v1/admin/clients/acme";
    let change = async |body| hub.admin().patch(path, body).await.ok();
    let suspended = change(json!({"status": "suspended", "reason": "unpaid"})).await;
    assert_eq!(suspended["suspension"]["reason"], "unpaid");
    let since = text(&suspended["suspension"], "since");
    let events = hub.audit().await.len();
    assert_eq!(change(json!({"status": "suspended"})).await["suspension"]["reason"], "unpaid");
    assert_eq!(hub.audit().await.len(), events);
    let other =
        change(json!({"status": "suspended", "reason": "fraud"})).await["suspension"].clone();
    assert_eq!(other, json!({"reason": "fraud", "since": since}));
    assert_eq!(hub.audit().await[0].1, "client.suspend");
    let active = change(json!({"status": "active"})).await;
    assert_eq!((&active["status"], &active["suspension"]), (&json!("active"), &json!(null)));
    for wrong in [json!({"reason": "x"}), json!({"status": "active", "reason": "x"})] {
        hub.admin().patch(path, wrong).await.wrong_fields(&["reason"]);
    }
}
