//! The file as `hubd check` sees it: nothing is written, no file is made.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::{Arc, Mutex};

use tempfile::TempDir;

use super::connect::Mode;
use super::damage::Damage;
use super::{DataFile, Sqlite, claim, log_of, with_suffix};

/// What stands at the beginning of every SQLite file.
const MAGIC: &[u8] = b"SQLite format 3\0";

/// Why there is nothing to check.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unreadable {
    #[error("the file is missing")]
    Missing,
    #[error(
        "the file is empty: it holds no database (is it a copy of a running hub's file alone?)"
    )]
    Empty,
    #[error("the file is not a SQLite database")]
    NotSqlite,
    #[error("cannot read the file: {0}")]
    Io(#[from] io::Error),
}

/// A file that is opened to be checked.
pub(crate) struct Opened {
    pub(in crate::store) sqlite: Sqlite,
    /// Whether a hub uses it.
    pub(in crate::store) in_use: bool,
    /// The copy that is checked in its place, if there is one.
    pub(in crate::store) copy: Option<TempDir>,
}

impl Sqlite {
    /// Opens a file to check it.
    ///
    /// A file without a log is read as it is. With a log and its index, SQLite reads all three without
    /// writing. A log without its index cannot be read without making one: then copies are read.
    pub(in crate::store) fn open_to_check(path: &Path) -> Result<Opened, Unreadable> {
        let mut head = Vec::new();
        let file = File::open(path).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => Unreadable::Missing,
            _ => error.into(),
        })?;
        file.take(MAGIC.len() as u64).read_to_end(&mut head)?;
        match head.as_slice() {
            [] => return Err(Unreadable::Empty),
            MAGIC => {}
            _ => return Err(Unreadable::NotSqlite),
        }
        let path = path.canonicalize()?;
        let in_use = claim::is_claimed(&path)?;
        let log = log_of(&path);
        let has_log = log.metadata().is_ok_and(|found| found.len() > 0);
        let index = with_suffix(&path, "-shm");
        let (path, mode, copy) = if index.exists() && (has_log || in_use) {
            (path, Mode::Untouched, None)
        } else if has_log {
            let folder = tempfile::tempdir()?;
            let copy = folder.path().join("hub.db");
            std::fs::copy(&path, &copy)?;
            std::fs::copy(&log, log_of(&copy))?;
            (copy, Mode::ReadOnly, Some(folder))
        } else {
            (path, Mode::Frozen, None)
        };
        let file = DataFile { path, mode, claim: None, damage: Damage::default() };
        let sqlite =
            Sqlite { writer: Mutex::new(None), readers: Arc::default(), file: Arc::new(file) };
        Ok(Opened { sqlite, in_use, copy })
    }
}
