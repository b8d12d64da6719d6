//! Plans in files: each for one hub, and valid only while that hub is unchanged.

use std::os::unix::fs::PermissionsExt;

use hub_tests::Setup;

use super::*;

const SAVE: &str = "plan -f fleet.toml --out p.json";
const CARRY_OUT: &str = "apply p.json --yes --max-deletes 9";

both_stores!(
    a_saved_plan_is_carried_out,
    a_plan_is_refused_once_the_hub_has_changed,
    a_plan_is_for_the_hub_it_was_made_for,
    the_limit_on_deletes_holds_for_saved_plans,
    a_plan_with_a_conflict_is_not_saved
);

async fn a_saved_plan_is_carried_out(hub: Hub) {
    let ctl = with_fleet(&hub, FLEET);
    ran(&ctl, SAVE, 0);
    let path = ctl.dir().join("p.json");
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(files(&ctl), ["fleet.toml", "p.json"], "nothing else is left");
    // The fleet file is no longer needed.
    fs::remove_file(ctl.dir().join("fleet.toml")).unwrap();
    assert_eq!(error(&ctl, "apply p.json", 12)["code"], "input_needed");
    ran(&ctl, CARRY_OUT, 0);
    assert_eq!(license_of(&hub, "acme-1").await, fingerprint(&key_in(&ctl, "acme-1.key")));
    assert_eq!(hub.show("acme-2").await["status"], "suspended");
    let saved = fs::read_to_string(path).unwrap();
    for secret in [key_in(&ctl, "acme-1.key"), hub.admin_key().to_owned()] {
        assert!(!saved.contains(&secret));
    }
    write(&ctl, "fleet.toml", FLEET);
    assert_eq!(ran(&ctl, SAVE, 0).stderr, "", "there is no next step");
    assert_eq!(ran(&ctl, "apply p.json", 0).stdout, NO_CHANGES);
}

/// If anything that the plan touches has changed, nothing of the plan is done.
async fn a_plan_is_refused_once_the_hub_has_changed(hub: Hub) {
    let ctl = with_applied(&hub, FLEET);
    let changed = FLEET
        .replace("2099-12", "2098-12")
        .replace("\"suspended\"", "\"absent\"")
        .replace("Acme GmbH", "Acme AG");
    let new = "  [[client.instance]]\n  instance_id = \"acme-3\"\n  sink = \"file:acme-3.key\"\n";
    let file = format!("{changed}{new}");
    write(&ctl, "fleet.toml", &file);
    let stale = async |ctl: &Ctl, what: &str| {
        let before = events(&hub).await;
        let refused = error(ctl, CARRY_OUT, 6);
        assert_eq!(refused["code"], "precondition_failed", "{what}");
        assert!(text(&refused, "message").starts_with(what), "{refused}");
        assert_eq!(events(&hub).await, before, "{what}");
        ran(ctl, SAVE, 0);
    };
    ran(&ctl, SAVE, 0);
    hub.patch_instance("acme-1", value!({"grace_days": 3})).await;
    stale(&ctl, "instance acme-1").await;
    hub.act("acme-2", "reactivate", value!({})).await;
    stale(&ctl, "instance acme-2").await;
    let reference = value!({"external_ref": "crm:1"});
    hub.admin().patch("/api/v1/admin/clients/acme", reference).await.expect(200).done();
    stale(&ctl, "client acme").await;
    hub.issue("acme", "acme-3").await;
    stale(&ctl, "instance acme-3").await;
    hub.admin().delete("/api/v1/admin/instances/acme-3").await.expect(204).done();
    stale(&ctl, "instance acme-3").await;
    // Changes elsewhere do not matter.
    hub.issue("acme", "acme-by-hand").await;
    ran(&ctl, CARRY_OUT, 0);
    assert!(is_there(&hub, "acme-3").await && !is_there(&hub, "acme-2").await);
    let before = events(&hub).await;
    assert_eq!(json(&ctl, CARRY_OUT)["changed"], false, "what it did is as it wanted");
    assert_eq!(events(&hub).await, before);
}

async fn a_plan_is_for_the_hub_it_was_made_for(setup: Setup) {
    let other = setup.clone().start().await;
    let hub = setup.start().await;
    let ctl = with_fleet(&hub, FLEET);
    ran(&ctl, SAVE, 0);
    let elsewhere = other.ctl();
    let saved = fs::read_to_string(ctl.dir().join("p.json")).unwrap();
    write(&elsewhere, "p.json", &saved);
    let refused = error(&elsewhere, CARRY_OUT, 2);
    assert!(text(&refused, "message").contains(hub.base()), "{refused}");
    assert!(!is_there(&other, "acme-1").await);
    // A file that is no plan is refused.
    let newer = saved.replace("\"format_version\": 1", "\"format_version\": 2");
    for (text, told) in [(FLEET, "is not a saved plan"), (&newer, "has format 2")] {
        write(&ctl, "other.json", text);
        let refused = error(&ctl, "apply other.json --yes", 2);
        assert!(text_of(&refused).contains(told), "{refused}");
    }
}

/// The limit of deletes is that of the run which applies the plan.
async fn the_limit_on_deletes_holds_for_saved_plans(hub: Hub) {
    let ctl = with_applied(&hub, FLEET);
    write(&ctl, "fleet.toml", "version = 1\nfleet = \"acme-prod\"\n");
    ran(&ctl, &format!("{SAVE} --prune"), 0);
    assert_eq!(error(&ctl, "apply p.json --yes", 12)["code"], "too_many_deletes");
    ran(&ctl, "apply p.json --yes --max-deletes 3", 0);
    assert!(!is_there(&hub, "acme-1").await);
}

/// A plan that cannot be applied whole is not saved.
async fn a_plan_with_a_conflict_is_not_saved(hub: Hub) {
    hub.client("globex").await;
    hub.issue("globex", "acme-2").await;
    let ctl = with_fleet(&hub, FLEET);
    ran(&ctl, SAVE, 6);
    assert!(!ctl.dir().join("p.json").exists());
    write(&ctl, "fleet.toml", &FLEET.replace("acme-2", "acme-9"));
    assert_eq!(error(&ctl, "plan -f fleet.toml --out none/p.json", 2)["code"], "usage");
}
