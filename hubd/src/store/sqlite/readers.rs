//! The connections that read, and what they see.
//!
//! A reading transaction begins and ends with locks of the operating system, which cost as much as a read by
//! key. So a connection that nobody uses keeps its transaction, and with it its snapshot of the file, until
//! the next write begins. A read sees every commit that was answered before it began.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rusqlite::Connection;

use super::connect::{self, Mode};
use crate::store::error::Error;

/// How old a snapshot may be for a read by key. Commits of other processes are not counted, such as that of
/// `hubd admin-key reset`, so the read may miss those of this time.
pub(super) const BY_KEY: Duration = Duration::from_micros(250);
/// For a read that may be long: it costs more than a kept snapshot would save.
pub(super) const ANEW: Duration = Duration::ZERO;

/// The connections that read.
#[derive(Default)]
pub(super) struct Readers {
    idle: Mutex<Idle>,
    /// How many transactions of this process may have changed the file.
    commits: AtomicU64,
}

/// The connections that nobody reads with at the moment.
#[derive(Default)]
struct Idle {
    readers: Vec<Reader>,
    /// A snapshot that is kept while a write commits would keep the log from beginning anew.
    writing: bool,
}

/// A connection, in a reading transaction or not.
struct Reader {
    connection: Connection,
    snapshot: Option<Snapshot>,
}

/// What an open transaction sees: at least that many commits.
#[derive(Clone, Copy)]
struct Snapshot {
    commits: u64,
    taken: Instant,
}

impl Readers {
    /// Runs a job on a reading connection, in this thread. It sees all commits that were noted so far, and
    /// those of other processes but for the last `age`.
    pub(super) fn read<T>(
        &self,
        (path, mode): (&Path, Mode),
        age: Duration,
        job: impl FnOnce(&mut Connection) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let idle = self.idle().readers.pop();
        let mut reader = match idle {
            Some(reader) => reader,
            None => Reader { connection: connect::to_read(path, mode)?, snapshot: None },
        };
        reader.begin(&self.commits, age)?;
        // One that failed is closed: what is wrong with it may not go away.
        let found = job(&mut reader.connection)?;
        let mut idle = self.idle();
        if !idle.writing || reader.end().is_ok() {
            idle.readers.push(reader);
        }
        Ok(found)
    }

    /// Ends all snapshots that nobody uses, and keeps none until [`Readers::note_commit`].
    pub(super) fn make_way(&self) {
        let mut idle = self.idle();
        idle.writing = true;
        idle.readers.retain_mut(|reader| reader.end().is_ok());
    }

    /// Notes that a write is over, and may have changed the file. This comes before its answer: a read that
    /// begins after the answer does not use an older snapshot.
    pub(super) fn note_commit(&self) {
        self.commits.fetch_add(1, Ordering::Release);
        self.idle().writing = false;
    }

    /// Closes all connections that nobody uses.
    pub(super) fn close(&self) {
        self.idle().readers.clear();
    }

    fn idle(&self) -> MutexGuard<'_, Idle> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Reader {
    /// Begins a transaction that sees every commit noted so far, unless one is open that is no older than
    /// `age`.
    fn begin(&mut self, commits: &AtomicU64, age: Duration) -> Result<(), Error> {
        // Counted first: SQLite takes the snapshot at the first read of the transaction.
        let commits = commits.load(Ordering::Acquire);
        let is_current = |open: Snapshot| open.commits == commits && open.taken.elapsed() < age;
        if !self.snapshot.is_some_and(is_current) {
            self.end()?;
            self.connection.prepare_cached("BEGIN")?.execute([])?;
            self.snapshot = Some(Snapshot { commits, taken: Instant::now() });
        }
        Ok(())
    }

    fn end(&mut self) -> Result<(), Error> {
        if self.snapshot.take().is_some() {
            self.connection.prepare_cached("COMMIT")?.execute([])?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COUNT: &str = "SELECT COUNT(*) FROM t";

    /// A folder with a file that has an empty table, the file, its readers, and its writer.
    fn empty() -> (tempfile::TempDir, std::path::PathBuf, Readers, Connection) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("hub.db");
        let writer = connect::to_write(&path).unwrap();
        writer.execute_batch("CREATE TABLE t (a)").unwrap();
        (folder, path, Readers::default(), writer)
    }

    fn count(readers: &Readers, path: &Path) -> i64 {
        count_within(readers, path, Duration::MAX)
    }

    fn count_within(readers: &Readers, path: &Path, age: Duration) -> i64 {
        let read = readers.read((path, Mode::Owned), age, |connection| {
            Ok(connection.query_row(COUNT, [], |row| row.get(0))?)
        });
        read.unwrap()
    }

    #[test]
    fn a_read_sees_what_was_noted_before_it_and_the_log_begins_anew() {
        let (_folder, path, readers, writer) = empty();
        let mut logged = Vec::new();
        for n in 0..50 {
            assert_eq!(count(&readers, &path), n, "the snapshot of the commit before");
            readers.make_way();
            if n % 2 == 1 {
                assert_eq!(count(&readers, &path), n, "a read during the write");
            }
            writer.execute_batch("INSERT INTO t VALUES (1)").unwrap();
            let checkpoint = |row: &rusqlite::Row<'_>| Ok((row.get(1)?, row.get(2)?));
            let checkpoint: (i64, i64) =
                writer.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], checkpoint).unwrap();
            assert_eq!(checkpoint.0, checkpoint.1, "nobody keeps the log from being written back");
            logged.push(checkpoint.0);
            readers.note_commit();
        }
        assert!(logged.iter().all(|pages| *pages <= 4), "the log begins anew: {logged:?}");
        assert_eq!(readers.idle().readers.len(), 1);
    }

    #[test]
    fn a_read_that_outlasts_a_write_leaves_no_snapshot_of_before_it() {
        let (_folder, path, readers, writer) = empty();
        let during = readers.read((&path, Mode::Owned), Duration::MAX, |connection| {
            let before: i64 = connection.query_row(COUNT, [], |row| row.get(0))?;
            readers.make_way();
            writer.execute_batch("INSERT INTO t VALUES (1)")?;
            readers.note_commit();
            let after: i64 = connection.query_row(COUNT, [], |row| row.get(0))?;
            Ok((before, after))
        });
        assert_eq!(during.unwrap(), (0, 0), "one snapshot for the whole read");
        assert_eq!(count(&readers, &path), 1, "and not for the next");
    }

    #[test]
    fn a_snapshot_serves_several_reads_and_ends_by_itself() {
        let (_folder, path, readers, writer) = empty();
        let taken = || readers.idle().readers[0].snapshot.map(|snapshot| snapshot.taken);
        while {
            count_within(&readers, &path, BY_KEY);
            let first = taken();
            count_within(&readers, &path, BY_KEY);
            first.is_none() || taken() != first
        } {}
        // Nobody tells of this commit, as of those of another process.
        writer.execute_batch("INSERT INTO t VALUES (1)").unwrap();
        while count_within(&readers, &path, BY_KEY) == 0 {}
    }
}
