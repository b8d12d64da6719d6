//! Database failures, and what each means to a caller: the one place that knows the error codes of both
//! databases.

use std::sync::Arc;

use rusqlite::ErrorCode as Code;

use crate::domain::{Fault, Refusal};
use crate::metrics;

/// A failed database operation. The cause is for the log only.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{fault:?}: {cause}")]
pub(crate) struct Error {
    /// What it means to a caller.
    pub(crate) fault: Fault,
    cause: Cause,
}

#[derive(Debug, Clone, thiserror::Error)]
enum Cause {
    #[error(transparent)]
    Sqlite(Arc<rusqlite::Error>),
    #[error(transparent)]
    Postgres(Arc<sqlx::Error>),
    #[error("the database holds what this program cannot have written: {0}")]
    Corrupt(&'static str),
    #[error("{0}")]
    Internal(&'static str),
}

impl Error {
    /// The same failure at the moment of the commit: whether it was done is unknown.
    pub(crate) fn at_commit(self) -> Self {
        let fault = if self.fault == Fault::Lost { Fault::Lost } else { Fault::Unknown };
        Self { fault, ..self }
    }

    /// A row holds what cannot have been written by this program.
    pub(crate) fn corrupt(what: &'static str) -> Self {
        Self { fault: Fault::Damaged, cause: Cause::Corrupt(what) }
    }

    /// SQLite said that the file is damaged.
    pub(super) fn malformed() -> Self {
        let cause = Cause::Internal("the database file is damaged");
        Self { fault: Fault::Malformed, cause }
    }

    /// Another file is where the database was.
    pub(super) fn moved() -> Self {
        let cause = Cause::Internal(
            "the database file was removed or replaced while the hub runs: put it back, or stop the hub",
        );
        Self { fault: Fault::Moved, cause }
    }

    /// What a result of SQLite means.
    pub(super) fn from_sqlite(error: &rusqlite::Error) -> Fault {
        sqlite_fault(error)
    }

    /// The server did not answer in time: what it did is unknown.
    pub(super) fn silent() -> Self {
        Self { fault: Fault::Unknown, cause: Cause::Internal("the database does not answer") }
    }

    /// A job panicked: nothing of it was committed.
    pub(crate) fn panicked() -> Self {
        Self::internal("a job of the database panicked")
    }

    /// No connection was free for long: nothing was done.
    pub(crate) fn busy() -> Self {
        let cause = Cause::Internal("all connections to the database were in use");
        Self { fault: Fault::Busy, cause }
    }

    /// The changes before this one took long, and its turn did not come: nothing was done.
    pub(super) fn behind() -> Self {
        let cause = Cause::Internal("the changes before it took too long");
        Self { fault: Fault::Busy, cause }
    }

    /// A bug of this program.
    pub(crate) fn internal(what: &'static str) -> Self {
        Self { fault: Fault::Bug, cause: Cause::Internal(what) }
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::failed(error.fault, error)
    }
}

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        let fault = sqlite_fault(&error);
        metrics::database_failed(fault);
        Self { fault, cause: Cause::Sqlite(Arc::new(error)) }
    }
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        let fault = postgres_fault(&error);
        metrics::database_failed(fault);
        Self { fault, cause: Cause::Postgres(Arc::new(error)) }
    }
}

/// SQLite's result codes (<https://www.sqlite.org/rescode.html>).
fn sqlite_fault(error: &rusqlite::Error) -> Fault {
    match error.sqlite_error_code() {
        Some(Code::DiskFull) => Fault::Full,
        Some(Code::ReadOnly) => Fault::ReadOnly,
        Some(Code::SystemIoFailure | Code::CannotOpen | Code::OutOfMemory) => Fault::Io,
        Some(Code::DatabaseCorrupt | Code::NotADatabase) => Fault::Malformed,
        Some(Code::DatabaseBusy | Code::DatabaseLocked | Code::FileLockingProtocolFailed) => {
            Fault::Busy
        }
        _ => Fault::Bug,
    }
}

fn postgres_fault(error: &sqlx::Error) -> Fault {
    match error {
        // See `postgres`: a permit was had, so the server takes no connection.
        sqlx::Error::PoolTimedOut
        | sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::Protocol(_)
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed => Fault::Disconnected,
        sqlx::Error::Database(database) => {
            database.code().map_or(Fault::Bug, |code| sqlstate_fault(&code))
        }
        sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) => Fault::Damaged,
        _ => Fault::Bug,
    }
}

/// PostgreSQL, appendix A: error codes. The first two characters are the class.
fn sqlstate_fault(code: &str) -> Fault {
    match (code, code.get(..2).unwrap_or_default()) {
        // serialization_failure, deadlock_detected, lock_not_available
        ("40001" | "40P01" | "55P03", _) => Fault::Lost,
        // disk_full
        ("53100", _) => Fault::Full,
        // too_many_connections
        ("53300", _) => Fault::Busy,
        // read_only_sql_transaction: connected to a server that is no longer the primary
        ("25006", _) => Fault::ReadOnly,
        // query_canceled, by statement_timeout: the next time would take as long
        ("57014", _) => Fault::Timeout,
        // data_corrupted, index_corrupted
        (_, "XX") if code != "XX000" => Fault::Damaged,
        // connection exception, operator intervention, insufficient resources, system error
        (_, "08" | "57") => Fault::Disconnected,
        (_, "53" | "58") => Fault::Io,
        _ => Fault::Bug,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rusqlite::ffi;

    fn sqlite(code: i32) -> Fault {
        sqlite_fault(&rusqlite::Error::SqliteFailure(ffi::Error::new(code), None))
    }

    #[test]
    fn results_of_sqlite_are_told_apart() {
        for (code, fault) in [
            (ffi::SQLITE_FULL, Fault::Full),
            (ffi::SQLITE_READONLY_DBMOVED, Fault::ReadOnly),
            (ffi::SQLITE_IOERR_FSYNC, Fault::Io),
            (ffi::SQLITE_IOERR_WRITE, Fault::Io),
            (ffi::SQLITE_CANTOPEN, Fault::Io),
            (ffi::SQLITE_CORRUPT, Fault::Malformed),
            (ffi::SQLITE_NOTADB, Fault::Malformed),
            (ffi::SQLITE_BUSY_SNAPSHOT, Fault::Busy),
            (ffi::SQLITE_CONSTRAINT_UNIQUE, Fault::Bug),
        ] {
            assert_eq!(sqlite(code), fault, "{code}");
        }
    }

    #[test]
    fn states_of_postgres_are_told_apart() {
        for (code, fault) in [
            ("40001", Fault::Lost),
            ("40P01", Fault::Lost),
            ("55P03", Fault::Lost),
            ("53100", Fault::Full),
            ("53300", Fault::Busy),
            ("25006", Fault::ReadOnly),
            ("57014", Fault::Timeout),
            ("57P01", Fault::Disconnected),
            ("08006", Fault::Disconnected),
            ("58030", Fault::Io),
            ("XX001", Fault::Damaged),
            ("23505", Fault::Bug),
            ("", Fault::Bug),
        ] {
            assert_eq!(sqlstate_fault(code), fault, "{code}");
        }
        assert_eq!(postgres_fault(&sqlx::Error::PoolTimedOut), Fault::Disconnected);
        let cut = std::io::Error::from(std::io::ErrorKind::ConnectionReset);
        assert_eq!(postgres_fault(&sqlx::Error::Io(cut)), Fault::Disconnected);
    }

    #[test]
    fn a_failed_commit_is_unknown_unless_it_lost() {
        let full = Error::from(rusqlite::Error::SqliteFailure(ffi::Error::new(13), None));
        assert_eq!(full.at_commit().fault, Fault::Unknown);
    }
}
