//! The turn of a request on its connection.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::OwnedSemaphorePermit;

use super::{Connection, Roster};

/// A request that is worked on. The connection counts as at work while the hub does something for one of
/// its turns, and not while all of them wait for the peer.
#[derive(Debug)]
pub(crate) struct Turn {
    roster: Arc<Roster>,
    connection: Arc<Connection>,
    is_at_work: AtomicBool,
    permit: Option<TurnPermit>,
}

/// What lets a request have its turn: the next one of a stranger's connection waits until it is dropped.
pub(crate) type TurnPermit = OwnedSemaphorePermit;

impl Turn {
    pub(super) fn begin(
        roster: Arc<Roster>,
        connection: Arc<Connection>,
        permit: Option<TurnPermit>,
    ) -> Self {
        let turn = Self { roster, connection, is_at_work: AtomicBool::new(false), permit };
        turn.work();
        turn
    }

    /// Notes that the caller has proven who it is.
    pub(crate) fn prove(&self) {
        self.roster.prove(&self.connection);
    }

    /// Whether this is on a stranger's connection beyond the limit of its address.
    pub(crate) fn is_beyond(&self) -> bool {
        self.connection.is_beyond()
    }

    /// Notes that the hub works on the request.
    pub(crate) fn work(&self) {
        if !self.is_at_work.swap(true, Ordering::Relaxed) {
            self.connection.at_work.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Notes that the hub waits for the peer in the middle of the request.
    pub(crate) fn wait(&self) {
        if self.is_at_work.swap(false, Ordering::Relaxed) {
            self.connection.at_work.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// Notes that the request was answered. Whoever sends the answer may keep the permit until it is sent.
    pub(crate) fn rest(mut self) -> Option<TurnPermit> {
        self.permit.take()
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.connection.since.store(self.roster.now(), Ordering::Relaxed);
        self.wait();
    }
}
