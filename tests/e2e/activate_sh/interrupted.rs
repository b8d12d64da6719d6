//! Runs that something stops.

use std::fs;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::time::Duration;

use hub_tests::{Hub, both_stores};

use super::{Machine, activations, mode, shells};

both_stores!(
    a_run_that_is_killed_at_any_moment_is_finished_by_the_next,
    a_slow_hub_is_waited_for,
    a_full_disk_is_75_and_loses_nothing
);

/// Killed with all that it started, after more and more time: the next run ends with one key that works
/// and that was counted once, and clears away what was left.
async fn a_run_that_is_killed_at_any_moment_is_finished_by_the_next(hub: Hub) {
    hub.client("acme").await;
    let mut killed = 0;
    for (n, shell) in shells().iter().enumerate() {
        for sha256sum in [true, false] {
            for step in 0..40 {
                let id = format!("acme-{n}-{}-{step}", u8::from(sha256sum));
                let license = hub.issue("acme", &id).await.license_key;
                let machine = Machine::new(shell, &license, sha256sum);
                let mut script = machine.command(hub.base());
                let mut script = script.process_group(0).stderr(Stdio::null()).spawn().unwrap();
                std::thread::sleep(Duration::from_millis(step));
                signal("-KILL", &format!("-{}", script.id()));
                killed += u32::from(!script.wait().unwrap().success());
                machine.run(&hub, 0);
                assert_eq!(
                    (mode(&machine.sink()), machine.leftovers()),
                    (0o600, vec!["hub.key".into()])
                );
                assert_eq!(hub.use_key(&machine.key()).await["instance_id"], id.as_str());
                assert_eq!(activations(&hub, &id).await, 1, "{id}");
            }
        }
    }
    assert!(killed > 20, "{killed} runs were killed");
}

fn signal(name: &str, process: &str) {
    let sent = Command::new("kill").args([name, "--", process]).status().unwrap();
    assert!(sent.success() || name == "-KILL", "kill {name} {process}");
}

/// The script waits for a hub that does not answer for a while.
async fn a_slow_hub_is_waited_for(hub: Hub) {
    hub.client("acme").await;
    let license = hub.issue("acme", "acme-1").await.license_key;
    let machine = Machine::new(&shells()[0], &license, true);
    signal("-STOP", &hub.pid().to_string());
    let script = machine.command(hub.base()).stderr(Stdio::piped()).spawn().unwrap();
    std::thread::sleep(Duration::from_millis(1_500));
    signal("-CONT", &hub.pid().to_string());
    let output = script.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    hub.use_key(&machine.key()).await;
    assert_eq!(activations(&hub, "acme-1").await, 1);
}

/// On a full file system the script sends no request; once there is room, the same command succeeds.
async fn a_full_disk_is_75_and_loses_nothing(hub: Hub) {
    hub.client("acme").await;
    let separate = ["unshare", "--map-root-user", "--mount"];
    let allowed = Command::new(separate[0]).args(&separate[1..]).arg("true").output();
    if !allowed.is_ok_and(|done| done.status.success()) {
        // Some containers allow no file systems of one's own.
        return;
    }
    for (n, shell) in shells().iter().enumerate() {
        let id = format!("acme-{n}");
        let license = hub.issue("acme", &id).await.license_key;
        let machine = Machine::new(shell, &license, true);
        let script = machine.command(hub.base());
        let line: Vec<String> = std::iter::once(script.get_program())
            .chain(script.get_args())
            .map(|word| format!("'{}'", word.to_str().unwrap().replace("hub.key", "full/hub.key")))
            .collect();
        let (dir, path, line) = (machine.dir.path(), &machine.path, line.join(" "));
        fs::create_dir(dir.join("full")).unwrap();
        let story = format!(
            "cd '{0}' && mount -t tmpfs -o size=32k tmpfs full || exit 9
             cat /dev/zero >full/filler 2>/dev/null
             PATH='{1}' {line}; echo \"first $?\"; ls -A full; cat argv 2>/dev/null
             rm full/filler; PATH='{1}' {line}; echo \"second $?\"; ls -A full; cp full/hub.key hub.key",
            dir.display(), path.display()
        );
        let output =
            Command::new(separate[0]).args(&separate[1..]).args(["sh", "-c", &story]).output();
        let output = output.unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let words = String::from_utf8_lossy(&output.stderr);
        assert_eq!(said, "first 75\nfiller\nsecond 0\nhub.key\n", "{shell:?}: {words}");
        assert!(words.contains("is the disk full?"), "{words}");
        hub.use_key(&machine.key()).await;
        assert_eq!(activations(&hub, &id).await, 1);
    }
}
