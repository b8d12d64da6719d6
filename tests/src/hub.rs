//! A running hubd: the real program on port 0, with a folder of its own, killed when it is dropped.

mod launch;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::sync::Arc;

use hub_core::api::{ADMIN_KEY_HEADER, HUB_KEY_HEADER};
use tempfile::TempDir;

use self::launch::Process;
use crate::http::Caller;
use crate::postgres::{Database, tail};
use crate::raw;
use crate::setup::{Engine, Setup};

/// A hubd process with its data folder and database.
#[derive(Debug)]
pub struct Hub {
    pub(crate) setup: Setup,
    process: Option<Process>,
    last_pid: u32,
    admin_key: String,
    dir: TempDir,
    // Dropped after the process, which is connected to it.
    database: Option<Arc<Database>>,
}

impl Hub {
    /// A hub with default settings on SQLite.
    pub async fn sqlite() -> Self {
        Setup::on(Engine::Sqlite).start().await
    }

    /// A hub with default settings on PostgreSQL.
    pub async fn postgres() -> Self {
        Setup::on(Engine::Postgres).start().await
    }

    pub(crate) fn start(setup: Setup, database: Option<Arc<Database>>) -> Self {
        let dir = tempfile::Builder::new().prefix("hub-").tempdir().expect("a temporary folder");
        let admin_key = String::new();
        if let Some(data) = &setup.data {
            copy_folder(data, &dir.path().join("data"));
        }
        for (name, text) in &setup.files {
            let folder = dir.path().join("data");
            fs::create_dir_all(&folder).expect("the data folder is made");
            fs::write(folder.join(name), text).expect("the file is written");
        }
        let mut hub = Self { setup, process: None, last_pid: 0, admin_key, dir, database };
        hub.launch();
        hub.admin_key = hub.bootstrap_key();
        hub
    }

    pub(crate) fn start_with_key(
        setup: Setup,
        database: Option<Arc<Database>>,
        admin_key: &str,
    ) -> Self {
        let dir = tempfile::Builder::new().prefix("hub-").tempdir().expect("a temporary folder");
        let admin_key = admin_key.to_owned();
        let mut hub = Self { setup, process: None, last_pid: 0, admin_key, dir, database };
        hub.launch();
        hub
    }

    pub(crate) fn database(&self) -> &Database {
        self.database.as_deref().expect("only PostgreSQL's can be copied")
    }

    /// A second hubd over the same PostgreSQL database, with a folder of its own.
    #[must_use]
    pub fn replica(&self) -> Self {
        let database = self.database.clone().expect("only PostgreSQL takes several hubs");
        Self::start_with_key(self.setup.clone(), Some(database), &self.admin_key)
    }

    /// Sets an environment variable for the next start.
    pub fn set_env(&mut self, name: &str, value: &str) {
        self.setup.env.push((name.to_owned(), value.to_owned()));
    }

    /// Listens on another address from the next start on.
    pub fn listen_on(&mut self, address: &str) {
        address.clone_into(&mut self.setup.listen);
    }

    /// Uses the database at this URL from the next start on.
    pub fn set_database(&mut self, url: &str) {
        self.setup.database = Some(url.to_owned());
    }

    /// A hub with these settings on the database at this URL, which has this owner key.
    #[must_use]
    pub fn launched_on(&self, url: &str, admin_key: &str) -> Self {
        let mut setup = self.setup.clone();
        setup.database = Some(url.to_owned());
        Self::start_with_key(setup, None, admin_key)
    }

    /// Leaves out the last arguments of the setup at the next start.
    pub fn drop_args(&mut self, last: usize) {
        self.setup.args.truncate(self.setup.args.len() - last);
    }

    /// Takes the key that is in the key file now for the hub's own.
    pub fn take_key_file(&mut self) {
        self.admin_key = self.admin_key_file();
    }

    /// Sends a signal, such as `HUP`, to the process.
    pub fn signal(&self, name: &str) {
        let sent =
            Command::new("kill").args([&format!("-{name}"), &self.pid().to_string()]).status();
        assert!(sent.expect("kill runs").success(), "hubd had ended already");
    }

    fn bootstrap_key(&self) -> String {
        let set = self.setup.env.iter().find(|(name, _)| name == "HUBD_ADMIN_API_KEY");
        set.map_or_else(|| self.admin_key_file(), |(_, key)| key.clone())
    }

    fn admin_key_file(&self) -> String {
        let key = fs::read_to_string(self.data_dir().join("admin.key"));
        key.expect("the first start writes admin.key").trim_end().to_owned()
    }

    /// Asks the process to stop with SIGTERM and waits for its end.
    pub fn stop(&mut self) -> ExitStatus {
        let mut process = self.process.take().expect("the hub runs");
        let pid = process.child.id().to_string();
        let asked = Command::new("kill").args(["-TERM", &pid]).status().expect("kill runs");
        assert!(asked.success(), "hubd had ended already");
        process.child.wait().expect("hubd is our child")
    }

    /// Ends the process as a crash does.
    pub fn kill(&mut self) {
        let mut process = self.process.take().expect("the hub runs");
        process.child.kill().expect("hubd can be killed");
        process.child.wait().expect("hubd is our child");
    }

    /// Stops the process and starts it again, over the same data and on another port.
    pub fn restart(&mut self) {
        assert!(self.stop().success(), "hubd ends well after SIGTERM");
        self.launch();
    }

    /// A caller with the owner key of the first start.
    #[must_use]
    pub fn admin(&self) -> Caller {
        self.with_key(ADMIN_KEY_HEADER, &self.admin_key)
    }

    /// A caller with this admin key.
    #[must_use]
    pub fn admin_with(&self, key: &str) -> Caller {
        self.with_key(ADMIN_KEY_HEADER, key)
    }

    /// A caller with this hub key.
    #[must_use]
    pub fn instance(&self, hub_key: &str) -> Caller {
        self.with_key(HUB_KEY_HEADER, hub_key)
    }

    /// A caller with a key in this header.
    #[must_use]
    pub fn with_key(&self, header: &'static str, key: &str) -> Caller {
        self.anonymous().header(header, key)
    }

    /// A caller without a key.
    #[must_use]
    pub fn anonymous(&self) -> Caller {
        let caller = Caller::trusting(self.base(), self.authority());
        if self.setup.for_proofs { caller.of_any_answers() } else { caller }
    }

    /// Sends bytes over a bare connection; see [`raw::exchange`].
    pub async fn raw(&self, bytes: &[u8]) -> Vec<u8> {
        raw::exchange(self.address(), bytes).await
    }

    /// Where it listens: `http://127.0.0.1:PORT`.
    #[must_use]
    pub fn base(&self) -> &str {
        &self.process.as_ref().expect("the hub runs").base
    }

    /// Where it listens: `127.0.0.1:PORT`.
    #[must_use]
    pub fn address(&self) -> &str {
        self.base().split_once("://").expect("a URL").1
    }

    /// The number of the process that was started last, which may have ended.
    #[must_use]
    pub fn last_pid(&self) -> u32 {
        self.last_pid
    }

    /// The number of the process.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.process.as_ref().expect("the hub runs").child.id()
    }

    /// The memory of the process in bytes: `VmRSS` now, `VmHWM` at most.
    #[must_use]
    pub fn memory(&self, which: &str) -> usize {
        let status = format!("/proc/{}/status", self.pid());
        let status = std::fs::read_to_string(status).expect("the process is there");
        let line = status.lines().find_map(|line| line.strip_prefix(which)?.strip_prefix(':'));
        let kib = line.and_then(|line| line.trim().strip_suffix("kB")).expect("the kernel says it");
        kib.trim().parse::<usize>().expect("a number") * 1024
    }

    /// Its resident memory in MiB.
    #[must_use]
    pub fn resident(&self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "a size for people")]
        let bytes = self.memory("VmRSS") as f64;
        bytes / f64::from(1 << 20)
    }

    /// The owner key of the first start.
    #[must_use]
    pub fn admin_key(&self) -> &str {
        &self.admin_key
    }

    /// Which database it runs on.
    #[must_use]
    pub fn engine(&self) -> Engine {
        self.setup.engine
    }

    /// The URL of its database.
    #[must_use]
    pub fn database_url(&self) -> String {
        self.database.as_ref().map_or_else(
            || format!("sqlite://{}", self.data_dir().join("hub.db").display()),
            |database| database.url(),
        )
    }

    /// A folder for this hub's test; it holds the data folder and the log.
    #[must_use]
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// The `--data-dir` of hubd.
    #[must_use]
    pub fn data_dir(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    /// Where its standard error goes.
    #[must_use]
    pub fn log_path(&self) -> PathBuf {
        self.dir.path().join("hubd.log")
    }

    /// What it logged so far.
    #[must_use]
    pub fn log(&self) -> String {
        let log = fs::read(self.log_path()).expect("hubd has a log");
        String::from_utf8_lossy(&log).into_owned()
    }
}

impl Drop for Hub {
    #[expect(clippy::print_stderr, reason = "the log tells why a test failed")]
    fn drop(&mut self) {
        if let Some(mut process) = self.process.take() {
            let _ = process.child.kill();
            let _ = process.child.wait();
        }
        if std::thread::panicking() {
            eprintln!("--- the end of hubd's log ---\n{}\n---", tail(&self.log_path()));
        }
    }
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("the folder is made");
    let entries = fs::read_dir(from).expect("the folder is there").flatten();
    for entry in entries.filter(|entry| entry.path().is_file()) {
        fs::copy(entry.path(), to.join(entry.file_name())).expect("the file is copied");
    }
}
