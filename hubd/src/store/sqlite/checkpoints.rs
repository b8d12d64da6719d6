//! Writing the log back into the file.
//!
//! SQLite would do it within the commit that makes the log long, and all who wait for the writer would wait for
//! thousands of pages. Here a thread does it beside the writer, which goes on. What was committed in the meantime
//! is left to the next commit: only when nothing is left does the log begin anew.

use std::ffi::c_int;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use rusqlite::Connection;
use rusqlite::hooks::Wal;

use super::{DataFile, connect};
use crate::domain::Fault;
use crate::store::error::Error;

/// In pages of log. Batches touch many of them: written back rarely, each is written back once for many
/// commits.
const AFTER: c_int = 10_000;
/// A thread goes on until it finds no more pages than this, which the writer can write back by itself.
const FEW: i64 = 500;
/// How often a thread goes on at most: a slow disk may never catch up with the writer.
const ROUNDS: usize = 4;

/// Lets the log of this connection be written back when it is long.
pub(super) fn follow(connection: &mut Connection, file: &Arc<DataFile>) -> rusqlite::Result<()> {
    Checkpoints::new(after(), Arc::clone(file)).follow(connection)
}

/// Ends this, and waits for what is under way.
pub(super) fn unfollow(connection: &mut Connection) {
    // Only a lack of memory keeps SQLite from it.
    let _ = connection.wal_hook(None::<fn(&mut Wal, c_int) -> rusqlite::Result<()>>);
}

#[cfg(not(feature = "proof"))]
fn after() -> c_int {
    AFTER
}

#[cfg(feature = "proof")]
fn after() -> c_int {
    hub_core::proof::checkpoint_after().unwrap_or(AFTER)
}

struct Checkpoints {
    after: c_int,
    /// How long the log is when it is written back next.
    due: c_int,
    running: Option<JoinHandle<()>>,
    file: Arc<DataFile>,
}

impl Checkpoints {
    fn new(after: c_int, file: Arc<DataFile>) -> Self {
        Self { after, due: after, running: None, file }
    }

    fn follow(mut self, connection: &mut Connection) -> rusqlite::Result<()> {
        connection.wal_hook(Some(move |log: &mut Wal, pages| {
            self.after_commit(log, pages);
            // The commit is done, whatever comes of its log.
            Ok(())
        }))
    }

    fn after_commit(&mut self, log: &mut Wal, pages: c_int) {
        match self.running.take_if(|thread| thread.is_finished()) {
            Some(thread) => {
                // A thread that panicked has left its pages to the next.
                let _ = thread.join();
                self.file.note_checkpoint(log.checkpoint());
                // If a snapshot is in the way, the log goes on growing.
                self.due = pages.saturating_add((self.after / 10).max(1));
            }
            None if pages < self.after => self.due = self.after,
            None if pages >= self.due && self.running.is_none() => {
                let file = Arc::clone(&self.file);
                let thread = thread::Builder::new().name("sqlite-checkpoint".to_owned());
                match thread.spawn(move || file.note_checkpoint(write_back(&file))) {
                    Ok(thread) => self.running = Some(thread),
                    Err(_) => self.file.note_checkpoint(log.checkpoint()),
                }
            }
            None => {}
        }
    }
}

impl Drop for Checkpoints {
    fn drop(&mut self) {
        if let Some(thread) = self.running.take() {
            let _ = thread.join();
        }
    }
}

/// Writes the log back until little is left, on a connection of its own.
fn write_back(file: &DataFile) -> rusqlite::Result<()> {
    if !file.is_sound() {
        return Ok(());
    }
    let connection = connect::to_checkpoint(&file.path)?;
    let mut done = 0;
    for _ in 0..ROUNDS {
        let written: i64 =
            connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |row| row.get(2))?;
        if written - done <= FEW {
            break;
        }
        done = written;
    }
    Ok(())
}

impl DataFile {
    /// What was not written back stays in the log, and is tried again.
    fn note_checkpoint(&self, done: rusqlite::Result<()>) {
        let Err(error) = done.map_err(Error::from) else { return };
        self.note(Some(error.fault));
        // If it is busy, another process writes the log back. Damage is logged once, where it is noted.
        if ![Fault::Busy, Fault::Malformed].contains(&error.fault) {
            tracing::warn!(%error, "the write-ahead log cannot be written back");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;
    use crate::store::sqlite::connect::Mode;
    use crate::store::sqlite::damage::Damage;

    const AFTER: c_int = 20;

    struct Log {
        writer: Connection,
        file: Arc<DataFile>,
        _folder: tempfile::TempDir,
    }

    impl Log {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("hub.db");
            let mut writer = connect::to_write(&path).unwrap();
            writer.execute_batch("CREATE TABLE t (a)").unwrap();
            let file = DataFile { path, mode: Mode::Owned, claim: None, damage: Damage::default() };
            let file = Arc::new(file);
            Checkpoints::new(AFTER, Arc::clone(&file)).follow(&mut writer).unwrap();
            Self { writer, file, _folder: folder }
        }

        /// Commits some pages; how many are in the log then.
        fn grow(&self) -> c_int {
            self.writer.execute_batch("INSERT INTO t VALUES (randomblob(20000))").unwrap();
            self.pages().0
        }

        /// How many pages are in the log, and how many of them are written back.
        fn pages(&self) -> (c_int, c_int) {
            let pages = |row: &rusqlite::Row<'_>| Ok((row.get(1)?, row.get(2)?));
            self.writer.query_row("PRAGMA wal_checkpoint(NOOP)", [], pages).unwrap()
        }

        /// Commits until the log begins anew; how long it was.
        fn grow_until_it_begins_anew(&self) -> c_int {
            let mut pages = self.grow();
            loop {
                let more = self.grow();
                if more < pages {
                    return pages;
                }
                assert!(more < 1_000 * AFTER, "the log goes on growing");
                pages = more;
            }
        }
    }

    #[test]
    fn a_long_log_is_written_back_and_begins_anew() {
        let log = Log::new();
        for _ in 0..5 {
            assert!(log.grow_until_it_begins_anew() >= AFTER);
        }
    }

    #[test]
    fn nothing_is_left_to_the_writer_but_later_commits() {
        let log = Log::new();
        while log.grow() < AFTER {}
        let waiting = Instant::now();
        while log.pages().0 != log.pages().1 {
            assert!(waiting.elapsed() < Duration::from_mins(1), "no thread writes the log back");
            thread::yield_now();
        }
    }

    #[test]
    fn a_log_that_a_snapshot_keeps_is_written_back_when_it_ends() {
        let log = Log::new();
        let reader = connect::to_read(&log.file.path, Mode::Owned).unwrap();
        reader.execute_batch("BEGIN; SELECT COUNT(*) FROM t").unwrap();
        while log.grow() < 10 * AFTER {}
        reader.execute_batch("COMMIT").unwrap();
        assert!(log.grow_until_it_begins_anew() >= 10 * AFTER);
    }

    #[test]
    fn a_closed_connection_leaves_no_thread_behind() {
        let mut log = Log::new();
        while log.grow() < AFTER {}
        unfollow(&mut log.writer);
        assert_eq!(Arc::strong_count(&log.file), 1);
    }

    #[test]
    fn a_checkpoint_that_finds_damage_says_so() {
        let log = Log::new();
        log.grow();
        let damage = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CORRUPT);
        log.file.note_checkpoint(Err(rusqlite::Error::SqliteFailure(damage, None)));
        assert!(!log.file.is_sound());
        assert!(write_back(&log.file).is_ok(), "a damaged file is left alone");
    }
}
