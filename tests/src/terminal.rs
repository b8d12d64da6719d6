//! hubctl before a person: a pseudo-terminal, what it shows, and what is typed.

use std::io::{Read, Write};
use std::process::Child;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use pty_process::Size;
use pty_process::blocking::{Command, Pty};

use crate::ctl::Ctl;

/// How long something may take to appear.
const PATIENCE: Duration = Duration::from_secs(30);

/// A program at a terminal.
#[derive(Debug)]
pub struct Terminal {
    child: Child,
    screen: Arc<Screen>,
}

/// How a program ended, and all that its terminal showed.
#[derive(Debug)]
pub struct Seen {
    /// The exit code.
    pub code: i32,
    /// Everything that was written, what was typed among it where it was echoed.
    pub text: String,
}

struct Screen {
    pty: Pty,
    shown: Mutex<Shown>,
    changed: Condvar,
}

#[derive(Default)]
struct Shown {
    text: String,
    ended: bool,
}

impl std::fmt::Debug for Screen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Screen")
    }
}

impl Ctl {
    /// Starts hubctl at a terminal of so many columns.
    #[must_use]
    pub fn at_terminal(&self, columns: u16, args: &[&str]) -> Terminal {
        self.start_at_terminal(columns, self.command(args))
    }

    /// Starts a line of the shell at a terminal; `hubctl` in it is the real one.
    #[must_use]
    pub fn shell_at_terminal(&self, columns: u16, line: &str) -> Terminal {
        let hubctl = crate::binaries::hubctl();
        let hubctl = hubctl.to_str().expect("a path of ours");
        let line = format!("hubctl() {{ '{hubctl}' \"$@\"; }}; {line}");
        self.start_at_terminal(columns, self.program("sh", &["-c", &line]))
    }

    fn start_at_terminal(&self, columns: u16, mut command: std::process::Command) -> Terminal {
        let (pty, pts) = pty_process::blocking::open().expect("a pseudo-terminal");
        pty.resize(Size::new(24, columns)).expect("a terminal has a size");
        if self.variable("TERM").is_none() {
            command.env("TERM", "xterm");
        }
        let child = Command::from(command).spawn(pts).expect("hubctl starts");
        let screen = Arc::new(Screen { pty, shown: Mutex::default(), changed: Condvar::new() });
        let reader = Arc::clone(&screen);
        std::thread::spawn(move || reader.read_to_end());
        Terminal { child, screen }
    }
}

impl Screen {
    fn read_to_end(&self) {
        let mut buffer = [0; 4096];
        loop {
            // Linux says EIO when the last program at the terminal has ended.
            let n = (&self.pty).read(&mut buffer).unwrap_or(0);
            let mut shown = self.shown.lock().expect("no reader panics");
            shown.text.push_str(&String::from_utf8_lossy(&buffer[..n]));
            shown.ended = n == 0;
            self.changed.notify_all();
            if shown.ended {
                return;
            }
        }
    }

    fn wait(&self, until: impl Fn(&Shown) -> bool) -> String {
        let shown = self.shown.lock().expect("no reader panics");
        let (shown, timeout) = self
            .changed
            .wait_timeout_while(shown, PATIENCE, |shown| !until(shown) && !shown.ended)
            .expect("no reader panics");
        assert!(!timeout.timed_out(), "the terminal shows only:\n{}", shown.text);
        shown.text.clone()
    }
}

impl Terminal {
    /// Waits until this is shown.
    pub fn wait_for(&self, text: &str) {
        let shown = self.screen.wait(|shown| shown.text.contains(text));
        assert!(shown.contains(text), "no {text:?} before the end:\n{shown}");
    }

    /// Waits until this is shown so many times.
    pub fn wait_for_times(&self, text: &str, times: usize) {
        let count = |shown: &str| shown.matches(text).count();
        let shown = self.screen.wait(|shown| count(&shown.text) >= times);
        assert!(
            count(&shown) >= times,
            "{text:?} less than {times} times before the end:\n{shown}"
        );
    }

    /// All that was shown so far.
    #[must_use]
    pub fn text(&self) -> String {
        self.screen.wait(|_| true)
    }

    /// Types a line.
    pub fn type_line(&self, line: &str) {
        self.type_keys(&format!("{line}\r"));
    }

    /// Types keys as they are: `\u{3}` is Ctrl-C, `\u{4}` Ctrl-D.
    pub fn type_keys(&self, keys: &str) {
        (&self.screen.pty).write_all(keys.as_bytes()).expect("the terminal is open");
    }

    /// Makes the terminal so many columns wide.
    pub fn resize(&self, columns: u16) {
        self.screen.pty.resize(Size::new(24, columns)).expect("the terminal is open");
    }

    /// Waits for the program's end.
    #[must_use]
    pub fn end(mut self) -> Seen {
        let text = self.screen.wait(|shown| shown.ended);
        let status = self.child.wait().expect("hubctl is our child");
        Seen { code: status.code().unwrap_or(-1), text }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Seen {
    /// This, if it ended with that exit code.
    #[must_use]
    pub fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{}", self.text);
        self
    }
}
