//! Jobs: reads and write transactions, written once for both databases.
//!
//! A job runs whole. On SQLite it runs to its end on the thread that owns its connection: a read by key
//! in the caller's own thread, a read that may be long in one for blocking work, a write in the
//! writer's. On PostgreSQL it runs in a task of its own. So a client that goes away cancels nothing.

use std::future::Future;
use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use rusqlite::Connection;

use super::db::Db;
use super::error::Error;
use super::migrate::{MigrateError, migrate};
use super::postgres::{Lane, Postgres, Statements, answered};
use super::sqlite::Sqlite;
use super::transaction::{Lock, Tx, Way, Write};
use super::{Engine, Store};
use crate::domain::{Fault, Refusal};
use crate::metrics;

/// The future of a read.
pub(crate) type Read<'t, T> = BoxFuture<'t, Result<T, Error>>;

/// The most rows that SQLite reads in the caller's thread. It has them sooner than another thread would.
const FEW: i64 = 101;
/// How often a transaction is tried when it loses against another one.
const ATTEMPTS: u32 = 4;
/// Reads of SQLite that may be long, at once.
pub(super) const LONG_READS: usize = 2;

impl Store {
    /// How many batches are handed over at once: where one waits for the other to end, the next is there
    /// before that. It looks at its items when it begins.
    pub(crate) fn batches_at_once(&self, way: Way) -> usize {
        match (&*self.engine, way) {
            (Engine::Sqlite(_), _) | (Engine::Postgres(_), Way::Batch | Way::InTurn) => 2,
            (Engine::Postgres(_), Way::Unlocked | Way::Short) => 1,
        }
    }

    /// A read of a few rows by their keys.
    pub(crate) async fn point<A, T, F>(&self, args: A, job: F) -> Result<T, Error>
    where
        A: Send + Sync + 'static,
        T: Send + 'static,
        F: for<'t, 'c> Fn(&'t mut Db<'c>, &'t A) -> Read<'t, T> + Send + Sync + 'static,
    {
        match &*self.engine {
            Engine::Sqlite(sqlite) => {
                sqlite.read_by_key(|connection| at_once(job(&mut Db::Sqlite(connection), &args)))
            }
            Engine::Postgres(postgres) => {
                read_postgres(postgres.clone(), Lane::Short, args, job).await
            }
        }
    }

    /// A read that may be long.
    pub(crate) async fn scan<A, T, F>(&self, args: A, job: F) -> Result<T, Error>
    where
        A: Send + Sync + 'static,
        T: Send + 'static,
        F: for<'t, 'c> Fn(&'t mut Db<'c>, &'t A) -> Read<'t, T> + Send + Sync + 'static,
    {
        if let Engine::Postgres(postgres) = &*self.engine {
            return read_postgres(postgres.clone(), Lane::Scan, args, job).await;
        }
        let permit = Arc::clone(&self.long_reads).acquire_owned().await;
        let engine = Arc::clone(&self.engine);
        let read = move || {
            let _permit = permit;
            let Engine::Sqlite(sqlite) = &*engine else {
                return Err(Error::internal("an engine does not change"));
            };
            sqlite.read(|connection| at_once(job(&mut Db::Sqlite(connection), &args)))
        };
        tokio::task::spawn_blocking(read).await.map_err(|_| Error::panicked())?
    }

    /// A read that looks at this many rows at most.
    pub(super) async fn bounded<A, T, F>(&self, rows: i64, args: A, job: F) -> Result<T, Error>
    where
        A: Send + Sync + 'static,
        T: Send + 'static,
        F: for<'t, 'c> Fn(&'t mut Db<'c>, &'t A) -> Read<'t, T> + Send + Sync + 'static,
    {
        match &*self.engine {
            Engine::Sqlite(_) if rows <= FEW => self.point(args, job).await,
            _ => self.scan(args, job).await,
        }
    }

    /// Runs a body in one write transaction and commits its changes with their audit events. A refusal
    /// rolls everything back; a transaction that loses against another one is run again.
    pub(crate) async fn transact<A, T, F>(
        &self,
        way: Way,
        name: &'static str,
        args: A,
        body: F,
    ) -> Result<T, Refusal>
    where
        A: Send + Sync + 'static,
        T: Send + 'static,
        F: for<'t, 'c> Fn(&'t mut Tx<'c>, &'t A) -> Write<'t, T> + Send + Sync + 'static,
    {
        match &*self.engine {
            Engine::Sqlite(sqlite) => {
                let (lock, _) = way.lock_and_lane();
                let job = move |connection: &mut Connection| {
                    let outcome = at_once(on_sqlite(connection, lock, &args, &body));
                    let fault = outcome.as_ref().err().and_then(Refusal::fault);
                    (outcome, fault)
                };
                sqlite.write(job).await?
            }
            Engine::Postgres(postgres) => {
                let postgres = postgres.clone();
                let done = tokio::spawn(async move {
                    let mut attempt = 1;
                    loop {
                        let outcome = on_postgres(&postgres, way, &args, &body).await;
                        let fault = outcome.as_ref().err().and_then(Refusal::fault);
                        if fault != Some(Fault::Lost) || attempt == ATTEMPTS {
                            return outcome;
                        }
                        tracing::debug!(transaction = name, attempt, "lost a race, trying again");
                        attempt += 1;
                    }
                });
                done.await.map_err(|_| Error::panicked())?
            }
        }
    }
}

impl Sqlite {
    /// Brings the file to this program's schema.
    pub(super) async fn migrate(&self) -> Result<(), MigrateError> {
        let job = |connection: &mut Connection| {
            let migrated = at_once(async {
                let mut db = Db::Sqlite(connection);
                db.script("BEGIN IMMEDIATE").await?;
                let migrated = migrate(&mut db).await;
                db.script(if migrated.is_ok() { "COMMIT" } else { "ROLLBACK" }).await?;
                // So that the file alone is a database from its first day.
                db.script("PRAGMA wal_checkpoint(PASSIVE)").await?;
                migrated
            });
            let fault = match &migrated {
                Err(MigrateError::Failed(error)) => Some(error.fault),
                Err(_) => Some(Fault::Bug),
                Ok(()) => None,
            };
            (migrated, fault)
        };
        self.write(job).await?
    }
}

/// Commits what a leaking job left open after it was answered.
#[cfg(feature = "proof")]
pub(super) fn commit_late(connection: &mut Connection) {
    if hub_core::proof::leak() == Some(hub_core::proof::Leak::Early)
        && !connection.is_autocommit()
        && let Err(error) = connection.execute_batch("COMMIT")
    {
        tracing::warn!(%error, "a late commit failed");
    }
}

/// The outcome of a job on SQLite, which waits for nothing.
pub(super) fn at_once<T>(job: impl Future<Output = T>) -> T {
    job.now_or_never().unwrap_or_else(|| unreachable!("nothing waits in a job on SQLite"))
}

async fn on_sqlite<A, T, F>(
    connection: &mut Connection,
    lock: Lock,
    args: &A,
    body: &F,
) -> Result<T, Refusal>
where
    F: for<'t, 'c> Fn(&'t mut Tx<'c>, &'t A) -> Write<'t, T>,
{
    let mut tx = Tx::begun(Db::Sqlite(connection));
    // A deferred transaction that reads first and then writes fails when another wrote in between.
    tx.execute("BEGIN IMMEDIATE", &[]).await?;
    let outcome = match tx.run(lock, args, body).await {
        Ok(value) => {
            #[cfg(feature = "proof")]
            if hub_core::proof::leak() == Some(hub_core::proof::Leak::Early) {
                return Ok(value);
            }
            let committed = tx.execute("COMMIT", &[]).await.inspect(|_| metrics::committed());
            committed.map(|_| value).map_err(|error| error.at_commit().into())
        }
        Err(refusal) => Err(refusal),
    };
    // A failure may have rolled back already.
    if let (Err(_), Db::Sqlite(connection)) = (&outcome, &*tx)
        && !connection.is_autocommit()
        && let Err(error) = tx.execute("ROLLBACK", &[]).await
    {
        tracing::warn!(%error, "a rollback failed");
    }
    outcome
}

async fn on_postgres<A, T, F>(
    postgres: &Postgres,
    way: Way,
    args: &A,
    body: &F,
) -> Result<T, Refusal>
where
    F: for<'t, 'c> Fn(&'t mut Tx<'c>, &'t A) -> Write<'t, T>,
{
    let (lock, lane) = way.lock_and_lane();
    let turn = if way == Way::InTurn { Some(postgres.turn().await) } else { None };
    let (_permit, mut transaction) = postgres.begin(lane).await?;
    let db = Db::Postgres(&mut transaction, postgres.statements());
    let mut tx = Tx::begun(db);
    let made = tx.run(lock, args, body).await;
    // The next one is made while this one is committed.
    drop(turn);
    match made {
        Ok(value) => {
            answered(transaction.commit()).await.map_err(Error::at_commit)?;
            metrics::committed();
            Ok(value)
        }
        Err(refusal) => {
            // One that fails leaves a connection that its pool rolls back or drops.
            if let Err(error) = answered(transaction.rollback()).await {
                tracing::warn!(%error, "a rollback failed");
            }
            Err(refusal)
        }
    }
}

async fn read_postgres<A, T, F>(postgres: Postgres, lane: Lane, args: A, job: F) -> Result<T, Error>
where
    A: Send + Sync + 'static,
    T: Send + 'static,
    F: for<'t, 'c> Fn(&'t mut Db<'c>, &'t A) -> Read<'t, T> + Send + Sync + 'static,
{
    let read = tokio::spawn(async move {
        let mut attempt = 0;
        loop {
            let read = match postgres.statements() {
                Statements::Kept => {
                    let (_permit, mut connection) = postgres.acquire(lane).await?;
                    job(&mut Db::Postgres(&mut connection, Statements::Kept), &args).await
                }
                // A statement without a name lives until the transaction ends.
                Statements::Unnamed => {
                    let (_permit, mut transaction) = postgres.begin(lane).await?;
                    job(&mut Db::Postgres(&mut transaction, Statements::Unnamed), &args).await
                }
            };
            match read {
                Err(error)
                    if error.fault == Fault::Disconnected && attempt < postgres.connections() =>
                {
                    attempt += 1;
                }
                done => return done,
            }
        }
    });
    read.await.map_err(|_| Error::panicked())?
}
