//! Whether the database takes writes: asked at most once a second, whoever asks the hub.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use hub_core::problem::ErrorCode;
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_util::task::TaskTracker;

use crate::domain::Refusal;
use crate::store::Store;

/// For how long an answer counts.
const FRESH: Duration = Duration::from_secs(1);
/// How long the database may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// The database's answer; `None` while it is awaited.
type Answer = watch::Receiver<Option<Result<(), Refusal>>>;

/// The last answer, which all who ask share.
pub(super) struct Readiness {
    store: Store,
    last: Mutex<Option<(Instant, Answer)>>,
}

impl Readiness {
    pub(super) fn new(store: Store) -> Self {
        Self { store, last: Mutex::default() }
    }

    pub(super) async fn ask(&self, tasks: &TaskTracker) -> Result<(), Refusal> {
        let mut answer = self.present(tasks);
        let known = answer.wait_for(Option::is_some).await;
        known.ok().and_then(|known| known.clone()).unwrap_or(Err(ErrorCode::Internal.into()))
    }

    /// The answer of this second, perhaps awaited still.
    fn present(&self, tasks: &TaskTracker) -> Answer {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((asked, answer)) = &*last
            && (asked.elapsed() < FRESH
                || answer.borrow().is_none() && answer.has_changed().is_ok())
        {
            return answer.clone();
        }
        let (told, answer) = watch::channel(None);
        let store = self.store.clone();
        // In a task of its own: whoever asks may go away.
        tasks.spawn(async move {
            let late = Err(ErrorCode::DatabaseUnavailable.into());
            let checked = timeout(PATIENCE, store.check_writes()).await.unwrap_or(late);
            told.send_replace(Some(checked));
        });
        *last = Some((Instant::now(), answer.clone()));
        answer
    }
}
