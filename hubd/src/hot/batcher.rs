//! A task that takes everything that has queued as one batch, works on it, and answers each caller.
//!
//! There is no timer: the next batch forms while one is worked on. An idle hub pays one commit a
//! request; a busy one shares a commit among hundreds.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_util::FutureExt;
use hub_core::problem::ErrorCode;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};
use tokio_util::task::TaskTracker;

use crate::domain::Refusal;
use crate::metrics::{self, QueueMetrics};

/// The sending side of the task.
#[derive(Debug)]
pub(crate) struct Batcher<I, O> {
    queue: mpsc::Sender<Item<I, O>>,
    metrics: &'static QueueMetrics,
}

#[derive(Debug)]
struct Item<I, O> {
    input: I,
    answer: oneshot::Sender<Result<O, Refusal>>,
}

/// The most items of a batch: more only makes the first of them wait for the last.
const MOST: usize = 512;
/// The most rows of a batch, for the same reason; one item may have more.
const MOST_ROWS: usize = 20_000;

impl<I, O> Batcher<I, O>
where
    I: Clone + Send + Sync + 'static,
    O: Send + 'static,
{
    /// Starts the task, which metrics call by its name. `work` answers each item of a batch, in order, or
    /// fails as a whole and has then done nothing that an acknowledged answer would tell of. The task
    /// ends when the batcher is dropped and the queue is empty.
    pub(crate) fn start<W, F>(
        name: &'static str,
        tasks: &TaskTracker,
        capacity: usize,
        work: W,
    ) -> Self
    where
        W: Fn(Arc<[I]>) -> F + Send + Sync + 'static,
        F: Future<Output = Result<Vec<O>, Refusal>> + Send + 'static,
    {
        Self::start_with_rows(name, tasks, capacity, |_| 1, work)
    }

    /// The same for items that each write several rows.
    pub(crate) fn start_with_rows<W, F>(
        name: &'static str,
        tasks: &TaskTracker,
        capacity: usize,
        rows: fn(&I) -> usize,
        work: W,
    ) -> Self
    where
        W: Fn(Arc<[I]>) -> F + Send + Sync + 'static,
        F: Future<Output = Result<Vec<O>, Refusal>> + Send + 'static,
    {
        let (queue, items) = mpsc::channel(capacity);
        let metrics = metrics::queue(name);
        // In a thread of its own: woken by the database, a task would wait behind all the answers that
        // the batch before set free, and the database with it.
        let runtime = Handle::current();
        tasks.spawn_blocking(move || {
            runtime.block_on(serve(items, rows, &work, metrics));
        });
        Self { queue, metrics }
    }

    /// Whether the next item would be refused.
    pub(crate) fn is_full(&self) -> bool {
        self.queue.capacity() == 0
    }

    /// Whether the queue is half full.
    pub(crate) fn is_busy(&self) -> bool {
        2 * self.queue.capacity() <= self.queue.max_capacity()
    }

    /// Queues an item and waits for its answer. A full queue refuses it, and nothing is done.
    pub(crate) async fn submit(&self, input: I) -> Result<O, Refusal> {
        let (answer, answered) = oneshot::channel();
        self.queue.try_send(Item { input, answer }).map_err(|_| ErrorCode::Overloaded)?;
        self.metrics.joined();
        answered.await.map_err(|_| ErrorCode::Internal)?
    }
}

/// Works on all items, batch by batch, until the queue is closed and empty.
async fn serve<I, O, W, F>(
    mut items: mpsc::Receiver<Item<I, O>>,
    rows: fn(&I) -> usize,
    work: &W,
    metrics: &QueueMetrics,
) where
    I: Clone + Send + Sync + 'static,
    O: Send + 'static,
    W: Fn(Arc<[I]>) -> F,
    F: Future<Output = Result<Vec<O>, Refusal>> + Send + 'static,
{
    let mut queued: Vec<Item<I, O>> = Vec::with_capacity(MOST);
    while !queued.is_empty() || items.recv_many(&mut queued, MOST).await > 0 {
        let length = batch_length(queued.iter().map(|item| rows(&item.input)));
        metrics.taken(length);
        do_batch(work, queued.drain(..length)).await;
    }
}

/// How many of the items, counted from the first, make a batch: as many as have few enough rows, and at
/// least one.
fn batch_length(rows: impl Iterator<Item = usize>) -> usize {
    let mut all = 0;
    let fits = |rows: &usize| {
        all += rows;
        all <= MOST_ROWS
    };
    rows.take_while(fits).count().max(1)
}

async fn do_batch<I, O, W, F>(work: &W, batch: impl Iterator<Item = Item<I, O>>)
where
    I: Clone + Send + Sync + 'static,
    O: Send + 'static,
    W: Fn(Arc<[I]>) -> F,
    F: Future<Output = Result<Vec<O>, Refusal>> + Send + 'static,
{
    let (inputs, answers): (Vec<I>, Vec<_>) = batch.map(|item| (item.input, item.answer)).unzip();
    let inputs: Arc<[I]> = inputs.into();
    match attempt(work, Arc::clone(&inputs)).await {
        Ok(outputs) => {
            for (answer, output) in answers.into_iter().zip(outputs) {
                // A caller that went away has no use for its answer.
                let _ = answer.send(Ok(output));
            }
        }
        // A bad item must not cost its neighbours. When the database is down it is not the items.
        Err(refusal) if inputs.len() > 1 && !refusal.is_outage() => {
            let cause = refusal.cause().map(ToString::to_string);
            tracing::warn!(items = inputs.len(), cause, "a batch failed and is done one by one");
            for (answer, input) in answers.into_iter().zip(inputs.iter()) {
                let one = attempt(work, Arc::from([input.clone()])).await;
                let output = one.and_then(|mut one| one.pop().ok_or(ErrorCode::Internal.into()));
                let _ = answer.send(output);
            }
        }
        Err(refusal) => {
            for answer in answers {
                let _ = answer.send(Err(refusal.clone()));
            }
        }
    }
}

/// A panic costs this batch and not all to come.
async fn attempt<I, O, W, F>(work: &W, inputs: Arc<[I]>) -> Result<Vec<O>, Refusal>
where
    W: Fn(Arc<[I]>) -> F,
    F: Future<Output = Result<Vec<O>, Refusal>>,
{
    let done = AssertUnwindSafe(async { work(inputs).await }).catch_unwind().await;
    done.unwrap_or_else(|_| Err(ErrorCode::Internal.into()))
}

#[cfg(test)]
mod schedules;

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_bad_item_costs_only_itself() {
        let tasks = TaskTracker::new();
        let batcher = Batcher::start("test", &tasks, 16, |items: Arc<[i32]>| async move {
            assert!(items.len() > 1 || items[0] != 13, "the bad item");
            if items.contains(&13) {
                return Err(Refusal::new(ErrorCode::Internal));
            }
            Ok(items.iter().map(|item| item * 2).collect())
        });
        let (good, bad, other) =
            tokio::join!(batcher.submit(1), batcher.submit(13), batcher.submit(2));
        assert_eq!(good.unwrap(), 2);
        assert_eq!(bad.unwrap_err().code, ErrorCode::Internal);
        assert_eq!(other.unwrap(), 4);
        assert_eq!(batcher.submit(21).await.unwrap(), 42);
    }

    #[test]
    fn a_batch_has_few_enough_rows() {
        let length = |rows: &[usize]| batch_length(rows.iter().copied());
        assert_eq!(length(&[1; 5]), 5);
        assert_eq!(length(&[MOST_ROWS, 1]), 1);
        assert_eq!(length(&[MOST_ROWS - 1, 1, 1]), 2);
        assert_eq!(length(&[MOST_ROWS + 1, 1]), 1, "one item may have more");
    }

    #[tokio::test]
    async fn a_full_queue_refuses_and_a_dropped_batcher_finishes_its_work() {
        let tasks = TaskTracker::new();
        let (started, gate) =
            (Arc::new(tokio::sync::Notify::new()), Arc::new(tokio::sync::Semaphore::new(0)));
        let (begun, held) = (Arc::clone(&started), Arc::clone(&gate));
        let batcher = Arc::new(Batcher::start("test", &tasks, 1, move |items: Arc<[i32]>| {
            let (begun, held) = (Arc::clone(&begun), Arc::clone(&held));
            async move {
                begun.notify_one();
                let _open = held.acquire().await;
                Ok(items.to_vec())
            }
        }));
        let submit = |n| {
            let batcher = Arc::clone(&batcher);
            tokio::spawn(async move { batcher.submit(n).await })
        };
        let first = submit(1);
        started.notified().await;
        let second = submit(2);
        while !batcher.is_full() {
            tokio::task::yield_now().await;
        }
        assert_eq!(batcher.submit(3).await.unwrap_err().code, ErrorCode::Overloaded);
        gate.add_permits(1);
        assert_eq!(first.await.unwrap().unwrap(), 1);
        assert_eq!(second.await.unwrap().unwrap(), 2);
        drop(batcher);
        tasks.close();
        tasks.wait().await;
    }
}
