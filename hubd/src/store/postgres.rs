//! The pool of connections to PostgreSQL, and what each connection is set to.

use std::sync::Arc;
use std::time::Duration;

use sqlx::pool::{PoolConnection, PoolConnectionMetadata};
use sqlx::postgres::{PgArguments, PgConnectOptions, PgPoolOptions};
use sqlx::query::Query;
use sqlx::{
    AssertSqlSafe, ConnectOptions, Connection, Executor, PgConnection, PgPool, Row, SqlSafeStr,
    Transaction,
};
use tokio::sync::{Mutex, MutexGuard, OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::error::Error;
use crate::domain::Fault;

/// How PostgreSQL is talked to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PostgresTuning {
    /// Connections of this replica.
    pub(crate) connections: u32,
    /// A pooler in transaction mode is in between: nothing is kept beyond a transaction.
    pub(crate) pgbouncer: bool,
}

/// What a job is, to those who share connections or the one writer with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lane {
    /// A read or a write of a few rows, which waits for nothing long.
    Short,
    /// A read that may be long.
    Scan,
    /// What many requests wait for together.
    Batch,
}

/// Whether a connection to PostgreSQL keeps prepared statements. A pooler may hand each transaction another
/// connection of the server, which does not have them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Statements {
    Kept,
    Unnamed,
}

impl Statements {
    /// A statement with its arguments.
    pub(super) fn query(
        self,
        sql: impl SqlSafeStr,
        arguments: PgArguments,
    ) -> Query<'static, sqlx::Postgres, PgArguments> {
        sqlx::query_with(sql, arguments).persistent(self == Self::Kept)
    }
}

/// How long a job waits for a connection.
const ACQUIRE: Duration = Duration::from_secs(2);

/// How long a server may take to say why it takes no connection.
const PROBE: Duration = Duration::from_millis(500);

/// The longest that a statement takes: its own timeout and the way there and back. A server that stands
/// still keeps no timeout of its own.
const ANSWER: Duration = Duration::from_secs(7);

/// What the server answers to a statement, unless it stands still.
pub(super) async fn answered<T>(
    asked: impl Future<Output = Result<T, sqlx::Error>>,
) -> Result<T, Error> {
    match timeout(ANSWER, asked).await {
        Ok(answer) => Ok(answer?),
        Err(_) => Err(Error::silent()),
    }
}

/// The pool, and the permits to take a connection from it.
///
/// The pool does not tell whether all its connections are in use or the server takes none. Whoever has
/// permits need not wait for others: if there is no connection then, the server is gone.
#[derive(Clone)]
pub(super) struct Postgres {
    pool: PgPool,
    permits: Arc<Permits>,
    /// Held by the one of [`Way::InTurn`](super::transaction::Way::InTurn) that is being made.
    turn: Arc<Mutex<()>>,
    /// How a transaction begins, where sessions cannot be set.
    begin: Option<Arc<str>>,
}

/// How many connections each kind of job may take. What is short always finds one that nothing long can
/// take.
struct Permits {
    all: Arc<Semaphore>,
    /// Of everything but what is short.
    long: Arc<Semaphore>,
    scans: Arc<Semaphore>,
}

/// The permits of one job.
pub(super) struct Permit {
    _held: [Option<OwnedSemaphorePermit>; 3],
}

impl Permits {
    fn of(connections: u32) -> Self {
        let all = usize::try_from(connections).unwrap_or(usize::MAX).min(Semaphore::MAX_PERMITS);
        let long = if all < 4 { all } else { all - 2 };
        let permits = |most: usize| Arc::new(Semaphore::new(most.max(1)));
        Self { all: permits(all), long: permits(long), scans: permits(long / 4) }
    }

    async fn take(&self, lane: Lane) -> Option<Permit> {
        let (first, long) = match lane {
            Lane::Short => (None, None),
            Lane::Batch => (None, Some(&self.long)),
            Lane::Scan => (Some(&self.scans), Some(&self.long)),
        };
        let mut held = [None, None, None];
        for (slot, permits) in held.iter_mut().zip([first, long, Some(&self.all)]) {
            if let Some(permits) = permits {
                *slot = Some(Arc::clone(permits).acquire_owned().await.ok()?);
            }
        }
        Some(Permit { _held: held })
    }
}

impl Postgres {
    /// Connects, to see that the server is there.
    pub(super) async fn open(
        options: &PgConnectOptions,
        tuning: PostgresTuning,
    ) -> Result<Self, sqlx::Error> {
        let permits = Arc::new(Permits::of(tuning.connections));
        let begin = tuning.pgbouncer.then(|| begin_with_settings().into());
        let pool = connect(options, tuning).await?;
        Ok(Self { pool, permits, turn: Arc::default(), begin })
    }

    /// Waits until no other transaction that comes in turn is being made.
    pub(super) async fn turn(&self) -> MutexGuard<'_, ()> {
        self.turn.lock().await
    }

    /// A connection for a read.
    pub(super) async fn acquire(
        &self,
        lane: Lane,
    ) -> Result<(Permit, PoolConnection<sqlx::Postgres>), Error> {
        let permit = self.permit(lane).await?;
        match self.pool.acquire().await {
            Ok(connection) => Ok((permit, connection)),
            Err(error) => Err(self.explained(error).await),
        }
    }

    /// A transaction on a connection that is alive: the others of a server that was restarted are found
    /// one by one.
    pub(super) async fn begin(
        &self,
        lane: Lane,
    ) -> Result<(Permit, Transaction<'static, sqlx::Postgres>), Error> {
        let permit = self.permit(lane).await?;
        let mut attempt = 0;
        loop {
            let (pool, opening) = (self.pool.clone(), self.begin.clone());
            // In a task of its own, which goes on when it is no longer waited for: a `begin` that is
            // cancelled would leave its transaction open.
            let begun = tokio::spawn(async move {
                match opening {
                    Some(opening) => pool.begin_with(AssertSqlSafe(opening)).await,
                    None => pool.begin().await,
                }
            });
            let begun = timeout(ANSWER, begun).await.map_err(|_| Error::silent())?;
            match begun.map_err(|_| Error::panicked())? {
                Ok(transaction) => return Ok((permit, transaction)),
                Err(error) => {
                    let gone = matches!(error, sqlx::Error::PoolTimedOut);
                    let error = self.explained(error).await;
                    if gone || error.fault != Fault::Disconnected || attempt == self.connections() {
                        return Err(error);
                    }
                    attempt += 1;
                }
            }
        }
    }

    /// Why there is no connection. The pool waits while the server has none left, as it does while there
    /// is no server, and says only that it waited in vain.
    async fn explained(&self, error: sqlx::Error) -> Error {
        if !matches!(error, sqlx::Error::PoolTimedOut) {
            return error.into();
        }
        let options = self.pool.connect_options();
        match timeout(PROBE, PgConnection::connect_with(&options)).await {
            Ok(Err(refused @ sqlx::Error::Database(_))) => refused.into(),
            Ok(Ok(_)) => Error::busy(),
            Ok(Err(_)) | Err(_) => error.into(),
        }
    }

    /// How many connections there can be, and so how many can have been cut.
    pub(super) fn connections(&self) -> u32 {
        self.pool.options().get_max_connections()
    }

    /// Whether statements can be kept between transactions.
    pub(super) fn statements(&self) -> Statements {
        if self.begin.is_some() { Statements::Unnamed } else { Statements::Kept }
    }

    async fn permit(&self, lane: Lane) -> Result<Permit, Error> {
        let permit = timeout(ACQUIRE, self.permits.take(lane)).await;
        permit.ok().flatten().ok_or(Error::busy())
    }

    pub(super) async fn close(&self) {
        self.pool.close().await;
    }
}

/// What each session is set to; through a pooler, each transaction.
const SETTINGS: [(&str, &str); 13] = [
    ("statement_timeout", "5s"),
    ("lock_timeout", "4s"),
    ("idle_in_transaction_session_timeout", "10s"),
    ("synchronous_commit", "on"),
    ("client_min_messages", "error"),
    // Every statement finds few rows by an index, whatever it is asked for: planning it anew
    // each time would cost more than running it.
    ("plan_cache_mode", "force_generic_plan"),
    // A plan that was made while a table was small would scan it for as long as it is kept:
    // joins go in the order in which they are written, row by row, each by an index.
    ("enable_seqscan", "off"),
    ("enable_hashjoin", "off"),
    ("enable_mergejoin", "off"),
    ("enable_material", "off"),
    ("join_collapse_limit", "1"),
    // Starting workers takes longer than reading a page, and compiling a plan longer than
    // running it; and no read of a usage report is to take all cores from the hot requests.
    ("max_parallel_workers_per_gather", "0"),
    ("jit", "off"),
];

/// Begins a transaction and sets it, in one round trip.
fn begin_with_settings() -> String {
    let set = SETTINGS.iter().map(|(name, value)| format!("; SET LOCAL {name} = '{value}'"));
    format!("BEGIN{}", set.collect::<String>())
}

async fn connect(
    options: &PgConnectOptions,
    tuning: PostgresTuning,
) -> Result<PgPool, sqlx::Error> {
    let options = options
        .clone()
        .application_name("hubd")
        .log_statements(tracing::log::LevelFilter::Off)
        .log_slow_statements(tracing::log::LevelFilter::Off, Duration::ZERO);
    let options = if tuning.pgbouncer {
        // PgBouncer refuses parameters that it does not know.
        options.statement_cache_capacity(0).extra_float_digits(None)
    } else {
        options.options(SETTINGS)
    };
    PgPoolOptions::new()
        .max_connections(tuning.connections)
        .acquire_timeout(ACQUIRE)
        .max_lifetime(Duration::from_mins(15))
        .idle_timeout(Duration::from_mins(5))
        .test_before_acquire(false)
        // A cancelled `begin` would leave a transaction open on its connection. Nothing is cancelled:
        // jobs run in tasks of their own. A rollback at each release would cost a round trip.
        .before_acquire(|db, meta| Box::pin(answers(db, meta)))
        .connect_with(options)
        .await
}

/// Whether a connection that was idle for long still answers, and to a server that takes writes:
/// after a failover an old connection answers reads and refuses writes for as long as it lives.
async fn answers(db: &mut PgConnection, meta: PoolConnectionMetadata) -> Result<bool, sqlx::Error> {
    if meta.idle_for < Duration::from_secs(5) {
        return Ok(true);
    }
    let asked = db.fetch_one(sqlx::raw_sql("SHOW transaction_read_only"));
    match tokio::time::timeout(Duration::from_millis(250), asked).await {
        Ok(Ok(answer)) => Ok(answer.try_get::<String, _>(0)? == "off"),
        Ok(Err(_)) | Err(_) => Ok(false),
    }
}
