//! Damage: found at the first sign, and nothing is written to a damaged file.

use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rusqlite::Connection;

use super::connect::{self, Mode};
use crate::store::error::Error;

/// How often a damaged file is looked at again: it may have been put right.
const LOOK_AGAIN: Duration = Duration::from_secs(5);

/// What is known about damage to the file.
#[derive(Debug, Default)]
pub(super) struct Damage {
    /// When a damaged file was last looked at; `None` while no damage is known.
    looked: Mutex<Option<Instant>>,
}

impl Damage {
    /// SQLite said that the file is damaged.
    pub(super) fn found(&self, path: &Path) {
        let mut looked = self.looked.lock().unwrap_or_else(PoisonError::into_inner);
        if looked.replace(Instant::now()).is_none() {
            tracing::error!(
                database = %path.display(),
                "the database is damaged: the hub writes nothing more to it and is not ready; stop the \
                 hub, put the file aside and restore a backup"
            );
        }
    }

    pub(super) fn is_known(&self) -> bool {
        self.looked.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// Refuses while the file is damaged. From time to time it looks at the whole file, which may take
    /// a while.
    pub(super) fn refuse(&self, path: &Path) -> Result<(), Error> {
        {
            let mut looked = self.looked.lock().unwrap_or_else(PoisonError::into_inner);
            match *looked {
                None => return Ok(()),
                Some(at) if at.elapsed() < LOOK_AGAIN => return Err(Error::malformed()),
                Some(_) => *looked = Some(Instant::now()),
            }
        }
        if !look(path).is_ok_and(|problems| problems.is_empty()) {
            return Err(Error::malformed());
        }
        *self.looked.lock().unwrap_or_else(PoisonError::into_inner) = None;
        tracing::info!(database = %path.display(), "the database is whole again");
        Ok(())
    }
}

/// The first problems of a file, found by reading all of it but the contents of its indices.
///
/// The connection does not write the log back into the file: the log may belong to another one.
pub(super) fn look(path: &Path) -> rusqlite::Result<Vec<String>> {
    let connection = connect::to_read(path, Mode::ReadOnly)?;
    let mut check = connection.prepare("PRAGMA quick_check(10)")?;
    let found: rusqlite::Result<Vec<String>> = check.query_map([], |row| row.get(0))?.collect();
    let mut problems = found?;
    problems.retain(|line| line != "ok");
    if problems.is_empty() && has_gaps(&connection)? {
        problems.push("events of the audit log are missing".to_owned());
    }
    Ok(problems)
}

/// Whether audit events are missing: every change adds one, and none ever goes.
fn has_gaps(connection: &Connection) -> rusqlite::Result<bool> {
    if !connection.table_exists(None, "audit_head")? {
        return Ok(false);
    }
    let gaps = "SELECT (SELECT COUNT(*) FROM audit_events) <> (SELECT seq FROM audit_head) \
                OR (SELECT MAX(seq) FROM audit_events) <> (SELECT seq FROM audit_head)";
    // NULL when there are no events.
    Ok(connection.query_row(gaps, [], |row| row.get::<_, Option<bool>>(0))?.unwrap_or(false))
}
