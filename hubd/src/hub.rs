//! The hub: wires together the database, the batching tasks in front of it, and the limits.

mod readiness;
mod settings;

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use clap::Args;
use hub_core::key::KeyHash;
use hub_core::privacy::{CatalogueSizes, Retention};
use hub_core::problem::ErrorCode;
use hub_core::time::Timestamp;
use ipnet::IpNet;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub(crate) use settings::{HotSettings, TelemetrySettings};

use crate::caller::{AdminCaller, ReportingCaller};
use crate::certificates::Issuer;
use crate::domain::{InstanceKey, Refusal};
use crate::hot::{
    ActivationRequested, Activations, Batch, Batcher, Batching, Granted, KeyChecks, Sightings,
};
use crate::limits::{Caller, Guesses, LimitsSettings, Lines, Queue, Rates, Shares};
use crate::store::{
    InstanceRow, KnownKey, NewReport, ReportResult, SIGHTING_GRAIN, Sighting, Store, Way,
};
use readiness::Readiness;

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
    certificates: Arc<Issuer>,
    activations: Activations,
    keys: KeyChecks,
    sightings: Sightings,
    reports: Batcher<NewReport, ReportResult>,
    /// How many names are kept, for all who ask at the same time.
    catalogue_sizes: Batcher<(), CatalogueSizes>,
    readiness: Readiness,
    shares: Shares,
    guesses: Guesses,
    lines: Arc<Lines>,
    settings: HubSettings,
    tasks: TaskTracker,
    /// The admin keys whose use is being noted.
    noting: Arc<Mutex<HashSet<[u8; 32]>>>,
    stopping: CancellationToken,
}

impl Hub {
    /// Starts the batching tasks; `tasks` tracks them. There are at most so many `connections`. From
    /// `stopping` on the hub is not ready.
    pub(crate) fn start(
        store: Store,
        certificates: Arc<Issuer>,
        settings: HubSettings,
        connections: usize,
        tasks: &TaskTracker,
        stopping: CancellationToken,
    ) -> Self {
        let HotSettings { activation_overlap, queue } = settings.hot;
        let limits = &settings.limits;
        let rates = Rates::new(limits.activation_burst, limits.activation_period);
        let activations =
            Activations::start(store.clone(), activation_overlap, rates, queue, tasks);
        // Of strangers there can be as many as connections, and none of them costs another its place.
        let strangers = connections.clamp(1, 1 << 20);
        let keys = KeyChecks::start(&store, strangers, tasks);
        let sightings = Sightings::start(store.clone(), strangers, tasks);
        let counter = store.clone();
        let at_once = store.batches_at_once(NewReport::WAY);
        let batching =
            Batching { at_once, rows: NewReport::rows, ..Batching::new("reports", queue) };
        let reports = Batcher::start(tasks, batching, move |batch: Batch<_>| {
            let store = counter.clone();
            async move { store.write_reports(batch).await }
        });
        let batching = Batching::new("catalogue", strangers);
        let reader = store.clone();
        let catalogue_sizes = Batcher::start(tasks, batching, move |asked: Batch<()>| {
            let (store, asked) = (reader.clone(), asked.len());
            async move { Ok(vec![store.catalogue_sizes().await?; asked]) }
        });
        let lines = Arc::<Lines>::default();
        let (summed, stop) = (Arc::clone(&lines), stopping.clone());
        tasks.spawn(async move { summed.sum_up(stop).await });
        Self {
            certificates,
            activations,
            keys,
            sightings,
            reports,
            catalogue_sizes,
            readiness: Readiness::new(store.clone()),
            store,
            shares: Shares::new(&settings.limits),
            guesses: Guesses::new(&settings.limits),
            lines,
            settings,
            tasks: tasks.clone(),
            noting: Arc::default(),
            stopping,
        }
    }

    pub(crate) fn store(&self) -> &Store {
        &self.store
    }

    pub(crate) fn certificates(&self) -> &Issuer {
        &self.certificates
    }

    pub(crate) fn shares(&self) -> &Shares {
        &self.shares
    }

    pub(crate) fn guesses(&self) -> &Guesses {
        &self.guesses
    }

    pub(crate) fn lines(&self) -> &Lines {
        &self.lines
    }

    pub(crate) fn limits(&self) -> &LimitsSettings {
        &self.settings.limits
    }

    pub(crate) fn trusted_proxies(&self) -> &[IpNet] {
        &self.settings.limits.trusted_proxies
    }

    /// For how long the hub keeps telemetry, for the privacy promise.
    pub(crate) fn retention(&self) -> Retention {
        self.settings.telemetry.retention()
    }

    /// Whether the database takes writes and the hub is not stopping.
    pub(crate) async fn check_ready(&self) -> Result<(), Refusal> {
        if self.stopping.is_cancelled() {
            return Err(Refusal::because(ErrorCode::Overloaded, "the hub is stopping"));
        }
        self.readiness.ask(&self.tasks).await
    }

    /// How many names of telemetry are kept. All who ask at the same time share one read.
    pub(crate) async fn catalogue_sizes(&self) -> Result<CatalogueSizes, Refusal> {
        self.catalogue_sizes.submit(()).await
    }

    /// Refuses a request if its queue is full. The pipeline calls this before it reads the body.
    pub(crate) fn refuse_when_full(&self, queue: Queue) -> Result<(), Refusal> {
        let full = match queue {
            Queue::None => false,
            Queue::Activations => self.activations.is_full(),
            Queue::Reports => self.reports.is_full(),
        };
        if full { Err(ErrorCode::Overloaded.into()) } else { Ok(()) }
    }

    /// The instance that a hub key belongs to, for a report. Counting the report notes that the
    /// instance was heard of.
    pub(crate) async fn authenticate_reporter(
        &self,
        hub_key: KeyHash,
        now: Timestamp,
    ) -> Result<ReportingCaller, Refusal> {
        let found = self.keys.find_reporter(hub_key, now).await?;
        let key = found.ok_or(ErrorCode::HubKeyInvalid)?;
        let is_news = is_news(&key, key.holder.last_seen_at, now);
        Ok(ReportingCaller { reporter: key.holder, hub_key, is_news })
    }

    /// Counts a report, and returns once the report is on disk.
    pub(crate) async fn count_report(&self, entry: NewReport) -> Result<ReportResult, Refusal> {
        self.reports.submit(entry).await
    }

    /// The instance that a hub key belongs to, whatever the instance's status is.
    pub(crate) async fn authenticate_instance(
        &self,
        hub_key: KeyHash,
        now: Timestamp,
    ) -> Result<InstanceRow, Refusal> {
        let mut key = self.find_hub_key(hub_key, now).await?;
        if is_news(&key, key.holder.instance.last_seen_at, now) {
            let instance = key.holder.id;
            // No more of them wait for the database than the instance may have in flight.
            let _caller_permit = self.shares.enter(Caller::Instance(instance))?;
            self.sightings.note(Sighting { instance, hub_key, now }).await?;
            if key.is_unused() {
                // An activation may have replaced the key before its use was noted.
                key = self.find_hub_key(hub_key, now).await?;
            }
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
        let _caller_permit = self.shares.enter(Caller::license(&request.license))?;
        // Guesses are told apart before the one writer while there are any.
        if (!self.guesses.are_rare() || self.activations.is_busy())
            && self.find_license(request.license, request.now).await?.is_none()
        {
            return Err(ErrorCode::LicenseInvalid.into());
        }
        self.activations.activate(request).await
    }

    /// The operator that an admin key belongs to.
    pub(crate) async fn authenticate_admin(
        &self,
        hash: KeyHash,
        now: Timestamp,
    ) -> Result<AdminCaller, Refusal> {
        let found = self.keys.find_admin(hash, now).await?;
        let key = found.ok_or(ErrorCode::AdminKeyInvalid)?;
        if is_stale(key.last_used_at, now) {
            self.note_admin_key_used(hash, now);
        }
        Ok(AdminCaller { name: key.name, role: key.role, key: hash })
    }

    /// Notes in the background that a key was used, once for all who use it meanwhile.
    fn note_admin_key_used(&self, hash: KeyHash, now: Timestamp) {
        let noting = Arc::clone(&self.noting);
        let noted =
            move || noting.lock().unwrap_or_else(PoisonError::into_inner).remove(&hash.to_bytes());
        let mut others = self.noting.lock().unwrap_or_else(PoisonError::into_inner);
        if !others.insert(hash.to_bytes()) {
            return;
        }
        let (store, lines) = (self.store.clone(), Arc::clone(&self.lines));
        self.tasks.spawn(async move {
            let written = store.transact(Way::Short, "admin key used", (), move |tx, ()| {
                Box::pin(async move { Ok(tx.note_admin_key_used(&hash, now).await?) })
            });
            if let Err(refusal) = written.await
                && lines.is_first("admin key used", refusal.code.as_str())
            {
                let cause = refusal.cause().map(tracing::field::display);
                tracing::warn!(cause, "cannot record the last use of an admin key");
            }
            noted();
        });
    }
}

/// Whether a use of the key is to be noted: its first one, and one a minute.
fn is_news<T>(key: &KnownKey<T>, last_seen_at: Option<Timestamp>, now: Timestamp) -> bool {
    key.is_unused() || is_stale(last_seen_at, now)
}

fn is_stale(last: Option<Timestamp>, now: Timestamp) -> bool {
    last.is_none_or(|last| last <= now.before(SIGHTING_GRAIN) || last > now.after(SIGHTING_GRAIN))
}
