//! What can fail in a database, as callers need to tell it apart.

use std::sync::Arc;

/// A failed database operation. The cause is for the log only.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{kind:?}: {cause}")]
pub(crate) struct Error {
    pub(crate) kind: Kind,
    cause: Arc<sqlx::Error>,
}

/// What a caller may do about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The database did not answer, refused to write or is full.
    Unavailable,
    /// The commit was sent and its outcome is unknown.
    Unknown,
    /// The transaction lost against another one, and nothing was written.
    Lost,
    /// A bug: a statement or a row that does not fit.
    Internal,
}

impl Error {
    /// The same failure at the moment of the commit: whatever it was, the outcome is unknown.
    pub(crate) fn at_commit(error: sqlx::Error) -> Self {
        Self { kind: Kind::Unknown, cause: Arc::new(error) }
    }

    /// A row holds what cannot have been written by this program.
    pub(crate) fn corrupt(what: &'static str) -> Self {
        Self { kind: Kind::Internal, cause: Arc::new(sqlx::Error::Protocol(what.into())) }
    }
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        Self { kind: classify(&error), cause: Arc::new(error) }
    }
}

fn classify(error: &sqlx::Error) -> Kind {
    match error {
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed => Kind::Unavailable,
        sqlx::Error::Database(database) => {
            let postgres = database.try_downcast_ref::<sqlx::postgres::PgDatabaseError>().is_some();
            match database.code() {
                Some(code) if postgres => classify_sqlstate(&code),
                Some(code) => classify_sqlite(&code),
                None => Kind::Internal,
            }
        }
        _ => Kind::Internal,
    }
}

/// PostgreSQL, appendix A: error codes.
fn classify_sqlstate(code: &str) -> Kind {
    match code {
        // serialization_failure, deadlock_detected, lock_not_available
        "40001" | "40P01" | "55P03" => Kind::Lost,
        // read_only_sql_transaction: connected to what is no longer the primary
        "25006" => Kind::Unavailable,
        // connection exception, insufficient resources, operator intervention, system error
        _ if ["08", "53", "57", "58"].iter().any(|class| code.starts_with(class)) => {
            Kind::Unavailable
        }
        _ => Kind::Internal,
    }
}

/// SQLite result codes; the low byte is the primary one.
fn classify_sqlite(code: &str) -> Kind {
    match code.parse::<i32>().map(|code| code & 0xff) {
        // BUSY, LOCKED, READONLY, IOERR, FULL, CANTOPEN
        Ok(5 | 6 | 8 | 10 | 13 | 14) => Kind::Unavailable,
        _ => Kind::Internal,
    }
}
