//! The hub: the database, the batching tasks before it, and the limits, wired together.

mod settings;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use clap::Args;
use hub_core::api::Role;
use hub_core::key::KeyHash;
use hub_core::privacy::Retention;
use hub_core::problem::ErrorCode;
use hub_core::time::Timestamp;
use ipnet::IpNet;
use tokio_util::task::TaskTracker;

pub(crate) use settings::{HotSettings, TelemetrySettings};

use crate::caller::AdminCaller;
use crate::domain::Refusal;
use crate::ingest::Batcher;
use crate::limits::{Guesses, LimitsSettings, Queue, Shares};
use crate::store::{
    ActivationResult, ActivationWish, HotWrite, HotWritten, InstanceRecord, KeyKind, KnownKey,
    ReportResult, ReportWish, Sighting, Store,
};

/// How finely "last seen" and "last used" are kept: a write a minute, not one a request.
const SIGHTING_GRAIN: Duration = Duration::from_mins(1);

/// What operators set of the hub and its limits.
#[derive(Debug, Clone, Args)]
pub(crate) struct HubSettings {
    #[command(flatten)]
    pub(crate) limits: LimitsSettings,
    #[command(flatten)]
    pub(crate) hot: HotSettings,
    #[command(flatten)]
    pub(crate) telemetry: TelemetrySettings,
}

/// A question for the batched look-up.
#[derive(Debug, Clone, Copy)]
struct Lookup {
    hash: KeyHash,
    kind: KeyKind,
    now: Timestamp,
}

/// The running hub.
pub(crate) struct Hub {
    store: Store,
    writes: Batcher<HotWrite, HotWritten>,
    lookups: Batcher<Lookup, Option<KnownKey>>,
    reports: Batcher<ReportWish, ReportResult>,
    shares: Shares,
    guesses: Guesses,
    settings: HubSettings,
    tasks: TaskTracker,
    stopping: AtomicBool,
}

impl Hub {
    /// Starts the batching tasks in `tasks`.
    pub(crate) fn start(store: Store, settings: HubSettings, tasks: &TaskTracker) -> Self {
        let hot = store.clone();
        let writes = Batcher::start(tasks, settings.hot.queue, move |batch: Arc<[HotWrite]>| {
            let store = hot.clone();
            async move { store.write_hot(&batch).await }
        });
        let reader = store.clone();
        let lookups = Batcher::start(tasks, settings.hot.queue, move |batch: Arc<[Lookup]>| {
            let store = reader.clone();
            async move { look_up(&store, &batch).await }
        });
        let counter = store.clone();
        let reports = Batcher::start(tasks, settings.hot.queue, move |batch: Arc<[ReportWish]>| {
            let store = counter.clone();
            async move { store.write_reports(&batch).await }
        });
        Self {
            store,
            writes,
            lookups,
            reports,
            shares: Shares::new(&settings.limits),
            guesses: Guesses::new(&settings.limits),
            settings,
            tasks: tasks.clone(),
            stopping: AtomicBool::new(false),
        }
    }

    pub(crate) fn store(&self) -> &Store {
        &self.store
    }

    pub(crate) fn shares(&self) -> &Shares {
        &self.shares
    }

    pub(crate) fn guesses(&self) -> &Guesses {
        &self.guesses
    }

    pub(crate) fn trusted_proxies(&self) -> &[IpNet] {
        &self.settings.limits.trusted_proxies
    }

    pub(crate) fn activation_overlap(&self) -> Duration {
        self.settings.hot.activation_overlap
    }

    /// For how long telemetry is kept, for the privacy promise.
    pub(crate) fn retention(&self) -> Retention {
        self.settings.telemetry.retention()
    }

    /// From now on the hub is not ready for new work.
    pub(crate) fn stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }

    /// Refuses a request whose queue is full, before its body is read.
    pub(crate) fn refuse_when_full(&self, queue: Queue) -> Result<(), Refusal> {
        let full = match queue {
            Queue::None => false,
            Queue::Activations => self.writes.is_full() || self.lookups.is_full(),
            Queue::Reports => self.reports.is_full(),
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
    ) -> Result<InstanceRecord, Refusal> {
        let instance = self.find_hub_key(hash, now).await?.instance;
        if instance.instance_id != handle {
            return Err(ErrorCode::InstanceMismatch.into());
        }
        match instance.terms().suspension() {
            Some(code) => Err(code.into()),
            None => Ok(instance),
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
    ) -> Result<InstanceRecord, Refusal> {
        let key = self.find_hub_key(hash, now).await?;
        if key.unused() || is_stale(key.instance.last_seen_at, now) {
            let instance = key.instance.id;
            self.writes.submit(HotWrite::Saw(Sighting { instance, hub_key: hash, now })).await?;
        }
        Ok(key.instance)
    }

    async fn find_hub_key(&self, hash: KeyHash, now: Timestamp) -> Result<KnownKey, Refusal> {
        let found = self.lookups.submit(Lookup { hash, kind: KeyKind::Hub, now }).await?;
        found.ok_or(ErrorCode::HubKeyInvalid.into())
    }

    /// The instance that a license key belongs to.
    pub(crate) async fn find_license(
        &self,
        hash: KeyHash,
        now: Timestamp,
    ) -> Result<Option<InstanceRecord>, Refusal> {
        let found = self.lookups.submit(Lookup { hash, kind: KeyKind::License, now }).await?;
        Ok(found.map(|key| key.instance))
    }

    /// Activates; the answer is on disk.
    pub(crate) async fn activate(&self, wish: ActivationWish) -> Result<ActivationResult, Refusal> {
        match self.writes.submit(HotWrite::Activate(wish)).await? {
            HotWritten::Activated(result) => Ok(*result),
            HotWritten::Refused(code) => Err(code.into()),
            HotWritten::Saw => Err(ErrorCode::Internal.into()),
        }
    }

    /// The operator that an admin key belongs to.
    pub(crate) async fn authenticate_admin(
        &self,
        hash: KeyHash,
        now: Timestamp,
    ) -> Result<AdminCaller, Refusal> {
        let store = self.store.clone();
        // In a task of its own: a peer that goes away must not cancel a database call.
        let found = tokio::spawn(async move { store.admin_key(&hash).await }).await;
        let found = found.map_err(|_| ErrorCode::Internal)??;
        let key = found.ok_or(ErrorCode::AdminKeyInvalid)?;
        if key.hash()? != hash || !key.is_live(now) {
            return Err(ErrorCode::AdminKeyInvalid.into());
        }
        if is_stale(key.last_used_at, now) {
            let store = self.store.clone();
            self.tasks.spawn(async move {
                if let Err(error) = store.saw_admin_key(&hash, now).await {
                    tracing::warn!(%error, "the last use of an admin key was not noted");
                }
            });
        }
        let role: Role = key.role()?;
        Ok(AdminCaller { name: key.name, role, fingerprint: hash.fingerprint() })
    }
}

fn is_stale(last: Option<i64>, now: Timestamp) -> bool {
    last.is_none_or(|last| last <= now.before(SIGHTING_GRAIN).unix_ms())
}

async fn look_up(store: &Store, batch: &[Lookup]) -> Result<Vec<Option<KnownKey>>, Refusal> {
    let hashes: Vec<KeyHash> = batch.iter().map(|lookup| lookup.hash).collect();
    let known = store.known_keys(&hashes).await?;
    let answer = |lookup: &Lookup| known.live(&lookup.hash, lookup.kind, lookup.now).cloned();
    Ok(batch.iter().map(answer).collect())
}
