//! A key handed to a command on its standard input, for a store that hubctl does not know.

use std::io::{ErrorKind, IsTerminal, Write, pipe, stderr};
use std::os::fd::AsFd;
use std::process::Command;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;

use rustix::io::ioctl_fionread;

use super::Sink;
use crate::error::{Failure, Result};
use crate::output::{LastLine, MOMENT, write_words};
use crate::settings::Variable;

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
        let read = shell().args(["-n", "-c", line]).output().map_err(|error| failed(&error))?;
        if read.status.success() {
            return Ok(sink);
        }
        Err(Failure::sink("the shell cannot parse the command of --sink cmd:"))
    }
}

/// A shell that gets no secret but the key: the admin key that hubctl works with is none of its business.
fn shell() -> Command {
    let mut shell = Command::new("sh");
    shell.env_remove(Variable::AdminKey.name());
    shell
}

impl Sink for CommandSink {
    /// Runs the command with the key on its standard input. Its output goes to standard error.
    fn put(&mut self, secret: &str) -> Result<()> {
        let failed = |error: std::io::Error| failed(&error);
        let said = std::io::stderr().as_fd().try_clone_to_owned().map_err(failed)?;
        let (reader, mut writer) = pipe().map_err(failed)?;
        let stdin = reader.try_clone().map_err(failed)?;
        let mut command = shell();
        let child = command.args(["-c", &self.line]).stdin(stdin).stdout(said).spawn();
        // The command has its end; here it would keep the pipe open.
        drop(command);
        let mut child = child.map_err(failed)?;
        // A key fits into every pipe, so this waits for nobody.
        let written = writer.write_all(secret.as_bytes());
        drop(writer);
        let status = telling_who_waits(|| child.wait()).map_err(failed)?;
        if !status.success() {
            return Err(Failure::sink(format!("the command of --sink cmd: failed: {status}"))
                .hint("the key was not registered; correct the command and run this again"));
        }
        // A command that succeeds without reading has not kept the key: then it is still in the pipe.
        let left = ioctl_fionread(&reader).map_err(|error| failed(error.into()))?;
        match written {
            Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(failed(error)),
            Ok(()) if left == 0 => Ok(()),
            _ => Err(Failure::sink("the command of --sink cmd: did not read the key to its end")
                .hint("the key was not registered; the command must read its standard input")),
        }
    }

    fn told(&self) -> String {
        " → the command".to_owned()
    }
}

/// Does some work, and after a moment says at a terminal that the command is waited for: once and in a line
/// of its own, for the command may ask something there.
fn telling_who_waits<T>(work: impl FnOnce() -> T) -> T {
    let (ends, ended) = mpsc::channel::<()>();
    thread::scope(|scope| {
        scope.spawn(move || {
            let goes_on = ended.recv_timeout(MOMENT) == Err(RecvTimeoutError::Timeout);
            if goes_on && stderr().is_terminal() && LastLine::take().is_some() {
                write_words("waiting for the command of --sink cmd:\n");
            }
        });
        let done = work();
        drop(ends);
        done
    })
}

fn failed(error: &std::io::Error) -> Failure {
    Failure::sink(format!("the command of --sink cmd: cannot be run: {error}"))
}
