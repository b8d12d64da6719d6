//! The SQLite file: one connection that writes, in a thread of its own, and some that read.

mod check;
mod checkpoints;
mod claim;
mod connect;
mod damage;
mod readers;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rusqlite::Connection;
use rusqlite::config::DbConfig;
use tokio::sync::oneshot;

use self::claim::Claim;
use self::connect::Mode;
use self::damage::Damage;
use self::readers::Readers;
use super::error::Error;
use super::open::OpenError;
use crate::domain::Fault;

pub(super) use check::Opened;
pub(crate) use check::Unreadable;
pub(super) use claim::refuse_shared;

/// The open file.
pub(super) struct Sqlite {
    /// `None` once it is closed, and when the file is only read.
    writer: Mutex<Option<Writer>>,
    readers: Arc<Readers>,
    // Dropped after the connections: see `Claim`.
    file: Arc<DataFile>,
}

struct DataFile {
    path: PathBuf,
    /// How readers open it.
    mode: Mode,
    /// `None` for a process that uses the file beside its hub.
    claim: Option<Claim>,
    damage: Damage,
}

struct Writer {
    jobs: mpsc::Sender<Job>,
    thread: JoinHandle<()>,
}

/// Runs on the writing connection, or learns why there is none; what failed, if something did.
type Job = Box<dyn FnOnce(Result<&mut Connection, Error>) -> Option<Fault> + Send>;

impl Sqlite {
    /// Opens the file, makes it when there is none, and takes its locks.
    pub(super) fn open(path: &Path) -> Result<Self, OpenError> {
        let claim = Claim::take(path)?;
        let path = claim.path().to_owned();
        refuse_damaged(&path)?;
        Self::start(path, Some(claim))
    }

    /// Opens a file that exists beside the hub that uses it.
    pub(super) fn open_beside(path: &Path) -> Result<Self, OpenError> {
        Self::start(path.to_owned(), None)
    }

    fn start(path: PathBuf, claim: Option<Claim>) -> Result<Self, OpenError> {
        let file = DataFile { path, mode: Mode::Owned, claim, damage: Damage::default() };
        let file = Arc::new(file);
        let connection =
            open_to_write(&file).map_err(|error| OpenError::connect(&file.path, error))?;
        let (jobs, queue) = mpsc::channel();
        let thread = thread::Builder::new().name("sqlite-writer".to_owned()).spawn({
            let file = Arc::clone(&file);
            move || write(&file, connection, &queue)
        });
        let thread =
            thread.map_err(|source| OpenError::File { path: file.path.clone(), source })?;
        Ok(Self {
            writer: Mutex::new(Some(Writer { jobs, thread })),
            readers: Arc::default(),
            file,
        })
    }

    /// Runs a job on the writing connection, after those before it. The job also says what failed; the
    /// connection is not used again then.
    pub(super) async fn write<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Connection) -> (T, Option<Fault>) + Send + 'static,
    ) -> Result<T, Error> {
        let (done, outcome) = oneshot::channel();
        let readers = Arc::clone(&self.readers);
        let job: Job = Box::new(move |connection| {
            let (outcome, fault) = match connection {
                Ok(connection) => {
                    readers.make_way();
                    let (outcome, fault) = job(connection);
                    readers.note_commit();
                    (Ok(outcome), fault)
                }
                Err(error) => (Err(error.clone()), Some(error.fault)),
            };
            // A caller that went away has no use for the outcome.
            let _ = done.send(outcome);
            fault
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

    /// Runs a job that reads a few rows by their keys, in this thread.
    pub(super) fn read_by_key<T>(
        &self,
        job: impl FnOnce(&mut Connection) -> Result<T, Error>,
    ) -> Result<T, Error> {
        self.read_within(readers::BY_KEY, job)
    }

    /// Runs a job on a reading connection, in this thread.
    pub(super) fn read<T>(
        &self,
        job: impl FnOnce(&mut Connection) -> Result<T, Error>,
    ) -> Result<T, Error> {
        self.read_within(readers::ANEW, job)
    }

    fn read_within<T>(
        &self,
        age: Duration,
        job: impl FnOnce(&mut Connection) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let DataFile { path, mode, .. } = &*self.file;
        let outcome = self.readers.read((path, *mode), age, job);
        self.file.note(outcome.as_ref().err().map(|error| error.fault));
        outcome
    }

    /// Fails while the file is known to be damaged, and when it is no longer in its place.
    pub(super) fn refuse_unusable(&self) -> Result<(), Error> {
        self.file.refuse_unusable()
    }

    /// The file.
    pub(super) fn path(&self) -> &Path {
        &self.file.path
    }

    /// Writes the log back into the file and closes all connections.
    pub(super) fn close(&self) {
        self.readers.close();
        let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(Writer { jobs, thread }) = writer {
            drop(jobs);
            if thread.join().is_err() {
                tracing::warn!("the write-ahead log stays beside the database");
            }
        }
    }
}

impl DataFile {
    fn refuse_unusable(&self) -> Result<(), Error> {
        if !self.is_in_place() {
            return Err(Error::moved());
        }
        self.damage.refuse(&self.path)
    }

    fn is_in_place(&self) -> bool {
        self.claim.as_ref().is_none_or(Claim::holds)
    }

    fn is_sound(&self) -> bool {
        self.is_in_place() && !self.damage.is_known()
    }

    /// Remembers what failed, if it says that the file is damaged.
    fn note(&self, fault: Option<Fault>) {
        if fault == Some(Fault::Malformed) {
            self.damage.found(&self.path);
        }
    }
}

fn open_to_write(file: &Arc<DataFile>) -> rusqlite::Result<Connection> {
    let mut connection = connect::to_write(&file.path)?;
    checkpoints::follow(&mut connection, file)?;
    Ok(connection)
}

/// What the writer's thread does: one job after the other, until the queue is closed and empty. A
/// connection that a job left in doubt is closed and opened again.
fn write(file: &Arc<DataFile>, connection: Connection, queue: &mpsc::Receiver<Job>) {
    let mut connection = Some(connection);
    // A fault that lasts is logged once, however many jobs it refuses.
    let mut lasting = None;
    while let Ok(job) = queue.recv() {
        let opened = file
            .refuse_unusable()
            .and_then(|()| connection.take().map_or_else(|| Ok(open_to_write(file)?), Ok));
        let mut usable = match opened {
            Ok(usable) => usable,
            Err(error) => {
                if lasting.replace(error.fault) != Some(error.fault) {
                    tracing::error!(%error, "the database cannot be written");
                }
                file.note(job(Err(error)));
                continue;
            }
        };
        lasting = None;
        let done = catch_unwind(AssertUnwindSafe(|| job(Ok(&mut usable))));
        #[cfg(feature = "proof")]
        super::jobs::commit_late(&mut usable);
        let fault = done.unwrap_or(Some(Fault::Bug));
        file.note(fault);
        if fault.is_none() && usable.is_autocommit() {
            connection = Some(usable);
        } else {
            tracing::warn!("the connection that writes is opened again after a failure");
            close(file, usable);
        }
    }
    let Some(mut connection) = connection else { return };
    checkpoints::unfollow(&mut connection);
    if file.claim.is_some()
        && file.is_sound()
        && let Err(error) = connection.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)")
    {
        tracing::warn!(%error, "the write-ahead log stays beside the database");
    }
    close(file, connection);
}

/// Closes the connection that writes. SQLite then writes the log back into the file, unless the file is
/// damaged: the log may be needed to mend it, or belong to another file.
fn close(file: &DataFile, connection: Connection) {
    if !file.is_sound()
        && let Err(error) =
            connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)
    {
        tracing::warn!(%error, "the write-ahead log may be written back");
    }
    drop(connection);
}

/// Looks at a file that was not closed well, before anything is done with it.
fn refuse_damaged(path: &Path) -> Result<(), OpenError> {
    let size = |path: &Path| path.metadata().map_or(0, |found| found.len());
    if size(&log_of(path)) == 0 {
        return Ok(());
    }
    let damaged = |problem: String| OpenError::Damaged { path: path.to_owned(), problem };
    if size(path) == 0 {
        return Err(damaged("it is empty".to_owned()));
    }
    match damage::look(path) {
        Ok(problems) => problems.into_iter().next().map_or(Ok(()), |problem| Err(damaged(problem))),
        Err(error) if Error::from_sqlite(&error) == Fault::Malformed => {
            Err(damaged(error.to_string()))
        }
        Err(error) => Err(OpenError::connect(path, error)),
    }
}

/// The write-ahead log of a file.
fn log_of(path: &Path) -> PathBuf {
    with_suffix(path, "-wal")
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}
