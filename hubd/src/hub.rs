//! The hub: wires together the database, the batching tasks in front of it, and the limits.

mod settings;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use clap::Args;
use hub_core::key::KeyHash;
use hub_core::privacy::Retention;
use hub_core::problem::ErrorCode;
use hub_core::time::Timestamp;
use ipnet::IpNet;
use tokio_util::task::TaskTracker;

pub(crate) use settings::{HotSettings, TelemetrySettings};

use crate::caller::AdminCaller;
use crate::domain::{InstanceKey, Refusal};
use crate::hot::{ActivationRequested, Activations, Batcher, Granted, KeyChecks};
use crate::limits::{Guesses, LimitsSettings, Queue, Shares};
use crate::store::{InstanceRow, KnownKey, NewReport, ReportResult, Sighting, Store};

/// The precision of "last seen" and "last used", so that they need one write a minute and not one for
/// each request.
const SIGHTING_GRAIN: Duration = Duration::from_mins(1);

/// The settings of the hub and its limits.
#[derive(Debug, Clone, Args)]
pub(crate) struct HubSettings {
    #[command(flatten)]
    pub(crate) limits: LimitsSettings,
    #[command(flatten)]
    pub(crate) hot: HotSettings,
    #[command(flatten)]
    pub(crate) telemetry: TelemetrySettings,
}

/// The running hub.
pub(crate) struct Hub {
    store: Store,
    activations: Activations,
    keys: KeyChecks,
    reports: Batcher<NewReport, ReportResult>,
    shares: Shares,
    guesses: Guesses,
    settings: HubSettings,
    tasks: TaskTracker,
    stopping: AtomicBool,
}

impl Hub {
    /// Starts the batching tasks; `tasks` tracks them.
    pub(crate) fn start(store: Store, settings: HubSettings, tasks: &TaskTracker) -> Self {
        let HotSettings { activation_overlap, queue } = settings.hot;
        let activations = Activations::start(store.clone(), activation_overlap, queue, tasks);
        let keys = KeyChecks::start(store.clone(), queue, tasks);
        let counter = store.clone();
        let reports = Batcher::start(tasks, settings.hot.queue, move |batch: Arc<[NewReport]>| {
            let store = counter.clone();
            async move { store.write_reports(batch).await }
        });
        Self {
            store,
            activations,
            keys,
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

    /// For how long the hub keeps telemetry, for the privacy promise.
    pub(crate) fn retention(&self) -> Retention {
        self.settings.telemetry.retention()
    }

    /// Marks the hub as stopping: from now on it is not ready.
    pub(crate) fn stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }

    /// Refuses a request if its queue is full. The pipeline calls this before it reads the body.
    pub(crate) fn refuse_when_full(&self, queue: Queue) -> Result<(), Refusal> {
        let full = match queue {
            Queue::None => false,
            Queue::Activations => self.activations.is_full() || self.keys.is_full(),
            Queue::Reports => self.reports.is_full(),
        };
        if full { Err(ErrorCode::Overloaded.into()) } else { Ok(()) }
    }

    /// The instance that a hub key belongs to. It must have this handle and must not be suspended. The
    /// pipeline checks this before it reads a report, and the store checks it again when it counts the
    /// report.
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

    /// Counts a report, and returns once the report is on disk.
    pub(crate) async fn count_report(&self, entry: NewReport) -> Result<ReportResult, Refusal> {
        self.reports.submit(entry).await
    }

    /// The instance that a hub key belongs to, whatever the instance's status is.
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

    /// Activates a license, and returns once the activation is on disk.
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
                let written = store.write_unlocked("admin key used", (), move |tx, ()| {
                    Box::pin(async move { Ok(tx.note_admin_key_used(&hash, now).await?) })
                });
                if let Err(refusal) = written.await {
                    let cause = refusal.cause().map(tracing::field::display);
                    tracing::warn!(cause, "cannot record the last use of an admin key");
                }
            });
        }
        Ok(AdminCaller { name: key.name, role: key.role, fingerprint: hash.fingerprint() })
    }
}

fn is_stale(last: Option<Timestamp>, now: Timestamp) -> bool {
    last.is_none_or(|last| last <= now.before(SIGHTING_GRAIN) || last > now.after(SIGHTING_GRAIN))
}
