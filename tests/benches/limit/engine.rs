//! The engine alone: what the hub reads and writes, by prepared statements on one connection.

mod activations;
mod instances;
mod reports;

use std::time::{Duration, Instant};

use hub_tests::{binaries, cpu};
use rusqlite::Connection;
use rusqlite::config::DbConfig;
use sha2::{Digest, Sha256};
use tempfile::TempDir;

/// Writes in a commit.
pub(crate) const BATCH: i64 = 128;
const INSTANCES: i64 = 500;

/// The settings of the hub's writer.
const SETTINGS: &str = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; \
     PRAGMA foreign_keys = ON; PRAGMA secure_delete = ON; PRAGMA cache_size = -4096; \
     PRAGMA mmap_size = 0; PRAGMA temp_store = MEMORY; PRAGMA wal_autocheckpoint = 10000; \
     PRAGMA trusted_schema = OFF";

/// What one of many took.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cost {
    pub(crate) wall: Duration,
    pub(crate) cpu: Duration,
}

/// Repeats work on so many at a time; what is prepared for it is not counted.
pub(crate) fn measure<T>(
    lasting: Duration,
    at_a_time: i64,
    mut prepare: impl FnMut(i64) -> T,
    mut work: impl FnMut(T),
) -> Cost {
    let deadline = Instant::now() + lasting;
    let (mut wall, mut cpu, mut turns) = (Duration::ZERO, Duration::ZERO, 0);
    while turns == 0 || Instant::now() < deadline {
        let prepared = prepare(turns);
        let (started, used) = (Instant::now(), cpu::of_this_thread());
        work(prepared);
        cpu += cpu::of_this_thread().saturating_sub(used);
        wall += started.elapsed();
        turns += 1;
    }
    let done = u32::try_from(turns * at_a_time).expect("fewer than four billion");
    Cost { wall: wall / done, cpu: cpu / done }
}

/// A database of the hub's schema, with instances that are active.
pub(crate) struct File {
    db: std::cell::RefCell<Connection>,
    _dir: TempDir,
}

impl File {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let db = Connection::open(dir.path().join("hub.db")).expect("the file is made");
        db.execute_batch(SETTINGS).expect("settings");
        db.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).expect("a setting");
        db.set_prepared_statement_cache_capacity(64);
        let folder = binaries::workspace().join("migrations/sqlite");
        let files = std::fs::read_dir(folder).expect("the migrations are there").flatten();
        let mut files: Vec<_> = files.map(|file| file.path()).collect();
        files.sort();
        for file in files {
            let sql = std::fs::read_to_string(file).expect("a migration is text");
            db.execute_batch(&sql).expect("the schema is made");
        }
        instances::fill(&db).expect("instances are made");
        Self { db: std::cell::RefCell::new(db), _dir: dir }
    }
}

/// A hash as of a key, or of a report.
fn hash(of: &str, n: i64) -> [u8; 32] {
    Sha256::digest(format!("{of} {n}")).into()
}

/// The instances of a batch, in order, and other ones than in the batch before.
fn batch(turn: i64) -> Vec<i64> {
    let mut instances: Vec<i64> = (0..BATCH).map(|n| (turn * BATCH + n) % INSTANCES).collect();
    instances.sort_unstable();
    instances
}
