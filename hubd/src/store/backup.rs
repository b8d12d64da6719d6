//! Copies of a SQLite file while a hub uses it, and the way back.
//!
//! A copy is made by `VACUUM INTO`: one read transaction, which holds up no writer. It gets its name only
//! once it was opened and verified, so a file with the name of a backup is one.

use std::ffi::c_int;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::panic::RefUnwindSafe;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use hub_core::time::Timestamp;
use rusqlite::{Connection, OpenFlags};
use tempfile::NamedTempFile;

use super::db::Db;
use super::error::Error;
use super::jobs::at_once;
use super::migrate;
use super::{Engine, Store};

/// Why there is no copy, or why a copy is none. The text is for the operator.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CopyError {
    #[error("cannot use {path}: {source}")]
    File { path: PathBuf, source: io::Error },
    #[error("there is no database at {0}")]
    Missing(PathBuf),
    #[error("{0} exists already")]
    Exists(PathBuf),
    #[error("a hubd uses {0}: stop it first")]
    InUse(PathBuf),
    #[error("cannot copy {path}: {source}")]
    Sqlite { path: PathBuf, source: rusqlite::Error },
    #[error("{path} is not a sound database: {fault}")]
    Unsound { path: PathBuf, fault: String },
}

/// A copy that was opened and verified.
#[derive(Debug)]
pub(crate) struct Verified {
    pub(crate) path: PathBuf,
    pub(crate) bytes: u64,
    /// How many events its audit chain has.
    pub(crate) events: u64,
}

/// Copies the database to a file that does not exist yet.
pub(crate) fn back_up(
    database: &Path,
    target: &Path,
    now: Timestamp,
) -> Result<Verified, CopyError> {
    if target.exists() {
        return Err(CopyError::Exists(target.to_owned()));
    }
    let fail = |source| CopyError::File { path: target.to_owned(), source };
    let copy = copy_of(database, folder_of(target), Pace::BesideAHub)?;
    let verified = verify(copy.path())?;
    copy.persist_noclobber(target).map_err(|error| fail(error.error))?;
    sync_folder(target).map_err(fail)?;
    // A backup that is not noted is a backup all the same.
    if let Err(error) = note(database, now) {
        tracing::warn!(%error, "the time of the backup cannot be noted");
    }
    Ok(Verified { path: target.to_owned(), ..verified })
}

/// Copies the database into a folder, under the time's name, and keeps the newest copies only.
pub(crate) fn back_up_into(
    database: &Path,
    folder: &Path,
    keep: Option<usize>,
    now: Timestamp,
) -> Result<Verified, CopyError> {
    let fail = |source| CopyError::File { path: folder.to_owned(), source };
    DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(fail)?;
    let digits: String = now.to_string().chars().filter(char::is_ascii_digit).collect();
    let verified = back_up(database, &folder.join(format!("hub-{digits}.db")), now)?;
    if let Some(keep) = keep {
        let mut copies: Vec<PathBuf> = fs::read_dir(folder)
            .map_err(fail)?
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter(|path| is_copy(path))
            .collect();
        copies.sort();
        for old in copies.iter().rev().skip(keep.max(1)) {
            fs::remove_file(old).map_err(fail)?;
        }
    }
    Ok(verified)
}

/// Whether the name is one that [`back_up_into`] gives.
fn is_copy(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let digits = name.strip_prefix("hub-").and_then(|name| name.strip_suffix(".db"));
    digits.is_some_and(|digits| digits.len() == 17 && digits.bytes().all(|b| b.is_ascii_digit()))
}

/// Puts a copy in the place of the database, and the files that were there aside. Gives the copy, and
/// where the old files are.
pub(crate) fn restore(
    database: &Path,
    from: &Path,
    now: Timestamp,
) -> Result<(Verified, Vec<PathBuf>), CopyError> {
    let fail = |source| CopyError::File { path: database.to_owned(), source };
    let folder = folder_of(database);
    DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(fail)?;
    let _claim = claim(database)?;
    verify(from)?;
    let copy = copy_of(from, folder, Pace::AtOnce)?;
    let verified = verify(copy.path())?;
    let digits: String = now.to_string().chars().filter(char::is_ascii_digit).collect();
    let mut aside = Vec::new();
    if database.exists() {
        // What is in the log goes into the file, if the file is sound enough for that.
        if let Ok(old) = Connection::open(database) {
            let _ = old.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)");
        }
        for suffix in ["", "-wal", "-shm"] {
            let old = with_suffix(database, suffix);
            let place = with_suffix(database, &format!(".before-{digits}{suffix}"));
            // The database keeps its name until the copy takes it: there is one at every moment.
            let moved = if suffix.is_empty() {
                fs::hard_link(&old, &place)
            } else {
                fs::rename(&old, &place)
            };
            match moved {
                Ok(()) => aside.push(place),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(fail(error)),
            }
        }
    }
    copy.persist(database).map_err(|error| fail(error.error))?;
    sync_folder(database).map_err(fail)?;
    Ok((Verified { path: database.to_owned(), ..verified }, aside))
}

/// When the last verified copy of this database was made.
pub(crate) fn last_backup(database: &Path) -> Option<Timestamp> {
    fs::read_to_string(note_of(database)).ok()?.trim().parse().ok()
}

/// The file that tells of the last copy. It is beside the file itself, whatever link names it.
fn note_of(database: &Path) -> PathBuf {
    let database = database.canonicalize().unwrap_or_else(|_| database.to_owned());
    with_suffix(&database, ".backup")
}

impl Store {
    /// When the last verified copy of a SQLite file was made.
    pub(crate) fn last_backup(&self) -> Option<Timestamp> {
        match &*self.engine {
            Engine::Sqlite(sqlite) => last_backup(sqlite.path()),
            Engine::Postgres(_) => None,
        }
    }
}

fn note(database: &Path, now: Timestamp) -> io::Result<()> {
    let place = note_of(database);
    let mut file = NamedTempFile::new_in(folder_of(&place))?;
    writeln!(file, "{now}")?;
    file.as_file().sync_all()?;
    file.persist(place)?;
    Ok(())
}

/// How a copy is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pace {
    AtOnce,
    /// So that the disk has time for the commits of a hub.
    BesideAHub,
}

/// What is written to the disk at a time: a commit waits for as much.
const PORTION: u64 = 64 << 10;
/// How many times as long as a portion takes the disk is left alone after it.
const REST: u32 = 2;
/// How many steps of SQLite make less than a portion.
const STEPS: c_int = 500;

/// Writes a copy to the disk portion by portion while it grows. Linux tells each open file once of what could
/// not be written: the one that is synced at the end learns of it there.
fn in_portions(copy: File) -> impl FnMut() -> bool + Send + RefUnwindSafe + 'static {
    let mut written = 0;
    move || {
        let length = copy.metadata().map_or(0, |copy| copy.len());
        if length >= written + PORTION {
            let begun = Instant::now();
            let _ = copy.sync_data();
            thread::sleep(REST * begun.elapsed());
            written = length;
        }
        false
    }
}

/// A temporary file, for its owner only, with the content of a database.
fn copy_of(database: &Path, folder: &Path, pace: Pace) -> Result<NamedTempFile, CopyError> {
    let fail = |source| CopyError::Sqlite { path: database.to_owned(), source };
    if !database.is_file() {
        return Err(CopyError::Missing(database.to_owned()));
    }
    let failed = |source| CopyError::File { path: folder.to_owned(), source };
    let copy = tempfile::Builder::new().prefix(".copy-").tempfile_in(folder).map_err(failed)?;
    let mut source = open(database).map_err(fail)?;
    if pace == Pace::BesideAHub {
        let growing = copy.reopen().map_err(failed)?;
        source.progress_handler(STEPS, Some(in_portions(growing))).map_err(fail)?;
    }
    // SQLite writes into a file that is there only if it is empty.
    source.execute("VACUUM INTO ?1", [copy.path().to_string_lossy()]).map_err(fail)?;
    copy.as_file().sync_all().map_err(failed)?;
    Ok(copy)
}

/// Opens a file and checks every page, every reference and the audit chain.
pub(crate) fn verify(path: &Path) -> Result<Verified, CopyError> {
    let unsound = |fault: &dyn ToString| CopyError::Unsound {
        path: path.to_owned(),
        fault: fault.to_string(),
    };
    if !path.is_file() {
        return Err(CopyError::Missing(path.to_owned()));
    }
    let mut file = open(path).map_err(|error| unsound(&error))?;
    let events = check(&mut file).map_err(|fault| unsound(&fault))?;
    let bytes = fs::metadata(path).map_err(|error| unsound(&error))?.len();
    Ok(Verified { path: path.to_owned(), bytes, events })
}

fn check(file: &mut Connection) -> Result<u64, String> {
    let said = |error: rusqlite::Error| error.to_string();
    let whole: String =
        file.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0)).map_err(said)?;
    if whole != "ok" {
        return Err(whole);
    }
    let orphans = file.prepare("PRAGMA foreign_key_check").and_then(|mut rows| rows.exists([]));
    if orphans.map_err(said)? {
        return Err("a row refers to one that does not exist".to_owned());
    }
    let schema: i64 = file
        .query_row("SELECT MAX(version) FROM _sqlx_migrations", [], |row| row.get(0))
        .map_err(|_| "it is not a hub's".to_owned())?;
    if schema > migrate::newest() {
        return Err(format!("it has schema {schema}, which is newer than this hubd"));
    }
    let verdict = at_once(Db::Sqlite(file).verify_audit());
    let verdict = verdict.map_err(|error: Error| error.to_string())?;
    match verdict.first_broken {
        None => Ok(verdict.events),
        Some(seq) => Err(format!("its audit chain breaks at event {seq}")),
    }
}

fn open(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let file = Connection::open_with_flags(path, flags)?;
    file.busy_timeout(Duration::from_secs(5))?;
    Ok(file)
}

/// Keeps every hub off a database for as long as the files live.
pub(super) fn claim(database: &Path) -> Result<Vec<File>, CopyError> {
    let beside = database.with_added_extension("lock");
    let mut options = OpenOptions::new();
    options.create(true).truncate(false).read(true).write(true).mode(0o600);
    let there = database.exists().then_some(database);
    let mut files = Vec::new();
    for path in [Some(beside.as_path()), there].into_iter().flatten() {
        let fail = |source| CopyError::File { path: path.to_owned(), source };
        let file = options.open(path).map_err(fail)?;
        match file.try_lock() {
            Ok(()) => files.push(file),
            Err(fs::TryLockError::WouldBlock) => return Err(CopyError::InUse(database.to_owned())),
            Err(fs::TryLockError::Error(error)) => return Err(fail(error)),
        }
    }
    Ok(files)
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(folder_of(path))?.sync_all()
}
