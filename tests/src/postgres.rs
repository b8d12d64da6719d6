//! A throwaway PostgreSQL cluster: created when the first test needs it, removed when the process ends.
//!
//! PostgreSQL refuses to run as root, so as root everything runs as the user `postgres`.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use sqlx::{AssertSqlSafe, Connection, PgConnection};

use crate::port::free_port;
use crate::watchdog::{self, Chore};

/// Whether a commit waits for the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// It does not: what most tests want.
    Fast,
    /// It does: for tests that kill the server.
    Fsync,
}

/// A running cluster on a port of its own.
#[derive(Debug)]
pub struct Cluster {
    tools: Tools,
    dir: PathBuf,
    port: u16,
    durability: Durability,
    _chore: Chore,
}

/// One database of a cluster, dropped with this value.
#[derive(Debug)]
pub struct Database {
    server: String,
    name: String,
}

/// The cluster that the tests of this process share.
pub fn shared() -> &'static Cluster {
    static SHARED: OnceLock<Cluster> = OnceLock::new();
    SHARED.get_or_init(|| Cluster::start(Durability::Fast))
}

impl Cluster {
    /// Makes and starts a cluster.
    #[must_use]
    pub fn start(durability: Durability) -> Self {
        let tools = Tools::find_or_install();
        let dir = folder(&tools);
        let data = dir.join("data");
        let init = ["--auth=trust", "--username=hub", "--encoding=UTF8", "--locale=C"];
        run(tools.command("initdb").args(init).args(["--no-sync", "-D"]).arg(&data));
        let chore = end_at_exit(&tools, &dir);
        let cluster = Self { tools, dir, port: free_port(), durability, _chore: chore };
        cluster.resume();
        cluster
    }

    /// A partner that follows this server: every commit is on its disk too, and it is read-only until it is
    /// promoted.
    pub async fn partner(&self) -> Self {
        let (tools, dir) = (self.tools.clone(), folder(&self.tools));
        let data = dir.join("data");
        let mut copy = tools.command("pg_basebackup");
        copy.args(["-h", "127.0.0.1", "-p", &self.port.to_string(), "-U", "hub", "-R", "-D"]);
        run(copy.arg(&data).args(["-X", "stream", "--no-sync", "--checkpoint=fast"]));
        let chore = end_at_exit(&tools, &dir);
        let partner =
            Self { tools, dir, port: free_port(), durability: self.durability, _chore: chore };
        partner.resume();
        self.configure("ALTER SYSTEM SET synchronous_standby_names = '*'").await;
        let mut postgres = self.connect().await;
        let in_step = "SELECT COUNT(*) FROM pg_stat_replication WHERE sync_state = 'sync'";
        while sqlx::query_scalar::<_, i64>(in_step).fetch_one(&mut postgres).await.ok() != Some(1) {
            tokio::task::yield_now().await;
        }
        partner
    }

    /// Makes a partner the server that takes writes.
    pub fn promote(&self) {
        let mut promote = self.tools.command("pg_ctl");
        run(promote.arg("-D").arg(self.data_dir()).args(["-w", "-t", "60", "promote"]));
    }

    /// Speaks TLS from now on, with this certificate and key.
    pub async fn speak_tls(&self, certificate: &Path, key: &Path) {
        for (source, name) in [(certificate, "server.crt"), (key, "server.key")] {
            let file = self.data_dir().join(name);
            fs::copy(source, &file).expect("the file is copied");
            fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).expect("a mode");
            if let Some(id) = self.tools.owner {
                chown(&file, Some(id), None).expect("root may give the file away");
            }
        }
        self.configure("ALTER SYSTEM SET ssl = on").await;
    }

    async fn connect(&self) -> PgConnection {
        let server = format!("postgres://hub@127.0.0.1:{}/postgres", self.port);
        PgConnection::connect(&server).await.expect("PostgreSQL answers")
    }

    /// Changes a setting of the server.
    async fn configure(&self, setting: &str) {
        let mut postgres = self.connect().await;
        for sql in ["SET default_transaction_read_only = off", setting, "SELECT pg_reload_conf()"] {
            sqlx::query(AssertSqlSafe(sql)).execute(&mut postgres).await.expect("it is set");
        }
    }

    /// Starts the server again after [`Self::stop`], on the same port.
    pub fn resume(&self) {
        let fsync = if self.durability == Durability::Fsync { "on" } else { "off" };
        let options = format!(
            "-p {} -c listen_addresses=127.0.0.1 -c unix_socket_directories='{}' \
             -c max_connections=300 -c fsync={fsync} -c full_page_writes={fsync} \
             -c logging_collector=off",
            self.port,
            self.dir.display()
        );
        let mut start = self.tools.command("pg_ctl");
        start.arg("-D").arg(self.data_dir()).arg("-l").arg(self.log());
        run(start.args(["-w", "-t", "60", "-o", &options, "start"]));
    }

    /// Stops the server at once, as a crash does: every connection breaks.
    pub fn stop(&self) {
        let mut stop = self.tools.command("pg_ctl");
        run(stop.arg("-D").arg(self.data_dir()).args(["-m", "immediate", "-w", "stop"]));
    }

    /// Stops every process of the server where it stands: connections stay, and nothing answers.
    pub fn freeze(&self) {
        self.signal("STOP");
    }

    /// Lets a frozen server go on.
    pub fn thaw(&self) {
        self.signal("CONT");
    }

    fn signal(&self, name: &str) {
        let pid = fs::read_to_string(self.data_dir().join("postmaster.pid"));
        let pid = pid.expect("the server runs").lines().next().unwrap_or_default().to_owned();
        let children = Command::new("pgrep").args(["-P", &pid]).output().expect("pgrep runs");
        let children = String::from_utf8_lossy(&children.stdout).into_owned();
        let signal = format!("-{name}");
        // A child may have ended meanwhile.
        let _ =
            Command::new("kill").arg(signal).arg(&pid).args(children.split_whitespace()).output();
    }

    /// Makes every transaction that begins from now on read-only, as on a server that is no longer the
    /// primary; or ends that.
    pub async fn set_read_only(&self, on: bool) {
        let set = format!("ALTER SYSTEM SET default_transaction_read_only = {on}");
        self.configure(&set).await;
    }

    /// Where the server keeps its files.
    #[must_use]
    pub fn data_dir(&self) -> PathBuf {
        self.dir.join("data")
    }

    /// A program that runs as the user of the server.
    pub(crate) fn program(&self, path: &str) -> Command {
        self.tools.command(path)
    }

    /// A folder that the user of the server may write to.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// Its port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// What the server logged.
    #[must_use]
    pub fn log(&self) -> PathBuf {
        self.dir.join("postgres.log")
    }

    /// Makes an empty database.
    pub async fn database(&self) -> Database {
        self.create("template1").await
    }

    /// Makes a copy of a database that nobody is connected to.
    pub(crate) async fn copy_of(&self, model: &Database) -> Database {
        self.create(&model.name).await
    }

    async fn create(&self, template: &str) -> Database {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("hub_{}", NEXT.fetch_add(1, Ordering::Relaxed));
        let server = format!("postgres://hub@127.0.0.1:{}", self.port);
        let mut postgres =
            PgConnection::connect(&format!("{server}/postgres")).await.unwrap_or_else(|error| {
                panic!("PostgreSQL does not answer: {error}\n{}", tail(&self.log()))
            });
        let create = AssertSqlSafe(format!("CREATE DATABASE {name} TEMPLATE {template}"));
        sqlx::query(create).execute(&mut postgres).await.expect("the database is made");
        Database { server, name }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // The shared cluster is never dropped: the watchdog ends it.
        let mut stop = self.tools.command("pg_ctl");
        let _ = stop.arg("-D").arg(self.data_dir()).args(["-m", "immediate", "stop"]).output();
        let _ = fs::remove_dir_all(&self.dir);
    }
}

impl Database {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The same database at another port of this machine.
    #[must_use]
    pub fn at(mut self, port: u16) -> Self {
        self.server = format!("postgres://hub@127.0.0.1:{port}");
        self
    }

    /// Its URL.
    #[must_use]
    pub fn url(&self) -> String {
        format!("{}/{}", self.server, self.name)
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let server = format!("{}/postgres", self.server);
        let drop = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name);
        // In a thread, because `drop` cannot wait for the test's own runtime. Hundreds of databases of
        // some megabytes would add up; if the server is gone, nothing is left to drop.
        let dropped = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime").block_on(async {
                let mut postgres = PgConnection::connect(&server).await?;
                sqlx::query(AssertSqlSafe(drop)).execute(&mut postgres).await
            })
        });
        let _ = dropped.join();
    }
}

/// A folder for a cluster.
fn folder(tools: &Tools) -> PathBuf {
    let dir = tempfile::Builder::new().prefix("hub-pg-").tempdir();
    let dir = dir.expect("a temporary folder").keep();
    if let Some(id) = tools.owner {
        chown(&dir, Some(id), None).expect("root may give the folder away");
    }
    dir
}

/// Stops the cluster in this folder when the test process ends.
fn end_at_exit(tools: &Tools, dir: &Path) -> Chore {
    let data = dir.join("data");
    let stop = tools.shell("pg_ctl", &format!("-D '{}' -m immediate stop", data.display()));
    watchdog::at_exit(&format!("{stop}; rm -rf '{}'", dir.display()))
}

/// Where PostgreSQL's programs are, and as whom they run.
#[derive(Debug, Clone)]
struct Tools {
    bin: PathBuf,
    owner: Option<u32>,
}

impl Tools {
    fn find_or_install() -> Self {
        let root = id("-u", None) == Some(0);
        let bin = find_bin().unwrap_or_else(|| {
            assert!(root && Path::new("/usr/bin/apt-get").exists(), "{HINT}");
            install();
            find_bin().expect(HINT)
        });
        let owner = root.then(|| id("-u", Some("postgres")).expect(HINT));
        Self { bin, owner }
    }

    fn command(&self, program: &str) -> Command {
        let program = self.bin.join(program);
        let mut command = if self.owner.is_some() {
            let mut runuser = Command::new("runuser");
            runuser.args(["-u", "postgres", "--"]).arg(program);
            runuser
        } else {
            Command::new(program)
        };
        // The user postgres may not be able to read the folder that the tests run in.
        command.current_dir("/");
        command
    }

    fn shell(&self, program: &str, arguments: &str) -> String {
        let user = if self.owner.is_some() { "runuser -u postgres -- " } else { "" };
        format!("cd / && {user}'{}' {arguments}", self.bin.join(program).display())
    }
}

const HINT: &str = "these tests need PostgreSQL 14 or newer: install it (Debian and Ubuntu: \
                    apt-get install postgresql), or put its initdb in PATH";

/// The folder with initdb: first what PATH names, then the newest that Debian installed.
fn find_bin() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut debian: Vec<PathBuf> = fs::read_dir("/usr/lib/postgresql")
        .map(|versions| versions.flatten().map(|version| version.path().join("bin")).collect())
        .unwrap_or_default();
    debian.sort();
    std::env::split_paths(&path)
        .chain(debian.into_iter().rev())
        // A wrapper in PATH may be a link; the other programs lie where it points.
        .filter_map(|folder| folder.join("initdb").canonicalize().ok())
        .filter_map(|initdb| initdb.parent().map(Path::to_owned))
        .find(|bin| bin.join("pg_ctl").exists() && bin.join("postgres").exists())
}

/// Installs Debian's package; a lock keeps two test processes from doing so at once.
fn install() {
    let script = "apt-get update -q && apt-get install -q -y --no-install-recommends postgresql";
    let mut install = Command::new("flock");
    install.arg(std::env::temp_dir().join("hub-tests-apt.lock")).args(["sh", "-c", script]);
    run(install.env("DEBIAN_FRONTEND", "noninteractive"));
}

fn id(what: &str, user: Option<&str>) -> Option<u32> {
    let output = Command::new("id").arg(what).args(user).output().ok()?;
    String::from_utf8_lossy(&output.stdout).trim().parse().ok()
}

/// Runs a command to its end; its output goes to files, because a server that it leaves behind would
/// keep a pipe open.
fn run(command: &mut Command) {
    let log = tempfile::NamedTempFile::new().expect("a temporary file");
    let (out, err) = (log.reopen().expect("reopens"), log.reopen().expect("reopens"));
    let status = command.stdin(std::process::Stdio::null()).stdout(out).stderr(err).status();
    let status = status.unwrap_or_else(|error| panic!("{command:?}: {error}. {HINT}"));
    assert!(status.success(), "{command:?}: {status}\n{}", tail(log.path()));
}

/// The end of a log, for a message.
pub(crate) fn tail(log: &Path) -> String {
    let text = fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(60)..].join("\n")
}
