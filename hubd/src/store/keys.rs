//! License and hub keys: only their hashes.

use hub_core::key::KeyHash;
use hub_core::time::Timestamp;
use sqlx::AssertSqlSafe;

use super::bulk::{Column, Value};
use super::error::Error;
use super::on;
use super::tx::Tx;
use crate::domain::{ENDED, OpenKey};

/// Which keys an instance has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    License,
    Hub,
}

impl Kind {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::License => "license",
            Self::Hub => "hub",
        }
    }
}

/// A new key of an instance.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NewKey {
    pub(crate) instance: i64,
    pub(crate) kind: Kind,
    pub(crate) hash: KeyHash,
    pub(crate) issued_at: Timestamp,
    /// Already ended when a later key of the same batch took its place.
    pub(crate) not_after: Option<Timestamp>,
}

const INSERT: [Column; 5] = [
    Column::Bytes("hash"),
    Column::Int("instance"),
    Column::Text("kind"),
    Column::Int("issued_at"),
    Column::Int("not_after"),
];
const END: [Column; 2] = [Column::Bytes("hash"), Column::Int("not_after")];
const INSTANCES: [Column; 1] = [Column::Int("instance")];
const HASHES: [Column; 1] = [Column::Bytes("hash")];

#[derive(sqlx::FromRow)]
struct OpenRow {
    instance: i64,
    hash: Vec<u8>,
    not_after: Option<i64>,
    first_used_at: Option<i64>,
}

impl Tx {
    /// The keys of a kind that were not ended, of each of these instances: the newest one, and those
    /// of an overlap, which may be over.
    pub(crate) async fn open_keys(
        &mut self,
        instances: &[i64],
        kind: Kind,
    ) -> Result<Vec<(i64, OpenKey)>, Error> {
        let ids: Vec<[i64; 1]> = instances.iter().map(|id| [*id]).collect();
        let mut rows: Vec<OpenRow> = Vec::with_capacity(ids.len());
        on!(self.db(), |db| {
            for part in dialect::parts(&INSTANCES, &ids) {
                let query = format!(
                    "SELECT instance, hash, not_after, first_used_at FROM instance_keys \
                     WHERE kind = '{}' AND instance {}",
                    kind.as_str(),
                    part.one_of(),
                );
                let query = sqlx::query_as_with(AssertSqlSafe(query), part.bind());
                rows.extend(query.fetch_all(&mut *db).await?);
            }
        });
        let open = rows.into_iter().map(|row| {
            let hash = KeyHash::from_bytes(&row.hash).ok_or_else(|| Error::corrupt("key hash"))?;
            let not_after = row.not_after.map(Timestamp::from_unix_ms);
            Ok((row.instance, OpenKey { hash, not_after, used: row.first_used_at.is_some() }))
        });
        open.collect()
    }

    /// Those of the hashes that belong to any key, also one that has ended.
    pub(crate) async fn known_hashes(&mut self, hashes: &[KeyHash]) -> Result<Vec<KeyHash>, Error> {
        if hashes.is_empty() {
            return Ok(Vec::new());
        }
        let rows: Vec<Vec<Value>> = hashes.iter().map(|hash| vec![hash.into()]).collect();
        let mut known: Vec<Vec<u8>> = Vec::new();
        for table in ["instance_keys", "admin_keys"] {
            on!(self.db(), |db| {
                for part in dialect::parts(&HASHES, &rows) {
                    let these = part.one_of();
                    let query = format!("SELECT hash FROM {table} WHERE hash {these}");
                    let query = sqlx::query_scalar_with(AssertSqlSafe(query), part.bind());
                    known.extend(query.fetch_all(&mut *db).await?);
                }
            });
        }
        Ok(known.iter().filter_map(|hash| KeyHash::from_bytes(hash)).collect())
    }

    /// Sets when keys end. One that ends at once leaves its instance: what an activation costs must
    /// not grow with the number of those before it.
    pub(crate) async fn end_keys(&mut self, ends: &[(KeyHash, Timestamp)]) -> Result<(), Error> {
        if ends.is_empty() {
            return Ok(());
        }
        let rows: Vec<Vec<Value>> =
            ends.iter().map(|(hash, end)| vec![hash.into(), end.unix_ms().into()]).collect();
        on!(self.db(), |db| {
            for part in dialect::parts(&END, &rows) {
                let update = format!(
                    "UPDATE instance_keys SET not_after = bulk.not_after, \
                     instance = CASE bulk.not_after WHEN 0 THEN NULL ELSE instance END FROM {} \
                     WHERE instance_keys.hash = bulk.hash",
                    part.source()
                );
                let update = sqlx::query_with(AssertSqlSafe(update), part.bind());
                update.execute(&mut *db).await?;
            }
        });
        Ok(())
    }

    /// Adds keys. Their hashes must not be known. One that has ended already belongs to no instance.
    pub(crate) async fn insert_keys(&mut self, keys: &[NewKey]) -> Result<(), Error> {
        if keys.is_empty() {
            return Ok(());
        }
        let rows: Vec<Vec<Value>> = keys
            .iter()
            .map(|key| {
                let instance = (key.not_after != Some(ENDED)).then_some(key.instance);
                vec![
                    (&key.hash).into(),
                    instance.into(),
                    key.kind.as_str().into(),
                    key.issued_at.unix_ms().into(),
                    key.not_after.map(Timestamp::unix_ms).into(),
                ]
            })
            .collect();
        on!(self.db(), |db| {
            for part in dialect::parts(&INSERT, &rows) {
                let insert = format!(
                    "INSERT INTO instance_keys (hash, instance, kind, issued_at, not_after) \
                     SELECT hash, instance, kind, issued_at, not_after FROM {}",
                    part.source()
                );
                let insert = sqlx::query_with(AssertSqlSafe(insert), part.bind());
                insert.execute(&mut *db).await?;
            }
        });
        Ok(())
    }
}
