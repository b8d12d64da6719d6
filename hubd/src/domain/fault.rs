//! What can befall the hub while it serves a request, as far as callers need to tell it apart.

use hub_core::problem::ErrorCode;

/// A failure that is not the caller's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The disk is full.
    Full,
    /// The database takes no writes: a file or a server that is read-only.
    ReadOnly,
    /// Reading or writing failed.
    Io,
    /// The database holds what cannot have been written.
    Damaged,
    /// Another transaction came first, and nothing was written.
    Lost,
    /// No connection was free, or the database is locked: nothing was done.
    Busy,
    /// The connection was cut, or there is none.
    Disconnected,
    /// The commit was sent, and whether it was done is unknown.
    Unknown,
    /// A bug: a statement or a task that failed.
    Bug,
}

impl Fault {
    /// What a caller is told.
    pub(crate) fn code(self) -> ErrorCode {
        match self {
            Self::Busy => ErrorCode::Overloaded,
            Self::Bug => ErrorCode::Internal,
            Self::Full
            | Self::ReadOnly
            | Self::Io
            | Self::Damaged
            | Self::Lost
            | Self::Disconnected
            | Self::Unknown => ErrorCode::DatabaseUnavailable,
        }
    }
}
