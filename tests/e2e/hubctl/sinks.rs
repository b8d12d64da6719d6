//! Every kind of sink that a key can go to.

use std::fs;

use hub_tests::fleet::fingerprint;
use hub_tests::{Hub, both_stores, ctl::Ctl};

use super::snapshot::{compare, written};
use super::{error, files, json, key_in, license_of, own, ran};

/// The arguments of `instance issue acme-N`, with a sink whose name may contain spaces.
fn issue<'a>(id: &'a str, sink: &'a str) -> Vec<&'a str> {
    vec!["instance", "issue", id, "--client", "acme", "--sink", sink]
}

fn in_a_step(hub: &Hub) -> Ctl {
    let ctl = hub.ctl();
    let [output, env] = ["output", "env"].map(|name| {
        let path = ctl.dir().join(name);
        fs::write(&path, "BEFORE=1").unwrap();
        path.to_str().unwrap().to_owned()
    });
    ctl.env("GITHUB_OUTPUT", &output).env("GITHUB_ENV", &env)
}

both_stores!(
    a_line_of_an_environment_file,
    standard_output_has_room_for_the_key_or_is_refused,
    the_standard_input_of_a_command,
    the_files_of_a_step_in_github_actions
);

async fn a_line_of_an_environment_file(hub: Hub) {
    hub.client("acme").await;
    let ctl = hub.ctl();
    own(&ctl, ".env", "PORT=80\nexport HUB_LICENSE=\nNAME=x");
    let line = "instance issue acme-1 --client acme --sink env-file:.env?var=HUB_LICENSE";
    let said = ran(&ctl, line, 0);
    let content = key_in(&ctl, ".env");
    let key = content.lines().find_map(|line| line.strip_prefix("export HUB_LICENSE=")).unwrap();
    assert_eq!(content, format!("PORT=80\nexport HUB_LICENSE={key}\nNAME=x"));
    assert_eq!(license_of(&hub, "acme-1").await, fingerprint(key));
    compare("issued_to_an_env_file", &written(line, &said));
    assert_eq!(json(&ctl, line)["changed"], false);
    let other = line.replace("acme-1", "acme-2").replace("HUB_LICENSE", "PORT");
    assert_eq!(error(&ctl, &other, 13)["code"], "sink_failed", "another's value is no key");
    ran(&ctl, &line.replace("acme-1", "acme-2").replace("HUB_", "OTHER_"), 0);
    assert!(key_in(&ctl, ".env").starts_with(&content), "the first one's line stays");
    assert_eq!(files(&ctl), [".env"]);
}

/// Whatever the format: a key that is registered is a key that somebody has.
async fn standard_output_has_room_for_the_key_or_is_refused(hub: Hub) {
    hub.client("acme").await;
    let ctl = hub.ctl();
    let formats = ["table", "wide", "json", "jsonl", "yaml", "csv", "name", "env", "markdown"];
    for (n, format) in formats.into_iter().enumerate() {
        let id = format!("acme-{n}");
        let line = [issue(&id, "stdout"), vec!["-o", format]].concat();
        if ["name", "markdown"].contains(&format) {
            let said = ctl.run(&line).expect(2).stderr;
            assert!(said.contains("cannot share standard output"), "{format}: {said}");
            let _ = ctl.run(&["instance", "get", &id]).expect(3);
            continue;
        }
        let said = ctl.run(&line).expect(0).stdout;
        let key = said.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        let key = key.clone().find(|word| word.starts_with("lb_inst_")).expect("the key");
        assert_eq!(license_of(&hub, &id).await, fingerprint(key), "{format}");
    }
}

async fn the_standard_input_of_a_command(hub: Hub) {
    hub.client("acme").await;
    let ctl = hub.ctl();
    let said = ctl.run(&issue("acme-1", "cmd:cat > kept; echo stored it")).expect(0);
    let key = key_in(&ctl, "kept");
    assert_eq!(license_of(&hub, "acme-1").await, fingerprint(&key));
    compare("issued_to_a_command", &format!("{}---\n{}", said.stdout, said.stderr));
    assert!(!said.stdout.contains(&key) && !said.stderr.contains(&key));
    for broken in ["cmd:cat > none/kept", "cmd:exit 3", "cmd:if", "cmd:no-such-program"] {
        let refused = ctl.run(&[issue("acme-2", broken), vec!["-o", "json"]].concat()).expect(13);
        assert!(refused.stderr.contains("\"code\": \"sink_failed\""), "{}", refused.stderr);
        hub.admin().get("/api/v1/admin/instances/acme-2").await.expect(404).done();
    }
    assert_eq!(ctl.run(&issue("acme-2", "cmd:cat > second")).code, 0);
    assert_eq!(license_of(&hub, "acme-2").await, fingerprint(&key_in(&ctl, "second")));
}

async fn the_files_of_a_step_in_github_actions(hub: Hub) {
    hub.client("acme").await;
    let ctl = in_a_step(&hub);
    for (id, sink, file) in
        [("acme-1", "gha-output:key", "output"), ("acme-2", "gha-env:key", "env")]
    {
        let line = format!("instance issue {id} --client acme --sink {sink}");
        let said = ran(&ctl, &format!("{line} -o json"), 0);
        let content = key_in(&ctl, file);
        let key = content.strip_prefix("BEFORE=1\nkey=").unwrap();
        assert_eq!(license_of(&hub, id).await, fingerprint(key));
        // Masked before it could be shown; the document holds no key.
        assert!(said.stderr.starts_with(&format!("::add-mask::{key}\n")), "{}", said.stderr);
        assert_eq!(said.json()["license_key"], serde_json::Value::Null);
        assert_eq!(json(&ctl, &line)["changed"], false);
    }
    ran(&ctl, "instance issue x-1 --client none --sink gha-env:other", 3);
    assert!(!key_in(&ctl, "env").contains("other"), "what was refused is taken out again");
    let outside = hub.ctl();
    assert_eq!(
        error(&outside, "instance issue x-1 --client acme --sink gha-env:K", 13)["code"],
        "sink_failed"
    );
}
