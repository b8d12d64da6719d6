//! A command that makes a key is killed at every system call of the delivery and run again. In the end
//! one key works, and the sink holds it.

use std::time::Duration;

use hub_tests::fleet::{fingerprint, text};
use hub_tests::strace;
use hub_tests::{Hub, both_stores, ctl::Ctl};

use super::snapshot::compare;
use super::{files, key_in, license_of, ran, words};

/// A command line with `{}` for a number, the sink that it fills, and a text that the first system call
/// of the delivery contains.
struct Delivery {
    line: &'static str,
    sink: &'static str,
    first_call: &'static str,
}

impl Delivery {
    fn line(&self, n: usize) -> String {
        self.line.replace("{}", &n.to_string())
    }

    fn sink(&self, n: usize) -> String {
        self.sink.replace("{}", &n.to_string())
    }
}

/// Kills one run at each step or, where programs cannot be traced, after more and more time, and then
/// runs each killed command again to its end. Gives the numbers of the killed runs.
fn kill_and_rerun(ctl: &Ctl, delivery: &Delivery, first: usize) -> Vec<usize> {
    let mut killed = Vec::new();
    if strace::works() {
        let first_call = delivery.first_call.replace("{}", &first.to_string());
        let steps = strace::steps(ctl, &words(&delivery.line(first)), &first_call);
        assert!(steps.len() > 30, "{steps:?}");
        for (n, step) in (first + 1..).zip(&steps) {
            if strace::killed_at(ctl, step, &words(&delivery.line(n))) {
                killed.push(n);
            }
        }
    } else {
        for n in first + 1..first + 80 {
            let mut child = ctl.command(&words(&delivery.line(n))).spawn().unwrap();
            std::thread::sleep(Duration::from_micros(400) * u32::try_from(n - first).unwrap());
            if child.kill().is_ok() && !child.wait().unwrap().success() {
                killed.push(n);
            }
        }
    }
    for n in &killed {
        ran(ctl, &delivery.line(*n), 0);
    }
    assert!(killed.len() > 20, "{killed:?}");
    nothing_is_left(ctl);
    killed
}

/// The key is the one license of the instance, and activates it.
async fn works(hub: &Hub, n: usize, key: &str) {
    let id = format!("acme-{n}");
    assert_eq!(license_of(hub, &id).await, fingerprint(key), "{id}");
    assert_eq!(hub.activate(key).await["instance_id"], id.as_str());
}

/// No temporary file is left in the folder.
fn nothing_is_left(ctl: &Ctl) {
    let left: Vec<_> = files(ctl).into_iter().filter(|name| name.starts_with('.')).collect();
    assert_eq!(left, [""; 0]);
}

both_stores!(
    an_issue_ends_with_one_license_that_its_sink_holds,
    a_rotation_ends_with_one_license_that_its_sink_holds,
    an_activation_ends_with_one_hub_key_that_its_sink_holds,
    a_command_ends_with_the_one_license,
    a_step_ends_with_the_one_license,
    a_machine_that_vanished_after_the_registration_is_replaced
);

async fn an_issue_ends_with_one_license_that_its_sink_holds(hub: Hub) {
    hub.client("acme").await;
    let ctl = hub.ctl();
    let delivery = Delivery {
        line: "instance issue acme-{} --client acme --sink file:{}.key",
        sink: "{}.key",
        first_call: ".{}.key.hubctl",
    };
    let killed = kill_and_rerun(&ctl, &delivery, 0);
    for n in killed {
        works(&hub, n, &key_in(&ctl, &delivery.sink(n))).await;
    }
}

async fn a_rotation_ends_with_one_license_that_its_sink_holds(hub: Hub) {
    hub.client("acme").await;
    let ctl = hub.ctl();
    for n in 0..140 {
        hub.issue("acme", &format!("acme-{n}")).await;
    }
    let delivery = Delivery {
        line: "instance rotate-license acme-{} --sink env-file:{}.env?var=LICENSE",
        sink: "{}.env",
        first_call: ".{}.env.hubctl",
    };
    let killed = kill_and_rerun(&ctl, &delivery, 0);
    for n in killed {
        let line = key_in(&ctl, &delivery.sink(n));
        works(&hub, n, line.strip_prefix("LICENSE=").unwrap()).await;
    }
}

async fn an_activation_ends_with_one_hub_key_that_its_sink_holds(hub: Hub) {
    hub.client("acme").await;
    let ctl = hub.ctl();
    for n in 0..140 {
        let license = hub.issue("acme", &format!("acme-{n}")).await.license_key;
        std::fs::write(ctl.dir().join(format!("{n}.license")), license).unwrap();
    }
    let delivery = Delivery {
        line: "activate --license-file {}.license --sink file:{}.key",
        sink: "{}.key",
        first_call: ".{}.key.hubctl",
    };
    let killed = kill_and_rerun(&ctl, &delivery, 0);
    for n in killed {
        let id = format!("acme-{n}");
        let me = hub.use_key(&key_in(&ctl, &delivery.sink(n))).await;
        assert_eq!(me["instance_id"], id.as_str());
        assert_eq!(hub.show(&id).await["license"]["activations"], 1, "counted once");
    }
}

/// hubctl cannot see what a command sink holds: the next run gives it a new key, unless the hub has one.
async fn a_command_ends_with_the_one_license(hub: Hub) {
    hub.client("acme").await;
    let ctl = hub.ctl();
    let delivery = Delivery {
        line: "instance ensure acme-{} --client acme --sink cmd:cat>{}.key",
        sink: "{}.key",
        first_call: "cat>{}.key\"], ",
    };
    let killed = kill_and_rerun(&ctl, &delivery, 0);
    for n in killed {
        works(&hub, n, &key_in(&ctl, &delivery.sink(n))).await;
    }
}

async fn a_step_ends_with_the_one_license(hub: Hub) {
    hub.client("acme").await;
    let ctl = hub.ctl();
    let file = ctl.dir().join("env");
    std::fs::write(&file, "").unwrap();
    let ctl = ctl.env("GITHUB_ENV", file.to_str().unwrap());
    let delivery = Delivery {
        line: "instance issue acme-{} --client acme --sink gha-env:KEY_{}",
        sink: "env",
        first_call: "/env\"",
    };
    let killed = kill_and_rerun(&ctl, &delivery, 0);
    let content = key_in(&ctl, "env");
    for n in killed {
        let name = format!("KEY_{n}=");
        let mut keys = content.lines().filter_map(|line| line.strip_prefix(&name));
        works(&hub, n, keys.next_back().unwrap()).await;
    }
}

/// The machine that asked for the license is gone, and nobody has used the license.
async fn a_machine_that_vanished_after_the_registration_is_replaced(hub: Hub) {
    hub.client("acme").await;
    let line = "instance ensure ci-42 --client acme --sink file:ci.key -o name";
    let first = hub.ctl();
    assert_eq!(ran(&first, line, 0).stdout, "ci-42\n");
    let lost = key_in(&first, "ci.key");
    let second = hub.ctl();
    assert_eq!(ran(&second, line, 0).stdout, "ci-42\n");
    let key = key_in(&second, "ci.key");
    assert_ne!(key, lost);
    assert_eq!(text(&hub.activate(&key).await, "instance_id"), "ci-42");
    let events = hub.audit().await.len();
    ran(&second, line, 0);
    assert_eq!((key_in(&second, "ci.key"), hub.audit().await.len()), (key, events));
    // Once the instance is in use, its license is replaced only on request.
    let third = hub.ctl();
    let said = ran(&third, line, 0);
    compare("license_not_in_its_sink", &said.stderr);
    assert_eq!(files(&third), [""; 0]);
    ran(&third, &format!("{line} --redeliver"), 0);
    assert_eq!(license_of(&hub, "ci-42").await, fingerprint(&key_in(&third, "ci.key")));
}
