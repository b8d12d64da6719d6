//! The files after a power cut, in a folder in memory, and whether they hold what they must.

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use futures_util::FutureExt;
use rusqlite::{Connection, OpenFlags};
use sha2::{Digest, Sha256};
use tempfile::TempDir;

use crate::journal::Holdings;
use crate::sql::Sql;

/// A folder for one image after the other.
#[derive(Debug)]
pub struct Image {
    folder: TempDir,
}

impl Default for Image {
    fn default() -> Self {
        Self::new()
    }
}

impl Image {
    /// An empty folder.
    #[must_use]
    pub fn new() -> Self {
        let memory = Path::new("/dev/shm");
        let mut builder = tempfile::Builder::new();
        let builder = builder.prefix("hub-image-");
        let folder = builder.tempdir_in(memory).or_else(|_| builder.tempdir());
        Self { folder: folder.expect("a temporary folder") }
    }

    /// The folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Puts these files in the place of those that are there.
    pub fn put(&self, files: &HashMap<String, Vec<u8>>) {
        for name in ["hub.db", "hub.db-wal", "hub.db-shm", "hub.db-journal"] {
            let path = self.folder().join(name);
            match files.get(name) {
                Some(content) => fs::write(path, content).expect("the file is written"),
                None => drop(fs::remove_file(path)),
            }
        }
    }

    /// Whether the database opens, is whole, has a chain that verifies, and holds what was acknowledged.
    ///
    /// # Errors
    /// What is wrong.
    pub fn check(&self, acknowledged: &[(u32, usize)]) -> Result<(), String> {
        let said = |error: rusqlite::Error| error.to_string();
        let nothing = acknowledged.iter().all(|(_, steps)| *steps == 0);
        let none = if nothing { Ok(()) } else { Err("there is no database".to_owned()) };
        if !self.folder().join("hub.db").exists() {
            return none;
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let file = Connection::open_with_flags(self.folder().join("hub.db"), flags);
        let file = file.map_err(said)?;
        file.busy_timeout(Duration::from_secs(1)).map_err(said)?;
        file.pragma_update(None, "synchronous", "OFF").map_err(said)?;
        let whole = "PRAGMA quick_check(1)";
        let whole: String = file.query_row(whole, [], |row| row.get(0)).map_err(said)?;
        if whole != "ok" {
            return Err(whole);
        }
        if !file.table_exists(None, "audit_head").map_err(said)? {
            return none;
        }
        if file.prepare("PRAGMA foreign_key_check").and_then(|mut s| s.exists([])).map_err(said)? {
            return Err("a row refers to one that is not there".to_owned());
        }
        verify(&file).map_err(said)??;
        let read = async { Holdings::read(&mut Sql::Sqlite(file)).await };
        let holdings = read.now_or_never().expect("nothing waits in SQLite");
        holdings.check(acknowledged)
    }
}

/// Recomputes the audit chain.
fn verify(file: &Connection) -> rusqlite::Result<Result<(), String>> {
    let mut rows = file.prepare(
        "SELECT seq, at, actor, action, target, detail, request_id, hash FROM audit_events \
         ORDER BY seq",
    )?;
    let mut rows = rows.query([])?;
    let (mut last, mut hash) = (0_i64, vec![0; 32]);
    while let Some(row) = rows.next()? {
        let text = |at: usize| row.get::<_, String>(at);
        let (seq, at): (i64, i64) = (row.get(0)?, row.get(1)?);
        let event = (seq, at, text(2)?, text(3)?, text(4)?, text(5)?, text(6)?);
        let event = serde_json::to_vec(&event).expect("texts and numbers");
        let expected = Sha256::new().chain_update(&hash).chain_update(event).finalize();
        hash = row.get(7)?;
        if seq != last + 1 || hash[..] != expected[..] {
            return Ok(Err(format!("the audit chain is broken at {seq}")));
        }
        last = seq;
    }
    let head = file.query_row("SELECT seq, hash FROM audit_head", [], |row| {
        Ok((row.get::<_, i64>(0)?, row.get::<_, Vec<u8>>(1)?))
    })?;
    Ok(if head == (last, hash) { Ok(()) } else { Err(format!("the head is not {last}")) })
}
