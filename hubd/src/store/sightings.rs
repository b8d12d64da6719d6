//! When instances were last heard of, and keys first and last used.

use std::collections::BTreeMap;

use hub_core::key::KeyHash;
use hub_core::time::Timestamp;

use super::bulk::Bulk;
use super::db::Db;
use super::error::Error;

/// An instance was heard of, by this hub key.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sighting {
    pub(crate) instance: i64,
    pub(crate) hub_key: KeyHash,
    pub(crate) now: Timestamp,
}

// A time in the future was noted by a clock that was ahead; it is put right. Replicas differ by less than
// a minute.
static KEY_USED: Bulk = Bulk::new(
    &["hash", "at"],
    "UPDATE instance_keys SET first_used_at = bulk.at {from} \
     WHERE instance_keys.hash = bulk.hash \
     AND (first_used_at IS NULL OR first_used_at > bulk.at + 60000)",
);

static SEEN: Bulk = Bulk::new(
    &["instance", "at"],
    "UPDATE instances SET last_seen_at = bulk.at {from} WHERE instances.id = bulk.instance \
     AND (last_seen_at IS NULL OR last_seen_at <= bulk.at - 60000 \
     OR last_seen_at > bulk.at + 60000)",
);

impl Db<'_> {
    /// Notes them, each instance to the minute. Keys are written before instances, as everywhere.
    pub(crate) async fn note_sightings(&mut self, sightings: &[Sighting]) -> Result<(), Error> {
        // Once an instance, and in order: an UPDATE that joins a row twice takes either.
        let mut keys: BTreeMap<&[u8], i64> = BTreeMap::new();
        let mut instances: BTreeMap<i64, i64> = BTreeMap::new();
        for Sighting { instance, hub_key, now } in sightings {
            let now = now.unix_ms();
            let first = keys.entry(hub_key.as_bytes()).or_insert(now);
            *first = now.min(*first);
            let last = instances.entry(*instance).or_insert(now);
            *last = now.max(*last);
        }
        self.bulk(&KEY_USED, &keys.into_iter().collect::<Vec<_>>()).await?;
        self.bulk(&SEEN, &instances.into_iter().collect::<Vec<_>>()).await
    }

    /// Notes when an admin key was last used.
    pub(crate) async fn note_admin_key_used(
        &mut self,
        hash: &KeyHash,
        at: Timestamp,
    ) -> Result<(), Error> {
        const USED: &str = "UPDATE admin_keys SET last_used_at = $2 WHERE hash = $1";
        self.execute(USED, &[&hash.as_bytes(), &at.unix_ms()]).await?;
        Ok(())
    }
}
