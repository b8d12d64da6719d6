//! The hub: the database, the batching tasks before it, and the limits, wired together.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use hub_core::api::Access;
use hub_core::key::KeyHash;
use hub_core::problem::ErrorCode;
use hub_core::time::Timestamp;
use ipnet::IpNet;
use tokio_util::task::TaskTracker;

use crate::domain::{InstanceKey, Refusal};
use crate::hot::{ActivationRequested, Activations, Batcher, Granted, KeyChecks};
use crate::http::{AdminCaller, Admission, Guesses};
use crate::store::{InstanceRow, KnownKey, ReportResult, ReportWish, Sighting, Store};

/// How finely "last seen" and "last used" are kept: a write a minute, not one a request.
const SIGHTING_GRAIN: Duration = Duration::from_mins(1);

/// What the operator set of it.
#[derive(Debug, Clone)]
pub(crate) struct HubSettings {
    pub(crate) activation_overlap: Duration,
    pub(crate) guess_burst: NonZeroU32,
    pub(crate) guess_period: Duration,
    pub(crate) queue: usize,
    pub(crate) public_requests: usize,
    pub(crate) admin_requests: usize,
    pub(crate) report_bytes: usize,
    pub(crate) trusted_proxies: Vec<IpNet>,
}

/// The running hub.
pub(crate) struct Hub {
    store: Store,
    activations: Activations,
    keys: KeyChecks,
    reports: Batcher<ReportWish, ReportResult>,
    admission: Admission,
    guesses: Guesses,
    settings: HubSettings,
    tasks: TaskTracker,
    stopping: AtomicBool,
}

impl Hub {
    /// Starts the batching tasks in `tasks`.
    pub(crate) fn start(store: Store, settings: HubSettings, tasks: &TaskTracker) -> Self {
        let (overlap, queue) = (settings.activation_overlap, settings.queue);
        let activations = Activations::start(store.clone(), overlap, queue, tasks);
        let keys = KeyChecks::start(store.clone(), queue, tasks);
        let counter = store.clone();
        let reports = Batcher::start(tasks, settings.queue, move |batch: Arc<[ReportWish]>| {
            let store = counter.clone();
            async move { store.write_reports(batch).await }
        });
        let admission = Admission::new(
            settings.public_requests,
            settings.admin_requests,
            settings.report_bytes,
        );
        Self {
            store,
            activations,
            keys,
            reports,
            admission,
            guesses: Guesses::new(settings.guess_burst, settings.guess_period),
            settings,
            tasks: tasks.clone(),
            stopping: AtomicBool::new(false),
        }
    }

    pub(crate) fn store(&self) -> &Store {
        &self.store
    }

    pub(crate) fn admission(&self) -> &Admission {
        &self.admission
    }

    pub(crate) fn guesses(&self) -> &Guesses {
        &self.guesses
    }

    pub(crate) fn trusted_proxies(&self) -> &[IpNet] {
        &self.settings.trusted_proxies
    }

    /// From now on the hub is not ready for new work.
    pub(crate) fn stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }

    /// Refuses before a body is read when its request would be refused after.
    pub(crate) fn refuse_when_full(&self, access: Access) -> Result<(), Refusal> {
        let full = match access {
            Access::License => self.activations.is_full() || self.keys.is_full(),
            Access::Reporter => self.reports.is_full(),
            Access::Public | Access::Hub | Access::Admin(_) => false,
        };
        if full { Err(ErrorCode::Overloaded.into()) } else { Ok(()) }
    }

    /// The instance that a hub key belongs to, which must be the one named and not be suspended. This
    /// is asked before a report is read; whether it still holds is asked again when it is counted.
    pub(crate) async fn authenticate_reporter(
        &self,
        hash: KeyHash,
        handle: &str,
        now: Timestamp,
    ) -> Result<InstanceRow, Refusal> {
        let row = self.find_hub_key(hash, now).await?.holder;
        if row.instance.instance_id.as_str() != handle {
            return Err(ErrorCode::InstanceMismatch.into());
        }
        match row.instance.standing().suspension() {
            Some(code) => Err(code.into()),
            None => Ok(row),
        }
    }

    /// Counts a report; whether it was counted before. The answer is on disk.
    pub(crate) async fn count_report(&self, wish: ReportWish) -> Result<bool, Refusal> {
        match self.reports.submit(wish).await? {
            ReportResult::Stored => Ok(false),
            ReportResult::Duplicate => Ok(true),
            ReportResult::Refused(code) => Err(code.into()),
        }
    }

    /// The instance that a hub key belongs to. Its status is for the caller to look at.
    pub(crate) async fn authenticate_instance(
        &self,
        hash: KeyHash,
        now: Timestamp,
    ) -> Result<InstanceRow, Refusal> {
        let key = self.find_hub_key(hash, now).await?;
        if key.is_unused() || is_stale(key.holder.instance.last_seen_at, now) {
            let instance = key.holder.id;
            self.activations.note(Sighting { instance, hub_key: hash, now }).await?;
        }
        Ok(key.holder)
    }

    async fn find_hub_key(
        &self,
        hash: KeyHash,
        now: Timestamp,
    ) -> Result<KnownKey<InstanceRow>, Refusal> {
        let found = self.keys.find(hash, InstanceKey::Hub, now).await?;
        found.ok_or(ErrorCode::HubKeyInvalid.into())
    }

    /// The instance that a license key belongs to.
    pub(crate) async fn find_license(
        &self,
        hash: KeyHash,
        now: Timestamp,
    ) -> Result<Option<InstanceRow>, Refusal> {
        let found = self.keys.find(hash, InstanceKey::License, now).await?;
        Ok(found.map(|key| key.holder))
    }

    /// Activates; the answer is on disk.
    pub(crate) async fn activate(&self, request: ActivationRequested) -> Result<Granted, Refusal> {
        self.activations.activate(request).await
    }

    /// The operator that an admin key belongs to.
    pub(crate) async fn authenticate_admin(
        &self,
        hash: KeyHash,
        now: Timestamp,
    ) -> Result<AdminCaller, Refusal> {
        let key = self.store.admin_key(hash).await?.ok_or(ErrorCode::AdminKeyInvalid)?;
        if key.hash != hash || !key.is_live(now) {
            return Err(ErrorCode::AdminKeyInvalid.into());
        }
        if is_stale(key.last_used_at, now) {
            let store = self.store.clone();
            self.tasks.spawn(async move {
                let note = store.write_unlocked("admin key used", (), move |tx, ()| {
                    Box::pin(async move { Ok(tx.note_admin_key_used(&hash, now).await?) })
                });
                if let Err(refusal) = note.await {
                    let cause = refusal.cause().map(tracing::field::display);
                    tracing::warn!(cause, "the last use of an admin key was not noted");
                }
            });
        }
        Ok(AdminCaller { name: key.name, role: key.role, fingerprint: hash.fingerprint() })
    }
}

fn is_stale(last: Option<Timestamp>, now: Timestamp) -> bool {
    last.is_none_or(|last| last <= now.before(SIGHTING_GRAIN))
}
