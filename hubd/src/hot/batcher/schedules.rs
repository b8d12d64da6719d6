//! The batcher under thousands of random schedules: each item is answered once, whenever its caller, the
//! worker and whoever drops the batcher have their turns.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use shuttle::future::{JoinHandle, block_on, spawn, yield_now};
use shuttle::rand::{Rng, thread_rng};

use super::*;

const SCHEDULES: usize = 2_000;
const CALLERS: u32 = 6;

/// How often each item was worked on with success.
type Done = Arc<Mutex<BTreeMap<u32, u32>>>;

/// A batcher whose work may be interrupted anywhere, and fails for batches that hold a bad item.
fn start(capacity: usize, is_bad: fn(u32) -> bool) -> (Batcher<u32, u32>, JoinHandle<()>, Done) {
    let (queue, items) = mpsc::channel(capacity);
    let metrics = metrics::queue("test");
    let done = Done::default();
    let noted = Arc::clone(&done);
    let worker = spawn(async move {
        let work = |batch: Batch<u32>| {
            let done = Arc::clone(&noted);
            async move {
                pause().await;
                if batch.iter().any(|item| is_bad(*item)) {
                    return Err(Refusal::new(ErrorCode::Internal));
                }
                for item in batch.iter() {
                    *done.lock().unwrap().entry(*item).or_default() += 1;
                }
                pause().await;
                Ok(batch.iter().map(|item| item * 2).collect())
            }
        };
        let at_once = thread_rng().gen_range(1..=2);
        let rows = |_: &u32| MOST_ROWS / 3;
        let batching = Batching { at_once, rows, ..Batching::new("test", capacity) };
        serve(Queue { items, next: Vec::new(), batching, metrics }, &work).await;
    });
    (Batcher { queue, metrics }, worker, done)
}

/// Lets others have their turn, or not.
async fn pause() {
    for _ in 0..thread_rng().gen_range(0..3) {
        yield_now().await;
    }
}

#[test]
fn each_item_is_answered_once_and_none_is_lost() {
    shuttle::check_random(
        || {
            block_on(async {
                let is_bad = |item| item == 3;
                let (batcher, worker, done) = start(CALLERS as usize, is_bad);
                let batcher = Arc::new(batcher);
                let callers: Vec<_> = (0..CALLERS)
                    .map(|item| {
                        let batcher = Arc::clone(&batcher);
                        spawn(async move {
                            pause().await;
                            batcher.submit(item).await
                        })
                    })
                    .collect();
                // Whoever is last to hold the batcher closes its queue.
                drop(batcher);
                for (item, caller) in (0..).zip(callers) {
                    match caller.await.unwrap() {
                        Ok(answer) => assert_eq!(answer, item * 2),
                        Err(refusal) => {
                            assert_eq!((item, refusal.code), (3, ErrorCode::Internal));
                        }
                    }
                }
                worker.await.unwrap();
                let expected = (0..CALLERS).filter(|item| *item != 3).map(|item| (item, 1));
                assert_eq!(*done.lock().unwrap(), expected.collect());
            });
        },
        SCHEDULES,
    );
}

#[test]
fn a_full_queue_refuses_what_it_does_not_do() {
    shuttle::check_random(
        || {
            block_on(async {
                let (batcher, worker, done) = start(1, |_| false);
                let batcher = Arc::new(batcher);
                let callers: Vec<_> = (0..CALLERS)
                    .map(|item| {
                        let batcher = Arc::clone(&batcher);
                        spawn(async move { (item, batcher.submit(item).await) })
                    })
                    .collect();
                drop(batcher);
                let mut taken = BTreeMap::new();
                for caller in callers {
                    match caller.await.unwrap() {
                        (item, Ok(answer)) => {
                            assert_eq!(answer, item * 2);
                            taken.insert(item, 1);
                        }
                        (_, Err(refusal)) => assert_eq!(refusal.code, ErrorCode::Overloaded),
                    }
                }
                worker.await.unwrap();
                assert_eq!(*done.lock().unwrap(), taken, "what is refused is not done");
            });
        },
        SCHEDULES,
    );
}

/// A caller that goes away takes no answer from another one.
#[test]
fn callers_that_go_away_cost_nobody_an_answer() {
    shuttle::check_random(
        || {
            block_on(async {
                let (batcher, worker, _) = start(CALLERS as usize, |_| false);
                let batcher = Arc::new(batcher);
                let callers: Vec<_> = (0..CALLERS)
                    .map(|item| {
                        let batcher = Arc::clone(&batcher);
                        spawn(async move {
                            if item % 2 == 0 {
                                return Some(batcher.submit(item).await);
                            }
                            let submitted = std::pin::pin!(batcher.submit(item));
                            let gone = std::pin::pin!(pause());
                            let _ = futures_util::future::select(submitted, gone).await;
                            None
                        })
                    })
                    .collect();
                drop(batcher);
                for (item, caller) in (0..).zip(callers) {
                    if let Some(answer) = caller.await.unwrap() {
                        assert_eq!(answer.unwrap(), item * 2);
                    }
                }
                worker.await.unwrap();
            });
        },
        SCHEDULES,
    );
}
