//! Whose a key is.

#[cfg(feature = "proof")]
mod memory;

use std::collections::HashMap;

use hub_core::key::KeyHash;
use hub_core::time::Timestamp;
use tokio_util::task::TaskTracker;

use super::{Batch, Batcher, Batching};
use crate::domain::{InstanceKey, Refusal};
use crate::store::{AdminKeyRow, Error, Holder, InstanceRow, KnownKey, Reporter, Store};

/// Answers from the last commit. Where the database is a server, those who ask at the same time share
/// a trip to it: so all strangers together take one connection, and nobody waits for long behind them.
pub(crate) struct KeyChecks {
    instances: LookUps<KnownKey<InstanceRow>>,
    reporters: LookUps<KnownKey<Reporter>>,
    /// Operators are asked for apart from instances.
    admins: LookUps<AdminKeyRow>,
}

impl KeyChecks {
    /// Starts the batching tasks in `tasks`, where there are any. `queue` is as long as there can be
    /// connections, so nobody is refused for a queue that is full of others.
    pub(crate) fn start(store: &Store, queue: usize, tasks: &TaskTracker) -> Self {
        Self {
            instances: LookUps::start(store, Batching::new("keys", queue), tasks),
            reporters: LookUps::start(store, Batching::new("reporter_keys", queue), tasks),
            admins: LookUps::start(store, Batching::new("admin_keys", queue), tasks),
        }
    }

    /// The key of an instance with this hash, if it is of that kind and works now.
    pub(crate) async fn find(
        &self,
        hash: KeyHash,
        kind: InstanceKey,
        now: Timestamp,
    ) -> Result<Option<KnownKey<InstanceRow>>, Refusal> {
        let found = self.instances.find(hash).await?;
        Ok(found.filter(|key| key.answers(&hash, kind, now)))
    }

    /// The hub key with this hash, if it works now, for a report.
    pub(crate) async fn find_reporter(
        &self,
        hash: KeyHash,
        now: Timestamp,
    ) -> Result<Option<KnownKey<Reporter>>, Refusal> {
        let found = self.reporters.find(hash).await?;
        Ok(found.filter(|key| key.answers(&hash, InstanceKey::Hub, now)))
    }

    /// The admin key with this hash, if it works now.
    pub(crate) async fn find_admin(
        &self,
        hash: KeyHash,
        now: Timestamp,
    ) -> Result<Option<AdminKeyRow>, Refusal> {
        let found = self.admins.find(hash).await?;
        Ok(found.filter(|key| key.hash == hash && key.is_live(now)))
    }
}

/// A key as the database has it.
trait Key: Clone + Send + Sync + 'static {
    fn hash(&self) -> &KeyHash;

    /// Those of the keys that are known.
    fn read(
        store: &Store,
        hashes: Vec<KeyHash>,
    ) -> impl Future<Output = Result<Vec<Self>, Error>> + Send;
}

impl<T: Holder> Key for KnownKey<T> {
    fn hash(&self) -> &KeyHash {
        self.hash()
    }

    async fn read(store: &Store, hashes: Vec<KeyHash>) -> Result<Vec<Self>, Error> {
        store.known_keys(hashes).await
    }
}

impl Key for AdminKeyRow {
    fn hash(&self) -> &KeyHash {
        &self.hash
    }

    async fn read(store: &Store, hashes: Vec<KeyHash>) -> Result<Vec<Self>, Error> {
        store.admin_keys_by_hash(hashes).await
    }
}

/// Finds keys by their hashes.
struct LookUps<K> {
    store: Store,
    batches: Option<Batcher<KeyHash, Option<K>>>,
    #[cfg(feature = "proof")]
    memory: memory::Memory<K>,
}

impl<K: Key> LookUps<K> {
    fn start(store: &Store, batching: Batching<KeyHash>, tasks: &TaskTracker) -> Self {
        let batches = store.is_remote().then(|| {
            let store = store.clone();
            Batcher::start(tasks, batching, move |hashes: Batch<_>| {
                let store = store.clone();
                async move { Ok(answer(&hashes, &K::read(&store, distinct(&hashes)).await?)) }
            })
        });
        Self {
            store: store.clone(),
            batches,
            #[cfg(feature = "proof")]
            memory: memory::Memory::default(),
        }
    }

    async fn find(&self, hash: KeyHash) -> Result<Option<K>, Refusal> {
        #[cfg(feature = "proof")]
        return self.memory.find(hash, self.look_up(hash)).await;
        #[cfg(not(feature = "proof"))]
        self.look_up(hash).await
    }

    async fn look_up(&self, hash: KeyHash) -> Result<Option<K>, Refusal> {
        match &self.batches {
            Some(batches) => batches.submit(hash).await,
            None => Ok(K::read(&self.store, vec![hash]).await?.pop()),
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

fn answer<K: Key>(hashes: &[KeyHash], found: &[K]) -> Vec<Option<K>> {
    let known: HashMap<&[u8], &K> = found.iter().map(|key| (key.hash().as_bytes(), key)).collect();
    hashes.iter().map(|hash| known.get(hash.as_bytes()).map(|key| (*key).clone())).collect()
}
