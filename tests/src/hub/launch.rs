//! How a hubd process is started.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use super::Hub;
use crate::watchdog::{self, Chore};
use crate::{binaries, power};

/// How long a hub may take until it listens.
const START: Duration = Duration::from_mins(1);

#[derive(Debug)]
pub(super) struct Process {
    pub(super) child: Child,
    pub(super) base: String,
    _chore: Chore,
}

impl Hub {
    /// Starts the process again, over the same data.
    pub fn launch(&mut self) {
        assert!(self.process.is_none(), "the hub runs already");
        let mut child = self.command().spawn().expect("hubd starts");
        self.last_pid = child.id();
        let clean = format!("kill -9 {}; rm -rf '{}'", child.id(), self.dir.path().display());
        let chore = watchdog::at_exit(&clean);
        let stdout = child.stdout.take().expect("stdout is piped");
        // Stored first: if a panic below ends the test, the process is killed and its log printed.
        self.process = Some(Process { child, base: String::new(), _chore: chore });
        let line = first_line(stdout);
        let base = line.as_deref().and_then(|line| line.strip_prefix("hubd listening on "));
        let base = base.unwrap_or_else(|| panic!("hubd did not say where it listens: {line:?}"));
        let base = base.trim_end().to_owned();
        self.process.as_mut().expect("it was just started").base = base;
    }

    fn command(&self) -> Command {
        fs::create_dir_all(self.data_dir()).expect("the data folder is made");
        let log = File::options().create(true).append(true).open(self.log_path());
        let program =
            if self.setup.for_proofs { binaries::hubd_for_proofs() } else { binaries::hubd() };
        let mut hubd = match (&self.setup.socket, &self.setup.descriptors) {
            _ if self.setup.recorded => power::recorded(&program, self.dir.path()),
            (Some(socket), _) => handing_over(socket, &program),
            (None, Some(limit)) => limited(limit, &program),
            (None, None) => Command::new(program),
        };
        if self.setup.socket.is_none() {
            hubd.stdin(Stdio::null());
        }
        hubd.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
        hubd.args(["--listen", &self.setup.listen, "--data-dir"]).arg(self.data_dir());
        if let Some(url) = &self.setup.database {
            hubd.args(["--database", url]);
        } else if let Some(database) = &self.database {
            hubd.args(["--database", &database.url()]);
        }
        hubd.args(&self.setup.args).envs(self.setup.env.iter().map(|(n, v)| (n, v)));
        hubd.current_dir(self.dir.path()).stdout(Stdio::piped());
        // In a process group of its own, so that Ctrl-C reaches only the tests, which then end it.
        hubd.stderr(log.expect("the log opens")).process_group(0);
        hubd
    }

    /// Starts the process, which must refuse to run; gives its exit status and what it logged.
    #[must_use]
    pub fn launch_refused(&self) -> (ExitStatus, String) {
        let said = self.log().len();
        let mut child = self.command().spawn().expect("hubd starts");
        let stdout = child.stdout.take().expect("stdout is piped");
        let line = first_line(stdout);
        let _ = child.kill();
        let status = child.wait().expect("hubd is our child");
        assert!(line.is_none(), "hubd started all the same: {line:?}");
        (status, self.log()[said..].to_owned())
    }

    /// Runs another command of hubd, such as `check`, with the same settings; gives its exit code, its
    /// standard output and its standard error.
    #[must_use]
    pub fn run(&self, args: &[&str]) -> (i32, String, String) {
        let ran = self.command().args(args).stderr(Stdio::piped()).output().expect("hubd runs");
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        (ran.status.code().unwrap_or(-1), text(ran.stdout), text(ran.stderr))
    }
}

/// The first line of a stream. The rest is read too, because a full pipe would block the writer.
fn first_line(stream: impl std::io::Read + Send + 'static) -> Option<String> {
    let (found, line) = mpsc::channel();
    std::thread::spawn(move || {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            let _ = found.send(line);
        }
    });
    line.recv_timeout(START).ok()
}

/// The program in a shell that was told `ulimit` with these arguments.
fn limited(limit: &str, program: &Path) -> Command {
    let mut shell = Command::new("sh");
    shell.args(["-c", &format!("ulimit {limit} && exec \"$0\" \"$@\"")]).arg(program);
    shell
}

/// Starts the program with this socket as its descriptor 3, as systemd does.
fn handing_over(socket: &TcpListener, program: &Path) -> Command {
    const START: &str = "exec 3<&0 </dev/null; LISTEN_PID=$$ LISTEN_FDS=1 exec \"$0\" \"$@\"";
    let mut shell = Command::new("sh");
    let socket = socket.try_clone().expect("a socket can be shared");
    shell.args(["-c", START]).arg(program).stdin(OwnedFd::from(socket));
    shell
}
