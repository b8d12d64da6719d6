//! Runs the hub from its start to its end.

use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use hub_core::api::AuditVerdict;
use hub_core::key::AdminKey;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::certificates::{Issuer, KeyFault, add_key};
use crate::changes::{Change, OwnerKey, ensure_owner_key};
use crate::clock;
use crate::config::{Command, Settings, StoreSettings};
use crate::copies::{self, CopyFault};
use crate::domain::Refusal;
use crate::hub::{Hub, TelemetrySettings};
use crate::lifecycle;
use crate::metrics::{MetricsListener, Sources, watch_licenses};
use crate::reload;
use crate::server::{HubService, Listener, Tls, TlsFault};
use crate::store::{self, OpenError, PostgresTuning, Retention, Store};

/// Why the hub cannot start, or what is wrong with its database. The text is for the operator.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The database cannot be opened.
    #[error(transparent)]
    Open(#[from] Box<dyn std::error::Error + Send + Sync>),
    /// The hub cannot listen on the address.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The address.
        address: std::net::SocketAddr,
        /// Why the hub cannot listen there.
        source: io::Error,
    },
    /// A database cannot be copied.
    #[error(transparent)]
    Copy(Box<dyn std::error::Error + Send + Sync>),
    /// The hub cannot speak TLS.
    #[error(transparent)]
    Tls(Box<dyn std::error::Error + Send + Sync>),
    /// The hub would send keys in the clear to other machines.
    #[error(
        "{0} can be reached from other machines: give --tls-certificate and --tls-key, name the proxy with \
         TLS in --trusted-proxies, or say --allow-plain-http"
    )]
    PlainHttp(std::net::SocketAddr),
    /// Another operation of the system failed.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The keys that sign certificates cannot be used.
    #[error(transparent)]
    CertificateKeys(Box<dyn std::error::Error + Send + Sync>),
    /// An operation of the database failed.
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

impl From<CopyFault> for RunError {
    fn from(fault: CopyFault) -> Self {
        Self::Copy(Box::new(fault))
    }
}

impl From<TlsFault> for RunError {
    fn from(fault: TlsFault) -> Self {
        Self::Tls(Box::new(fault))
    }
}

impl From<KeyFault> for RunError {
    fn from(fault: KeyFault) -> Self {
        Self::CertificateKeys(Box::new(fault))
    }
}

impl From<Refusal> for RunError {
    fn from(refusal: Refusal) -> Self {
        let cause = refusal.cause().map(|cause| format!(" ({cause})")).unwrap_or_default();
        Self::Database(format!("{}{cause}", refusal.detail))
    }
}

/// How long the queues may take to drain after all requests were answered or cut off.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(5);

async fn open(settings: &Settings) -> Result<Store, RunError> {
    let tuning = PostgresTuning {
        connections: settings.store.connections,
        pgbouncer: settings.store.pgbouncer,
    };
    Ok(Store::open(&settings.store.url, tuning).await?)
}

/// Does what the settings say, until it is done or a signal ends it.
///
/// The runtime is made here and not in the program, which would compile the whole hub a second time.
///
/// # Errors
/// [`RunError`].
pub fn run(settings: Settings, bootstrap_key: Option<AdminKey>) -> Result<(), RunError> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let outcome = runtime.block_on(async {
        match settings.command.clone() {
            Command::Serve | Command::Config => serve(settings, bootstrap_key).await,
            Command::Backup(args) => Ok(copies::back_up(&args, &settings)?),
            Command::Restore(args) => Ok(copies::restore(&args, &settings)?),
            Command::Copy(args) => Ok(copies::copy(&args).await?),
            Command::Migrate => migrate(&settings).await,
            Command::Check => check(&settings).await,
            Command::RotateCertificateKey => rotate_certificate_key(&settings),
        }
    });
    // A batch that was not drained in time must not hold up the end.
    runtime.shutdown_timeout(Duration::from_secs(1));
    outcome
}

/// Brings the database to the newest schema.
async fn migrate(settings: &Settings) -> Result<(), RunError> {
    let store = open(settings).await?;
    tracing::info!(schema = store::schema(), database = %settings.store.url, "migrated");
    store.close().await;
    Ok(())
}

/// Checks the whole database and verifies its audit chain.
async fn check(settings: &Settings) -> Result<(), RunError> {
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
        "the database and its audit log are intact"
    );
    Ok(())
}

/// Adds a key to the folder of certificate keys.
fn rotate_certificate_key(settings: &Settings) -> Result<(), RunError> {
    let folder = settings.certificates.folder(&settings.store.data_dir);
    let path = add_key(&folder, clock::now())?;
    tracing::info!(path = %path.display(), "added a key; running hubs take it within two minutes");
    Ok(())
}

/// Serves until the process gets a signal.
async fn serve(settings: Settings, bootstrap_key: Option<AdminKey>) -> Result<(), RunError> {
    let stop = lifecycle::stop_on_signal()?;
    let tls = Tls::open(&settings.tls)?.map(Arc::new);
    let address = settings.server.listen;
    if tls.is_none() && !settings.may_speak_plain_http() {
        return Err(RunError::PlainHttp(address));
    }
    let listener = Listener::bind(settings.server, tls.clone())
        .await
        .map_err(|source| RunError::Listen { address, source })?;
    let store = open(&settings).await?;
    let folder = settings.certificates.folder(&settings.store.data_dir);
    let issuer = Arc::new(Issuer::open(&settings.certificates, folder, clock::now())?);
    let key_file = settings.store.data_dir.join("admin.key");
    let change = Change::by_system(clock::now());
    let owner = ensure_owner_key(&store, change, bootstrap_key, key_file).await?;
    if let OwnerKey::Written(path) = owner {
        tracing::info!(path = %path.display(), "wrote the owner key; keep it safe");
    }
    let tasks = TaskTracker::new();
    let telemetry = settings.hub.telemetry;
    let connections = settings.server.max_connections;
    let certificates = Arc::clone(&issuer);
    let hub = Arc::new(Hub::start(store.clone(), certificates, settings.hub, connections, &tasks));
    let service = HubService::new(Arc::clone(&hub), &settings.server);
    if let Some(address) = settings.metrics.metrics_listen {
        start_metrics(address, &settings.store, &store, &tasks, &stop).await?;
    }
    announce(&listener, &settings.store)?;
    tasks.spawn(log_audit_head(store.clone(), stop.clone()));
    tasks.spawn(reload::keep_current(stop.clone(), move || {
        issuer.reload();
        if let Some(tls) = &tls {
            tls.reload();
        }
    }));
    tasks.spawn(roll_up(store.clone(), telemetry, stop.clone()));
    answer_until_stopped(listener, service, &hub, &stop, settings.server.stop_timeout).await;
    // The batching tasks end when nothing holds the hub any more. A request that was cut off may hold it
    // for a while.
    drop(hub);
    tasks.close();
    let drained = async {
        tasks.wait().await;
        store.close().await;
    };
    if tokio::time::timeout(DRAIN_TIMEOUT, drained).await.is_ok() {
        tracing::info!("stopped");
    } else {
        tracing::warn!("stopped before the queues were drained");
    }
    Ok(())
}

async fn answer_until_stopped(
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
        () = deadline => tracing::warn!("some requests took too long and were cut off"),
    }
}

/// Serves metrics on a listener of their own.
async fn start_metrics(
    address: std::net::SocketAddr,
    settings: &StoreSettings,
    store: &Store,
    tasks: &TaskTracker,
    stop: &CancellationToken,
) -> Result<(), RunError> {
    let database = settings.url.sqlite_path().map(Path::to_owned);
    let sources = Sources { database, engine: store.database() };
    let listener = MetricsListener::bind(address, sources)
        .await
        .map_err(|source| RunError::Listen { address, source })?;
    tracing::info!(address = %listener.address()?, "metrics at /metrics");
    tasks.spawn(listener.run(stop.clone()));
    tasks.spawn(watch_licenses(store.clone(), stop.clone()));
    Ok(())
}

/// Announces the hub's address: on standard output for people and scripts, and to systemd.
fn announce(listener: &Listener, store: &StoreSettings) -> Result<(), RunError> {
    let address = listener.address()?;
    writeln!(io::stdout(), "hubd listening on {}://{address}", listener.scheme())?;
    tracing::info!(%address, database = %store.url, "ready");
    let _ = sd_notify::notify(&[sd_notify::NotifyState::Ready]);
    Ok(())
}

/// Logs the head of the audit chain every hour. The log then shows whether events at the end of the
/// chain were removed later.
async fn log_audit_head(store: Store, stop: CancellationToken) {
    const EVERY: Duration = Duration::from_hours(1);
    loop {
        match store.audit_head().await {
            Ok((seq, hash)) => tracing::info!(seq, hash, "audit head"),
            Err(error) => tracing::warn!(%error, "cannot read the audit head"),
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(EVERY) => {}
        }
    }
}

/// Regularly adds hours up to days and deletes old usage. If a stop interrupts this work, the next start
/// does it again.
async fn roll_up(store: Store, settings: TelemetrySettings, stop: CancellationToken) {
    let retention = Retention { hours: settings.hours_kept, days: settings.days_kept };
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(settings.rollup_every) => {}
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
                    tracing::warn!(cause, "old telemetry was not rolled up; the hub will try again");
                }
            }
        }
    }
}
