//! Many instances: applied in seconds, with every key in its place however often the run was killed.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use hub_tests::fleet::large_fleet;

use super::*;

fn with_keys_folder(hub: &Hub, text: &str) -> Ctl {
    let ctl = with_fleet(hub, text);
    fs::create_dir(ctl.dir().join("keys")).unwrap();
    ctl
}

/// The fingerprint of each instance's license, as the hub has it.
async fn licenses(hub: &Hub) -> BTreeMap<String, String> {
    let mut licenses = BTreeMap::new();
    let mut cursor = String::new();
    loop {
        let path = format!("/api/v1/admin/instances?limit=500{cursor}");
        let page = hub.admin().get(&path).await.ok();
        for instance in page["items"].as_array().unwrap() {
            licenses
                .insert(text(instance, "instance_id"), text(&instance["license"], "fingerprint"));
        }
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return licenses,
        }
    }
}

/// Every instance has the license that is in its sink.
async fn assert_delivered(hub: &Hub, ctl: &Ctl, instances: usize) {
    let licenses = licenses(hub).await;
    assert_eq!(licenses.len(), instances);
    for (id, license) in &licenses {
        assert_eq!(*license, fingerprint(&key_in(ctl, &format!("keys/{id}.key"))), "{id}");
    }
}

#[expect(clippy::print_stdout, reason = "the times are for who runs it")]
fn timed(ctl: &Ctl, what: &str, line: &str) -> String {
    let begun = Instant::now();
    let ran = ran(ctl, line, 0);
    println!("{what}: {:.2} s", begun.elapsed().as_secs_f64());
    ran.stdout
}

both_stores!(a_run_that_is_killed_at_any_instant_is_finished_by_the_next, two_thousand_instances);

async fn a_run_that_is_killed_at_any_instant_is_finished_by_the_next(hub: Hub) {
    let count = 200;
    let ctl = with_keys_folder(&hub, &large_fleet(count));
    let mut cut_short = 0;
    for pause in [60, 150, 25, 240, 90, 400, 120, 35, 180, 310] {
        let mut child = ctl.command(&["apply", "-f", "fleet.toml", "--yes"]).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(pause));
        child.kill().unwrap();
        cut_short += usize::from(child.wait().unwrap().code().is_none());
    }
    assert!(cut_short > 0, "no run was killed");
    ran(&ctl, APPLY, 0);
    assert_delivered(&hub, &ctl, count).await;
    assert_eq!(ran(&ctl, APPLY, 0).stdout, NO_CHANGES);
    for n in [0, 57, 199] {
        hub.activate(&key_in(&ctl, &format!("keys/i-{n:05}.key"))).await;
    }
    let issued = hub.audit().await.into_iter().filter(|(_, action, _)| action == "instance.create");
    assert_eq!(issued.count(), count, "none was issued twice");
}

async fn two_thousand_instances(hub: Hub) {
    let count = 2_000;
    let ctl = with_keys_folder(&hub, &large_fleet(count));
    let plan = timed(&ctl, "the plan", PLAN);
    assert!(plan.ends_with("Plan: 2020 to create, 0 to update, 0 to delete.\n"));
    let done = timed(&ctl, "the apply", APPLY);
    assert!(done.ends_with("Applied: 2020 created, 0 updated, 0 deleted.\n"));
    assert_eq!(timed(&ctl, "the plan again", PLAN), NO_CHANGES);
    assert_delivered(&hub, &ctl, count).await;
    let exported = hub.ctl().stdin(&ran(&ctl, "export --fleet large", 0).stdout);
    assert_eq!(ran(&exported, "plan -f - --prune", 0).stdout, NO_CHANGES);
}
