//! Runs of the real hubctl, in an empty folder and an environment of its own.

use std::ffi::OsStr;
use std::io::Write;
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::{Hub, binaries};

/// How hubctl is run.
#[derive(Debug)]
pub struct Ctl {
    dir: TempDir,
    env: Vec<(String, String)>,
    stdin: Vec<u8>,
}

/// How a run ended and what it wrote.
#[derive(Debug)]
pub struct Ran {
    /// The exit code.
    pub code: i32,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Hub {
    /// A hubctl that knows this hub and its owner key.
    #[must_use]
    pub fn ctl(&self) -> Ctl {
        Ctl::default().env("HUBCTL_URL", self.base()).env("HUBCTL_ADMIN_KEY", self.admin_key())
    }
}

impl Default for Ctl {
    fn default() -> Self {
        let dir = tempfile::tempdir().expect("a temporary folder");
        Self { dir, env: Vec::new(), stdin: Vec::new() }
    }
}

impl Ctl {
    /// The folder that it runs in.
    #[must_use]
    pub fn dir(&self) -> &std::path::Path {
        self.dir.path()
    }

    /// With this environment variable.
    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }

    /// What an environment variable was set to.
    pub(crate) fn variable(&self, name: &str) -> Option<&str> {
        self.env.iter().rev().find(|(set, _)| set == name).map(|(_, value)| value.as_str())
    }

    /// With this on standard input.
    #[must_use]
    pub fn stdin(mut self, text: &str) -> Self {
        text.as_bytes().clone_into(&mut self.stdin);
        self
    }

    /// The command, for a test that watches it run.
    #[must_use]
    pub fn command(&self, args: &[&str]) -> Command {
        self.program(binaries::hubctl(), args)
    }

    /// A shell that runs a script in the same folder and environment; `hubctl` is the one under test.
    #[must_use]
    pub fn shell(&self, shell: &str, script: &str) -> Command {
        let mut command = self.program(shell, &["-c", script]);
        let hubctl = binaries::hubctl();
        let folder = hubctl.parent().expect("a program lies in a folder").as_os_str();
        let path = [folder, &std::env::var_os("PATH").unwrap_or_default()].join(OsStr::new(":"));
        command.env("PATH", path);
        command
    }

    pub(crate) fn program(&self, program: impl AsRef<OsStr>, args: &[&str]) -> Command {
        let mut program = Command::new(program);
        program.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
        // No contexts and keys of the person who runs the tests.
        program.env("HOME", self.dir()).env("XDG_CONFIG_HOME", self.dir().join("config"));
        program.envs(self.env.iter().map(|(name, value)| (name, value)));
        program.args(args).current_dir(self.dir());
        program.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        program
    }

    /// Runs it to its end.
    #[must_use]
    pub fn run(&self, args: &[&str]) -> Ran {
        self.finish(self.command(args))
    }

    /// Runs another program in the same folder and environment.
    #[must_use]
    pub fn run_program(&self, program: &str, args: &[&str]) -> Ran {
        self.finish(self.program(program, args))
    }

    /// Runs a script of a shell to its end.
    #[must_use]
    pub fn run_in(&self, shell: &str, script: &str) -> Ran {
        self.finish(self.shell(shell, script))
    }

    fn finish(&self, mut command: Command) -> Ran {
        let mut child = command.spawn().expect("the program starts");
        let mut stdin = child.stdin.take().expect("stdin is piped");
        // A program that does not read its input closes it.
        let _ = stdin.write_all(&self.stdin);
        drop(stdin);
        let output = child.wait_with_output().expect("it is our child");
        Ran {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

impl Ran {
    /// This run, if it ended with that exit code.
    #[must_use]
    pub fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, code, "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }

    /// Standard output as one JSON document.
    #[must_use]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|_| panic!("not JSON:\n{}\nstderr:\n{}", self.stdout, self.stderr))
    }
}
