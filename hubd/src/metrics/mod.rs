//! Numbers about the running hub, for Prometheus. Any room counts here; counting is an atomic addition.
//!
//! No label comes from a request: labels are route templates, methods, statuses, error codes and names of
//! the program.

mod gather;
mod histogram;
mod listen;
mod settings;
mod text;

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};
use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::Duration;

use hub_core::api::Route;
use hub_core::problem::ErrorCode;
use hyper::StatusCode;

pub(crate) use gather::{Sources, watch_licenses};
pub(crate) use listen::MetricsListener;
pub(crate) use settings::MetricsSettings;

use crate::domain::Fault;
use histogram::Histogram;

/// Upper bounds of latencies, in microseconds.
const LATENCIES: [u64; 14] = [
    500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000,
    2_500_000, 5_000_000, 10_000_000,
];
/// Upper bounds of the sizes of batches.
const BATCHES: [u64; 10] = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512];

/// The statuses that are counted; any other counts as the last.
const STATUSES: [u16; 21] = [
    200, 201, 202, 204, 304, 400, 401, 403, 404, 405, 408, 409, 412, 413, 415, 422, 429, 431, 500,
    503, 0,
];

/// Requests to a route; the last is for requests that found none.
struct Requests {
    statuses: [AtomicU64; STATUSES.len()],
    latency: Histogram<{ LATENCIES.len() }>,
}

static REQUESTS: [Requests; Route::ALL.len() + 1] = [const {
    Requests {
        statuses: [const { AtomicU64::new(0) }; STATUSES.len()],
        latency: Histogram::new(LATENCIES),
    }
}; Route::ALL.len() + 1];

static REFUSALS: LazyLock<Vec<(ErrorCode, AtomicU64)>> =
    LazyLock::new(|| ErrorCode::ALL.iter().map(|code| (*code, AtomicU64::new(0))).collect());
static FAULTS: LazyLock<Vec<(Fault, AtomicU64)>> =
    LazyLock::new(|| Fault::ALL.iter().map(|fault| (*fault, AtomicU64::new(0))).collect());
static COMMITS: AtomicU64 = AtomicU64::new(0);
static CONNECTIONS: AtomicU64 = AtomicU64::new(0);
static OPEN_CONNECTIONS: AtomicI64 = AtomicI64::new(0);
static QUEUES: Mutex<Vec<&'static QueueMetrics>> = Mutex::new(Vec::new());

/// Counts an answered request.
pub(crate) fn answered(route: Option<Route>, status: StatusCode, time: Duration) {
    let requests = &REQUESTS[route.map_or(Route::ALL.len(), |route| route as usize)];
    let known = STATUSES.iter().position(|known| *known == status.as_u16());
    requests.statuses[known.unwrap_or(STATUSES.len() - 1)].fetch_add(1, Relaxed);
    requests.latency.observe(u64::try_from(time.as_micros()).unwrap_or(u64::MAX));
}

/// Counts a refusal.
pub(crate) fn refused(code: ErrorCode) {
    count(&REFUSALS, code);
}

/// Counts a failure of the database.
pub(crate) fn database_failed(fault: Fault) {
    count(&FAULTS, fault);
}

fn count<T: PartialEq + Copy>(counters: &[(T, AtomicU64)], what: T) {
    if let Some((_, counter)) = counters.iter().find(|(known, _)| *known == what) {
        counter.fetch_add(1, Relaxed);
    }
}

/// Counts a transaction that is on disk.
pub(crate) fn committed() {
    COMMITS.fetch_add(1, Relaxed);
}

/// Counts the bytes of a body, which no metric may show.
#[cfg(feature = "proof")]
pub(crate) fn leak(bytes: usize) {
    COMMITS.fetch_add(bytes as u64, Relaxed);
}

/// Counts a connection as open for as long as this value lives.
pub(crate) struct Connection(());

impl Connection {
    pub(crate) fn open() -> Self {
        CONNECTIONS.fetch_add(1, Relaxed);
        OPEN_CONNECTIONS.fetch_add(1, Relaxed);
        Self(())
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        OPEN_CONNECTIONS.fetch_sub(1, Relaxed);
    }
}

/// A batching task: its queue, and the batches that it made.
#[derive(Debug)]
pub(crate) struct QueueMetrics {
    name: &'static str,
    waiting: AtomicI64,
    batches: Histogram<{ BATCHES.len() }>,
}

/// The numbers of the batching task with this name.
pub(crate) fn queue(name: &'static str) -> &'static QueueMetrics {
    let mut queues = QUEUES.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = queues.iter().find(|queue| queue.name == name) {
        return known;
    }
    let batches = Histogram::new(BATCHES);
    let queue = Box::leak(Box::new(QueueMetrics { name, waiting: AtomicI64::new(0), batches }));
    queues.push(queue);
    queue
}

impl QueueMetrics {
    /// An item waits.
    pub(crate) fn joined(&self) {
        self.waiting.fetch_add(1, Relaxed);
    }

    /// An item waits no more, and nothing was done.
    pub(crate) fn left(&self) {
        self.waiting.fetch_sub(1, Relaxed);
    }

    /// So many items wait no more: they are a batch.
    pub(crate) fn taken(&self, items: usize) {
        let items = u64::try_from(items).unwrap_or(u64::MAX);
        self.waiting.fetch_sub(i64::try_from(items).unwrap_or(i64::MAX), Relaxed);
        self.batches.observe(items);
    }
}
