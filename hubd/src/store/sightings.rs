//! When instances were last heard of, and keys first used.

use std::collections::BTreeMap;

use hub_core::key::KeyHash;
use hub_core::time::Timestamp;
use sqlx::AssertSqlSafe;

use super::bulk::{Column, Value};
use super::error::Error;
use super::on;
use super::tx::Tx;

/// An instance was heard of, by this hub key.
#[derive(Debug, Clone)]
pub(crate) struct Sighting {
    pub(crate) instance: i64,
    pub(crate) hub_key: KeyHash,
    pub(crate) now: Timestamp,
}

const COLUMNS: [Column; 3] = [Column::Int("instance"), Column::Bytes("hash"), Column::Int("at")];

impl Tx {
    /// Notes them, each instance to the minute. Keys are written before instances, as everywhere.
    pub(super) async fn note_sightings(&mut self, sightings: &[Sighting]) -> Result<(), Error> {
        if sightings.is_empty() {
            return Ok(());
        }
        // Once an instance: an UPDATE that joins a row twice takes either.
        let mut last: BTreeMap<(i64, &[u8]), i64> = BTreeMap::new();
        for saw in sightings {
            let at = last.entry((saw.instance, saw.hub_key.as_bytes())).or_insert(i64::MIN);
            *at = saw.now.unix_ms().max(*at);
        }
        let rows: Vec<Vec<Value>> = last
            .into_iter()
            .map(|((instance, hash), at)| vec![instance.into(), hash.into(), at.into()])
            .collect();
        on!(self.db(), |db| {
            for part in dialect::parts(&COLUMNS, &rows) {
                let used = format!(
                    "UPDATE instance_keys SET first_used_at = bulk.at FROM {} \
                     WHERE instance_keys.hash = bulk.hash AND first_used_at IS NULL",
                    part.source()
                );
                let used = sqlx::query_with(AssertSqlSafe(used), part.bind());
                used.execute(&mut *db).await?;
            }
            for part in dialect::parts(&COLUMNS, &rows) {
                let seen = format!(
                    "UPDATE instances SET last_seen_at = bulk.at \
                     FROM (SELECT instance, MAX(at) AS at FROM {} GROUP BY instance) AS bulk \
                     WHERE instances.id = bulk.instance \
                     AND (last_seen_at IS NULL OR last_seen_at <= bulk.at - 60000)",
                    part.source()
                );
                let seen = sqlx::query_with(AssertSqlSafe(seen), part.bind());
                seen.execute(&mut *db).await?;
            }
        });
        Ok(())
    }
}
