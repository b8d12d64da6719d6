//! Copies every table of one database to another one, of either kind, in one transaction.
//!
//! Tables and columns come from the databases themselves, so a table that a migration adds is copied too.
//! What was written is read back before it is committed.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;

use rusqlite::types::Value;
use sha2::{Digest, Sha256};

use super::Store;
use super::backup::{self, CopyError, claim};
use super::end::{End, Table};
use super::error::Error;
use super::migrate;
use super::open::OpenError;
use super::postgres::PostgresTuning;
use super::url::{DatabaseUrl, Place};

/// How many rows are read and written at once.
const PAGE: usize = 5_000;

/// Tables that say whether a database has data. Every first start writes into the last two.
const DATA: [&str; 4] = ["clients", "instances", "admin_keys", "audit_events"];

/// Why a database was not copied. The text is for the operator.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TransferError {
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error(transparent)]
    InUse(#[from] CopyError),
    #[error("cannot copy: {0}")]
    Failed(#[from] Error),
    #[error("{0} has data already: name an empty database")]
    NotEmpty(DatabaseUrl),
    #[error(
        "{url} has schema {schema}, and this hubd has {newest}: run `hubd migrate` on it first"
    )]
    Schema { url: DatabaseUrl, schema: i64, newest: i64 },
    #[error("the two databases do not have the same tables")]
    OtherTables,
    #[error("the table {0} was not copied as it is")]
    Differs(String),
    #[error("the audit chain of the copy breaks at event {0}")]
    BrokenAudit(i64),
}

/// What was copied.
#[derive(Debug)]
pub(crate) struct Transferred {
    /// The rows of each table.
    pub(crate) tables: Vec<(String, u64)>,
    /// How many events the audit chain has.
    pub(crate) events: u64,
}

/// The number of a table's rows and a digest of all of them, whatever their order.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Content {
    rows: u64,
    digest: u128,
}

impl Content {
    fn add(&mut self, row: &[Value]) {
        let mut hash = Sha256::new();
        for value in row {
            let (kind, bytes) = match value {
                Value::Null => (0, Vec::new()),
                Value::Integer(number) => (1, number.to_be_bytes().to_vec()),
                Value::Real(number) => (2, number.to_be_bytes().to_vec()),
                Value::Text(text) => (3, text.clone().into_bytes()),
                Value::Blob(bytes) => (4, bytes.clone()),
            };
            hash.update([kind]);
            hash.update((bytes.len() as u64).to_be_bytes());
            hash.update(bytes);
        }
        let digest: [u8; 32] = hash.finalize().into();
        let mut half = [0; 16];
        half.copy_from_slice(&digest[..16]);
        self.rows += 1;
        self.digest = self.digest.wrapping_add(u128::from_be_bytes(half));
    }
}

/// Whether any of the tables that say so has rows, whatever schema the database has.
async fn has_data(end: &mut End) -> Result<bool, Error> {
    for table in end.tables().await? {
        if DATA.contains(&table.name.as_str()) && end.count(&table.name).await? > 0 {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The claim to a file, which no hub may use then.
fn claimed(url: &DatabaseUrl) -> Result<Vec<File>, CopyError> {
    match url.sqlite_path() {
        None => Ok(Vec::new()),
        Some(path) if path.is_file() => claim(path),
        Some(path) => Err(CopyError::Missing(path.to_owned())),
    }
}

/// Copies `from` to `to`, which must have no data. No hub may use either.
pub(crate) async fn transfer(
    from: &DatabaseUrl,
    to: &DatabaseUrl,
) -> Result<Transferred, TransferError> {
    let tuning = PostgresTuning { connections: 2, pgbouncer: false };
    let source_claim = claimed(from)?;
    if to.sqlite_path().is_none_or(Path::is_file) {
        // Before it gets this program's schema: a hub of an earlier version may be using it.
        let mut target = End::connect(to).await?;
        let has_data = has_data(&mut target).await?;
        target.close().await?;
        if has_data {
            return Err(TransferError::NotEmpty(to.clone()));
        }
    }
    Store::open(to, tuning).await?.close().await;
    let target_claim = claimed(to)?;
    let (mut source, mut target) = (End::connect(from).await?, End::connect(to).await?);
    source.begin_to_read().await?;
    target.begin_to_write().await?;
    let schema = source.newest_migration().await?;
    if schema != migrate::newest() {
        let newest = migrate::newest();
        return Err(TransferError::Schema { url: from.clone(), schema, newest });
    }
    if has_data(&mut target).await? {
        return Err(TransferError::NotEmpty(to.clone()));
    }
    let tables = copy_all(&mut source, &mut target).await?;
    target.commit().await?;
    source.close().await?;
    target.close().await?;
    drop((source_claim, target_claim));
    let events = verify(to, tuning).await?;
    Ok(Transferred { tables, events })
}

async fn copy_all(source: &mut End, target: &mut End) -> Result<Vec<(String, u64)>, TransferError> {
    let tables = target.tables().await?;
    let names = |tables: &[Table]| -> BTreeMap<String, Vec<String>> {
        let columns = |table: &Table| table.columns.iter().map(|(name, _)| name.clone()).collect();
        tables.iter().map(|table| (table.name.clone(), columns(table))).collect()
    };
    if names(&source.tables().await?) != names(&tables) {
        return Err(TransferError::OtherTables);
    }
    // What a migration wrote is replaced.
    for table in tables.iter().rev() {
        if target.count(&table.name).await? > 0 {
            target.empty(&table.name).await?;
        }
    }
    let mut copied = Vec::new();
    for table in &tables {
        let mut content = Content::default();
        let mut after = None;
        loop {
            let rows = source.page(table, after.as_deref(), PAGE).await?;
            for row in &rows {
                content.add(row);
            }
            target.insert(table, &rows).await?;
            let done = rows.len() < PAGE;
            after = rows.into_iter().last();
            if done {
                break;
            }
        }
        target.continue_numbers(table, source.last_number(table).await?).await?;
        if content != read(target, table).await? {
            return Err(TransferError::Differs(table.name.clone()));
        }
        copied.push((table.name.clone(), content.rows));
    }
    Ok(copied)
}

async fn read(end: &mut End, table: &Table) -> Result<Content, Error> {
    let mut content = Content::default();
    let mut after = None;
    loop {
        let rows = end.page(table, after.as_deref(), PAGE).await?;
        for row in &rows {
            content.add(row);
        }
        let done = rows.len() < PAGE;
        after = rows.into_iter().last();
        if done {
            return Ok(content);
        }
    }
}

/// Opens the copy as a hub does, and verifies its chain.
async fn verify(url: &DatabaseUrl, tuning: PostgresTuning) -> Result<u64, TransferError> {
    let store = Store::open(url, tuning).await?;
    let verdict = store.verify_audit().await;
    store.close().await;
    if let Place::Sqlite(path) = &url.0 {
        backup::verify(path)?;
    }
    let verdict = verdict?;
    match verdict.first_broken {
        None => Ok(verdict.events),
        Some(seq) => Err(TransferError::BrokenAudit(seq)),
    }
}
