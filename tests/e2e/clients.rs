//! Clients: creation and handles, changes, suspension, deletion.

use hub_tests::fleet::text;
use hub_tests::{Hub, both_stores};
use serde_json::{Value, json};

const CLIENTS: &str = "/api/v1/admin/clients";

async fn slug_of(hub: &Hub, name: &str) -> String {
    text(&hub.admin().post(CLIENTS, json!({"name": name})).await.expect(201).json(), "slug")
}

both_stores!(
    a_new_client_is_whole_and_found_by_slug_and_id,
    a_slug_is_derived_from_the_name,
    a_given_slug_that_is_taken_is_refused,
    every_wrong_field_is_named_and_none_is_ignored,
    a_patch_keeps_what_is_absent_and_clears_what_is_null,
    if_match_protects_a_change_by_someone_else,
    an_etag_does_not_change_with_activity,
    suspending_a_client_refuses_all_its_instances_until_it_is_reactivated,
    instances_are_counted_by_status,
    a_client_goes_with_its_instances_only_when_asked_to,
    what_is_not_there_is_404
);

async fn a_new_client_is_whole_and_found_by_slug_and_id(hub: Hub) {
    let new = json!({
        "name": "Acme GmbH & Söhne", "slug": "acme", "external_ref": "crm:42",
        "labels": {"env": "prod", "tier": ""},
    });
    let created = hub.admin().post(CLIENTS, new).await.expect(201);
    let client = created.json();
    assert_eq!(created.location(), "/api/v1/admin/clients/acme");
    assert!(uuid::Uuid::try_parse(&text(&client, "id")).is_ok());
    assert!(text(&client, "created_at").ends_with('Z'));
    let mut expected = client.clone();
    expected["slug"] = "acme".into();
    expected["name"] = "Acme GmbH & Söhne".into();
    expected["external_ref"] = "crm:42".into();
    expected["status"] = "active".into();
    expected["labels"] = json!({"env": "prod", "tier": ""});
    expected["updated_at"] = client["created_at"].clone();
    expected["suspension"] = json!(null);
    expected["instances"] = json!({"total": 0, "pending": 0, "active": 0, "suspended": 0});
    assert_eq!(client, expected);
    assert_eq!(client.as_object().unwrap().len(), 10);

    let by_slug = hub.admin().get(&format!("{CLIENTS}/acme")).await.expect(200);
    let by_id = hub.admin().get(&format!("{CLIENTS}/{}", text(&client, "id"))).await;
    assert_eq!(by_slug.json(), client);
    assert_eq!(by_id.etag(), by_slug.etag());
    assert_eq!(by_id.ok(), client);
}

async fn a_slug_is_derived_from_the_name(hub: Hub) {
    assert_eq!(slug_of(&hub, "Acme GmbH").await, "acme-gmbh");
    let second = slug_of(&hub, "Acme GmbH").await;
    assert!(second.starts_with("acme-gmbh-") && second.len() > "acme-gmbh-".len(), "{second}");
    // Names without letters, too long, or in the form of a UUID get a handle too.
    for name in ["!7", "ä", "公司", &"long ".repeat(25), "0191d6a0-0000-7000-8000-000000000000"]
    {
        let slug = slug_of(&hub, name).await;
        assert!(slug.parse::<hub_core::name::Slug>().is_ok(), "{name}: {slug}");
    }
}

async fn a_given_slug_that_is_taken_is_refused(hub: Hub) {
    hub.client("acme").await;
    let again = json!({"name": "Another", "slug": "acme"});
    hub.admin().post(CLIENTS, again).await.problem(409, "client_exists");
}

async fn every_wrong_field_is_named_and_none_is_ignored(hub: Hub) {
    let wrong = json!({"name": " ", "slug": "Acme", "external_ref": "a b", "labels": {"A": "b"},
        "contact": "someone@example.com"});
    let answer = hub.admin().post(CLIENTS, wrong).await;
    answer.wrong_fields(&["name", "slug", "external_ref", "labels", "contact"]);
    hub.admin().post(CLIENTS, json!({})).await.wrong_fields(&["name"]);
    hub.admin().post_empty(CLIENTS).await.problem(400, "invalid_json");
    let uuid = "0191d6a0-0000-7000-8000-000000000000";
    let answer = hub.admin().post(CLIENTS, json!({"name": "x", "slug": uuid})).await;
    answer.wrong_fields(&["slug"]);
}

async fn a_patch_keeps_what_is_absent_and_clears_what_is_null(hub: Hub) {
    let new =
        json!({"name": "Acme", "slug": "acme", "external_ref": "crm:42", "labels": {"a": "1"}});
    hub.admin().post(CLIENTS, new).await.expect(201).done();
    let patch = async |change: Value| hub.admin().patch(&format!("{CLIENTS}/acme"), change).await;
    let renamed = patch(json!({"name": "Acme AG"})).await.ok();
    let kept = (&renamed["external_ref"], &renamed["labels"]);
    assert_eq!(kept, (&json!("crm:42"), &json!({"a": "1"})));
    let cleared = patch(json!({"external_ref": null, "labels": {"b": "2"}})).await.ok();
    assert_eq!(cleared["external_ref"], json!(null));
    assert_eq!(cleared["labels"], json!({"b": "2"}), "labels replace the whole set");
    assert_eq!(cleared["name"], "Acme AG");
    assert_eq!(patch(json!({})).await.ok()["name"], "Acme AG");
    let nulls = patch(json!({"name": null, "labels": null, "status": null})).await;
    nulls.wrong_fields(&["name", "labels", "status"]);
    patch(json!({"slug": "other"})).await.wrong_fields(&["slug"]);
}

async fn if_match_protects_a_change_by_someone_else(hub: Hub) {
    hub.client("acme").await;
    let path = format!("{CLIENTS}/acme");
    let seen = hub.admin().get(&path).await.expect(200).etag();
    let changed = hub.admin().patch(&path, json!({"name": "Changed"})).await.expect(200);
    assert_ne!(changed.etag(), seen);
    let late = hub.admin().if_match(&seen);
    late.patch(&path, json!({"name": "Late"})).await.problem(412, "precondition_failed");
    late.delete(&path).await.problem(412, "precondition_failed");
    assert_eq!(hub.admin().get(&path).await.ok()["name"], "Changed");

    let current = hub.admin().if_match(&changed.etag());
    let next = current.patch(&path, json!({"name": "Next"})).await.expect(200).etag();
    let any = hub.admin().if_match("*");
    any.patch(&path, json!({"name": "Any"})).await.expect(200).done();
    hub.admin()
        .if_match(&format!("\"x\", {next}"))
        .patch(&path, json!({}))
        .await
        .problem(412, "precondition_failed");
    let now = hub.admin().get(&path).await.expect(200).etag();
    hub.admin().if_match(&format!("\"x\", {now}")).delete(&path).await.expect(204).done();
}

/// Counters and last-seen times are no changes by an operator.
async fn an_etag_does_not_change_with_activity(hub: Hub) {
    hub.client("acme").await;
    let issued = hub.issue("acme", "acme-1").await;
    let client = format!("{CLIENTS}/acme");
    let instance = "/api/v1/admin/instances/acme-1";
    let before = hub.admin().get(&client).await.expect(200).etag();
    hub.hub_key(&issued.license_key).await;
    assert_eq!(hub.admin().get(&client).await.expect(200).etag(), before);
    let active = hub.admin().get(instance).await.expect(200).etag();
    let key = hub.hub_key(&issued.license_key).await;
    hub.use_key(&key).await;
    assert_eq!(hub.admin().get(instance).await.expect(200).etag(), active);
}

async fn suspending_a_client_refuses_all_its_instances_until_it_is_reactivated(hub: Hub) {
    hub.client("acme").await;
    let issued = hub.issue("acme", "acme-1").await;
    let key = hub.hub_key(&issued.license_key).await;
    let path = format!("{CLIENTS}/acme");
    let suspended = hub.admin().patch(&path, json!({"status": "suspended"})).await.ok();
    assert_eq!(suspended["status"], "suspended");
    let own = hub.instance(&key).get("/api/v1/instances/self").await.ok();
    assert_eq!(own["effective_status"], "client_suspended");
    assert_eq!(own["status"], "active");
    assert_eq!(own["certificate"], json!(null));
    let body = json!({"license_key": issued.license_key});
    let activate = "/api/v1/instances/activate";
    hub.anonymous().post(activate, body.clone()).await.problem(403, "client_suspended");
    hub.admin().patch(&path, json!({"status": "active"})).await.expect(200).done();
    hub.anonymous().post(activate, body).await.expect(200).done();
}

async fn instances_are_counted_by_status(hub: Hub) {
    hub.client("acme").await;
    hub.issue("acme", "acme-1").await;
    for id in ["acme-2", "acme-3", "acme-4"] {
        let issued = hub.issue("acme", id).await;
        hub.activate(&issued.license_key).await;
    }
    hub.act("acme-4", "suspend", json!({})).await;
    let client = hub.admin().get(&format!("{CLIENTS}/acme")).await.ok();
    let counts = json!({"total": 4, "pending": 1, "active": 2, "suspended": 1});
    assert_eq!(client["instances"], counts);
    let stats = hub.admin().get("/api/v1/admin/stats").await.ok();
    assert_eq!((&stats["clients"], &stats["instances"]), (&json!(1), &counts));
}

async fn a_client_goes_with_its_instances_only_when_asked_to(hub: Hub) {
    hub.client("acme").await;
    let issued = hub.issue("acme", "acme-1").await;
    let key = hub.hub_key(&issued.license_key).await;
    let path = format!("{CLIENTS}/acme");
    hub.admin().delete(&path).await.problem(409, "client_not_empty");
    hub.admin().delete(&format!("{path}?cascade=false")).await.problem(409, "client_not_empty");
    hub.admin().delete(&format!("{path}?cascade=true")).await.expect(204).done();
    hub.admin().get(&path).await.problem(404, "client_not_found");
    let instance = "/api/v1/admin/instances/acme-1";
    hub.admin().get(instance).await.problem(404, "instance_not_found");
    hub.instance(&key).get("/api/v1/instances/self").await.problem(401, "hub_key_invalid");
    let body = json!({"license_key": issued.license_key});
    let answer = hub.anonymous().post("/api/v1/instances/activate", body).await;
    answer.problem(401, "license_invalid");
    // Others can take the handles now.
    hub.client("acme").await;
    hub.issue("acme", "acme-1").await;
}

async fn what_is_not_there_is_404(hub: Hub) {
    for handle in ["nobody", "0191d6a0-0000-7000-8000-000000000000", "No%20Handle", "%2F", "a"] {
        let path = format!("{CLIENTS}/{handle}");
        hub.admin().get(&path).await.problem(404, "client_not_found");
        hub.admin().patch(&path, json!({})).await.problem(404, "client_not_found");
        hub.admin().delete(&path).await.problem(404, "client_not_found");
        let instances = format!("{path}/instances");
        hub.admin().get(&instances).await.problem(404, "client_not_found");
        hub.admin().post(&instances, json!({})).await.problem(404, "client_not_found");
    }
}
