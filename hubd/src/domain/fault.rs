//! The failures of the hub, as far as callers need to tell them apart.

use hub_core::problem::ErrorCode;

/// A failure of the hub.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The disk is full.
    Full,
    /// The database file or server is read-only.
    ReadOnly,
    /// A read or a write failed.
    Io,
    /// The database contains a value that hubd cannot have written.
    Damaged,
    /// The database file itself is damaged.
    Malformed,
    /// Another file is where the database was.
    Moved,
    /// Another transaction came first, and nothing was written.
    Lost,
    /// No connection was free, or the database is locked: nothing was done.
    Busy,
    /// The server ended a statement that took too long: nothing was done.
    Timeout,
    /// The connection was cut or cannot be made.
    Disconnected,
    /// The commit or another statement was sent, but its result is unknown.
    Unknown,
    /// A statement or a task failed because of a bug.
    Bug,
}

impl Fault {
    /// Every kind of failure.
    pub(crate) const ALL: [Self; 12] = [
        Self::Full,
        Self::ReadOnly,
        Self::Io,
        Self::Damaged,
        Self::Malformed,
        Self::Moved,
        Self::Lost,
        Self::Busy,
        Self::Timeout,
        Self::Disconnected,
        Self::Unknown,
        Self::Bug,
    ];

    /// The name in metrics. A kind that is added here is added to [`Self::ALL`] too.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::ReadOnly => "read_only",
            Self::Io => "io",
            Self::Damaged => "damaged_value",
            Self::Malformed => "damaged_file",
            Self::Moved => "moved",
            Self::Lost => "lost_race",
            Self::Busy => "busy",
            Self::Timeout => "timeout",
            Self::Disconnected => "disconnected",
            Self::Unknown => "unknown_outcome",
            Self::Bug => "bug",
        }
    }

    /// The error code that the caller gets.
    pub(crate) fn code(self) -> ErrorCode {
        match self {
            Self::Busy => ErrorCode::Overloaded,
            Self::Bug => ErrorCode::Internal,
            Self::Full
            | Self::ReadOnly
            | Self::Io
            | Self::Damaged
            | Self::Malformed
            | Self::Moved
            | Self::Lost
            | Self::Timeout
            | Self::Disconnected
            | Self::Unknown => ErrorCode::DatabaseUnavailable,
        }
    }
}
