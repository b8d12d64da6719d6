//! Requests that wait at the same time are worked on as one batch, and each is answered.
//!
//! There is no timer: the next batch forms while one is worked on. An idle hub pays one commit a
//! request; a busy one shares a commit among hundreds.
//!
//! A batch may be handed over before it is formed: it takes what has queued when its work first looks at
//! its items. So the thread that writes goes from one batch to the next, and waits for nobody who brings it
//! a new one.

use std::ops::Deref;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, LazyLock};

use futures_util::FutureExt;
use futures_util::future::join_all;
use hub_core::problem::ErrorCode;
use tokio::sync::{Mutex, OwnedMutexGuard, mpsc, oneshot};
use tokio_util::task::TaskTracker;

use crate::domain::Refusal;
use crate::metrics::{self, QueueMetrics};

/// The sending side of the queue.
#[derive(Debug)]
pub(crate) struct Batcher<I, O> {
    queue: mpsc::Sender<Item<I, O>>,
    metrics: &'static QueueMetrics,
}

/// How items queue, and how they are made into batches.
#[derive(Debug)]
pub(crate) struct Batching<I> {
    /// What metrics call the queue.
    pub(crate) name: &'static str,
    /// The most items that wait; more are refused.
    pub(crate) capacity: usize,
    /// The most batches that are handed over at once. With two, the next one is there when the database is
    /// done with one.
    pub(crate) at_once: usize,
    /// How many rows an item writes.
    pub(crate) rows: fn(&I) -> usize,
}

impl<I> Batching<I> {
    /// One batch after the other, of items that are a row each.
    pub(crate) fn new(name: &'static str, capacity: usize) -> Self {
        Self { name, capacity, at_once: 1, rows: |_| 1 }
    }
}

/// Items that are worked on together: those that have queued when they are looked at for the first time.
#[derive(Debug)]
pub(crate) struct Batch<I>(Arc<LazyLock<Vec<I>, Form<I>>>);

type Form<I> = Box<dyn FnOnce() -> Vec<I> + Send>;

#[derive(Debug)]
struct Item<I, O> {
    input: I,
    answer: Answer<O>,
}

type Answer<O> = oneshot::Sender<Result<O, Refusal>>;

/// The receiving side of the queue.
struct Queue<I, O> {
    items: mpsc::Receiver<Item<I, O>>,
    /// Taken from the channel for the next batch.
    next: Vec<Item<I, O>>,
    batching: Batching<I>,
    metrics: &'static QueueMetrics,
}

/// The most items of a batch: more only makes the first of them wait for the last.
const MOST: usize = 512;
/// The most rows of a batch, for the same reason; one item may have more.
const MOST_ROWS: usize = 20_000;

impl<I> Deref for Batch<I> {
    type Target = [I];
    fn deref(&self) -> &[I] {
        &self.0
    }
}

impl<I> Clone for Batch<I> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<I> Batch<I> {
    fn new(form: impl FnOnce() -> Vec<I> + Send + 'static) -> Self {
        Self(Arc::new(LazyLock::new(Box::new(form))))
    }
}

impl<I, O> Batcher<I, O>
where
    I: Clone + Send + Sync + 'static,
    O: Send + 'static,
{
    /// Starts a task in `tasks` that works on what queues. `work` answers each item of a batch, in order, or
    /// fails as a whole and has then done nothing that an acknowledged answer would tell of. The task ends
    /// when the batcher is dropped and the queue is empty.
    pub(crate) fn start<W, F>(tasks: &TaskTracker, batching: Batching<I>, work: W) -> Self
    where
        W: Fn(Batch<I>) -> F + Send + Sync + 'static,
        F: Future<Output = Result<Vec<O>, Refusal>> + Send + 'static,
    {
        let (sender, items) = mpsc::channel(batching.capacity);
        let metrics = metrics::queue(batching.name);
        let queue = Queue { items, next: Vec::with_capacity(MOST), batching, metrics };
        tasks.spawn(async move { serve(queue, &work).await });
        Self { queue: sender, metrics }
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

impl<I, O> Queue<I, O> {
    /// Waits until there is an item; false when the queue is closed and empty.
    async fn has_items(&mut self) -> bool {
        if self.next.is_empty() {
            self.next.extend(self.items.recv().await);
        }
        !self.next.is_empty()
    }

    /// Takes a batch of what has queued.
    fn take(&mut self) -> (Vec<I>, Vec<Answer<O>>) {
        while self.next.len() < MOST
            && let Ok(item) = self.items.try_recv()
        {
            self.next.push(item);
        }
        let length = batch_length(self.next.iter().map(|item| (self.batching.rows)(&item.input)));
        self.metrics.taken(length);
        self.next.drain(..length).map(|item| (item.input, item.answer)).unzip()
    }
}

/// Works on all items until the queue is closed and empty.
async fn serve<I, O, W, F>(queue: Queue<I, O>, work: &W)
where
    I: Clone + Send + Sync + 'static,
    O: Send + 'static,
    W: Fn(Batch<I>) -> F,
    F: Future<Output = Result<Vec<O>, Refusal>> + Send + 'static,
{
    let at_once = queue.batching.at_once;
    let queue = Arc::new(Mutex::new(queue));
    join_all((0..at_once).map(|_| do_batches(&queue, work))).await;
}

/// Works on one batch after the other. Whoever has the queue forms the next one.
async fn do_batches<I, O, W, F>(queue: &Arc<Mutex<Queue<I, O>>>, work: &W)
where
    I: Clone + Send + Sync + 'static,
    O: Send + 'static,
    W: Fn(Batch<I>) -> F,
    F: Future<Output = Result<Vec<O>, Refusal>> + Send + 'static,
{
    loop {
        let mut queue = Arc::clone(queue).lock_owned().await;
        if !queue.has_items().await {
            return;
        }
        do_batch(work, queue).await;
    }
}

async fn do_batch<I, O, W, F>(work: &W, mut queue: OwnedMutexGuard<Queue<I, O>>)
where
    I: Clone + Send + Sync + 'static,
    O: Send + 'static,
    W: Fn(Batch<I>) -> F,
    F: Future<Output = Result<Vec<O>, Refusal>> + Send + 'static,
{
    let (tell, mut answers) = oneshot::channel();
    let batch = Batch::new(move || {
        let (inputs, answers) = queue.take();
        let _ = tell.send(answers);
        inputs
    });
    let done = attempt(work, batch.clone()).await;
    // Work that failed early has not looked at it.
    let inputs = &*batch;
    let answers = answers.try_recv().unwrap_or_default();
    match done {
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
            for (answer, input) in answers.into_iter().zip(inputs) {
                let input = input.clone();
                let one = attempt(work, Batch::new(move || vec![input])).await;
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
async fn attempt<I, O, W, F>(work: &W, batch: Batch<I>) -> Result<Vec<O>, Refusal>
where
    W: Fn(Batch<I>) -> F,
    F: Future<Output = Result<Vec<O>, Refusal>>,
{
    let done = AssertUnwindSafe(async { work(batch).await }).catch_unwind().await;
    done.unwrap_or_else(|_| Err(ErrorCode::Internal.into()))
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

#[cfg(test)]
mod schedules;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::sync::{Barrier, Notify, Semaphore};
    use tokio::time::timeout;

    use super::*;

    fn batching(capacity: usize) -> Batching<i32> {
        Batching { at_once: 2, ..Batching::new("test", capacity) }
    }

    /// Where work waits until the test lets it go on.
    struct Gate {
        reached: Notify,
        open: Semaphore,
    }

    impl Gate {
        fn closed() -> Arc<Self> {
            Arc::new(Self { reached: Notify::new(), open: Semaphore::new(0) })
        }

        async fn pass(&self) {
            self.reached.notify_one();
            self.open.acquire().await.unwrap().forget();
        }
    }

    #[tokio::test]
    async fn a_bad_item_costs_only_itself() {
        let tasks = TaskTracker::new();
        let batcher = Batcher::start(&tasks, batching(16), |items: Batch<i32>| async move {
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

    #[tokio::test]
    async fn a_batch_takes_what_came_since_it_was_handed_over() {
        let tasks = TaskTracker::new();
        let gate = Gate::closed();
        let held = Arc::clone(&gate);
        let batcher = Batcher::start(&tasks, batching(16), move |items: Batch<i32>| {
            let gate = Arc::clone(&held);
            async move {
                gate.pass().await;
                Ok(vec![items.len(); items.len()])
            }
        });
        let others = async {
            gate.reached.notified().await;
            let open = async { gate.open.add_permits(3) };
            tokio::join!(batcher.submit(2), batcher.submit(3), open)
        };
        let (first, (second, third, ())) = tokio::join!(batcher.submit(1), others);
        assert_eq!([first, second, third].map(Result::unwrap), [3; 3]);
    }

    #[tokio::test]
    async fn a_batch_is_handed_over_while_another_is_worked_on() {
        let tasks = TaskTracker::new();
        let each_alone = Batching { rows: |_| MOST_ROWS, ..batching(16) };
        // Nobody passes before two are there.
        let both = Arc::new(Barrier::new(2));
        let batcher = Batcher::start(&tasks, each_alone, move |items: Batch<i32>| {
            let both = Arc::clone(&both);
            async move {
                let items = items.to_vec();
                both.wait().await;
                Ok(items)
            }
        });
        let answers = async { tokio::join!(batcher.submit(1), batcher.submit(2)) };
        let (one, other) = timeout(Duration::from_secs(20), answers).await.expect("two at once");
        assert_eq!([one, other].map(Result::unwrap), [1, 2]);
    }

    #[tokio::test]
    async fn work_that_fails_before_it_looks_at_its_items_fails_for_all_of_them() {
        let tasks = TaskTracker::new();
        let batcher = Batcher::start(&tasks, batching(16), |_: Batch<i32>| async {
            Err::<Vec<()>, _>(Refusal::new(ErrorCode::DatabaseUnavailable))
        });
        let (one, other) = tokio::join!(batcher.submit(1), batcher.submit(2));
        for refused in [one, other] {
            assert_eq!(refused.unwrap_err().code, ErrorCode::DatabaseUnavailable);
        }
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
        let gate = Gate::closed();
        let held = Arc::clone(&gate);
        let batcher = Arc::new(Batcher::start(&tasks, batching(1), move |items: Batch<i32>| {
            let gate = Arc::clone(&held);
            async move {
                gate.pass().await;
                Ok(items.to_vec())
            }
        }));
        let submit = |n| {
            let batcher = Arc::clone(&batcher);
            tokio::spawn(async move { batcher.submit(n).await })
        };
        let first = submit(1);
        gate.reached.notified().await;
        let second = submit(2);
        while !batcher.is_full() {
            tokio::task::yield_now().await;
        }
        assert_eq!(batcher.submit(3).await.unwrap_err().code, ErrorCode::Overloaded);
        gate.open.add_permits(2);
        assert_eq!(first.await.unwrap().unwrap(), 1);
        assert_eq!(second.await.unwrap().unwrap(), 2);
        drop(batcher);
        tasks.close();
        tasks.wait().await;
    }
}
