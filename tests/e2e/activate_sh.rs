//! deploy/activate.sh, as a bootstrap script runs it, with the smallest shells.

mod interrupted; // killed at any moment, a slow hub, a full disk

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use hub_tests::binaries::workspace;
use hub_tests::fleet::{own_hub_key, own_license_key, sha256};
use hub_tests::{Hub, both_stores};
use serde_json::json;
use tempfile::TempDir;

/// A client's machine: a license file, a place for the key, and a PATH.
struct Machine {
    dir: TempDir,
    shell: Vec<&'static str>,
    path: PathBuf,
}

/// The programs that the script runs, except `sha256sum` and `curl`.
const TOOLS: [&str; 13] = [
    "cat", "chmod", "cut", "date", "dirname", "head", "ln", "mv", "od", "rm", "sed", "sleep", "tr",
];

fn which(tool: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).map(|folder| folder.join(tool)).find(|tool| tool.is_file())
}

/// The shells that this computer has, the smallest ones; at least its own `sh`.
fn shells() -> Vec<Vec<&'static str>> {
    let mut shells = vec![vec![if which("dash").is_some() { "dash" } else { "sh" }]];
    if which("busybox").is_some() {
        shells.push(vec!["busybox", "sh"]);
    }
    shells
}

impl Machine {
    /// With a curl that notes the arguments it was started with, and with sha256sum or without.
    fn new(shell: &[&'static str], license: &str, sha256sum: bool) -> Self {
        Self::with(shell, license, sha256sum, &[])
    }

    /// The same, with more programs.
    fn with(shell: &[&'static str], license: &str, sha256sum: bool, more: &[&'static str]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("bin");
        fs::create_dir(&path).unwrap();
        let tools = TOOLS.into_iter().chain(sha256sum.then_some("sha256sum"));
        for tool in tools.chain(more.iter().copied()) {
            symlink(which(tool).expect(tool), path.join(tool)).unwrap();
        }
        let curl = format!(
            "#!/bin/sh\nprintf '%s\\n' \"$@\" >>'{}'\nexec '{}' \"$@\"\n",
            dir.path().join("argv").display(),
            which("curl").expect("curl").display()
        );
        fs::write(path.join("curl"), curl).unwrap();
        fs::set_permissions(path.join("curl"), fs::Permissions::from_mode(0o755)).unwrap();
        fs::write(dir.path().join("license"), license).unwrap();
        Self { dir, shell: shell.to_vec(), path }
    }

    fn sink(&self) -> PathBuf {
        self.dir.path().join("hub.key")
    }

    fn key(&self) -> String {
        fs::read_to_string(self.sink()).unwrap().trim_end().to_owned()
    }

    fn run_at(&self, url: &str) -> Output {
        self.command(url).output().unwrap()
    }

    fn command(&self, url: &str) -> Command {
        let shell = which(self.shell[0]).expect("found before");
        let mut script = Command::new(shell);
        script.args(&self.shell[1..]).arg(workspace().join("deploy/activate.sh"));
        script.args(["--url", url, "--license-file"]).arg(self.dir.path().join("license"));
        script.arg("--sink").arg(format!("file:{}", self.sink().display()));
        script.env_clear().env("PATH", &self.path).current_dir(self.dir.path());
        script
    }

    /// Runs the script and expects this exit code, and that no key was shown to anyone.
    fn run(&self, hub: &Hub, code: i32) -> String {
        let output = self.run_at(hub.base());
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said).into_owned();
        assert_eq!(output.status.code(), Some(code), "{:?}: {said}", self.shell);
        let argv = fs::read_to_string(self.dir.path().join("argv")).unwrap_or_default();
        for shown in [&said, &argv] {
            assert!(!shown.contains("lb_inst_") && !shown.contains("hk_"), "{shown}");
        }
        said
    }

    /// The files in the folder, except those of this test.
    fn leftovers(&self) -> Vec<String> {
        let names = fs::read_dir(self.dir.path()).unwrap().flatten();
        let names = names.map(|entry| entry.file_name().to_string_lossy().into_owned());
        let mut names: Vec<String> =
            names.filter(|name| !["bin", "license", "argv"].contains(&name.as_str())).collect();
        names.sort();
        names
    }
}

/// For each shell an instance, and a machine with its license.
async fn machines(hub: &Hub) -> Vec<(String, Machine)> {
    hub.client("acme").await;
    let mut machines = Vec::new();
    for (n, shell) in shells().iter().enumerate() {
        let id = format!("acme-{n}");
        let license = hub.issue("acme", &id).await.license_key;
        machines.push((id, Machine::new(shell, &license, true)));
    }
    machines
}

fn mode(path: &Path) -> u32 {
    path.metadata().unwrap().permissions().mode() & 0o777
}

async fn activations(hub: &Hub, instance_id: &str) -> serde_json::Value {
    hub.show(instance_id).await["license"]["activations"].clone()
}

both_stores!(
    a_fresh_run_delivers_a_key_and_a_rerun_changes_nothing,
    a_run_that_was_killed_is_finished_by_the_next,
    a_key_that_was_rotated_away_is_replaced,
    it_works_without_sha256sum_too,
    a_refusal_is_78_and_says_why,
    a_shared_folder_or_a_strangers_file_is_refused,
    a_license_may_have_any_line_ends,
    the_id_is_kept_beside_the_key,
    no_answer_is_75_and_the_next_run_goes_on,
    a_sink_that_cannot_hold_a_key_is_refused_before_anything_is_asked,
    a_license_goes_over_plain_http_to_this_machine_only
);

async fn a_fresh_run_delivers_a_key_and_a_rerun_changes_nothing(hub: Hub) {
    hub.client("acme").await;
    for (n, shell) in shells().iter().enumerate() {
        let id = format!("acme-{n}");
        let license = hub.issue("acme", &id).await.license_key;
        // With and without a newline at the end.
        let ending = if n == 0 { "\n" } else { "" };
        let machine = Machine::new(shell, &format!("{license}{ending}"), true);
        machine.run(&hub, 0);
        assert_eq!(machine.leftovers(), ["hub.key"]);
        assert_eq!(mode(&machine.sink()), 0o600);
        let key = machine.key();
        hub.use_key(&key).await;
        for _ in 0..2 {
            machine.run(&hub, 0);
            assert_eq!((machine.key(), machine.leftovers()), (key.clone(), vec!["hub.key".into()]));
        }
        assert_eq!(activations(&hub, &id).await, 1);
    }
}

/// Killed after the hub answered and before the key was in its place.
async fn a_run_that_was_killed_is_finished_by_the_next(hub: Hub) {
    hub.client("acme").await;
    for (n, shell) in (1_u32..).zip(shells()) {
        let id = format!("acme-{n}");
        let license = hub.issue_with("acme", &id, json!({"max_activations": 1})).await.license_key;
        let machine = Machine::new(&shell, &license, true);
        let own = own_hub_key(n);
        let pending = machine.dir.path().join("hub.key.pending");
        fs::write(&pending, format!("{own}\n")).unwrap();
        fs::set_permissions(&pending, fs::Permissions::from_mode(0o600)).unwrap();
        let body = json!({"license_key": license, "hub_key_sha256": sha256(&own)});
        hub.anonymous().post("/api/v1/instances/activate", body).await.expect(200).done();
        hub.use_key(&own).await;
        machine.run(&hub, 0);
        assert_eq!((machine.key(), machine.leftovers()), (own, vec!["hub.key".into()]));
        assert_eq!(activations(&hub, &id).await, 1);
    }
}

async fn a_key_that_was_rotated_away_is_replaced(hub: Hub) {
    for (id, machine) in machines(&hub).await {
        machine.run(&hub, 0);
        let ended = machine.key();
        hub.act(&id, "rotate-hub-key", json!({})).await;
        machine.run(&hub, 0);
        assert_ne!(machine.key(), ended);
        assert_eq!(machine.leftovers(), ["hub.key"]);
        hub.use_key(&machine.key()).await;
    }
}

/// Without sha256sum the hub makes the key.
async fn it_works_without_sha256sum_too(hub: Hub) {
    hub.client("acme").await;
    for (n, shell) in shells().iter().enumerate() {
        // Some builds of busybox bring their own, whatever PATH says.
        let id = format!("acme-{n}");
        let license = hub.issue("acme", &id).await.license_key;
        let machine = Machine::new(shell, &license, false);
        machine.run(&hub, 0);
        assert_eq!((mode(&machine.sink()), machine.leftovers()), (0o600, vec!["hub.key".into()]));
        let key = machine.key();
        hub.use_key(&key).await;
        machine.run(&hub, 0);
        assert_eq!(machine.key(), key);
        hub.act(&id, "suspend", json!({})).await;
        machine.run(&hub, 78);
        hub.act(&id, "reactivate", json!({})).await;
        hub.act(&id, "rotate-hub-key", json!({})).await;
        machine.run(&hub, 0);
        assert_ne!(machine.key(), key);
        hub.use_key(&machine.key()).await;
    }
}

async fn a_refusal_is_78_and_says_why(hub: Hub) {
    hub.client("acme").await;
    for (n, shell) in shells().iter().enumerate() {
        let id = format!("acme-{n}");
        let license = hub.issue("acme", &id).await.license_key;
        let unknown = Machine::new(shell, &own_license_key(9), true);
        assert!(unknown.run(&hub, 78).contains("license_invalid"));
        let malformed = Machine::new(shell, "lb_inst_XYZ\n", true);
        malformed.run(&hub, 78);
        assert_eq!(malformed.leftovers(), [""; 0], "nothing was asked, nothing is left");

        let machine = Machine::new(shell, &license, true);
        hub.act(&id, "suspend", json!({})).await;
        assert!(machine.run(&hub, 78).contains("instance_suspended"));
        assert!(!machine.sink().exists());
        hub.act(&id, "reactivate", json!({})).await;
        machine.run(&hub, 0);
        let key = machine.key();
        hub.act(&id, "suspend", json!({})).await;
        machine.run(&hub, 78);
        assert_eq!(machine.key(), key, "a refusal leaves the key where it is");
    }
}

/// Files of the caller's own, in a folder that nobody else can write.
async fn a_shared_folder_or_a_strangers_file_is_refused(hub: Hub) {
    hub.client("acme").await;
    let license = hub.issue("acme", "acme-1").await.license_key;
    for shell in shells() {
        let machine = Machine::with(&shell, &license, true, &["stat"]);
        for mode in [0o1777, 0o777, 0o775] {
            fs::set_permissions(machine.dir.path(), fs::Permissions::from_mode(mode)).unwrap();
            assert!(machine.run(&hub, 78).contains("others can write to the folder"));
        }
        fs::set_permissions(machine.dir.path(), fs::Permissions::from_mode(0o700)).unwrap();
        symlink(machine.dir.path().join("elsewhere"), machine.dir.path().join("hub.key.pending"))
            .unwrap();
        assert!(machine.run(&hub, 78).contains("symbolic link"));
        fs::remove_file(machine.dir.path().join("hub.key.pending")).unwrap();
        for planted in ["hub.key", "hub.key.pending"] {
            let planted = machine.dir.path().join(planted);
            fs::write(&planted, own_hub_key(2)).unwrap();
            fs::set_permissions(&planted, fs::Permissions::from_mode(0o644)).unwrap();
            assert!(machine.run(&hub, 78).contains("others have access"));
            fs::set_permissions(&planted, fs::Permissions::from_mode(0o600)).unwrap();
            if std::os::unix::fs::chown(&planted, Some(65_534), None).is_ok() {
                assert!(machine.run(&hub, 78).contains("belongs to another user"));
            }
            fs::remove_file(planted).unwrap();
        }
        assert!(!machine.dir.path().join("argv").exists(), "nothing was asked");
    }
    assert_eq!(hub.show("acme-1").await["status"], "pending");
}

/// Whatever wrote the license file.
async fn a_license_may_have_any_line_ends(hub: Hub) {
    hub.client("acme").await;
    for (n, shell) in shells().iter().enumerate() {
        let license = hub.issue("acme", &format!("acme-{n}")).await.license_key;
        for written in [
            format!("{license}\r\n"),
            format!("\u{feff}{license}\n"),
            format!("\n\r\n \t{license} \n\n"),
        ] {
            let machine = Machine::new(shell, &written, true);
            machine.run(&hub, 0);
            hub.use_key(&machine.key()).await;
        }
        for wrong in [format!("{license}\n{license}\n"), format!("{license} x"), String::new()] {
            let machine = Machine::new(shell, &wrong, true);
            assert!(machine.run(&hub, 78).contains("/license "), "the file is named");
        }
    }
}

/// The instance's id is kept for the reporter; help is for people.
async fn the_id_is_kept_beside_the_key(hub: Hub) {
    for (id, machine) in machines(&hub).await {
        for _ in 0..2 {
            let output = machine.command(hub.base()).args(["--id-file", "id"]).output().unwrap();
            assert_eq!(output.status.code(), Some(0));
            let kept = fs::read_to_string(machine.dir.path().join("id")).unwrap();
            assert_eq!(kept, format!("{id}\n"));
        }
        assert_eq!(machine.leftovers(), ["hub.key", "id"]);
        let help = machine.command(hub.base()).arg("--help").output().unwrap();
        assert_eq!(help.status.code(), Some(0));
        assert!(String::from_utf8_lossy(&help.stdout).contains("--id-file PATH"));
    }
}

async fn no_answer_is_75_and_the_next_run_goes_on(mut hub: Hub) {
    hub.client("acme").await;
    let license = hub.issue("acme", "acme-1").await.license_key;
    let url = hub.base().to_owned();
    let machine = Machine::new(&shells()[0], &license, true);
    assert!(hub.stop().success());
    let output = machine.run_at(&url);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(75), "{said}");
    assert_eq!(said.matches("no answer").count(), 6, "five attempts, and a last word: {said}");
    assert_eq!(machine.leftovers(), ["hub.key.pending"], "the key waits for the next run");
    hub.launch();
    machine.run(&hub, 0);
    assert_eq!(machine.leftovers(), ["hub.key"]);
    hub.use_key(&machine.key()).await;
}

async fn a_sink_that_cannot_hold_a_key_is_refused_before_anything_is_asked(hub: Hub) {
    hub.client("acme").await;
    let license = hub.issue("acme", "acme-1").await.license_key;
    for shell in shells() {
        let link = Machine::new(&shell, &license, true);
        symlink(link.dir.path().join("elsewhere"), link.sink()).unwrap();
        link.run(&hub, 78);
        let folder = Machine::new(&shell, &license, true);
        fs::create_dir(folder.sink()).unwrap();
        folder.run(&hub, 78);
        assert!(!folder.dir.path().join("argv").exists());
    }
    assert_eq!(hub.show("acme-1").await["status"], "pending");
}

async fn a_license_goes_over_plain_http_to_this_machine_only(hub: Hub) {
    let port = hub.base().rsplit(':').next().unwrap();
    for (id, machine) in machines(&hub).await {
        let said = |url: &str, more: &[&str], code: i32| {
            let output = machine.command(url).args(more).output().unwrap();
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            assert_eq!(output.status.code(), Some(code), "{url}: {said}");
            said
        };
        for host in ["0.0.0.0", "hub.invalid", "127.0.0.1.hub.invalid", "localhost.invalid"] {
            let said = said(&format!("http://{host}:{port}"), &[], 78);
            assert!(said.contains("would travel unencrypted"), "{host}: {said}");
        }
        for unclear in ["0", "false", "off"] {
            let mut command = machine.command(&format!("http://0.0.0.0:{port}"));
            let output = command.env("HUB_ALLOW_PLAIN_HTTP", unclear).output().unwrap();
            assert_eq!(output.status.code(), Some(78), "HUB_ALLOW_PLAIN_HTTP={unclear}");
        }
        let hidden = format!("http://localhost:1@0.0.0.0:{port}");
        assert!(said(&hidden, &["--allow-plain-http"], 78).contains("must not hold a user name"));
        assert_eq!(machine.leftovers(), [""; 0], "nothing was asked, nothing is left");
        assert_eq!(hub.show(&id).await["status"], "pending");
        said(&format!("http://0.0.0.0:{port}"), &["--allow-plain-http"], 0);
        hub.use_key(&machine.key()).await;
        said(&format!("http://localhost:{port}"), &[], 0);
    }
}
