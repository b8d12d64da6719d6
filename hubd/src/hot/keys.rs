//! Whose a key is.

#[cfg(feature = "proof")]
mod memory;

use std::collections::HashMap;

use hub_core::key::KeyHash;
use hub_core::time::Timestamp;
use tokio_util::task::TaskTracker;

use super::{Batch, Batcher, Batching};
use crate::domain::{InstanceKey, Refusal};
use crate::store::{AdminKeyRow, Holder, InstanceRow, KnownKey, Reporter, Store};

/// Answers from the last commit. Where the database is a server, those who ask at the same time share
/// a trip to it: so all strangers together take one connection, and nobody waits for long behind them.
pub(crate) struct KeyChecks {
    instances: Holders<InstanceRow>,
    reporters: Holders<Reporter>,
    /// Operators are asked for apart from instances.
    admins: Option<Batcher<KeyHash, Option<AdminKeyRow>>>,
    store: Store,
}

/// The holders of instances' keys.
struct Holders<T> {
    store: Store,
    batches: Option<Batcher<KeyHash, Option<KnownKey<T>>>>,
    #[cfg(feature = "proof")]
    memory: memory::Memory<KnownKey<T>>,
}

impl KeyChecks {
    /// Starts the batching tasks in `tasks`, where there are any. `queue` is as long as there can be
    /// connections, so nobody is refused for a queue that is full of others.
    pub(crate) fn start(store: Store, queue: usize, tasks: &TaskTracker) -> Self {
        let admins = store.is_remote().then(|| {
            let store = store.clone();
            Batcher::start(tasks, Batching::new("admin_keys", queue), move |hashes: Batch<_>| {
                let store = store.clone();
                async move {
                    let found = store.admin_keys_by_hash(distinct(&hashes)).await?;
                    Ok(answer(&hashes, &found, |key| &key.hash))
                }
            })
        });
        Self {
            instances: Holders::start(store.clone(), Batching::new("keys", queue), tasks),
            reporters: Holders::start(store.clone(), Batching::new("reporter_keys", queue), tasks),
            admins,
            store,
        }
    }

    /// The key of an instance with this hash, if it is of that kind and works now.
    pub(crate) async fn find(
        &self,
        hash: KeyHash,
        kind: InstanceKey,
        now: Timestamp,
    ) -> Result<Option<KnownKey<InstanceRow>>, Refusal> {
        self.instances.find(hash, kind, now).await
    }

    /// The hub key with this hash, if it works now, for a report.
    pub(crate) async fn find_reporter(
        &self,
        hash: KeyHash,
        now: Timestamp,
    ) -> Result<Option<KnownKey<Reporter>>, Refusal> {
        self.reporters.find(hash, InstanceKey::Hub, now).await
    }

    /// The admin key with this hash, if it works now.
    pub(crate) async fn find_admin(
        &self,
        hash: KeyHash,
        now: Timestamp,
    ) -> Result<Option<AdminKeyRow>, Refusal> {
        let found = match &self.admins {
            Some(batches) => batches.submit(hash).await?,
            None => self.store.admin_keys_by_hash(vec![hash]).await?.pop(),
        };
        Ok(found.filter(|key| key.hash == hash && key.is_live(now)))
    }
}

impl<T: Holder> Holders<T> {
    fn start(store: Store, batching: Batching<KeyHash>, tasks: &TaskTracker) -> Self {
        let batches = store.is_remote().then(|| {
            let store = store.clone();
            Batcher::start(tasks, batching, move |hashes: Batch<_>| {
                let store = store.clone();
                async move {
                    let found = store.known_keys::<T>(distinct(&hashes)).await?;
                    Ok(answer(&hashes, &found, KnownKey::hash))
                }
            })
        });
        Self {
            store,
            batches,
            #[cfg(feature = "proof")]
            memory: memory::Memory::default(),
        }
    }

    async fn find(
        &self,
        hash: KeyHash,
        kind: InstanceKey,
        now: Timestamp,
    ) -> Result<Option<KnownKey<T>>, Refusal> {
        #[cfg(feature = "proof")]
        let found = self.memory.find(hash, self.look_up(hash)).await?;
        #[cfg(not(feature = "proof"))]
        let found = self.look_up(hash).await?;
        Ok(found.filter(|key| key.answers(&hash, kind, now)))
    }

    async fn look_up(&self, hash: KeyHash) -> Result<Option<KnownKey<T>>, Refusal> {
        match &self.batches {
            Some(batches) => batches.submit(hash).await,
            None => Ok(self.store.known_keys(vec![hash]).await?.pop()),
        }
    }
}

/// The hashes, each once.
fn distinct(hashes: &[KeyHash]) -> Vec<KeyHash> {
    let mut distinct = hashes.to_vec();
    distinct.sort_unstable_by_key(KeyHash::to_bytes);
    distinct.dedup();
    distinct
}

fn answer<T: Clone>(
    hashes: &[KeyHash],
    found: &[T],
    hash: impl Fn(&T) -> &KeyHash,
) -> Vec<Option<T>> {
    let known: HashMap<&[u8], &T> = found.iter().map(|key| (hash(key).as_bytes(), key)).collect();
    hashes.iter().map(|hash| known.get(hash.as_bytes()).map(|key| (*key).clone())).collect()
}
