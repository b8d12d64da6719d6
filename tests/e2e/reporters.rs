//! deploy/client: the reporters of a client's machine, killed at any moment, count each call once.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use hub_tests::binaries::workspace;
use hub_tests::{Hub, both_stores};
use serde_json::json;
use tempfile::TempDir;

/// A machine with a hub key, and a spool.
struct Machine {
    dir: TempDir,
    url: String,
    program: Vec<String>,
}

/// Both reporters, where this machine can run them.
fn reporters() -> Vec<Vec<String>> {
    let script = workspace().join("deploy/client/letsbe-report.sh").display().to_string();
    let python = workspace().join("deploy/client/letsbe_report.py").display().to_string();
    let mut reporters = vec![vec!["sh".to_owned(), script.clone()]];
    let runs = |program: &str, arg: &str| {
        Command::new(program).arg(arg).output().is_ok_and(|ran| ran.status.success())
    };
    if runs("busybox", "--help") {
        reporters.push(vec!["busybox".to_owned(), "sh".to_owned(), script]);
    }
    if runs("python3", "--version") {
        reporters.push(vec!["python3".to_owned(), python]);
    }
    reporters
}

impl Machine {
    fn new(hub: &Hub, program: &[String], id: &str, key: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("key"), key).unwrap();
        fs::write(dir.path().join("id"), format!("{id}\n")).unwrap();
        Self { dir, url: hub.base().to_owned(), program: program.to_vec() }
    }

    fn spool(&self) -> PathBuf {
        self.dir.path().join("spool")
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(&self.program[0]);
        command.args(&self.program[1..]).args(words).current_dir(self.dir.path());
        command.env("LETSBE_URL", &self.url).env("LETSBE_SPOOL", self.spool());
        for (name, file) in [("LETSBE_KEY_FILE", "key"), ("LETSBE_ID_FILE", "id")] {
            command.env(name, self.dir.path().join(file));
        }
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    fn run(&self, words: &[&str], code: i32) -> String {
        self.finish(self.command(words), words, code)
    }

    fn send_to(&self, url: &str, allow_plain_http: &str, code: i32) -> String {
        let mut command = self.command(&["send"]);
        command.env("LETSBE_URL", url).env("LETSBE_ALLOW_PLAIN_HTTP", allow_plain_http);
        self.finish(command, &["send"], code)
    }

    fn finish(&self, mut command: Command, words: &[&str], code: i32) -> String {
        let output = command.output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{:?} {words:?}: {said}", self.program);
        said
    }
}

async fn catalogue(hub: &Hub) {
    let names = json!({"tools": ["web.open"], "codes": ["TIMEOUT"], "counts": ["agents"]});
    hub.admin().put("/api/v1/admin/telemetry/catalogue", names).await.expect(200).done();
}

/// For each reporter an active instance, and a machine with its key.
async fn machines(hub: &Hub) -> Vec<(String, Machine)> {
    hub.client("acme").await;
    catalogue(hub).await;
    let mut machines = Vec::new();
    for (n, program) in reporters().iter().enumerate() {
        let id = format!("acme-{n}");
        let license = hub.issue("acme", &id).await.license_key;
        let key = hub.hub_key(&license).await;
        let machine = Machine::new(hub, program, &id, &key);
        machines.push((id, machine));
    }
    machines
}

async fn tools(hub: &Hub, id: &str) -> serde_json::Value {
    let path = format!("/api/v1/admin/telemetry/tools?instance={id}");
    hub.admin().get(&path).await.ok()["items"].clone()
}

both_stores!(
    what_was_noted_is_reported_by_listed_names,
    each_call_counts_once_whenever_a_run_is_killed,
    a_key_goes_over_plain_http_to_this_machine_only
);

async fn what_was_noted_is_reported_by_listed_names(hub: Hub) {
    for (id, machine) in machines(&hub).await {
        for words in [
            &["call", "web.open", "12.5"][..],
            &["call", "web.open", "7", "TIMEOUT"],
            &["call", "web.open", "7", "SECRET_CODE"],
            &["call", "my.secret", "7"],
            &["count", "agents", "3"],
        ] {
            machine.run(words, 0);
        }
        for wrong in [&["call", "Web Open", "1"][..], &["call", "a\",\"b", "1"], &["sell"], &[]] {
            machine.run(wrong, 78);
        }
        machine.run(&["send"], 0);
        machine.run(&["send"], 0);
        let seen = tools(&hub, &id).await;
        assert_eq!(seen.as_array().unwrap().len(), 1, "{seen}");
        assert_eq!((&seen[0]["calls"], &seen[0]["errors"]), (&json!(3), &json!(1)), "{seen}");
        let left: Vec<_> = fs::read_dir(machine.spool()).unwrap().flatten().collect();
        assert!(left.iter().all(|entry| !entry.file_name().to_string_lossy().contains("ready")));
        // A hub that is away is asked again later; one that refuses is not.
        machine.run(&["call", "web.open", "1"], 0);
        let away = Machine { url: "http://127.0.0.1:9".to_owned(), ..machine };
        away.run(&["send"], 75);
        let back = Machine { url: hub.base().to_owned(), ..away };
        hub.act(&id, "suspend", json!({})).await;
        back.run(&["send"], 78);
        hub.act(&id, "reactivate", json!({})).await;
        back.run(&["send"], 0);
        assert_eq!(tools(&hub, &id).await[0]["calls"], 4);
    }
}

/// Killed with all that it started, after more and more time, and at last left alone.
async fn each_call_counts_once_whenever_a_run_is_killed(hub: Hub) {
    for (id, machine) in machines(&hub).await {
        let (mut killed, mut noted) = (0, 0);
        for step in 0..40 {
            machine.run(&["call", "web.open", "1"], 0);
            noted += 1;
            let mut sender = machine.command(&["send"]);
            let mut sender = sender.process_group(0).stderr(Stdio::null()).spawn().unwrap();
            std::thread::sleep(Duration::from_millis(step * 3));
            let group = format!("-{}", sender.id());
            let _ = Command::new("kill").args(["-KILL", "--", &group]).output().unwrap();
            killed += u32::from(!sender.wait().unwrap().success());
        }
        machine.run(&["send"], 0);
        assert_eq!(tools(&hub, &id).await[0]["calls"], noted, "{:?}", machine.program);
        assert!(killed > 10, "{killed} runs were killed");
    }
}

async fn a_key_goes_over_plain_http_to_this_machine_only(hub: Hub) {
    let port = hub.base().rsplit(':').next().unwrap();
    for (id, machine) in machines(&hub).await {
        machine.run(&["call", "web.open", "1"], 0);
        for host in ["0.0.0.0", "hub.invalid", "127.0.0.1.hub.invalid", "localhost.invalid"] {
            let said = machine.send_to(&format!("http://{host}:{port}"), "", 78);
            assert!(said.contains("would travel unencrypted"), "{host}: {said}");
        }
        for unclear in ["0", "false", "off"] {
            let said = machine.send_to(&format!("http://0.0.0.0:{port}"), unclear, 78);
            assert!(said.contains("would travel unencrypted"), "{unclear}: {said}");
        }
        let said = machine.send_to(&format!("http://localhost:1@0.0.0.0:{port}"), "", 78);
        assert!(said.contains("must not hold a user name"), "{said}");
        // Another machine than the one that was named gets nothing.
        let elsewhere = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", elsewhere.local_addr().unwrap());
        let location = format!("{}/api/v1/instances/self/catalogue", hub.base());
        let server = std::thread::spawn(move || redirect(&elsewhere, &location));
        let said = machine.send_to(&url, "", 75);
        assert!(said.contains("no catalogue (302)"), "{said}");
        server.join().unwrap();
        assert_eq!(tools(&hub, &id).await, json!([]), "nothing was sent");
        machine.send_to(&format!("http://0.0.0.0:{port}"), "1", 0);
        assert_eq!(tools(&hub, &id).await[0]["calls"], 1);
    }
}

/// Sends one request elsewhere.
fn redirect(listener: &TcpListener, location: &str) {
    let (mut socket, _) = listener.accept().unwrap();
    let mut head = [0; 4096];
    assert!(socket.read(&mut head).unwrap() > 0);
    let answer = format!(
        "HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    );
    socket.write_all(answer.as_bytes()).unwrap();
}
