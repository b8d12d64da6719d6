//! Deletes: by pruning or by `absent`, and never more than the limit.

use super::*;

/// A fleet of only the first instance.
fn shorter() -> String {
    FLEET[..FLEET.rfind("  [[client.instance]]").unwrap()].to_owned()
}

both_stores!(
    only_prune_deletes_what_left_the_file,
    pruning_needs_to_know_the_fleet,
    a_client_that_left_goes_with_its_instances,
    what_is_absent_needs_no_pruning
);

async fn only_prune_deletes_what_left_the_file(hub: Hub) {
    let ctl = with_applied(&hub, FLEET);
    hub.issue("acme", "acme-by-hand").await;
    write(&ctl, "fleet.toml", &format!("{}{NEW}", shorter()));
    let plan = ran(&ctl, PLAN, 0).stdout;
    compare("plan_without_prune", &plan);
    let before = events(&hub).await;
    let refused = error(&ctl, &format!("{APPLY} --prune"), 12);
    assert_eq!(refused["code"], "too_many_deletes");
    assert_eq!(events(&hub).await, before, "nothing at all is applied");
    let gated = ran(&ctl, &format!("{PLAN} --prune --max-deletes 0"), 12);
    compare("too_many_deletes", &format!("{}{}", gated.stdout, gated.stderr));
    ran(&ctl, &format!("{APPLY} --prune --max-deletes 1"), 0);
    assert!(!is_there(&hub, "acme-2").await && is_there(&hub, "acme-3").await);
    assert!(is_there(&hub, "acme-by-hand").await, "it does not carry the label");
    assert_eq!(ran(&ctl, &format!("{PLAN} --prune"), 0).stdout, NO_CHANGES);
}

async fn pruning_needs_to_know_the_fleet(hub: Hub) {
    let ctl = with_fleet(&hub, &FLEET.replace("fleet = \"acme-prod\"\n", ""));
    for line in [PLAN, APPLY] {
        let refused = error(&ctl, &format!("{line} --prune"), 2);
        assert_eq!(refused["code"], "usage");
    }
    ran(&ctl, APPLY, 0);
    assert_eq!(hub.show("acme-2").await["labels"], value!({}));
}

async fn a_client_that_left_goes_with_its_instances(hub: Hub) {
    let ctl = with_applied(&hub, FLEET);
    write(&ctl, "fleet.toml", "version = 1\nfleet = \"acme-prod\"\n");
    hub.issue("acme", "acme-by-hand").await;
    let (document, refused) = outcome(&ctl, &format!("{PLAN} --prune"), 6);
    assert_eq!(refused["code"], "client_not_empty");
    assert_eq!(items(&document), ["delete client acme failed"]);
    hub.admin().delete("/api/v1/admin/instances/acme-by-hand").await.expect(204).done();
    assert_eq!(
        error(&ctl, &format!("{APPLY} --prune --max-deletes 2"), 12)["code"],
        "too_many_deletes",
        "its instances count"
    );
    let done = json(&ctl, &format!("{APPLY} --prune --max-deletes 3"));
    assert_eq!(
        items(&done),
        [
            "delete instance acme-1 applied",
            "delete instance acme-2 applied",
            "delete client acme applied"
        ]
    );
    hub.admin().get("/api/v1/admin/clients/acme").await.expect(404).done();
}

async fn what_is_absent_needs_no_pruning(hub: Hub) {
    let ctl = with_applied(&hub, FLEET);
    write(&ctl, "fleet.toml", &FLEET.replace("\"suspended\"", "\"absent\""));
    ran(&ctl, APPLY, 12);
    assert!(is_there(&hub, "acme-2").await);
    ran(&ctl, &format!("{APPLY} --max-deletes 1"), 0);
    assert!(!is_there(&hub, "acme-2").await);
    assert_eq!(ran(&ctl, PLAN, 0).stdout, NO_CHANGES, "already so");
    write(&ctl, "fleet.toml", &FLEET.replace("name =", "state = \"absent\"\nname ="));
    let plan = ran(&ctl, PLAN, 0).stdout;
    assert_eq!(
        plan,
        "- delete instance acme-1 of acme\n- delete client acme\n\
        Plan: 0 to create, 0 to update, 2 to delete.\n"
    );
    ran(&ctl, &format!("{APPLY} --max-deletes 2"), 0);
    hub.admin().get("/api/v1/admin/clients/acme").await.expect(404).done();
    assert_eq!(ran(&ctl, PLAN, 0).stdout, NO_CHANGES);
}

const NEW: &str =
    "  [[client.instance]]\n  instance_id = \"acme-3\"\n  sink = \"file:acme-3.key\"\n";
