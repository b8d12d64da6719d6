//! Who may use the file: one hub, by whatever name it opens the file, in a folder that nobody else can
//! write to.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use crate::store::open::OpenError;

/// The locks that keep every other hub off the file.
///
/// There are two. One is on a file beside the database, so it holds whatever is put in the database's
/// place. The other is on the database itself, so it holds for every name that the file has. That one is
/// a `flock`, which SQLite's own locks do not see. Closing any descriptor of a file ends the locks that
/// SQLite has on it in this process; so the descriptor here is opened before SQLite opens the file, and
/// closed after SQLite has closed it.
#[derive(Debug)]
pub(super) struct Claim {
    /// The file itself: no symbolic link is left in it.
    path: PathBuf,
    /// Its device and number.
    identity: (u64, u64),
    _locks: [File; 2],
}

/// How often a lock is tried: `hubd check` holds one for a moment, to see whether a hub does.
const ATTEMPTS: u32 = 5;
/// The time between two attempts.
const PAUSE: Duration = Duration::from_millis(20);

impl Claim {
    /// Makes the file for its owner only if there is none, and takes both locks.
    pub(super) fn take(path: &Path) -> Result<Self, OpenError> {
        let fail = |source| OpenError::File { path: path.to_owned(), source };
        make_folder(folder_of(path)).map_err(fail)?;
        refuse_shared(folder_of(path))?;
        let mut options = OpenOptions::new();
        options.create(true).truncate(false).read(true).write(true).mode(0o600);
        let database = options.open(path).map_err(fail)?;
        let resolved = path.canonicalize().map_err(fail)?;
        refuse_shared(folder_of(&resolved))?;
        let name = resolved.with_added_extension("lock");
        let beside =
            options.open(&name).map_err(|source| OpenError::File { path: name, source })?;
        for lock in [&beside, &database] {
            if !try_lock(lock).map_err(fail)? {
                return Err(OpenError::InUse(path.to_owned()));
            }
        }
        let found = database.metadata().map_err(fail)?;
        if found.len() == 0 {
            // So that a power cut does not take a new file away with all that was written to it.
            File::open(folder_of(&resolved)).and_then(|folder| folder.sync_all()).map_err(fail)?;
        }
        if found.nlink() > 1 {
            tracing::warn!(
                path = %resolved.display(),
                "the database has another name, a hard link: a hub that opens it by that name loses \
                 what this one has in its write-ahead log"
            );
        }
        Ok(Self { path: resolved, identity: identity(&found), _locks: [beside, database] })
    }

    /// The file itself.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether the file of this name is still the one that was claimed.
    pub(super) fn holds(&self) -> bool {
        self.path.metadata().is_ok_and(|found| identity(&found) == self.identity)
    }
}

fn identity(found: &fs::Metadata) -> (u64, u64) {
    (found.dev(), found.ino())
}

/// Takes a lock; false when another process has it.
fn try_lock(file: &File) -> io::Result<bool> {
    for attempt in 1.. {
        match file.try_lock() {
            Ok(()) => return Ok(true),
            Err(fs::TryLockError::WouldBlock) if attempt == ATTEMPTS => break,
            Err(fs::TryLockError::WouldBlock) => thread::sleep(PAUSE),
            Err(fs::TryLockError::Error(error)) => return Err(error),
        }
    }
    Ok(false)
}

/// Whether a hub uses the file now. Only for a process that has not opened the file with SQLite.
pub(super) fn is_claimed(path: &Path) -> io::Result<bool> {
    match File::open(path)?.try_lock_shared() {
        Ok(()) => Ok(false),
        Err(fs::TryLockError::WouldBlock) => Ok(true),
        Err(fs::TryLockError::Error(error)) => Err(error),
    }
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Makes a folder that only its owner can use, so that it is still there after a power cut.
fn make_folder(folder: &Path) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    File::open(folder_of(folder))?.sync_all()
}

/// Refuses a folder that everybody on the machine can write to: they could put files of their own in
/// the place of the database, its log and the owner key.
pub(in crate::store) fn refuse_shared(folder: &Path) -> Result<(), OpenError> {
    let fail = |source| OpenError::File { path: folder.to_owned(), source };
    let mode = folder.metadata().map_err(fail)?.permissions().mode();
    if mode & 0o002 != 0 {
        return Err(OpenError::SharedFolder(folder.to_owned()));
    }
    if mode & 0o020 != 0 {
        tracing::warn!(folder = %folder.display(), "the group of the data folder can write to it");
    }
    Ok(())
}
