//! Runs the hub from its start to its end.

use std::io::{self, Write};
use std::net::TcpListener;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use hub_core::key::AdminKey;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::certificates::{Issuer, add_key};
use crate::changes::{self, Author, OwnerKey, Owners, ensure_owner_key};
use crate::config::{AdminKeyCommand, Command, Settings, StoreSettings};
use crate::copies;
use crate::hub::{Hub, TelemetrySettings};
use crate::lifecycle;
use crate::metrics::{MetricsListener, Sources, watch_licenses};
use crate::reload;
use crate::run_error::RunError;
use crate::server::{HubService, Listener, Tls};
use crate::store::{self, Retention, Store, refuse_shared_folder};
use crate::witness::Witness;
use crate::{check, clock, supervisor};

/// How long the queues may take to drain after all requests were answered or cut off.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(5);

async fn open(settings: &Settings) -> Result<Store, RunError> {
    refuse_shared_folder(&settings.store.data_dir)?;
    if settings.store.url.may_be_overheard() {
        tracing::warn!(
            "PostgreSQL is on another machine and TLS is not required: add ?sslmode=verify-full to its URL"
        );
    }
    Ok(Store::open(&settings.store.url, settings.store.tuning()).await?)
}

/// Does what the settings say, until it is done or a signal ends it.
///
/// The runtime is made here and not in the program, which would compile the whole hub a second time.
///
/// # Errors
/// [`RunError`].
pub fn run(settings: Settings, bootstrap_key: Option<AdminKey>) -> Result<(), RunError> {
    let socket = match settings.command {
        Command::Serve => supervisor::inherited_socket()?,
        _ => None,
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let outcome = runtime.block_on(async {
        match settings.command.clone() {
            Command::Serve | Command::Config => serve(settings, bootstrap_key, socket).await,
            Command::Backup(args) => Ok(copies::back_up(&args, &settings)?),
            Command::Restore(args) => Ok(copies::restore(&args, &settings).await?),
            Command::Copy(args) => Ok(copies::copy(&args).await?),
            Command::Migrate => migrate(&settings).await,
            Command::Check => check::run(&settings).await,
            Command::AdminKey(AdminKeyCommand::Reset) => reset_owner_key(&settings).await,
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

/// Makes a new owner key for an operator who has none.
async fn reset_owner_key(settings: &Settings) -> Result<(), RunError> {
    refuse_shared_folder(&settings.store.data_dir)?;
    let store = Store::open_beside(&settings.store.url, settings.store.tuning()).await?;
    let author = Author::by_command("admin-key-reset", clock::now());
    let file = settings.store.key_file();
    let name = changes::reset_owner_key(&store, author, file.clone()).await?;
    store.close().await;
    // If standard output is closed, the file still tells.
    let _ = writeln!(io::stdout(), "wrote the new owner key {name} to {}", file.display());
    Ok(())
}

/// Adds a key to the folder of certificate keys.
fn rotate_certificate_key(settings: &Settings) -> Result<(), RunError> {
    let folder = settings.certificates.folder(&settings.store.data_dir);
    let path = add_key(&folder, clock::now())?;
    tracing::info!(path = %path.display(), "added a key; running hubs take it within two minutes");
    Ok(())
}

/// Serves until the process gets a signal, on the socket that was handed over if there is one.
async fn serve(
    settings: Settings,
    bootstrap_key: Option<AdminKey>,
    socket: Option<TcpListener>,
) -> Result<(), RunError> {
    lifecycle::outlive_other_signals()?;
    let stop = lifecycle::stop_on_signal()?;
    let tls = Tls::open(&settings.tls)?.map(Arc::new);
    let listener = listen(&settings, tls.clone(), socket)?;
    let store = open(&settings).await?;
    let witness = Witness::in_folder(&settings.store.data_dir);
    check::refuse_rewritten(&store, &witness).await?;
    let folder = settings.certificates.folder(&settings.store.data_dir);
    let issuer = Arc::new(Issuer::open(&settings.certificates, folder, clock::now())?);
    let key_file = settings.store.key_file();
    let author = Author::by_system(clock::now());
    let owners = ensure_owner_key(&store, author, bootstrap_key, key_file.clone()).await?;
    tell_owners(&owners, &key_file);
    let tasks = TaskTracker::new();
    let telemetry = settings.hub.telemetry;
    let connections = settings.server.max_connections;
    let certificates = Arc::clone(&issuer);
    let (kept, stopping) = (store.clone(), stop.clone());
    let hub = Hub::start(kept, certificates, settings.hub, connections, &tasks, stopping);
    let hub = Arc::new(hub);
    let service = HubService::new(Arc::clone(&hub), &settings.server);
    if let Some(address) = settings.metrics.metrics_listen {
        start_metrics(address, &settings.store, &store, &tasks, &stop).await?;
    }
    announce(&listener, &settings.store)?;
    tasks.spawn(supervisor::feed_watchdog(Arc::clone(&hub), stop.clone()));
    tasks.spawn(witness_heads(store.clone(), witness.clone(), stop.clone()));
    tasks.spawn(reload::keep_current(stop.clone(), move || {
        issuer.reload();
        if let Some(tls) = &tls {
            tls.reload();
        }
    }));
    tasks.spawn(roll_up(store.clone(), telemetry, stop.clone()));
    answer_until_stopped(listener, service, &stop, settings.server.stop_timeout).await;
    // The batching tasks end when nothing holds the hub any more. A request that was cut off may hold it
    // for a while.
    drop(hub);
    tasks.close();
    let drained = async {
        tasks.wait().await;
        note_head(&store, &witness).await;
        store.close().await;
    };
    if tokio::time::timeout(DRAIN_TIMEOUT, drained).await.is_ok() {
        tracing::info!("stopped");
    } else {
        tracing::warn!("stopped before the queues were drained");
    }
    Ok(())
}

/// Listens, unless keys would go over plain HTTP where the operator does not want it.
fn listen(
    settings: &Settings,
    tls: Option<Arc<Tls>>,
    socket: Option<TcpListener>,
) -> Result<Listener, RunError> {
    let address = match &socket {
        Some(socket) => socket.local_addr()?,
        None => settings.server.listen,
    };
    if tls.is_none() && !settings.may_speak_plain_http(address) {
        return Err(RunError::PlainHttp(address));
    }
    if socket.is_some() {
        tracing::info!(%address, "listening on the socket that was handed over, not on --listen");
    }
    let listening = Listener::open(settings.server, tls, socket);
    listening.map_err(|source| RunError::Listen { address, source })
}

async fn answer_until_stopped(
    listener: Listener,
    service: HubService,
    stop: &CancellationToken,
    stop_timeout: Duration,
) {
    let serving = listener.run(service, stop.clone());
    let deadline = async {
        stop.cancelled().await;
        supervisor::tell_stopping();
        tokio::time::sleep(stop_timeout).await;
    };
    tokio::select! {
        // Of a stop that ends both, systemd is told first.
        biased;
        () = deadline => tracing::warn!("some requests took too long and were cut off"),
        () = serving => {}
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
    // A closed standard output is no reason to stop: the log says it too.
    let _ = writeln!(io::stdout(), "hubd listening on {}://{address}", listener.scheme());
    tracing::info!(%address, database = %store.url, "ready");
    supervisor::tell_ready();
    Ok(())
}

/// Says where the owner key is, or why there is none.
fn tell_owners(owners: &Owners, file: &Path) {
    let path = file.display();
    if owners.ended_bootstrap {
        tracing::warn!(
            "the key in HUBD_ADMIN_API_KEY has ended, or is no owner's without an end: it is ignored"
        );
    }
    match owners.key {
        OwnerKey::Present | OwnerKey::Set => {}
        OwnerKey::Written => tracing::info!(%path, "wrote the owner key; keep it safe"),
        OwnerKey::Adopted => tracing::info!(%path, "the key in this file is now an owner key"),
        OwnerKey::Missing(problem) => tracing::error!(
            %path,
            problem,
            "no owner key works that has no end, and this file cannot give one: run `hubd admin-key reset`"
        ),
    }
}

/// Notes and logs the head of the audit chain every hour. It then shows whether events at the end of the
/// chain were removed later, or the whole chain was made anew.
async fn witness_heads(store: Store, witness: Witness, stop: CancellationToken) {
    const EVERY: Duration = Duration::from_hours(1);
    loop {
        note_head(&store, &witness).await;
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(EVERY) => {}
        }
    }
}

async fn note_head(store: &Store, witness: &Witness) {
    match witness.note(store, clock::now()).await {
        Ok(head) => {
            tracing::info!(seq = head.seq, hash = hex::encode(head.hash), "audit head");
        }
        Err(error) => tracing::warn!(%error, "the audit head was not noted"),
    }
}

/// Regularly puts the number of instances right, adds hours up to days and deletes old usage. If a stop
/// interrupts this work, the next start does it again.
async fn roll_up(store: Store, settings: TelemetrySettings, stop: CancellationToken) {
    let retention = Retention { hours: settings.hours_kept, days: settings.days_kept };
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(settings.rollup_every) => {}
        }
        let work = tokio::spawn({
            let store = store.clone();
            async move {
                store.put_total_right().await?;
                store.roll_up(clock::now(), retention).await
            }
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
