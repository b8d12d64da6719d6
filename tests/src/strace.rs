//! Runs of hubctl that are killed at a system call, one after the other: `strace` injects the signal.

use std::collections::BTreeMap;
use std::process::Command;

use crate::ctl::Ctl;

/// A system call of a run: the `nth` (from 1) of this name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Such as `openat`.
    pub call: String,
    /// Which of them.
    pub nth: usize,
}

/// Whether programs can be traced here. Where they cannot, as in some containers, a test has to kill by
/// time.
#[must_use]
pub fn works() -> bool {
    let traced = Command::new("strace").args(["-f", "-o", "/dev/null", "true"]).output();
    traced.is_ok_and(|traced| traced.status.success())
}

/// Every system call that a run makes once it looks at its sink, by running it to its end. `after` is
/// in the first call of interest: before it, nothing but the program itself was loaded.
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

/// Runs it, and kills it as it enters that call.
#[must_use]
pub fn killed_at(ctl: &Ctl, step: &Step, args: &[&str]) -> bool {
    let inject = format!("inject={}:signal=KILL:when={}", step.call, step.nth);
    let hubctl = hubctl();
    let traced = ["-f", "-qq", "-o", "/dev/null", "-e", &inject, "--", &hubctl];
    let ran = ctl.run_program("strace", &[&traced, args].concat());
    ran.code != 0
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
