//! What a fleet file may say besides clients and their terms, and how plans are told.

use super::*;

both_stores!(
    without_a_state_a_suspension_stays,
    the_catalogue_is_part_of_the_fleet,
    a_plan_is_told_in_markdown,
    text_without_quotes_is_told_to_have_them,
    a_byte_order_mark_is_skipped,
    an_export_is_found_unchanged_in_every_format,
    an_instance_that_is_made_anew_with_an_old_key_is_told,
    a_plan_that_was_killed_goes_on
);

const SMALL: &str = "version = 1\nfleet = \"f\"\n[[client]]\nslug = \"acme\"\n\
    [[client.instance]]\ninstance_id = \"acme-1\"\nsink = \"file:a.key\"\n";

/// A nightly run must not let in again who did not pay.
async fn without_a_state_a_suspension_stays(hub: Hub) {
    let ctl = with_applied(&hub, SMALL);
    hub.act("acme-1", "suspend", value!({"reason": "unpaid"})).await;
    ran(&ctl, "client suspend acme --reason unpaid --yes", 0);
    assert_eq!(ran(&ctl, APPLY, 0).stdout, NO_CHANGES);
    assert_eq!(hub.show("acme-1").await["suspension"]["reason"], "unpaid");
    write(&ctl, "fleet.toml", &SMALL.replace("sink", "state = \"active\"\nsink"));
    ran(&ctl, APPLY, 0);
    assert_eq!(hub.show("acme-1").await["suspension"], value!(null));
}

async fn the_catalogue_is_part_of_the_fleet(hub: Hub) {
    let file = format!("{SMALL}[telemetry]\ntools = [\"web.open\"]\ncodes = [\"TIMEOUT\"]\n");
    let ctl = with_fleet(&hub, &file);
    let counts = value!({"add": {"counts": ["agents"]}});
    let path = "/api/v1/admin/telemetry/catalogue";
    hub.admin().patch(path, counts).await.expect(200).done();
    let plan = ran(&ctl, PLAN, 0).stdout;
    assert!(
        plan.contains(
            "~ update catalogue\n    codes: none → TIMEOUT\n    tools: none → web.open\n"
        ),
        "{plan}"
    );
    ran(&ctl, APPLY, 0);
    let names = value!({"tools": ["web.open"], "codes": ["TIMEOUT"], "counts": ["agents"]});
    assert_eq!(hub.admin().get(path).await.ok(), names, "an absent list stays");
    assert_eq!(ran(&ctl, APPLY, 0).stdout, NO_CHANGES);
    write(&ctl, "fleet.toml", &file.replace("[\"web.open\"]", "[\"Web Open\"]"));
    let wrong = error(&ctl, PLAN, 2);
    assert!(text(&wrong, "message").contains("fleet.toml:8:10: a name in tools"), "{wrong}");
}

async fn a_plan_is_told_in_markdown(hub: Hub) {
    let ctl = with_applied(&hub, SMALL);
    write(&ctl, "fleet.toml", &SMALL.replace("sink", "grace_days = 7\nsink"));
    let told = ran(&ctl, &format!("{PLAN} -o markdown"), 0).stdout;
    let expected = format!(
        "**Plan for {}**: 0 to create, 1 to update, 0 to delete.\n\n```diff\n\
        ! update instance acme-1 of acme\n    grace_days: 0 → 7\n```\n",
        hub.base()
    );
    assert_eq!(told, expected);
}

async fn text_without_quotes_is_told_to_have_them(hub: Hub) {
    let ctl = hub.ctl();
    for (wrong, place) in [
        ("slug: 123", "3:11: slug must be text: put it in quotes"),
        ("slug: acme\n    labels: {version: 1.10}", "4:14: label version must be text"),
        ("slug: acme\n    labels: {enabled: true}", "4:14: label enabled must be text"),
        ("slug: acme\n    name: 42", "4:11: name must be text"),
    ] {
        write(&ctl, "fleet.yaml", &format!("version: 1\nclient:\n  - {wrong}\n"));
        let refused = error(&ctl, "plan -f fleet.yaml", 2);
        assert!(text(&refused, "message").contains(place), "{wrong}: {refused}");
    }
}

async fn a_byte_order_mark_is_skipped(hub: Hub) {
    let ctl = hub.ctl();
    for (name, file) in [
        ("fleet.json", "{\"version\": 1, \"client\": []}"),
        ("fleet.yaml", "version: 1\nclient: []\n"),
        ("fleet.toml", "version = 1\n"),
    ] {
        write(&ctl, name, &format!("\u{feff}{file}"));
        assert_eq!(ran(&ctl, &format!("plan -f {name}"), 0).stdout, NO_CHANGES, "{name}");
    }
}

async fn an_export_is_found_unchanged_in_every_format(hub: Hub) {
    let ctl = with_applied(&hub, FLEET);
    ran(&ctl, "client update acme --label version=1.10 --label yes=no --label off=on", 0);
    ran(&ctl, "telemetry catalogue set web.open --code TIMEOUT", 0);
    for format in ["", "-o json", "-o yaml"] {
        let line = format!("hubctl export {format} | hubctl plan -f -");
        assert_eq!(ctl.run_in("sh", &line).expect(0).stdout, NO_CHANGES, "{format}");
    }
    error(&ctl, "export -o csv", 2);
}

async fn an_instance_that_is_made_anew_with_an_old_key_is_told(hub: Hub) {
    let ctl = with_applied(&hub, SMALL);
    ran(&ctl, "instance delete acme-1 --yes", 0);
    let warned = ran(&ctl, PLAN, 0).stderr;
    assert!(
        warned.contains("acme-1 is made with the key that file:a.key holds already"),
        "{warned}"
    );
}

/// What it did already is as it wanted, and no conflict; what somebody else did is one.
async fn a_plan_that_was_killed_goes_on(hub: Hub) {
    let ctl = with_applied(&hub, FLEET);
    write(&ctl, "fleet.toml", &FLEET.replace("2099-12", "2098-12").replace("Acme GmbH", "Acme AG"));
    ran(&ctl, "plan -f fleet.toml --out p.json", 0);
    // As far as a killed run got.
    let name = value!({"name": "Acme AG"});
    hub.admin().patch("/api/v1/admin/clients/acme", name).await.expect(200).done();
    let done = json(&ctl, "apply p.json --yes");
    assert_eq!(items(&done), ["update client acme applied", "update instance acme-1 applied"]);
    assert_eq!(json(&ctl, "apply p.json --yes")["changed"], false);
    hub.patch_instance("acme-1", value!({"grace_days": 1})).await;
    assert_eq!(error(&ctl, "apply p.json --yes", 6)["code"], "precondition_failed");
}
