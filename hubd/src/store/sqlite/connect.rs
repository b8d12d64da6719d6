//! Connections to the file, and what each connection is set to.

use std::path::Path;
use std::time::Duration;

use percent_encoding::{AsciiSet, CONTROLS, percent_encode};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

/// Statements that a connection keeps prepared.
const STATEMENTS: usize = 128;

/// The most memory for pages, in KiB and negated, as SQLite takes it. The operating system has the pages too: a
/// connection that reads forgets its own with each commit, and after a page was split SQLite goes through all
/// that the connection that writes has, in its commit.
const CACHE: i64 = -4_096;

/// In bytes. The log grows while something reads for long, a backup say. A commit takes a quarter longer when
/// the file must grow for it, so the next one finds it long already.
const LOG_KEPT: i64 = 256 << 20;

/// How a connection opens the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// With everything that the owner of the file may do.
    Owned,
    /// Without writing to the file or its log; the log is read.
    ReadOnly,
    /// Without writing to any file; the log is read.
    Untouched,
    /// Without writing to any file; the log is not read, because there is none.
    Frozen,
}

/// A connection that writes.
pub(super) fn to_write(path: &Path) -> rusqlite::Result<Connection> {
    let connection = open(path, Mode::Owned)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    // An answered write survives power loss; NORMAL would lose it.
    connection.pragma_update(None, "synchronous", synchronous(Waits::Commits))?;
    connection.pragma_update(None, "secure_delete", "ON")?;
    connection.pragma_update(None, "journal_size_limit", LOG_KEPT)?;
    Ok(connection)
}

/// What waits for the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Waits {
    Commits,
    Checkpoints,
}

#[cfg(not(feature = "proof"))]
fn synchronous(_: Waits) -> &'static str {
    "FULL"
}

#[cfg(feature = "proof")]
fn synchronous(waits: Waits) -> &'static str {
    use hub_core::proof::{Leak, leak};
    match (waits, leak()) {
        (Waits::Commits, Some(Leak::Unsynced)) => "NORMAL",
        (Waits::Checkpoints, Some(Leak::Overwritten)) => "OFF",
        _ => "FULL",
    }
}

/// A connection that only writes the log back into the file.
pub(super) fn to_checkpoint(path: &Path) -> rusqlite::Result<Connection> {
    let connection = open(path, Mode::Owned)?;
    connection.pragma_update(None, "synchronous", synchronous(Waits::Checkpoints))?;
    // The connection that writes does it, if it may.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    Ok(connection)
}

/// A connection that reads.
pub(super) fn to_read(path: &Path, mode: Mode) -> rusqlite::Result<Connection> {
    let connection = open(path, mode)?;
    connection.pragma_update(None, "query_only", "ON")?;
    // The connection that writes does it, if it may.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    Ok(connection)
}

fn open(path: &Path, mode: Mode) -> rusqlite::Result<Connection> {
    let read_only = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = match mode {
        Mode::Owned => {
            let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
                | OpenFlags::SQLITE_OPEN_CREATE
                | OpenFlags::SQLITE_OPEN_NO_MUTEX;
            Connection::open_with_flags(path, flags)?
        }
        Mode::ReadOnly => Connection::open_with_flags(path, read_only)?,
        Mode::Untouched | Mode::Frozen => {
            let option = if mode == Mode::Frozen { "immutable" } else { "readonly_shm" };
            let uri = format!("{}?{option}=1", file_uri(path));
            Connection::open_with_flags(uri, read_only | OpenFlags::SQLITE_OPEN_URI)?
        }
    };
    connection.busy_timeout(Duration::from_secs(5))?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    connection.pragma_update(None, "cache_size", CACHE)?;
    // Without this guarantee a statement over a table with a partial index is planned again for each
    // value that is bound to it.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    for (pragma, value) in [
        ("foreign_keys", "ON"),
        ("trusted_schema", "OFF"),
        ("cell_size_check", "ON"),
        ("mmap_size", "0"),
        ("temp_store", "MEMORY"),
    ] {
        connection.pragma_update(None, pragma, value)?;
    }
    Ok(connection)
}

fn file_uri(path: &Path) -> String {
    const SPECIAL: &AsciiSet = &CONTROLS.add(b'%').add(b'?').add(b'#').add(b' ');
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    format!("file:{}", percent_encode(path.as_os_str().as_encoded_bytes(), SPECIAL))
}
