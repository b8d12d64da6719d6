//! Builds hubd and hubctl once in a test process, and knows where they are.
//!
//! Cargo builds no other package's programs for an integration test, and a program left over from an
//! earlier build would be tested instead of the code at hand.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use serde_json::Value;

/// The hubd executable.
#[must_use]
pub fn hubd() -> PathBuf {
    static HUBD: OnceLock<PathBuf> = OnceLock::new();
    HUBD.get_or_init(|| copy(&executable(plain(), "hubd"), "hubd-for-tests")).clone()
}

/// The hubctl executable.
#[must_use]
pub fn hubctl() -> PathBuf {
    executable(plain(), "hubctl")
}

/// hubd as the proofs need it: its clock can stand still, and it can leak on purpose.
#[must_use]
pub fn hubd_for_proofs() -> PathBuf {
    static PROOF: OnceLock<PathBuf> = OnceLock::new();
    let build_it = || {
        // The plain one is built and copied first: this build overwrites it.
        let _ = hubd();
        let said = build().args(["-p", "hubd", "--features", "hubd/proof"]).output();
        copy(&executable(&said.expect("cargo runs"), "hubd"), "hubd-for-proofs")
    };
    PROOF.get_or_init(build_it).clone()
}

/// The root of the workspace.
#[must_use]
pub fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ is a member of a workspace")
}

/// What cargo said when it built the programs as they are shipped.
fn plain() -> &'static Output {
    static BUILD: OnceLock<Output> = OnceLock::new();
    BUILD.get_or_init(|| build().args(["-p", "hubd", "-p", "hubctl"]).output().expect("cargo runs"))
}

fn copy(program: &Path, name: &str) -> PathBuf {
    let copy = program.with_file_name(name);
    // Another test process may run the one that is there.
    let _ = std::fs::remove_file(&copy);
    std::fs::copy(program, &copy).expect("the program is copied");
    copy
}

fn build() -> Command {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| env!("CARGO").into());
    let mut build = Command::new(cargo);
    // If one program does not compile, only the tests that need it fail.
    build.args(["build", "--keep-going", "--message-format=json-render-diagnostics"]);
    if !cfg!(debug_assertions) {
        build.args(["--profile", "dist"]);
    }
    build.arg("--target-dir").arg(target_dir());
    build.current_dir(workspace());
    // These variables are set for the test itself; passed on, they make build scripts run again.
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
            build.env_remove(&name);
        }
    }
    build
}

/// The target directory that this test was built in.
pub(crate) fn target_dir() -> OsString {
    std::env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| {
        let test = std::env::current_exe().expect("a test knows its own path");
        // target/debug/deps/e2e-0123456789abcdef
        test.ancestors().nth(3).expect("a test lies in target/debug/deps").into()
    })
}

fn executable(said: &Output, name: &str) -> PathBuf {
    let artifacts = String::from_utf8_lossy(&said.stdout);
    let path = artifacts
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|artifact| artifact["target"]["name"] == name)
        .find_map(|artifact| artifact["executable"].as_str().map(PathBuf::from));
    path.unwrap_or_else(|| {
        panic!("cargo built no {name}:\n{}", String::from_utf8_lossy(&said.stderr))
    })
}
