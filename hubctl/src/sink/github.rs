//! A key for the later steps of a job in GitHub Actions, masked in its log first.
//!
//! <https://docs.github.com/actions/reference/workflow-commands-for-github-actions>

use std::fs::{File, Metadata, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::PathBuf;

use rustix::fs::OFlags;
use zeroize::Zeroizing;

use super::Sink;
use super::slot::Slot;
use crate::error::{Failure, Result};
use crate::words::{ShellName, StepFile};
use crate::{folder, output};

/// A line in a step's file. The runner reads the file when the step ends.
#[derive(Debug)]
pub(crate) struct StepSink {
    file: File,
    which: StepFile,
    slot: Slot,
    name: ShellName,
    /// The file's length before this run, and after it.
    written: Option<(u64, u64)>,
}

impl StepSink {
    /// Opens the file that the runner made.
    pub(super) fn reserve(
        which: StepFile,
        name: &ShellName,
        path: Option<PathBuf>,
    ) -> Result<Self> {
        let variable = which.variable();
        let path = path.ok_or_else(|| {
            Failure::sink(format!("{variable} is not set"))
                .hint("this sink works in a step of a GitHub Actions job")
        })?;
        let refuse = |why: String| Failure::sink(format!("the file of {variable} {why}"));
        let mut options = OpenOptions::new();
        let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY;
        options.read(true).append(true).custom_flags(flags.bits().cast_signed());
        let file =
            options.open(&path).map_err(|error| refuse(format!("cannot be opened: {error}")))?;
        let about = file.metadata().map_err(|error| refuse(format!("cannot be seen: {error}")))?;
        if let Some(fault) = fault(&about) {
            return Err(refuse(fault));
        }
        let slot = Slot::Line(name.clone());
        Ok(Self { file, which, slot, name: name.clone(), written: None })
    }

    fn length(&self) -> Result<u64> {
        self.file.metadata().map(|about| about.len()).map_err(|error| self.failed(&error))
    }

    /// Whether another command's line has no end yet.
    fn is_in_a_line(&self, length: u64) -> std::io::Result<bool> {
        let Some(last) = length.checked_sub(1) else {
            return Ok(false);
        };
        let mut byte = [0];
        self.file.read_exact_at(&mut byte, last)?;
        Ok(byte != *b"\n")
    }

    fn failed(&self, error: &std::io::Error) -> Failure {
        Failure::sink(format!("the file of {}: {error}", self.which.variable()))
    }
}

/// Why a file is not the caller's own. Others may read it: the runner makes it so.
fn fault(about: &Metadata) -> Option<String> {
    if !about.is_file() {
        return Some("is not a regular file".to_owned());
    }
    if about.uid() != folder::caller() {
        return Some(format!("belongs to another user (uid {})", about.uid()));
    }
    let mode = about.mode() & 0o7777;
    (mode & 0o022 != 0).then(|| format!("can be changed by others ({mode:04o})"))
}

impl Sink for StepSink {
    /// The key that this step has put there before.
    fn held(&mut self) -> Result<Option<Zeroizing<String>>> {
        let mut content = Zeroizing::new(Vec::new());
        let read = self
            .file
            .seek(SeekFrom::Start(0))
            .and_then(|_| (&self.file).take(self.slot.longest()).read_to_end(&mut content));
        read.map_err(|error| self.failed(&error))?;
        Ok(self.slot.find(&content).map(|text| Zeroizing::new(text.to_owned())))
    }

    /// Masks the key in the log, then adds its line. Of two lines with one name the runner takes the
    /// last.
    fn put(&mut self, secret: &str) -> Result<()> {
        // The runner reads commands from both streams, and standard output is for data.
        output::write_words(&format!("::add-mask::{secret}\n"));
        let before = self.length()?;
        let end =
            if self.is_in_a_line(before).map_err(|error| self.failed(&error))? { "\n" } else { "" };
        let line = Zeroizing::new(format!("{end}{}={secret}\n", self.name.as_str()));
        let put = (&self.file).write_all(line.as_bytes()).and_then(|()| self.file.sync_all());
        put.map_err(|error| self.failed(&error))?;
        self.written = Some((before, self.length()?));
        Ok(())
    }

    /// Takes the line out again, unless somebody has added another after it.
    fn restore(&mut self) {
        if let Some((before, after)) = self.written.take()
            && self.length().is_ok_and(|length| length == after)
        {
            let _ = self.file.set_len(before);
        }
    }

    fn place(&self) -> String {
        format!("{} {}", self.which.variable(), self.name.as_str())
    }

    fn told(&self) -> String {
        format!(" → {}", self.place())
    }
}
