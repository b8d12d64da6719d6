//! A hub as a fleet file.

use std::process::Command;

use super::*;

both_stores!(
    an_export_is_found_unchanged,
    an_export_says_what_its_plan_will_adopt,
    an_export_of_nothing_says_so
);

/// The plan of an export is empty, until the hub changes.
async fn an_export_is_found_unchanged(hub: Hub) {
    let ctl = with_applied(&hub, FLEET);
    hub.client("globex").await;
    let terms = value!({"labels": {"a.b": "c"}, "expires_at": "2099-01-01T00:00:00.5Z",
        "max_activations": 3, "entitlements": ["b", "a"]});
    hub.issue_with("globex", "globex-1", terms).await;
    hub.act("globex-1", "suspend", value!({"reason": "unpaid"})).await;
    for line in ["export", "export --fleet acme-prod"] {
        let exported = ran(&ctl, line, 0);
        assert_eq!(exported.stderr, "");
        let all = line == "export";
        compare(if all { "export_of_all" } else { "export_of_a_fleet" }, &exported.stdout);
        let piped = hub.ctl().stdin(&exported.stdout);
        let plan = ran(&piped, "plan -f - --detailed-exitcode", 0);
        assert_eq!((plan.stdout.as_str(), plan.stderr.as_str()), (NO_CHANGES, ""));
        let prune = if all { "" } else { " --prune" };
        assert_eq!(ran(&piped, &format!("plan -f -{prune}"), 0).stdout, NO_CHANGES);
        hub.patch_instance("acme-2", value!({"grace_days": 8})).await;
        ran(&piped, "plan -f - --detailed-exitcode", 20);
        ran(&piped, "apply -f - --yes", 0);
        assert_eq!(hub.show("acme-2").await["license"]["grace_days"], 7);
    }
    let shell = format!("{} export | {} plan -f -", program(), program());
    let mut piped = Command::new("sh");
    piped.args(["-c", &shell]).current_dir(ctl.dir());
    piped.env("HUBCTL_URL", hub.base()).env("HUBCTL_ADMIN_KEY", hub.admin_key());
    assert_eq!(String::from_utf8_lossy(&piped.output().unwrap().stdout), NO_CHANGES);
}

/// The client of an instance in the fleet is exported too, even if it is not in the fleet itself.
async fn an_export_says_what_its_plan_will_adopt(hub: Hub) {
    hub.client("acme").await;
    hub.issue_with("acme", "acme-1", value!({"labels": {"hubctl.fleet": "mine"}})).await;
    let exported = ran(&hub.ctl(), "export --fleet mine", 0);
    let piped = hub.ctl().stdin(&exported.stdout);
    let plan = ran(&piped, "plan -f -", 0);
    let both = [written("export --fleet mine", &exported), written("plan -f -", &plan)];
    compare("export_that_adopts", &both.concat());
    assert_eq!(ran(&hub.ctl(), "export --fleet none", 0).stdout, "version = 1\nfleet = \"none\"\n");
}

fn program() -> String {
    hub_tests::binaries::hubctl().display().to_string()
}

/// A name that was mistyped writes an empty fleet, which could prune everything: a person is told.
async fn an_export_of_nothing_says_so(hub: Hub) {
    let file = "version = 1\nfleet = \"acme-prod\"\n[[client]]\nslug = \"acme\"\n";
    ran(&hub.ctl().stdin(file), "apply -f - --yes", 0);
    let lines = ["export --fleet acme-prd", "export --fleet nothing-like-it"];
    let said = lines.map(|line| written(line, &ran(&hub.ctl(), line, 0)));
    compare("export_of_nothing", &said.concat());
    assert_eq!(ran(&hub.ctl(), "export --fleet acme-prod", 0).stderr, "");
}
