//! Keys → the instances that they belong to, many at once.

use std::collections::HashMap;

use hub_core::key::KeyHash;
use hub_core::time::Timestamp;
use sqlx::AssertSqlSafe;

use super::bulk::{Column, Value};
use super::error::Error;
use super::instances::{InstanceRecord, record_columns, record_joins};
use super::keys::Kind;
use super::tx::Tx;
use super::{Store, on};

/// A key that the database knows and that has not ended at once, with its instance.
#[derive(Debug, Clone, sqlx::FromRow)]
pub(crate) struct KnownKey {
    key_hash: Vec<u8>,
    key_kind: String,
    key_not_after: Option<i64>,
    key_first_used_at: Option<i64>,
    #[sqlx(flatten)]
    pub(crate) instance: InstanceRecord,
}

impl KnownKey {
    /// Whether nobody has authenticated with it yet.
    pub(crate) fn unused(&self) -> bool {
        self.key_first_used_at.is_none()
    }

    /// Whether it is the key asked for, of that kind, and works. The comparison takes constant time.
    fn answers(&self, hash: &KeyHash, kind: Kind, now: Timestamp) -> bool {
        let same = KeyHash::from_bytes(&self.key_hash).is_some_and(|stored| stored == *hash);
        same && self.key_kind == kind.as_str()
            && self.key_not_after.is_none_or(|end| end > now.unix_ms())
    }
}

/// Known keys by hash.
#[derive(Debug, Default)]
pub(crate) struct KnownKeys(HashMap<Vec<u8>, KnownKey>);

impl KnownKeys {
    /// The key with this hash, if it is of that kind and works now.
    pub(crate) fn live(&self, hash: &KeyHash, kind: Kind, now: Timestamp) -> Option<&KnownKey> {
        self.0.get(hash.as_bytes()).filter(|key| key.answers(hash, kind, now))
    }
}

const HASHES: [Column; 1] = [Column::Bytes("hash")];

const SELECT: &str = concat!(
    "SELECT k.hash AS key_hash, k.kind AS key_kind, k.not_after AS key_not_after, ",
    "k.first_used_at AS key_first_used_at, ",
    record_columns!(),
    " FROM instance_keys k JOIN instances i ON i.id = k.instance ",
    record_joins!()
);

macro_rules! look_up {
    ($engine:expr, |$db:ident| $executor:expr, $hashes:expr) => {{
        let rows: Vec<Vec<Value>> = $hashes.iter().map(|hash| vec![hash.into()]).collect();
        let mut found: Vec<KnownKey> = Vec::with_capacity(rows.len());
        on!($engine, |$db| {
            for part in dialect::parts(&HASHES, &rows) {
                let query = format!("{SELECT} WHERE k.hash {}", part.one_of());
                let query = sqlx::query_as_with(AssertSqlSafe(query), part.bind());
                found.extend(query.fetch_all($executor).await?);
            }
        });
        Ok(KnownKeys(found.into_iter().map(|key| (key.key_hash.clone(), key)).collect()))
    }};
}

impl Store {
    /// Those of the keys that are known, as the last commit left them.
    pub(crate) async fn known_keys(&self, hashes: &[KeyHash]) -> Result<KnownKeys, Error> {
        look_up!(self.reader(), |db| db, hashes)
    }
}

impl Tx {
    /// Those of the keys that are known; they cannot change until this transaction ends.
    pub(crate) async fn known_keys(&mut self, hashes: &[KeyHash]) -> Result<KnownKeys, Error> {
        look_up!(self.db(), |db| &mut *db, hashes)
    }
}
