//! Write transactions: one lock, one audit trail, one commit.
//!
//! Every change that is audited starts by locking the audit chain's head, in SQLite with the
//! database's write lock, in PostgreSQL with a row lock that all replicas share. So changes are
//! decided one after the other on what the one before committed: no limit is passed, no two owners
//! delete each other, nothing deadlocks. The chain would serialise the commits in any case.
//!
//! What is not audited, such as reports, begins `unlocked` and on PostgreSQL holds up no other hub.

use sqlx::{Postgres, Sqlite, Transaction};

use super::audit::{Event, Head};
use super::error::Error;
use super::{Engine, Store, Writer, dialect, on};
use crate::domain::Refusal;

/// An open write transaction; rolled back when dropped uncommitted.
pub(crate) struct Tx {
    engine: Engine<Transaction<'static, Sqlite>, Transaction<'static, Postgres>>,
    /// The audit chain's head, once it is locked.
    head: Option<Head>,
    events: Vec<Event>,
}

/// How often a transaction that lost against another one is tried.
const ATTEMPTS: u32 = 4;

/// Runs a body in one write transaction and commits what it did, with its audit events. A refusal
/// rolls all of it back; a transaction that lost against another one is run again.
///
/// A macro, because the future of an async closure that borrows cannot be shown to be `Send`.
macro_rules! transact {
    ($store:expr, $name:literal, |$tx:ident| $body:expr) => {
        $crate::store::transact!(@ $store.begin(), $name, |$tx| $body)
    };
    ($store:expr, $name:literal, unlocked |$tx:ident| $body:expr) => {
        $crate::store::transact!(@ $store.begin_unlocked(), $name, |$tx| $body)
    };
    (@ $begin:expr, $name:literal, |$tx:ident| $body:expr) => {{
        let mut attempt = 1;
        loop {
            let outcome = match $begin.await {
                Ok(mut transaction) => {
                    let $tx = &mut transaction;
                    let outcome: Result<_, $crate::domain::Refusal> = $body.await;
                    transaction.finish(outcome).await
                }
                Err(refusal) => Err(refusal),
            };
            match outcome {
                Err(refusal) if $crate::store::worth_another_try($name, attempt, &refusal) => {
                    attempt += 1;
                }
                done => break done,
            }
        }
    }};
}
pub(crate) use transact;

/// Whether a transaction should be run again.
pub(crate) fn worth_another_try(name: &'static str, attempt: u32, refusal: &Refusal) -> bool {
    let again = refusal.lost_a_race() && attempt < ATTEMPTS;
    if again {
        tracing::debug!(transaction = name, attempt, "lost a race, trying again");
    }
    again
}

impl Store {
    /// Begins a write transaction; see [`transact`].
    pub(crate) async fn begin(&self) -> Result<Tx, Refusal> {
        Ok(self.begin_and_lock().await?)
    }

    async fn begin_and_lock(&self) -> Result<Tx, Error> {
        let mut tx = self.begin_any().await?;
        tx.lock_head().await?;
        Ok(tx)
    }

    /// Begins a write transaction that waits for no audited one; see [`transact`].
    pub(crate) async fn begin_unlocked(&self) -> Result<Tx, Refusal> {
        Ok(self.begin_any().await?)
    }

    async fn begin_any(&self) -> Result<Tx, Error> {
        let engine = match self.writer() {
            Engine::Sqlite(pool) => Engine::Sqlite(pool.begin_with(dialect::sqlite::BEGIN).await?),
            Engine::Postgres(pool) => {
                Engine::Postgres(pool.begin_with(dialect::postgres::BEGIN).await?)
            }
        };
        Ok(Tx { engine, head: None, events: Vec::new() })
    }
}

fn statement<'a>(
    engine: &'a mut Engine<Transaction<'static, Sqlite>, Transaction<'static, Postgres>>,
) -> Writer<'a> {
    match engine {
        Engine::Sqlite(tx) => Engine::Sqlite(&mut **tx),
        Engine::Postgres(tx) => Engine::Postgres(&mut **tx),
    }
}

impl Tx {
    /// Where the next statement goes.
    pub(super) fn db(&mut self) -> Writer<'_> {
        statement(&mut self.engine)
    }

    /// Notes an event; it is written with the commit.
    pub(crate) fn audit(&mut self, event: Event) {
        self.events.push(event);
    }

    /// Commits what succeeded, rolls back what did not.
    pub(crate) async fn finish<T>(self, outcome: Result<T, Refusal>) -> Result<T, Refusal> {
        match outcome {
            Ok(value) => {
                self.commit().await?;
                Ok(value)
            }
            Err(refusal) => {
                self.rollback().await;
                Err(refusal)
            }
        }
    }

    async fn commit(mut self) -> Result<(), Error> {
        let events = std::mem::take(&mut self.events);
        if !events.is_empty() {
            let mut head = self.lock_head().await?;
            let rows = head.chain(events);
            self.append_audit(&rows, head).await?;
        }
        match self.engine {
            Engine::Sqlite(tx) => tx.commit().await,
            Engine::Postgres(tx) => tx.commit().await,
        }
        .map_err(Error::at_commit)
    }

    /// A rollback that fails leaves a connection that its pool rolls back or drops.
    async fn rollback(self) {
        let rolled_back = match self.engine {
            Engine::Sqlite(tx) => tx.rollback().await,
            Engine::Postgres(tx) => tx.rollback().await,
        };
        if let Err(error) = rolled_back {
            tracing::warn!(%error, "rollback failed");
        }
    }

    /// The audit chain's head, locked until the end of the transaction.
    async fn lock_head(&mut self) -> Result<Head, Error> {
        if let Some(head) = self.head {
            return Ok(head);
        }
        let (seq, hash): (i64, Vec<u8>) =
            on!(self.db(), |db| sqlx::query_as(dialect::LOCK_HEAD).fetch_one(db).await?);
        let head = Head::read(seq, &hash)?;
        self.head = Some(head);
        Ok(head)
    }
}
