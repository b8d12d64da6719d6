//! When instances were last heard of, and keys first and last used.

use std::collections::BTreeMap;
use std::time::Duration;

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

/// How exact last-seen times are, so that they need one write a minute and not one a request. A time further ahead was noted by a clock that was wrong, and is put right:
/// the clocks of replicas differ by less.
pub(crate) const GRAIN: Duration = Duration::from_mins(1);

static KEY_USED: Bulk = Bulk::new(
    &["hash", "at", "ahead"],
    "UPDATE instance_keys SET first_used_at = bulk.at {from} \
     WHERE instance_keys.hash = bulk.hash \
     AND (first_used_at IS NULL OR first_used_at > bulk.ahead)",
);

static SEEN: Bulk = Bulk::new(
    &["instance", "at", "stale", "ahead"],
    "UPDATE instances SET last_seen_at = bulk.at {from} WHERE instances.id = bulk.instance \
     AND (last_seen_at IS NULL OR last_seen_at <= bulk.stale OR last_seen_at > bulk.ahead)",
);

impl Db<'_> {
    /// Notes them, each instance to the minute. Keys are written before instances, as by activations. (A
    /// deletion locks the instance first: if the two meet, PostgreSQL ends one, which is run again.)
    pub(crate) async fn note_sightings(&mut self, sightings: &[Sighting]) -> Result<(), Error> {
        // Once an instance, and in order: an UPDATE that joins a row twice takes either.
        let mut keys: BTreeMap<&[u8], Timestamp> = BTreeMap::new();
        let mut instances: BTreeMap<i64, Timestamp> = BTreeMap::new();
        for Sighting { instance, hub_key, now } in sightings {
            let first = keys.entry(hub_key.as_bytes()).or_insert(*now);
            *first = *now.min(first);
            let last = instances.entry(*instance).or_insert(*now);
            *last = *now.max(last);
        }
        let ahead = |at: Timestamp| at.after(GRAIN).unix_ms();
        let keys = keys.into_iter().map(|(hash, at)| (hash, at.unix_ms(), ahead(at)));
        let instances = instances
            .into_iter()
            .map(|(instance, at)| [instance, at.unix_ms(), at.before(GRAIN).unix_ms(), ahead(at)]);
        self.bulk(&KEY_USED, &keys.collect::<Vec<_>>()).await?;
        self.bulk(&SEEN, &instances.collect::<Vec<_>>()).await
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
