//! Cleans up after the test process, however it ended: a small shell waits until its pipe from this
//! process closes, then does the chores that are left.
//!
//! A chore is a script in a folder; dropping the [`Chore`] removes the script.

use std::fs;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

const WATCH: &str = r#"
trap '' HUP INT TERM
cat >/dev/null
for chore in "$1"/*.sh; do [ -f "$chore" ] && sh "$chore"; done
rm -rf "$1"
"#;

struct Watchdog {
    chores: PathBuf,
    // Holds the pipe, which the kernel closes when this process ends, by SIGKILL too.
    _shell: Child,
}

/// A shell command that runs when the test process ends, unless this is dropped before.
#[derive(Debug)]
pub struct Chore(PathBuf);

/// Registers a shell command to run when the test process ends.
pub fn at_exit(command: &str) -> Chore {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let name = format!("{:06}.sh", NEXT.fetch_add(1, Ordering::Relaxed));
    let path = watchdog().chores.join(name);
    fs::write(&path, command).expect("the chore is noted");
    Chore(path)
}

impl Drop for Chore {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

fn watchdog() -> &'static Watchdog {
    static WATCHDOG: OnceLock<Watchdog> = OnceLock::new();
    WATCHDOG.get_or_init(|| {
        let chores = tempfile::Builder::new().prefix("hub-chores-").tempdir();
        let chores = chores.expect("a temporary folder").keep();
        let mut shell = Command::new("sh");
        shell.args(["-c", WATCH, "watchdog"]).arg(&chores);
        // In a process group of its own, so that Ctrl-C does not end it with the tests.
        shell.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
        Watchdog { chores, _shell: shell.spawn().expect("sh runs") }
    })
}
