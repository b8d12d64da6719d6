//! The SQLite file: one connection that writes, in a thread of its own, and some that read.

use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError, mpsc};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};
use tokio::sync::oneshot;

use super::error::Error;
use super::open::OpenError;

/// Statements that a connection keeps prepared.
const STATEMENTS: usize = 128;

/// The open file.
pub(super) struct Sqlite {
    path: PathBuf,
    /// `None` once it is closed.
    writer: Mutex<Option<Writer>>,
    /// Those that nobody reads with at the moment.
    readers: Mutex<Vec<Connection>>,
    /// Keeps a second hubd off the file while it is open.
    _lock: File,
}

struct Writer {
    jobs: mpsc::Sender<Job>,
    thread: JoinHandle<()>,
}

/// Runs on the writing connection, or learns why there is none; whether the connection may be used
/// again.
type Job = Box<dyn FnOnce(Result<&mut Connection, Error>) -> bool + Send>;

impl Sqlite {
    /// Opens the file, makes it when there is none, and takes its lock.
    pub(super) fn open(path: &Path) -> Result<Self, OpenError> {
        let lock = lock(path)?;
        let connection = connect_to_write(path).map_err(|error| OpenError::connect(path, error))?;
        let (jobs, queue) = mpsc::channel();
        let thread = thread::Builder::new().name("sqlite-writer".to_owned()).spawn({
            let path = path.to_owned();
            move || write(&path, connection, &queue)
        });
        let thread = thread.map_err(|source| OpenError::File { path: path.to_owned(), source })?;
        let writer = Mutex::new(Some(Writer { jobs, thread }));
        Ok(Self { path: path.to_owned(), writer, readers: Mutex::default(), _lock: lock })
    }

    /// Runs a job on the writing connection, after those before it. The job also says whether the
    /// connection may be used again.
    pub(super) async fn write<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Connection) -> (T, bool) + Send + 'static,
    ) -> Result<T, Error> {
        let (done, outcome) = oneshot::channel();
        let job: Job = Box::new(move |connection| {
            let (outcome, usable) = match connection {
                Ok(connection) => {
                    let (outcome, usable) = job(connection);
                    (Ok(outcome), usable)
                }
                Err(error) => (Err(error), false),
            };
            // A caller that went away has no use for the outcome.
            let _ = done.send(outcome);
            usable
        });
        let sent = match &*self.writer.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(writer) => writer.jobs.send(job).is_ok(),
            None => false,
        };
        if !sent {
            return Err(Error::internal("the database is closed"));
        }
        // A job that panicked drops its sender.
        outcome.await.map_err(|_| Error::panicked())?
    }

    /// Runs a job on a reading connection, in this thread.
    pub(super) fn read<T>(
        &self,
        job: impl FnOnce(&mut Connection) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let idle = self.readers.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut connection = match idle {
            Some(connection) => connection,
            None => connect_to_read(&self.path)?,
        };
        let outcome = job(&mut connection);
        // One that failed is closed: what is wrong with it may not go away.
        if outcome.is_ok() {
            self.readers.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
        }
        outcome
    }

    /// Writes the log back into the file and closes all connections.
    pub(super) fn close(&self) {
        self.readers.lock().unwrap_or_else(PoisonError::into_inner).clear();
        let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(Writer { jobs, thread }) = writer {
            drop(jobs);
            if thread.join().is_err() {
                tracing::warn!("the write-ahead log stays beside the database");
            }
        }
    }
}

/// What the writer's thread does: one job after the other, until the queue is closed and empty. A
/// connection that a job left in doubt is closed and opened again.
fn write(path: &Path, connection: Connection, queue: &mpsc::Receiver<Job>) {
    let mut connection = Some(connection);
    while let Ok(job) = queue.recv() {
        let mut usable = match connection.take().map_or_else(|| connect_to_write(path), Ok) {
            Ok(usable) => usable,
            Err(error) => {
                tracing::error!(%error, "the database cannot be opened again");
                job(Err(error.into()));
                continue;
            }
        };
        let done = catch_unwind(AssertUnwindSafe(|| job(Ok(&mut usable))));
        if done.unwrap_or(false) && usable.is_autocommit() {
            connection = Some(usable);
        } else {
            tracing::warn!("the connection that writes is opened again after a failure");
        }
    }
    if let Some(connection) = connection
        && let Err(error) = connection.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)")
    {
        tracing::warn!(%error, "the write-ahead log stays beside the database");
    }
}

fn connect_to_write(path: &Path) -> rusqlite::Result<Connection> {
    let connection = connect(path)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    // An answered write survives power loss; NORMAL would lose it.
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "secure_delete", "ON")?;
    // In pages. Batches touch many of them: written back rarely, each is written back once for many
    // commits.
    connection.pragma_update(None, "wal_autocheckpoint", 10_000)?;
    connection.pragma_update(None, "journal_size_limit", 64 << 20)?;
    Ok(connection)
}

fn connect_to_read(path: &Path) -> rusqlite::Result<Connection> {
    let connection = connect(path)?;
    connection.pragma_update(None, "query_only", "ON")?;
    Ok(connection)
}

fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(Duration::from_secs(5))?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    // Without this guarantee a statement over a table with a partial index is planned again for each
    // value that is bound to it.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    for (pragma, value) in [
        ("foreign_keys", "ON"),
        ("trusted_schema", "OFF"),
        ("cell_size_check", "ON"),
        ("mmap_size", "0"),
        ("temp_store", "MEMORY"),
        ("cache_size", "-16384"),
    ] {
        connection.pragma_update(None, pragma, value)?;
    }
    Ok(connection)
}

/// Makes the file for its owner only, and takes the lock that keeps a second hubd off it.
fn lock(path: &Path) -> Result<File, OpenError> {
    let fail = |source| OpenError::File { path: path.to_owned(), source };
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(fail)?;
    }
    let mut options = OpenOptions::new();
    options.create(true).truncate(false).write(true).mode(0o600);
    options.open(path).map_err(fail)?;
    let lock_path = path.with_added_extension("lock");
    let lock = options
        .open(&lock_path)
        .map_err(|source| OpenError::File { path: lock_path.clone(), source })?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(fs::TryLockError::WouldBlock) => Err(OpenError::InUse(path.to_owned())),
        Err(fs::TryLockError::Error(source)) => Err(OpenError::File { path: lock_path, source }),
    }
}
