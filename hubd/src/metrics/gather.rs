//! Reads all counters and writes them as text. The documentation of each metric is its `HELP` line.

use std::path::PathBuf;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};
use std::time::Duration;

use hub_core::api::Route;
use tokio_util::sync::CancellationToken;

use super::text::Text;
use super::{COMMITS, CONNECTIONS, FAULTS, OPEN_CONNECTIONS, QUEUES, REFUSALS, REQUESTS, STATUSES};
use crate::clock;
use crate::store::{Store, last_backup};

/// Licenses that need somebody, as they were counted last; -1 before the first time.
static ENDING: AtomicI64 = AtomicI64::new(-1);
static IN_GRACE: AtomicI64 = AtomicI64::new(-1);

/// How far ahead ends are told.
const AHEAD: Duration = Duration::from_hours(30 * 24);
/// How often licenses are counted.
const EVERY: Duration = Duration::from_mins(1);

/// What metrics are read from besides the counters.
#[derive(Debug, Clone)]
pub(crate) struct Sources {
    /// The file of the database, where it is SQLite.
    pub(crate) database: Option<PathBuf>,
    /// `sqlite` or `postgres`.
    pub(crate) engine: &'static str,
}

/// Counts licenses regularly, until the hub stops.
pub(crate) async fn watch_licenses(store: Store, stop: CancellationToken) {
    loop {
        // What was counted before stays when the database does not answer; its errors are counted.
        if let Ok((ending, in_grace)) = store.licenses_ending(clock::now(), AHEAD).await {
            ENDING.store(ending, Relaxed);
            IN_GRACE.store(in_grace, Relaxed);
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(EVERY) => {}
        }
    }
}

impl Sources {
    /// All metrics.
    pub(super) fn text(&self) -> String {
        let mut text = Text::default();
        let version = env!("CARGO_PKG_VERSION");
        text.metric("hubd_info", "gauge", "Always 1: the version and the kind of the database.");
        text.value("hubd_info", &[("version", version), ("database", self.engine)], 1);
        requests(&mut text);
        work(&mut text);
        database(&mut text);
        licenses(&mut text);
        self.backup(&mut text);
        process(&mut text);
        text.finish()
    }

    fn backup(&self, text: &mut Text) {
        let Some(at) = self.database.as_deref().and_then(last_backup) else { return };
        let at = at.unix_ms();
        #[expect(clippy::cast_precision_loss, reason = "seconds are enough")]
        let (at, age) = (at as f64 / 1e3, (clock::now().unix_ms() - at) as f64 / 1e3);
        let name = "hubd_backup_timestamp_seconds";
        text.single(name, "gauge", "When the last verified backup was made.", at);
        text.single("hubd_backup_age_seconds", "gauge", "How old that backup is.", age);
    }
}

fn requests(text: &mut Text) {
    const NAME: &str = "hubd_http_requests_total";
    const TIME: &str = "hubd_http_request_duration_seconds";
    let routes = || {
        let known = Route::ALL.iter().map(|route| (route.method().to_string(), route.path()));
        REQUESTS.iter().zip(known.chain([("any".to_owned(), "none")]))
    };
    text.metric(NAME, "counter", "Requests by route and status; a path without a route is `none`.");
    for (requests, (method, route)) in routes() {
        for (status, n) in STATUSES.iter().zip(&requests.statuses) {
            let n = n.load(Relaxed);
            if n > 0 {
                let status = if *status == 0 { "other".to_owned() } else { status.to_string() };
                let labels = [("method", &*method), ("route", route), ("status", &*status)];
                text.value(NAME, &labels, n);
            }
        }
    }
    text.metric(TIME, "histogram", "The time from a complete head to the answer, by route.");
    for (requests, (method, route)) in routes() {
        let times = requests.latency.read();
        if times.count > 0 {
            text.histogram(TIME, &[("method", &*method), ("route", route)], &times, 1e6);
        }
    }
    text.metric("hubd_refusals_total", "counter", "Refused requests by error code.");
    for (code, n) in REFUSALS.iter() {
        text.value("hubd_refusals_total", &[("code", code.as_str())], n.load(Relaxed));
    }
}

fn work(text: &mut Text) {
    let queues = QUEUES.lock().unwrap_or_else(PoisonError::into_inner).clone();
    text.metric("hubd_queue_depth", "gauge", "Hot requests that wait for their batch.");
    for queue in &queues {
        let waiting = queue.waiting.load(Relaxed).max(0);
        text.value("hubd_queue_depth", &[("queue", queue.name)], waiting);
    }
    text.metric("hubd_batch_items", "histogram", "How many hot requests shared a batch.");
    for queue in &queues {
        text.histogram("hubd_batch_items", &[("queue", queue.name)], &queue.batches.read(), 1.0);
    }
    let open = OPEN_CONNECTIONS.load(Relaxed).max(0);
    text.single("hubd_connections", "gauge", "Open connections of callers.", open);
    let all = CONNECTIONS.load(Relaxed);
    text.single("hubd_connections_total", "counter", "Connections that callers opened.", all);
}

fn database(text: &mut Text) {
    let commits = COMMITS.load(Relaxed);
    text.single("hubd_commits_total", "counter", "Transactions that are on disk.", commits);
    text.metric("hubd_database_errors_total", "counter", "Failures of the database by kind.");
    for (fault, n) in FAULTS.iter() {
        text.value("hubd_database_errors_total", &[("kind", fault.name())], n.load(Relaxed));
    }
}

fn licenses(text: &mut Text) {
    let (ending, in_grace) = (ENDING.load(Relaxed), IN_GRACE.load(Relaxed));
    if ending < 0 {
        return;
    }
    let help = "Licenses that work and end within 30 days.";
    text.single("hubd_licenses_ending_30d", "gauge", help, ending);
    let help = "Licenses that have ended and work for their days of grace.";
    text.single("hubd_licenses_in_grace", "gauge", help, in_grace);
}

/// What Linux knows of the process; the names are those of Prometheus' own clients.
fn process(text: &mut Text) {
    const PAGE: u64 = 4096;
    let pages = std::fs::read_to_string("/proc/self/statm").ok();
    let pages = pages.and_then(|statm| statm.split(' ').nth(1)?.parse::<u64>().ok());
    if let Some(pages) = pages {
        let name = "process_resident_memory_bytes";
        text.single(name, "gauge", "Resident memory.", pages * PAGE);
    }
    if let Ok(open) = std::fs::read_dir("/proc/self/fd") {
        text.single("process_open_fds", "gauge", "Open descriptors.", open.count());
    }
}
