//! Changes that wait at the same time are committed together: one commit to disk for all of them.
//!
//! They are still decided one after the other, in the order in which they came, and each has its own
//! audit event and its own answer. One that is refused is undone alone; when the database fails under
//! one of them, all are undone and tried one by one, so that no change fails because of another.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Mutex as Turns, oneshot};
use tokio::time::timeout;

use super::Store;
use super::error::Error;
use super::transaction::{Tx, Way, Write};
use crate::domain::Refusal;
use crate::metrics::{self, QueueMetrics};

/// The most changes that are committed together: a batch of the hot path waits for no more of them.
const MOST: usize = 32;
/// How long a change waits for those before it. Then it is refused, and nothing was done.
const PATIENCE: Duration = Duration::from_secs(4);

/// What a transaction does.
pub(super) trait Change: Send + Sync {
    /// Its name in the log.
    fn name(&self) -> &'static str;

    /// Decides and writes; what it makes stays with the change until its commit.
    fn make<'t>(&'t self, tx: &'t mut Tx<'_>) -> Write<'t, ()>;
}

/// A change of one type.
struct Typed<A, T, F> {
    name: &'static str,
    args: A,
    body: F,
    made: Mutex<Option<T>>,
}

impl<A, T, F> Change for Typed<A, T, F>
where
    A: Send + Sync,
    T: Send,
    F: for<'t, 'c> Fn(&'t mut Tx<'c>, &'t A) -> Write<'t, T> + Send + Sync,
{
    fn name(&self) -> &'static str {
        self.name
    }

    fn make<'t>(&'t self, tx: &'t mut Tx<'_>) -> Write<'t, ()> {
        Box::pin(async move {
            let made = (self.body)(tx, &self.args).await?;
            *lock(&self.made) = Some(made);
            Ok(())
        })
    }
}

/// The changes that wait, and whose turn it is.
pub(super) struct Group {
    waiting: Mutex<VecDeque<Waiting>>,
    turn: Turns<()>,
    patience: Duration,
    metrics: &'static QueueMetrics,
}

struct Waiting {
    change: Arc<dyn Change>,
    done: oneshot::Sender<Result<(), Refusal>>,
}

impl Default for Group {
    fn default() -> Self {
        let metrics = metrics::queue("changes");
        Self { waiting: Mutex::default(), turn: Turns::default(), patience: PATIENCE, metrics }
    }
}

impl Group {
    fn join(&self, change: Arc<dyn Change>) -> oneshot::Receiver<Result<(), Refusal>> {
        let (done, outcome) = oneshot::channel();
        lock(&self.waiting).push_back(Waiting { change, done });
        self.metrics.joined();
        outcome
    }

    /// The changes whose turn it is.
    fn take(&self) -> Vec<Waiting> {
        let mut waiting = lock(&self.waiting);
        let length = waiting.len().min(MOST);
        let taken: Vec<_> = waiting.drain(..length).collect();
        if !taken.is_empty() {
            self.metrics.taken(taken.len());
        }
        taken
    }

    /// Takes a change back; false if its turn has come already.
    fn leave(&self, change: &Arc<dyn Change>) -> bool {
        let mut waiting = lock(&self.waiting);
        let place = waiting.iter().position(|other| Arc::ptr_eq(&other.change, change));
        let left = place.and_then(|place| waiting.remove(place)).is_some();
        if left {
            self.metrics.left();
        }
        left
    }
}

impl Store {
    /// Runs a body in a write transaction, which it may share with others, and commits its changes with
    /// their audit events. A refusal undoes all that the body did; a transaction that loses against
    /// another one is run again.
    pub(crate) async fn write<A, T, F>(
        &self,
        name: &'static str,
        args: A,
        body: F,
    ) -> Result<T, Refusal>
    where
        A: Send + Sync + 'static,
        T: Send + 'static,
        F: for<'t, 'c> Fn(&'t mut Tx<'c>, &'t A) -> Write<'t, T> + Send + Sync + 'static,
    {
        let typed = Arc::new(Typed { name, args, body, made: Mutex::new(None) });
        let change: Arc<dyn Change> = typed.clone();
        let mut outcome = self.group.join(Arc::clone(&change));
        // In a task of its own, which goes on when the client goes away. Each change brings one, so none
        // is left behind by those that wait for the turn.
        let store = self.clone();
        tokio::spawn(async move {
            let _turn = store.group.turn.lock().await;
            store.commit_together(store.group.take()).await;
        });
        let outcome = match timeout(self.group.patience, &mut outcome).await {
            Ok(outcome) => outcome,
            Err(_) if self.group.leave(&change) => return Err(Error::behind().into()),
            Err(_) => outcome.await,
        };
        outcome.map_err(|_| Error::panicked())??;
        let made = lock(&typed.made).take();
        made.ok_or_else(|| Error::internal("a change was answered and not made").into())
    }

    async fn commit_together(&self, waiting: Vec<Waiting>) {
        let (changes, callers): (Vec<_>, Vec<_>) =
            waiting.into_iter().map(|waiting| (waiting.change, waiting.done)).unzip();
        let answers = match self.commit(changes.clone()).await {
            Err(refusal) if changes.len() > 1 && !refusal.is_outage() => {
                let cause = refusal.cause().map(ToString::to_string);
                tracing::warn!(changes = changes.len(), cause, "some changes are made one by one");
                let mut answers = Vec::with_capacity(changes.len());
                for change in changes {
                    answers.push(self.commit(vec![change]).await.and_then(one));
                }
                answers
            }
            Err(refusal) => vec![Err(refusal); changes.len()],
            Ok(answers) => answers,
        };
        for (caller, answer) in callers.into_iter().zip(answers) {
            // A caller that went away has no use for its answer.
            let _ = caller.send(answer);
        }
    }

    /// Makes the changes in one transaction; the answer to each. When it fails, nothing was done.
    async fn commit(
        &self,
        changes: Vec<Arc<dyn Change>>,
    ) -> Result<Vec<Result<(), Refusal>>, Refusal> {
        let name = match &*changes {
            [] => return Ok(Vec::new()),
            [one] => one.name(),
            _ => "changes",
        };
        self.transact(Way::Batch, name, changes, |tx, changes| Box::pin(make_all(tx, changes)))
            .await
    }
}

/// Makes changes one after the other. What is refused is undone.
async fn make_all(
    tx: &mut Tx<'_>,
    changes: &[Arc<dyn Change>],
) -> Result<Vec<Result<(), Refusal>>, Refusal> {
    if let [change] = changes {
        return change.make(tx).await.map(|()| vec![Ok(())]);
    }
    let mut answers = Vec::with_capacity(changes.len());
    tx.script("SAVEPOINT change").await?;
    for change in changes {
        let noted = tx.noted();
        let answer = change.make(tx).await;
        match &answer {
            Ok(()) => tx.script("RELEASE SAVEPOINT change; SAVEPOINT change").await?,
            Err(refusal) if refusal.fault().is_none() => {
                tx.forget_after(noted);
                tx.script("ROLLBACK TO SAVEPOINT change").await?;
            }
            Err(failure) => return Err(failure.clone()),
        }
        answers.push(answer);
    }
    Ok(answers)
}

fn one(mut answers: Vec<Result<(), Refusal>>) -> Result<(), Refusal> {
    answers.pop().unwrap_or_else(|| Err(Error::internal("a change was not answered").into()))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
