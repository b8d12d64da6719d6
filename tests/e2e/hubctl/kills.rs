//! A command that makes a key, killed at every system call of the delivery and run again: one key works,
//! and the sink holds it.

use std::time::Duration;

use hub_tests::fleet::{fingerprint, text};
use hub_tests::strace;
use hub_tests::{Hub, both_stores, ctl::Ctl};

use super::{files, key_in, license_of, ran, words};

/// A command line with `{}` for a number, and the sink that it fills.
struct Delivery {
    line: &'static str,
    sink: &'static str,
}

impl Delivery {
    fn line(&self, n: usize) -> String {
        self.line.replace("{}", &n.to_string())
    }

    fn sink(&self, n: usize) -> String {
        self.sink.replace("{}", &n.to_string())
    }
}

/// Kills the `n`th run at each step or, where nothing can be traced, after more and more time; after each
/// kill runs the same command to its end. Gives how many runs were killed.
fn kill_and_rerun(ctl: &Ctl, delivery: &Delivery, first: usize) -> Vec<usize> {
    let mut killed = Vec::new();
    if strace::works() {
        let sink = format!(".{}.hubctl", delivery.sink(first));
        let steps = strace::steps(ctl, &words(&delivery.line(first)), &sink);
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
    killed
}

/// Nothing but sinks lies in the folder.
fn nothing_is_left(ctl: &Ctl) {
    let left: Vec<_> = files(ctl).into_iter().filter(|name| name.starts_with('.')).collect();
    assert_eq!(left, [""; 0]);
}

both_stores! {
    async fn an_issue_ends_with_one_license_that_its_sink_holds(hub: Hub) {
        hub.client("acme").await;
        let ctl = hub.ctl();
        let delivery = Delivery {
            line: "instance issue acme-{} --client acme --sink file:{}.key", sink: "{}.key",
        };
        let killed = kill_and_rerun(&ctl, &delivery, 0);
        assert!(killed.len() > 20, "{killed:?}");
        nothing_is_left(&ctl);
        for n in killed {
            let (id, key) = (format!("acme-{n}"), key_in(&ctl, &delivery.sink(n)));
            assert_eq!(license_of(&hub, &id).await, fingerprint(&key), "{id}");
            assert_eq!(hub.activate(&key).await["instance_id"], id.as_str());
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
        };
        let killed = kill_and_rerun(&ctl, &delivery, 0);
        assert!(killed.len() > 20, "{killed:?}");
        nothing_is_left(&ctl);
        for n in killed {
            let (id, line) = (format!("acme-{n}"), key_in(&ctl, &delivery.sink(n)));
            let key = line.strip_prefix("LICENSE=").unwrap();
            assert_eq!(license_of(&hub, &id).await, fingerprint(key), "{id}");
            assert_eq!(hub.activate(key).await["instance_id"], id.as_str());
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
            line: "activate --license-file {}.license --sink file:{}.key", sink: "{}.key",
        };
        let killed = kill_and_rerun(&ctl, &delivery, 0);
        assert!(killed.len() > 20, "{killed:?}");
        nothing_is_left(&ctl);
        for n in killed {
            let id = format!("acme-{n}");
            let me = hub.use_key(&key_in(&ctl, &delivery.sink(n))).await;
            assert_eq!(me["instance_id"], id.as_str());
            assert_eq!(hub.show(&id).await["license"]["activations"], 1, "counted once");
        }
    }

    /// The machine that asked for it is gone, and with it the license that nobody used.
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
        // Once it is in use, its license is replaced only when that is asked for.
        let third = hub.ctl();
        let said = ran(&third, line, 0);
        assert!(said.stderr.contains("its license is not in the sink"), "{}", said.stderr);
        assert_eq!(files(&third), [""; 0]);
        ran(&third, &format!("{line} --redeliver"), 0);
        assert_eq!(license_of(&hub, "ci-42").await, fingerprint(&key_in(&third, "ci.key")));
    }
}
