//! Licenses: in their sink before the hub knows them; or taken over from an older hub.

use std::fmt::Write as _;

use hub_tests::fleet::{own_hub_key, own_license_key, sha256};

use super::*;

both_stores!(
    a_refused_sink_stops_its_instance_alone,
    the_next_apply_finishes_a_killed_one,
    a_missing_key_is_replaced_only_when_asked_for,
    a_sink_with_another_instances_key_is_a_conflict,
    keys_of_an_older_hub_go_on_working,
    keys_go_wherever_a_sink_can_be
);

/// If a sink is refused, nothing is done for its instance; the other instances are made.
async fn a_refused_sink_stops_its_instance_alone(hub: Hub) {
    let ctl = with_fleet(&hub, &FLEET.replace("file:acme-2.key", "file:none/acme-2.key"));
    let (document, partial) = outcome(&ctl, APPLY, 11);
    assert_eq!(
        (&partial["code"], &partial["exit"], &partial["retryable"]),
        (&value!("partial"), &value!(11), &value!(true))
    );
    assert_eq!(
        items(&document),
        [
            "create client acme applied",
            "create instance acme-1 applied",
            "create instance acme-2 failed",
            "suspend instance acme-2 skipped"
        ]
    );
    let failed = &document["items"][2]["error"];
    assert_eq!(
        (&failed["code"], &failed["exit"], &failed["retryable"]),
        (&value!("sink_failed"), &value!(13), &value!(true))
    );
    assert!(is_there(&hub, "acme-1").await && !is_there(&hub, "acme-2").await);
    let told = ran(&ctl, APPLY, 11);
    compare("apply_without_a_sink", &written(APPLY, &told));
    fs::create_dir(ctl.dir().join("none")).unwrap();
    ran(&ctl, APPLY, 0);
    assert_eq!(license_of(&hub, "acme-2").await, fingerprint(&key_in(&ctl, "none/acme-2.key")));
    assert_eq!(hub.show("acme-2").await["status"], "suspended");
    // The code is the same, whether all failed or some.
    let alone = with_fleet(&hub, &FLEET.replace("acme", "globex").replace("file:", "file:none/"));
    ran(&alone, APPLY, 11);
}

/// The key is in its sink and the hub does not know it, as after a run that was killed.
async fn the_next_apply_finishes_a_killed_one(hub: Hub) {
    let ctl = with_fleet(&hub, FLEET);
    let own = own_license_key(7);
    write(&ctl, "acme-1.key", &own);
    ran(&ctl, APPLY, 0);
    assert_eq!(
        (key_in(&ctl, "acme-1.key"), license_of(&hub, "acme-1").await),
        (own.clone(), fingerprint(&own))
    );
    // The same for a key that replaces another.
    let next = own_license_key(8);
    write(&ctl, "acme-1.key", &next);
    let warned = ran(&ctl, PLAN, 0);
    assert_eq!(warned.stdout, NO_CHANGES);
    compare("sink_with_another_key", &warned.stderr);
    ran(&ctl, &format!("{APPLY} --redeliver"), 0);
    assert_eq!(
        (key_in(&ctl, "acme-1.key"), license_of(&hub, "acme-1").await),
        (next.clone(), fingerprint(&next))
    );
    hub.activate(&next).await;
}

async fn a_missing_key_is_replaced_only_when_asked_for(hub: Hub) {
    let ctl = with_applied(&hub, FLEET);
    let lost = key_in(&ctl, "acme-1.key");
    fs::remove_file(ctl.dir().join("acme-1.key")).unwrap();
    let before = events(&hub).await;
    let warned = ran(&ctl, "apply -f fleet.toml", 0);
    compare("sink_without_its_key", &written("apply -f fleet.toml", &warned));
    let warnings = json(&ctl, PLAN)["warnings"].clone();
    assert_eq!(warnings.as_array().map(Vec::len), Some(1));
    assert_eq!(events(&hub).await, before);
    let plan = ran(&ctl, &format!("{PLAN} --redeliver"), 0).stdout;
    assert_eq!(
        plan,
        "↻ rotate instance acme-1 of acme → file:acme-1.key\n\
        Plan: 0 to create, 0 to update, 1 to rotate, 0 to delete.\n"
    );
    ran(&ctl, &format!("{APPLY} --redeliver"), 0);
    let key = key_in(&ctl, "acme-1.key");
    assert_ne!(key, lost);
    hub.activate(&key).await;
    let body = value!({"license_key": lost});
    hub.anonymous().post("/api/v1/instances/activate", body).await.problem(401, "license_invalid");
    assert_eq!(ran(&ctl, &format!("{APPLY} --redeliver"), 0).stdout, NO_CHANGES);
}

/// A refusal of the hub leaves no key behind, and another instance's key is never used.
async fn a_sink_with_another_instances_key_is_a_conflict(hub: Hub) {
    hub.client("globex").await;
    let theirs = hub.issue("globex", "globex-1").await.license_key;
    let ctl = with_fleet(&hub, FLEET);
    write(&ctl, "acme-1.key", &theirs);
    let (document, _) = outcome(&ctl, APPLY, 11);
    let failed = &document["items"][1]["error"];
    assert_eq!(failed["code"], "key_conflict");
    assert!(text(failed, "hint").contains("file:acme-1.key holds a key that the hub knows"));
    assert_eq!(key_in(&ctl, "acme-1.key"), theirs);
    assert!(is_there(&hub, "acme-2").await);
    assert_eq!(license_of(&hub, "globex-1").await, fingerprint(&theirs));
}

/// Moving from an older hub: existing keys go on working, and nobody needs new ones.
async fn keys_of_an_older_hub_go_on_working(hub: Hub) {
    let (license, key) = (own_license_key(3), own_hub_key(3));
    let file = format!(
        "version = 1\n[[client]]\nslug = \"acme\"\n[[client.instance]]\n\
        instance_id = \"acme-1\"\nlicense_sha256 = \"{}\"\nhub_key_sha256 = \"{}\"\n\
        [[client.instance]]\ninstance_id = \"acme-2\"\nlicense_sha256 = \"{}\"\n",
        sha256(&license),
        sha256(&key),
        sha256(&own_license_key(4))
    );
    let ctl = with_applied(&hub, &file);
    let me = hub.instance(&key).get("/api/v1/instances/self").await.ok();
    assert_eq!((&me["instance_id"], &me["status"]), (&value!("acme-1"), &value!("active")));
    assert_eq!(hub.show("acme-2").await["status"], "pending");
    hub.activate(&own_license_key(4)).await;
    assert_eq!(ran(&ctl, APPLY, 0).stdout, NO_CHANGES);
    // An instance that exists needs no hash; if the hash differs, the instance is left alone.
    let other = sha256(&own_license_key(5));
    write(&ctl, "fleet.toml", &file.replace(&sha256(&license), &other));
    let warned = ran(&ctl, APPLY, 0);
    assert_eq!(warned.stdout, NO_CHANGES);
    compare("another_license", &warned.stderr);
}

/// Several instances may have their keys in one file, and a command may take them.
async fn keys_go_wherever_a_sink_can_be(hub: Hub) {
    let mut file = String::from("version = 1\n[[client]]\nslug = \"acme\"\n");
    for n in 0..20 {
        let _ = writeln!(
            file,
            "[[client.instance]]\ninstance_id = \"acme-{n}\"\n\
            sink = \"env-file:keys.env?var=KEY_{n}\""
        );
    }
    file.push_str(
        "[[client.instance]]\ninstance_id = \"by-command\"\nsink = \"cmd:cat > command.key\"\n",
    );
    let ctl = with_fleet(&hub, &file);
    write(&ctl, "keys.env", "OTHER=1\n");
    // A file that was changed is not to run what it likes; a plan only shows it.
    let plan = ran(&ctl, PLAN, 0).stdout;
    assert!(plan.contains("by-command of acme → cmd:cat > command.key\n"), "{plan}");
    assert_eq!(error(&ctl, APPLY, 12)["code"], "input_needed");
    assert!(!is_there(&hub, "acme-0").await, "nothing was done");
    let apply = format!("{APPLY} --allow-commands");
    ran(&ctl, &apply, 0);
    let lines = fs::read_to_string(ctl.dir().join("keys.env")).unwrap();
    assert!(lines.starts_with("OTHER=1\n"), "{lines}");
    for n in 0..20 {
        let head = format!("KEY_{n}=");
        let key = lines.lines().find_map(|line| line.strip_prefix(&head)).expect(&head);
        assert_eq!(license_of(&hub, &format!("acme-{n}")).await, fingerprint(key));
    }
    let key = key_in(&ctl, "command.key");
    assert_eq!(license_of(&hub, "by-command").await, fingerprint(&key));
    let again = ran(&ctl, APPLY, 0);
    assert_eq!((again.stdout.as_str(), again.stderr.as_str()), (NO_CHANGES, ""));
    // A missing key is made again, all keys of one file at once. A command sink cannot be read.
    let rest = "KEY_3=\nKEY_4=lb_inst_00000000000000000000000000000009\n";
    let lost = |line: &&str| line.starts_with("KEY_3=") || line.starts_with("KEY_4=");
    let kept: Vec<_> = lines.lines().filter(|line| !lost(line)).collect();
    write(&ctl, "keys.env", &format!("{}\n{rest}", kept.join("\n")));
    let done = json(&ctl, &format!("{apply} --redeliver"));
    assert_eq!(
        items(&done),
        [
            "rotate instance acme-3 applied",
            "rotate instance acme-4 applied",
            "rotate instance by-command applied"
        ]
    );
    assert_eq!(license_of(&hub, "acme-4").await, fingerprint(&own_license_key(9)));
    assert_ne!(key_in(&ctl, "command.key"), key);
    let fails = with_fleet(
        &hub,
        "version = 1\n[[client]]\nslug = \"acme\"\n[[client.instance]]\n\
        instance_id = \"new\"\nsink = \"cmd:exit 3\"\n",
    );
    let (document, _) = outcome(&fails, &apply, 11);
    assert_eq!(document["items"][0]["error"]["exit"], 13);
    assert!(!is_there(&hub, "new").await);
}
