//! Faults at system calls, which `strace` injects: runs of hubctl that are killed at one call after the
//! other, and calls of a running hub that fail once.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use crate::Hub;
use crate::ctl::Ctl;

/// A system call of a run: the `nth` (from 1) of this name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Such as `openat`.
    pub call: String,
    /// Which of them.
    pub nth: usize,
}

/// Whether programs can be traced here. Some containers do not allow it.
#[must_use]
pub fn works() -> bool {
    let traced = Command::new("strace").args(["-f", "-o", "/dev/null", "true"]).output();
    traced.is_ok_and(|traced| traced.status.success())
}

/// Every system call of a run, found by running the command to its end. The calls before the first one
/// that mentions `after` load the program and are left out.
#[must_use]
pub fn steps(ctl: &Ctl, args: &[&str], after: &str) -> Vec<Step> {
    let log = ctl.dir().join("strace.log");
    let hubctl = hubctl();
    let options = ["-f", "-qq", "-s", "4096", "-o", "strace.log", "--", &hubctl];
    let traced = [&options, args].concat();
    let ran = ctl.run_program("strace", &traced);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let text = std::fs::read_to_string(&log).expect("strace writes its log");
    std::fs::remove_file(&log).expect("the log is ours");
    let mut counts = BTreeMap::<String, usize>::new();
    let (mut steps, mut begun) = (Vec::new(), false);
    for line in text.lines() {
        begun |= line.contains(after);
        let Some(call) = call_of(line) else { continue };
        let nth = counts.entry(call.clone()).or_default();
        *nth += 1;
        if begun {
            steps.push(Step { call, nth: *nth });
        }
    }
    assert!(begun, "no call has {after}:\n{text}");
    steps
}

/// Runs the command and kills it as it enters this call. Whether it was killed.
#[must_use]
pub fn killed_at(ctl: &Ctl, step: &Step, args: &[&str]) -> bool {
    let inject = format!("inject={}:signal=KILL:when={}", step.call, step.nth);
    let hubctl = hubctl();
    let traced = ["-f", "-qq", "-o", "/dev/null", "-e", &inject, "--", &hubctl];
    let ran = ctl.run_program("strace", &[&traced, args].concat());
    ran.code != 0
}

/// A system call of a running hub that fails once. `strace` counts calls by thread, so another thread
/// that makes as many can fail too. Calls work again when this is dropped.
#[derive(Debug)]
pub struct Fault {
    strace: Child,
    log: PathBuf,
}

impl Fault {
    /// Lets a call, counted from now on, fail with an error such as `ENOSPC`.
    #[must_use]
    pub fn at(hub: &Hub, step: &Step, error: &str) -> Self {
        let log = hub.dir().join("faults.log");
        let inject = format!("inject={}:error={error}:when={}", step.call, step.nth);
        let mut strace = Command::new("strace");
        strace.args(["-f", "-e", &format!("trace={}", step.call), "-e", &inject, "-o"]).arg(&log);
        strace.args(["-p", &hub.pid().to_string()]).stderr(Stdio::piped());
        let mut strace = strace.spawn().expect("strace is installed");
        let said = strace.stderr.take().expect("stderr is piped");
        let fault = Self { strace, log };
        let attached = BufReader::new(said).lines().next().and_then(Result::ok);
        assert!(attached.iter().any(|line| line.contains(" attached")), "{attached:?}");
        fault
    }

    /// Ends the fault; whether the hub has met it.
    #[must_use]
    pub fn was_met(mut self) -> bool {
        self.detach();
        std::fs::read_to_string(&self.log).is_ok_and(|log| log.contains("(INJECTED)"))
    }

    fn detach(&mut self) {
        let pid = self.strace.id().to_string();
        let _ = Command::new("kill").args(["-TERM", &pid]).status();
        let _ = self.strace.wait();
    }
}

impl Drop for Fault {
    fn drop(&mut self) {
        self.detach();
    }
}

fn hubctl() -> String {
    crate::binaries::hubctl().to_str().expect("a path of ours").to_owned()
}

/// `1234  openat(AT_FDCWD, …` → `openat`.
fn call_of(line: &str) -> Option<String> {
    let (_, rest) = line.split_once(' ')?;
    let (call, _) = rest.trim_start().split_once('(')?;
    let word = call.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    (word && call != "exit_group").then(|| call.to_owned())
}
