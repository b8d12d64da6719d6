//! License and hub keys: only their hashes.

use hub_core::key::KeyHash;
use hub_core::time::Timestamp;

use super::Store;
use super::bulk::{Bulk, BulkRow};
use super::db::Db;
use super::error::Error;
use super::instances::{InstanceRow, columns};
use super::row::{FromRow, Row};
use crate::domain::{ENDED, InstanceKey, NewKey, OpenKey};

impl FromRow for InstanceKey {
    fn from_row(row: &mut Row<'_>) -> Result<Self, Error> {
        match row.text()? {
            "license" => Ok(Self::License),
            "hub" => Ok(Self::Hub),
            _ => Err(Error::corrupt("kind of key")),
        }
    }
}

impl FromRow for OpenKey {
    fn from_row(row: &mut Row<'_>) -> Result<Self, Error> {
        Ok(Self {
            hash: row.next()?,
            not_after: row.next()?,
            used: row.next::<Option<Timestamp>>()?.is_some(),
        })
    }
}

/// A key that still has an owner in the database: live, or at the end of an overlap.
#[derive(Debug, Clone)]
pub(crate) struct KnownKey<T> {
    kind: InstanceKey,
    key: OpenKey,
    /// The instance or the license that the key belongs to.
    pub(crate) holder: T,
}

impl<T: FromRow> FromRow for KnownKey<T> {
    fn from_row(row: &mut Row<'_>) -> Result<Self, Error> {
        Ok(Self { kind: row.next()?, key: row.next()?, holder: row.next()? })
    }
}

impl<T> KnownKey<T> {
    /// The key's hash.
    pub(crate) fn hash(&self) -> &KeyHash {
        &self.key.hash
    }

    /// Whether nobody has authenticated with it yet.
    pub(crate) fn is_unused(&self) -> bool {
        !self.key.used
    }

    /// Whether it is that key, of that kind, and works. The comparison takes constant time.
    pub(crate) fn answers(&self, hash: &KeyHash, kind: InstanceKey, now: Timestamp) -> bool {
        self.key.hash == *hash && self.kind == kind && self.key.is_live(now)
    }
}

/// What a key is looked up for: its instance, with as much as is needed of it.
pub(crate) trait Holder: FromRow + Clone + Send + Sync + 'static {
    /// Finds keys by their hashes, each with its holder.
    const KNOWN: &'static str;
}

/// [`Holder::KNOWN`] with these columns of the holder; instances are `i`, clients `c`.
macro_rules! known {
    ($($columns:tt)+) => {
        concat!(
            "SELECT k.kind, k.hash, k.not_after, k.first_used_at, ",
            $($columns)+,
            " FROM instance_keys k JOIN instances i ON i.id = k.instance \
             JOIN clients c ON c.id = i.client WHERE k.hash {key}"
        )
    };
}
pub(super) use known;

impl Holder for InstanceRow {
    const KNOWN: &'static str = known!(columns!());
}

const OPEN: &str = "SELECT instance, hash, not_after, first_used_at FROM instance_keys \
                    WHERE instance {key} AND kind = ";
const HASHES: &str = "SELECT hash FROM instance_keys WHERE hash {key} \
     UNION ALL SELECT hash FROM admin_keys WHERE hash {key}";

pub(super) static ADD_KEYS: Bulk = Bulk::new(
    &["hash", "instance", "kind", "not_after"],
    "INSERT INTO instance_keys (hash, instance, kind, not_after) \
     {values}",
);

static NEWEST_LICENSE: Bulk = Bulk::new(
    &["instance", "hash", "issued_at"],
    "UPDATE instances SET license_hash = bulk.hash, license_issued_at = bulk.issued_at {from} \
     WHERE instances.id = bulk.instance",
);
static NEWEST_HUB_KEY: Bulk = Bulk::new(
    &["instance", "hash", "issued_at"],
    "UPDATE instances SET hub_hash = bulk.hash, hub_issued_at = bulk.issued_at {from} \
     WHERE instances.id = bulk.instance",
);

/// One that ends at once leaves its instance: what an activation costs must not grow with the number of
/// those before it.
const END: &str = "UPDATE instance_keys SET not_after = 0, instance = NULL WHERE hash {key}";
static END_LATER: Bulk = Bulk::new(
    &["hash", "not_after"],
    "UPDATE instance_keys SET not_after = bulk.not_after {from} \
     WHERE instance_keys.hash = bulk.hash",
);

/// Nobody ever used the old key, so nothing is kept of it. Otherwise a loop of activations would make the
/// table grow.
pub(super) static REPLACE: Bulk = Bulk::new(
    &["old", "hash", "not_after"],
    "UPDATE instance_keys SET hash = bulk.hash, not_after = bulk.not_after {from} \
     WHERE instance_keys.hash = bulk.old",
);
/// The same for an old key that no new one takes the place of.
const FORGET: &str = "DELETE FROM instance_keys WHERE hash {key}";

/// The rows of [`ADD_KEYS`]. A key that has ended already belongs to no instance.
pub(super) fn key_rows(keys: &[NewKey]) -> Vec<impl BulkRow> {
    let rows = keys.iter().map(|key| {
        let instance = (key.not_after != Some(ENDED)).then_some(key.instance);
        let not_after = key.not_after.map(Timestamp::unix_ms);
        (key.hash.as_bytes(), instance, key.kind.as_str(), not_after)
    });
    rows.collect()
}

/// The rows of [`REPLACE`].
pub(super) fn replaced_rows(replaced: &[(KeyHash, &NewKey)]) -> Vec<impl BulkRow> {
    let rows = replaced.iter().map(|(old, new)| {
        (old.as_bytes(), new.hash.as_bytes(), new.not_after.map(Timestamp::unix_ms))
    });
    rows.collect()
}

/// The hashes as keys of a query.
pub(super) fn as_keys(hashes: &[KeyHash]) -> Vec<&[u8]> {
    hashes.iter().map(KeyHash::as_bytes).collect()
}

impl Db<'_> {
    /// Those of the keys that are known, each with its instance.
    pub(crate) async fn known_keys<T: Holder>(
        &mut self,
        hashes: &[KeyHash],
    ) -> Result<Vec<KnownKey<T>>, Error> {
        self.rows_by(T::KNOWN, &as_keys(hashes)).await
    }

    /// The keys of a kind that were not ended, of each of these instances: the newest one, and those
    /// of an overlap, which may be over. Nobody else notes a use of them until the transaction ends.
    pub(crate) async fn open_keys(
        &mut self,
        instances: &[i64],
        kind: InstanceKey,
    ) -> Result<Vec<(i64, OpenKey)>, Error> {
        let sql = format!("{OPEN}'{}'{{lock_by_hash}}", kind.as_str());
        self.rows_by(sql, instances).await
    }

    /// Those of the hashes that belong to any key, also one that has ended.
    pub(crate) async fn known_hashes(&mut self, hashes: &[KeyHash]) -> Result<Vec<KeyHash>, Error> {
        self.rows_by(HASHES, &as_keys(hashes)).await
    }

    /// Sets when keys end.
    pub(crate) async fn end_keys(&mut self, ends: &[(KeyHash, Timestamp)]) -> Result<(), Error> {
        let (now, later): (Vec<_>, Vec<_>) = ends.iter().partition(|(_, end)| *end == ENDED);
        let now: Vec<&[u8]> = now.iter().map(|(hash, _)| hash.as_bytes()).collect();
        let later: Vec<_> =
            later.iter().map(|(hash, end)| (hash.as_bytes(), end.unix_ms())).collect();
        self.execute_by(END, &now).await?;
        self.bulk(&END_LATER, &later).await
    }

    /// Keeps nothing of keys that were never used.
    pub(super) async fn forget_keys(&mut self, unused: &[KeyHash]) -> Result<(), Error> {
        self.execute_by(FORGET, &as_keys(unused)).await
    }

    /// Adds keys, and notes the newest ones with their instances. Their hashes must not be known.
    pub(crate) async fn insert_keys(&mut self, keys: &[NewKey]) -> Result<(), Error> {
        self.bulk(&ADD_KEYS, &key_rows(keys)).await?;
        for (kind, statement) in
            [(InstanceKey::License, &NEWEST_LICENSE), (InstanceKey::Hub, &NEWEST_HUB_KEY)]
        {
            let newest = keys.iter().filter(|key| key.kind == kind && key.not_after.is_none());
            let rows: Vec<_> = newest
                .map(|key| (key.instance, key.hash.as_bytes(), key.issued_at.unix_ms()))
                .collect();
            self.bulk(statement, &rows).await?;
        }
        Ok(())
    }
}

impl Store {
    /// Those of the keys that are known, as the last commit left them.
    pub(crate) async fn known_keys<T: Holder>(
        &self,
        hashes: Vec<KeyHash>,
    ) -> Result<Vec<KnownKey<T>>, Error> {
        self.point(hashes, |db, hashes| Box::pin(db.known_keys(hashes))).await
    }
}
