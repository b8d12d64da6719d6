//! What must not end the hub: signals, and outputs that cannot be written.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use hub_core::api::ADMIN_KEY_HEADER;
use hub_tests::http::Caller;
use hub_tests::port::{free_port, until_listening};
use hub_tests::{Hub, binaries, both_stores};
use serde_json::json;
use tempfile::TempDir;

both_stores!(signals_that_mean_something_else_end_nothing);

async fn signals_that_mean_something_else_end_nothing(hub: Hub) {
    for signal in ["HUP", "USR1", "USR2", "XFSZ", "PIPE"] {
        hub.signal(signal);
        hub.signal(signal);
        hub.client(&format!("after-{}", signal.to_lowercase())).await;
    }
}

/// A hubd whose outputs the test chooses.
struct Bare {
    child: Child,
    folder: TempDir,
    port: u16,
}

impl Bare {
    fn start(stdout: Stdio, stderr: Stdio) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let port = free_port();
        let mut hubd = Command::new(binaries::hubd());
        hubd.args(["--log", "trace", "--listen", &format!("127.0.0.1:{port}"), "--data-dir"]);
        hubd.arg(folder.path().join("data")).stdin(Stdio::null()).stdout(stdout).stderr(stderr);
        Self { child: hubd.spawn().unwrap(), folder, port }
    }

    fn caller(&self) -> Caller {
        Caller::new(&format!("http://127.0.0.1:{}", self.port))
    }

    /// Uses the hub, then stops it.
    async fn works(mut self) {
        until_listening(&mut self.child, self.port, String::new);
        self.caller().get("/readyz").await.expect(200).done();
        let key = std::fs::read_to_string(self.folder.path().join("data/admin.key")).unwrap();
        let admin = self.caller().header(ADMIN_KEY_HEADER, key.trim());
        for n in 0..20 {
            let new = json!({"name": "Acme", "slug": format!("acme-{n}")});
            admin.post("/api/v1/admin/clients", new).await.expect(201).done();
            admin.get("/api/v1/nothing").await.expect(404).done();
        }
        let stopped = Command::new("kill").arg(self.child.id().to_string()).status().unwrap();
        assert!(stopped.success() && self.child.wait().unwrap().success());
    }
}

impl Drop for Bare {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn full() -> Stdio {
    File::options().write(true).open("/dev/full").unwrap().into()
}

/// A pipe that nobody reads any more.
fn closed() -> Stdio {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    writer.into()
}

#[tokio::test]
async fn sqlite_a_log_that_cannot_be_written_ends_nothing() {
    Bare::start(Stdio::null(), full()).works().await;
    Bare::start(Stdio::null(), closed()).works().await;
}

#[tokio::test]
async fn sqlite_a_standard_output_that_cannot_be_written_ends_nothing() {
    Bare::start(full(), Stdio::null()).works().await;
    Bare::start(closed(), full()).works().await;
}

/// A pipe that is full blocks its writer until somebody reads.
#[tokio::test]
async fn sqlite_a_log_that_nobody_reads_holds_up_nothing() {
    let (mut reader, writer) = std::io::pipe().unwrap();
    Bare::start(Stdio::null(), writer.into()).works().await;
    let mut said = String::new();
    reader.read_to_string(&mut said).unwrap();
    assert!(said.len() > 4_000, "the pipe took what it could: {}", said.len());
}

#[tokio::test]
async fn sqlite_a_closed_terminal_ends_nothing() {
    let (reader, writer) = std::io::pipe().unwrap();
    let bare = Bare::start(writer.into(), closed());
    let line = BufReader::new(reader).lines().next().unwrap().unwrap();
    assert!(line.starts_with("hubd listening on "), "{line}");
    let pid = bare.child.id().to_string();
    assert!(Command::new("kill").args(["-HUP", &pid]).status().unwrap().success());
    bare.works().await;
}

#[tokio::test]
async fn sqlite_a_crash_leaves_no_memory_behind() {
    let mut hub = Hub::sqlite().await;
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", hub.pid())).unwrap();
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    let values: Vec<&str> = core.split_whitespace().skip(4).take(2).collect();
    assert_eq!(values, ["0", "0"], "{core}");
    hub.signal("ABRT");
    hub.kill();
    let cores = |folder: &Path| {
        let files = std::fs::read_dir(folder).unwrap().flatten();
        files.filter(|file| file.file_name().to_string_lossy().starts_with("core")).count()
    };
    assert_eq!(cores(hub.dir()) + cores(&hub.data_dir()), 0);
}
