//! When instances were heard of. They wait for no change of an operator.

use tokio_util::task::TaskTracker;

use super::{Batch, Batcher, Batching};
use crate::domain::Refusal;
use crate::store::{Sighting, Store, Way};

/// The sending side of the batching task.
pub(crate) struct Sightings {
    batches: Batcher<Sighting, ()>,
}

/// How batches of sightings share the database.
const WAY: Way = Way::Short;

impl Sightings {
    /// Starts the batching task in `tasks`.
    pub(crate) fn start(store: Store, queue: usize, tasks: &TaskTracker) -> Self {
        let at_once = store.batches_at_once(WAY);
        let batching = Batching { at_once, ..Batching::new("sightings", queue) };
        let batches = Batcher::start(tasks, batching, move |sightings: Batch<Sighting>| {
            let store = store.clone();
            async move {
                let noted = sightings.clone();
                let write = store.transact(WAY, "sightings", sightings, |tx, sightings| {
                    Box::pin(async { Ok(tx.note_sightings(sightings).await?) })
                });
                write.await.map(|()| vec![(); noted.len()])
            }
        });
        Self { batches }
    }

    /// Notes that an instance was heard of; the answer is on disk.
    pub(crate) async fn note(&self, sighting: Sighting) -> Result<(), Refusal> {
        self.batches.submit(sighting).await
    }
}
