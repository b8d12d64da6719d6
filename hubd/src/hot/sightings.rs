//! When instances were heard of. They wait for no change of an operator.

use std::sync::Arc;

use tokio_util::task::TaskTracker;

use super::Batcher;
use crate::domain::Refusal;
use crate::store::{Sighting, Store, Way};

/// The sending side of the batching task.
pub(crate) struct Sightings {
    batches: Batcher<Sighting, ()>,
}

impl Sightings {
    /// Starts the batching task in `tasks`.
    pub(crate) fn start(store: Store, queue: usize, tasks: &TaskTracker) -> Self {
        let batches =
            Batcher::start("sightings", tasks, queue, move |sightings: Arc<[Sighting]>| {
                let store = store.clone();
                async move {
                    let noted = vec![(); sightings.len()];
                    let write =
                        store.transact(Way::Short, "sightings", sightings, |tx, sightings| {
                            Box::pin(async { Ok(tx.note_sightings(sightings).await?) })
                        });
                    write.await.map(|()| noted)
                }
            });
        Self { batches }
    }

    /// Notes that an instance was heard of; the answer is on disk.
    pub(crate) async fn note(&self, sighting: Sighting) -> Result<(), Refusal> {
        self.batches.submit(sighting).await
    }
}
