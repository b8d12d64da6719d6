//! A folder that files with keys are in. It is held open: whatever happens to its path meanwhile, all
//! that is done in it is done in the folder that was looked at. No link is followed in it, and nothing in
//! it is waited for: a pipe that a stranger has put there would never end.

use std::fs::{File, Metadata};
use std::io::{self, ErrorKind};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustix::fs::{AtFlags, CWD, Mode, OFlags, linkat, openat, renameat, unlinkat};
use rustix::process::geteuid;

use crate::interrupt;

/// A folder.
#[derive(Debug)]
pub(crate) struct Folder {
    open: File,
    about: Metadata,
}

/// The user who runs this.
pub(crate) fn caller() -> u32 {
    geteuid().as_raw()
}

/// The part of a path that names the folder.
pub(crate) fn of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

impl Folder {
    /// Opens the folder that a file is in.
    pub(crate) fn around(path: &Path) -> io::Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let open = File::from(openat(CWD, of(path), flags, Mode::empty())?);
        let about = open.metadata()?;
        Ok(Self { open, about })
    }

    /// Why somebody else could put files in here, if anybody could.
    pub(crate) fn fault(&self) -> Option<String> {
        let (owner, mode) = (self.about.uid(), self.about.mode());
        if owner != caller() && owner != 0 {
            return Some(format!(
                "its folder belongs to another user (uid {owner}), who could take or replace a key"
            ));
        }
        // In a sticky folder nobody can take a file away, but everybody can be there first.
        let open = mode & 0o022 != 0;
        let mode = mode & 0o7777;
        open.then(|| {
            format!("others can write to its folder ({mode:04o}) and could take or replace a key")
        })
    }

    /// Whether only root can put files in here.
    pub(crate) fn is_roots_own(&self) -> bool {
        self.about.uid() == 0 && self.about.mode() & 0o022 == 0
    }

    /// Opens a file for reading; `None` where there is none.
    pub(crate) fn open(&self, name: &Path) -> io::Result<Option<File>> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        match openat(&self.open, name, flags | OFlags::NOCTTY, Mode::empty()) {
            Ok(file) => Ok(Some(file.into())),
            Err(rustix::io::Errno::NOENT) => Ok(None),
            Err(rustix::io::Errno::LOOP) => Err(io::Error::other("is a symbolic link")),
            Err(error) => Err(error.into()),
        }
    }

    /// Makes a file that only the caller can read; fails where there is one already.
    pub(crate) fn create(&self, name: &Path) -> io::Result<File> {
        let flags =
            OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = openat(&self.open, name, flags, Mode::RUSR | Mode::WUSR)?;
        Ok(file.into())
    }

    /// Gives a file another name, whose file is replaced.
    pub(crate) fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        Ok(renameat(&self.open, from, &self.open, to)?)
    }

    /// Gives a file another name; fails where there is a file of that name.
    pub(crate) fn rename_unless_taken(&self, from: &Path, to: &Path) -> io::Result<()> {
        linkat(&self.open, from, &self.open, to, AtFlags::empty())?;
        self.remove(from)
    }

    /// Removes a file, if there is one.
    pub(crate) fn remove(&self, name: &Path) -> io::Result<()> {
        match unlinkat(&self.open, name, AtFlags::empty()) {
            Ok(()) | Err(rustix::io::Errno::NOENT) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Waits until no other hubctl changes files in here; others wait until the lock is dropped.
    pub(crate) fn lock(&self) -> io::Result<Lock<'_>> {
        interrupt::lock(&self.open)?;
        Ok(Lock(&self.open))
    }

    /// The file system that it is on.
    pub(crate) fn device(&self) -> u64 {
        self.about.dev()
    }

    /// Returns when all that was written to its file system is on disk, whoever wrote it: for many files
    /// that is faster than one after the other.
    pub(crate) fn sync_file_system(&self) -> io::Result<()> {
        Ok(rustix::fs::syncfs(&self.open)?)
    }

    /// Returns when the names of files in here are on disk.
    pub(crate) fn sync(&self) -> io::Result<()> {
        self.open.sync_all()
    }
}

/// The right to change files in a folder.
#[derive(Debug)]
pub(crate) struct Lock<'a>(&'a File);

impl Drop for Lock<'_> {
    fn drop(&mut self) {
        let _ = self.0.unlock();
    }
}

/// Why an open file is not the caller's own, for the caller alone; none where it is.
pub(crate) fn not_own(about: &Metadata) -> Option<String> {
    if !about.is_file() {
        return Some("is not a regular file".to_owned());
    }
    if about.uid() != caller() {
        return Some(format!("belongs to another user (uid {})", about.uid()));
    }
    not_private(about)
}

/// Why others can get at an open file; none where they cannot.
pub(crate) fn not_private(about: &Metadata) -> Option<String> {
    let mode = about.mode() & 0o7777;
    (mode & 0o077 != 0).then(|| format!("others have access to it ({mode:04o})"))
}

/// Whether a failure says that a file is there already.
pub(crate) fn is_taken(error: &io::Error) -> bool {
    error.kind() == ErrorKind::AlreadyExists
}

/// The name of a file that is written beside another one before it takes its place.
pub(crate) fn beside(name: &Path) -> std::path::PathBuf {
    let mut beside = std::ffi::OsString::from(".");
    beside.push(name.as_os_str());
    beside.push(".hubctl");
    std::ffi::OsStr::from_bytes(beside.as_bytes()).into()
}
