//! Which instance a license key or a hub key belongs to.

use std::collections::HashMap;
use std::sync::Arc;

use hub_core::key::KeyHash;
use hub_core::time::Timestamp;
use tokio_util::task::TaskTracker;

use super::Batcher;
use crate::domain::{InstanceKey, Refusal};
use crate::store::{InstanceRow, KnownKey, Store};

type Known = KnownKey<InstanceRow>;

/// A question.
#[derive(Debug, Clone, Copy)]
struct Check {
    hash: KeyHash,
    kind: InstanceKey,
    now: Timestamp,
}

/// Answers from the last commit. Where the database is a server, those who ask at the same time share
/// a trip to it.
pub(crate) struct KeyChecks {
    store: Store,
    batches: Option<Batcher<Check, Option<Known>>>,
}

impl KeyChecks {
    /// Starts the batching task in `tasks`, where there is one.
    pub(crate) fn start(store: Store, queue: usize, tasks: &TaskTracker) -> Self {
        let batches = store.is_remote().then(|| {
            let store = store.clone();
            Batcher::start("keys", tasks, queue, move |checks: Arc<[Check]>| {
                let store = store.clone();
                async move { answer_all(&store, &checks).await }
            })
        });
        Self { store, batches }
    }

    /// Whether the next question would be refused.
    pub(crate) fn is_full(&self) -> bool {
        self.batches.as_ref().is_some_and(Batcher::is_full)
    }

    /// The key with this hash, if it is of that kind and works now.
    pub(crate) async fn find(
        &self,
        hash: KeyHash,
        kind: InstanceKey,
        now: Timestamp,
    ) -> Result<Option<Known>, Refusal> {
        if let Some(batches) = &self.batches {
            return batches.submit(Check { hash, kind, now }).await;
        }
        let found = self.store.known_keys(vec![hash]).await?.pop();
        Ok(found.filter(|key| key.answers(&hash, kind, now)))
    }
}

async fn answer_all(store: &Store, checks: &[Check]) -> Result<Vec<Option<Known>>, Refusal> {
    let found = store.known_keys(checks.iter().map(|check| check.hash).collect()).await?;
    let known: HashMap<&[u8], &Known> =
        found.iter().map(|key| (key.hash().as_bytes(), key)).collect();
    let answer = |Check { hash, kind, now }: &Check| {
        let key = known.get(hash.as_bytes()).filter(|key| key.answers(hash, *kind, *now));
        key.map(|key| (*key).clone())
    };
    Ok(checks.iter().map(answer).collect())
}
