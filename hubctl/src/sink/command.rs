//! A key handed to a command on its standard input, for a store that hubctl does not know.

use std::io::{ErrorKind, Write};
use std::os::fd::AsFd;
use std::process::{Command, Stdio};

use super::Sink;
use crate::error::{Failure, Result};

/// A command of the shell.
#[derive(Debug)]
pub(crate) struct CommandSink {
    line: String,
}

impl CommandSink {
    /// Makes sure that there is a shell, and that it can parse the command.
    pub(super) fn reserve(line: &str) -> Result<Self> {
        let sink = Self { line: line.to_owned() };
        // `-n` parses the command without running it: mistakes are found before a key is made.
        let read =
            Command::new("sh").args(["-n", "-c", line]).output().map_err(|error| failed(&error))?;
        if read.status.success() {
            return Ok(sink);
        }
        Err(Failure::sink("the shell cannot parse the command of --sink cmd:"))
    }
}

impl Sink for CommandSink {
    /// Runs the command with the key on its standard input. Its output goes to standard error.
    fn put(&mut self, secret: &str) -> Result<()> {
        let said =
            std::io::stderr().as_fd().try_clone_to_owned().map_err(|error| failed(&error))?;
        let mut child = Command::new("sh")
            .args(["-c", &self.line])
            .stdin(Stdio::piped())
            .stdout(said)
            .spawn()
            .map_err(|error| failed(&error))?;
        let taken = match child.stdin.take() {
            Some(mut stdin) => stdin.write_all(secret.as_bytes()),
            None => Ok(()),
        };
        let status = child.wait().map_err(|error| failed(&error))?;
        if !status.success() {
            return Err(Failure::sink(format!("the command of --sink cmd: failed: {status}"))
                .hint("the key was not registered; correct the command and run this again"));
        }
        match taken {
            // A command that succeeds without reading has not kept the key.
            Err(error) if error.kind() == ErrorKind::BrokenPipe => {
                Err(Failure::sink("the command of --sink cmd: did not read the key"))
            }
            taken => taken.map_err(|error| failed(&error)),
        }
    }

    fn told(&self) -> String {
        " → the command".to_owned()
    }
}

fn failed(error: &std::io::Error) -> Failure {
    Failure::sink(format!("the command of --sink cmd: cannot be run: {error}"))
}
