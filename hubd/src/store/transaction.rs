//! An open write transaction, and how it shares the database with others.
//!
//! Every change that is audited starts by locking the audit chain's head, in SQLite with the database's
//! write lock, in PostgreSQL with a row lock that all replicas share. So changes are decided one after the
//! other on what the one before did: no limit is passed, no two owners delete each other. The chain would
//! serialise the commits in any case.
//!
//! Batches that are not audited run beside them, and lock the rows of each table in the same order. Where two
//! wait for each other all the same, PostgreSQL ends one of them, and it is run again.

use std::ops::{Deref, DerefMut};

use futures_util::future::BoxFuture;

use super::audit;
use super::bulk::{Filled, Part};
use super::clients::ADD_TO_TOTAL;
use super::db::Db;
use super::error::Error;
use super::postgres::Lane;
use crate::domain::{Event, Head, Refusal};

/// The future of a write transaction.
pub(crate) type Write<'t, T> = BoxFuture<'t, Result<T, Refusal>>;

/// An open write transaction: a connection, and what is written with the commit.
pub(crate) struct Tx<'c> {
    db: Db<'c>,
    /// The audit chain's head, once it is locked.
    head: Option<Head>,
    events: Vec<Event>,
    /// How many instances more there are.
    instances: i64,
}

/// How much was noted for the commit at some time.
#[derive(Debug, Clone, Copy)]
pub(super) struct Noted {
    events: usize,
    instances: i64,
}

/// Whether a transaction waits for every other one that is audited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lock {
    /// It locks the audit chain's head first.
    Chain,
    /// It locks the head when it has events to write.
    Late,
}

/// How a transaction shares the database with others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// Changes of one or many, one transaction after the other.
    Batch,
    /// Batches that are never audited: on PostgreSQL they hold up no other hub. Those of this hub are made one
    /// after the other, and one is made while the other is committed.
    InTurn,
    /// Changes that are rarely or never audited: on PostgreSQL they hold up no other hub.
    Unlocked,
    /// A few rows that nobody holds for long: it takes a connection beside all jobs that may be long.
    Short,
}

impl Way {
    pub(super) fn lock_and_lane(self) -> (Lock, Lane) {
        match self {
            Self::Batch => (Lock::Chain, Lane::Batch),
            Self::InTurn | Self::Unlocked => (Lock::Late, Lane::Batch),
            Self::Short => (Lock::Late, Lane::Short),
        }
    }
}

impl<'c> Deref for Tx<'c> {
    type Target = Db<'c>;
    fn deref(&self) -> &Db<'c> {
        &self.db
    }
}

impl<'c> DerefMut for Tx<'c> {
    fn deref_mut(&mut self) -> &mut Db<'c> {
        &mut self.db
    }
}

impl<'c> Tx<'c> {
    pub(super) fn begun(db: Db<'c>) -> Self {
        Self { db, head: None, events: Vec::new(), instances: 0 }
    }
}

impl Tx<'_> {
    /// Notes an event; it is written with the commit.
    pub(crate) fn audit(&mut self, event: Event) {
        self.events.push(event);
    }

    /// Notes that there are so many instances more; that is written with the commit, once for all changes that
    /// share it.
    pub(super) fn count_instances(&mut self, more: i64) {
        self.instances += more;
    }

    /// What is noted so far.
    pub(super) fn noted(&self) -> Noted {
        Noted { events: self.events.len(), instances: self.instances }
    }

    /// Forgets what was noted later.
    pub(super) fn forget_after(&mut self, noted: Noted) {
        self.events.truncate(noted.events);
        self.instances = noted.instances;
    }

    /// Decides and writes everything but the commit.
    pub(super) async fn run<A, T, F>(
        &mut self,
        lock: Lock,
        args: &A,
        body: &F,
    ) -> Result<T, Refusal>
    where
        F: for<'t, 'c> Fn(&'t mut Tx<'c>, &'t A) -> Write<'t, T>,
    {
        if lock == Lock::Chain {
            self.head = Some(audit::lock_head(&mut self.db).await?);
        }
        let value = body(self, args).await?;
        self.write_with_noted(&[]).await?;
        Ok(value)
    }

    /// Runs these statements and writes what is noted so far: on PostgreSQL in one trip.
    pub(super) async fn write_with_noted(&mut self, parts: &[&dyn Part]) -> Result<(), Error> {
        #[cfg(feature = "proof")]
        if hub_core::proof::leak() == Some(hub_core::proof::Leak::Unaudited) {
            self.events.retain(|event| event.action != hub_core::api::Action::InstanceSuspend);
        }
        let more = std::mem::take(&mut self.instances);
        let more = (more != 0).then_some((more,));
        let total = Filled(&ADD_TO_TOTAL, more.as_slice());
        let parts = [parts, &[&total]].concat();
        if self.events.is_empty() {
            return self.db.bulks(&parts).await;
        }
        let mut head = match self.head {
            Some(head) => head,
            None => audit::lock_head(&mut self.db).await?,
        };
        let links: Vec<_> = self.events.drain(..).map(|event| head.append(event)).collect();
        audit::append(&mut self.db, &links, &head, &parts).await?;
        self.head = Some(head);
        Ok(())
    }
}
