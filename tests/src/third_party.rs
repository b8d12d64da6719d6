//! Programs of other people that check the hub's work, from their own package registries: packages of
//! `PyPI` in a virtual environment and of npm in a folder, both in the target directory.
//!
//! A test that needs one is skipped, with a message, where the registry cannot be reached.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use crate::binaries;

/// The interpreter of Python that has `PyJWT`, if it can be had.
#[must_use]
pub fn python_with_jwt() -> Option<&'static Path> {
    static PYTHON: OnceLock<Option<PathBuf>> = OnceLock::new();
    PYTHON.get_or_init(|| python("jwt", &["PyJWT[crypto]==2.10.1"])).as_deref()
}

/// A folder where programs of Node.js find the package jose, if it can be had.
#[must_use]
pub fn node_with_jose() -> Option<&'static Path> {
    static NODE: OnceLock<Option<PathBuf>> = OnceLock::new();
    NODE.get_or_init(|| node("jose", &["jose@6.1.0"])).as_deref()
}

/// A virtual environment with these packages; gives its interpreter.
#[must_use]
pub fn python(name: &str, packages: &[&str]) -> Option<PathBuf> {
    let folder = folder().join(format!("python-{name}"));
    let python = folder.join("bin/python");
    let script = "[ -e \"$0/complete\" ] || { rm -rf \"$0\" && python3 -m venv \"$0\" \
                  && \"$0/bin/pip\" install --quiet --disable-pip-version-check \"$@\" \
                  && touch \"$0/complete\"; }";
    install(&folder, script, packages).then_some(python)
}

/// A folder with these packages of npm.
fn node(name: &str, packages: &[&str]) -> Option<PathBuf> {
    let folder = folder().join(format!("node-{name}"));
    let script = "[ -e \"$0/complete\" ] || { rm -rf \"$0\" && mkdir -p \"$0\" && cd \"$0\" \
                  && npm install --silent --no-audit --no-fund --prefix \"$0\" \"$@\" \
                  && touch \"$0/complete\"; }";
    install(&folder, script, packages).then_some(folder)
}

/// Runs the script, which does nothing when all is there. A lock keeps two test processes apart.
#[expect(clippy::print_stderr, reason = "a skipped test says so")]
fn install(folder: &Path, script: &str, packages: &[&str]) -> bool {
    std::fs::create_dir_all(folder.parent().expect("it has one")).expect("the folder is made");
    let mut shell = Command::new("flock");
    shell.arg(folder.with_extension("lock")).args(["sh", "-c", script]).arg(folder).args(packages);
    let done = shell.stdin(Stdio::null()).stdout(Stdio::null()).output();
    let done = done.is_ok_and(|output| output.status.success());
    if !done {
        eprintln!("SKIPPED: {packages:?} cannot be installed here; is the registry reachable?");
    }
    done
}

fn folder() -> PathBuf {
    PathBuf::from(binaries::target_dir()).join("third-party")
}
