//! Clients and instances that exist already: adopted unless they belong to another fleet.

use super::*;

both_stores!(
    instances_are_adopted_unless_another_fleet_has_them,
    an_instance_of_another_client_is_a_conflict_of_that_item,
    what_somebody_changes_between_the_look_and_the_change_stays
);

async fn instances_are_adopted_unless_another_fleet_has_them(hub: Hub) {
    hub.client("acme").await;
    hub.issue_with("acme", "acme-1", value!({"labels": {"team": "a"}})).await;
    let theirs = value!({"labels": {"hubctl.fleet": "theirs"}});
    hub.issue_with("acme", "acme-2", theirs.clone()).await;
    let file = "version = 1\nfleet = \"mine\"\n[[client]]\nslug = \"acme\"\n\
        [[client.instance]]\ninstance_id = \"acme-1\"\n\
        [[client.instance]]\ninstance_id = \"acme-2\"\n";
    let ctl = with_fleet(&hub, file);
    let plan = ran(&ctl, PLAN, 6);
    assert_eq!(
        plan.stdout,
        "~ update client acme (adopt)\n    labels: none → hubctl.fleet=mine\n\
        ~ update instance acme-1 of acme (adopt)\n    \
            labels: team=a → hubctl.fleet=mine,team=a\n\
        ! update instance acme-2: instance acme-2 is in fleet theirs\n\
        Plan: 0 to create, 2 to update, 0 to delete, 1 that cannot be done.\n"
    );
    compare("other_fleet", &plan.stderr);
    let (document, partial) = outcome(&ctl, APPLY, 11);
    assert_eq!(
        items(&document),
        [
            "update client acme applied",
            "update instance acme-1 applied",
            "update instance acme-2 failed"
        ]
    );
    assert_eq!(document["items"][2]["error"]["exit"], 6);
    assert_eq!(partial["retryable"], false);
    assert_eq!(hub.show("acme-2").await["labels"], theirs["labels"]);
    ran(&ctl, &format!("{APPLY} --adopt"), 0);
    assert_eq!(hub.show("acme-2").await["labels"], value!({"hubctl.fleet": "mine"}));
    assert_eq!(ran(&ctl, PLAN, 0).stdout, NO_CHANGES);
}

async fn an_instance_of_another_client_is_a_conflict_of_that_item(hub: Hub) {
    hub.client("globex").await;
    hub.issue("globex", "acme-2").await;
    let ctl = with_fleet(&hub, FLEET);
    let (document, refused) = outcome(&ctl, PLAN, 6);
    assert_eq!((&refused["code"], &refused["exit"]), (&value!("instance_exists"), &value!(6)));
    assert_eq!(
        items(&document),
        [
            "create client acme planned",
            "create instance acme-1 planned",
            "create instance acme-2 failed"
        ]
    );
    let (document, _) = outcome(&ctl, APPLY, 11);
    assert_eq!(document["items"][2]["error"]["code"], "instance_exists");
    assert!(is_there(&hub, "acme-1").await);
    assert_eq!(hub.show("acme-2").await["client_slug"], "globex");
}

/// The hub compares the tag of what was looked at, also where the change takes a while to begin.
async fn what_somebody_changes_between_the_look_and_the_change_stays(hub: Hub) {
    let slow = "touch begun; while [ ! -e go ]; do sleep 0.05; done; cat > key";
    let ctl = with_fleet(
        &hub,
        &format!(
            "version = 1\n[[client]]\nslug = \"acme\"\n[[client.instance]]\n\
            instance_id = \"acme-1\"\nsink = \"cmd:{slow}\"\n"
        ),
    );
    let [begun, go] = ["begun", "go"].map(|name| ctl.dir().join(name));
    let apply = format!("{APPLY} --allow-commands");
    fs::write(&go, "").unwrap();
    ran(&ctl, &apply, 0);
    for file in [&begun, &go] {
        fs::remove_file(file).unwrap();
    }
    let applying = ctl.at_terminal(120, &crate::hubctl::words(&format!("{apply} --redeliver")));
    while !begun.exists() {
        tokio::task::yield_now().await;
    }
    let theirs = text(&hub.act("acme-1", "rotate-license", value!({})).await, "license_key");
    fs::write(&go, "").unwrap();
    let seen = applying.end().expect(11).text;
    assert!(seen.contains("precondition_failed"), "{seen}");
    assert_eq!(license_of(&hub, "acme-1").await, fingerprint(&theirs));
}
