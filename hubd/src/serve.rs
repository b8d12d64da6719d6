//! A run of the hub from its start to its end.

use std::io::{self, Write};
use std::sync::Arc;
use std::time::Duration;

use hub_core::api::AuditVerdict;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::changes::{Change, OwnerKey, ensure_owner_key};
use crate::clock;
use crate::config::Settings;
use crate::domain::Refusal;
use crate::http::{HubService, Limits, Listener};
use crate::hub::{Hub, HubSettings};
use crate::lifecycle;
use crate::store::{self, OpenError, PostgresTuning, Retention, Store};

/// Why the hub did not start, or what is wrong with its database. The text is for the operator.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The database cannot be opened.
    #[error(transparent)]
    Open(#[from] Box<dyn std::error::Error + Send + Sync>),
    /// The address cannot be bound.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// Which.
        address: std::net::SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// Anything else of the system.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The database answered with an error.
    #[error("{0}")]
    Database(String),
    /// The audit chain does not verify.
    #[error("the audit log is broken at event {0}: rows were changed, removed or inserted")]
    BrokenAudit(i64),
}

impl From<OpenError> for RunError {
    fn from(error: OpenError) -> Self {
        Self::Open(Box::new(error))
    }
}

impl From<Refusal> for RunError {
    fn from(refusal: Refusal) -> Self {
        let cause = refusal.cause().map(|cause| format!(" ({cause})")).unwrap_or_default();
        Self::Database(format!("{}{cause}", refusal.detail))
    }
}

/// How long the queue may take to drain when all requests are answered or cut off.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(5);

async fn open(settings: &Settings) -> Result<Store, RunError> {
    let tuning = PostgresTuning {
        connections: settings.config.database_connections,
        pgbouncer: settings.config.pgbouncer,
    };
    Ok(Store::open(&settings.database, tuning).await?)
}

/// Brings the database to the newest schema.
///
/// # Errors
/// [`RunError`].
pub async fn migrate(settings: &Settings) -> Result<(), RunError> {
    let store = open(settings).await?;
    tracing::info!(schema = store::schema(), database = %settings.database, "migrated");
    store.close().await;
    Ok(())
}

/// Reads the whole database and verifies its audit chain.
///
/// # Errors
/// [`RunError`], also when something is wrong with the database.
pub async fn check(settings: &Settings) -> Result<(), RunError> {
    let store = open(settings).await?;
    store.check_integrity().await.map_err(Refusal::from)?;
    let verdict = store.verify_audit().await.map_err(Refusal::from)?;
    store.close().await;
    let AuditVerdict { events, head, first_broken, .. } = verdict;
    if let Some(seq) = first_broken {
        return Err(RunError::BrokenAudit(seq));
    }
    tracing::info!(
        events,
        head = head.unwrap_or_default(),
        "the database and its audit log are whole"
    );
    Ok(())
}

/// Serves until a signal.
///
/// # Errors
/// [`RunError`], when the hub cannot start.
pub async fn serve(settings: Settings) -> Result<(), RunError> {
    let stop = lifecycle::stop_on_signal()?;
    let config = &settings.config;
    let limits = Limits {
        head_timeout: config.head_timeout,
        idle_timeout: config.idle_timeout,
        connections: config.max_connections,
    };
    let address = config.listen;
    let listener = Listener::bind(address, limits)
        .await
        .map_err(|source| RunError::Listen { address, source })?;
    let store = open(&settings).await?;
    let key_file = config.data_dir.join("admin.key");
    let change = Change::by_system(clock::now());
    let bootstrap = settings.bootstrap_key.clone();
    if let OwnerKey::Written(path) = ensure_owner_key(&store, change, bootstrap, key_file).await? {
        tracing::info!(path = %path.display(), "wrote the owner key; keep it safe");
    }
    let tasks = TaskTracker::new();
    let hub = Arc::new(Hub::start(store.clone(), hub_settings(&settings), &tasks));
    let service = HubService::new(Arc::clone(&hub), config.body_timeout);
    announce(&listener, &settings)?;
    tasks.spawn(log_audit_head(store.clone(), stop.clone()));
    let retention = Retention { hours: config.hours_kept, days: config.days_kept };
    tasks.spawn(roll_up(store.clone(), retention, config.rollup_every, stop.clone()));
    run(listener, service, &hub, &stop, config.stop_timeout).await;
    // The batchers' tasks end with the last holder of the hub, which may be a request that was cut off.
    drop(hub);
    tasks.close();
    let drained = async {
        tasks.wait().await;
        store.close().await;
    };
    if tokio::time::timeout(DRAIN_TIMEOUT, drained).await.is_ok() {
        tracing::info!("stopped");
    } else {
        tracing::warn!("stopped before everything was drained");
    }
    Ok(())
}

async fn run(
    listener: Listener,
    service: HubService,
    hub: &Hub,
    stop: &CancellationToken,
    stop_timeout: Duration,
) {
    let serving = listener.run(service, stop.clone());
    let deadline = async {
        stop.cancelled().await;
        hub.stop();
        let _ = sd_notify::notify(&[sd_notify::NotifyState::Stopping]);
        tokio::time::sleep(stop_timeout).await;
    };
    tokio::select! {
        () = serving => {}
        () = deadline => tracing::warn!("some requests took too long to stop and were cut off"),
    }
}

/// Says where the hub listens: on standard output, for people and scripts, and to systemd.
fn announce(listener: &Listener, settings: &Settings) -> Result<(), RunError> {
    let address = listener.address()?;
    writeln!(io::stdout(), "hubd listening on http://{address}")?;
    tracing::info!(%address, database = %settings.database, "ready");
    let _ = sd_notify::notify(&[sd_notify::NotifyState::Ready]);
    Ok(())
}

/// The head of the audit chain goes to the log now and then: a tail that is cut off later shows.
async fn log_audit_head(store: Store, stop: CancellationToken) {
    const EVERY: Duration = Duration::from_hours(1);
    loop {
        match store.audit_head().await {
            Ok((seq, hash)) => tracing::info!(seq, hash, "audit head"),
            Err(error) => tracing::warn!(%error, "the audit head cannot be read"),
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(EVERY) => {}
        }
    }
}

/// Makes days of hours and deletes what is old, now and then. What it was at when the hub stops is done
/// again the next time.
async fn roll_up(store: Store, retention: Retention, every: Duration, stop: CancellationToken) {
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(every) => {}
        }
        let work = tokio::spawn({
            let store = store.clone();
            async move { store.roll_up(clock::now(), retention).await }
        });
        tokio::select! {
            () = stop.cancelled() => return,
            done = work => {
                if let Ok(Err(refusal)) = done {
                    let cause = refusal.cause().map(ToString::to_string);
                    tracing::warn!(cause, "old telemetry was not rolled up; it is tried again");
                }
            }
        }
    }
}

fn hub_settings(settings: &Settings) -> HubSettings {
    let config = &settings.config;
    HubSettings {
        activation_overlap: config.activation_overlap,
        guess_burst: config.guess_burst,
        guess_period: config.guess_period,
        queue: config.queue,
        public_requests: config.max_public_requests,
        admin_requests: config.max_admin_requests,
        report_bytes: config.max_report_bytes,
        trusted_proxies: config.trusted_proxies.clone(),
    }
}
