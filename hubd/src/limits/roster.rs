//! The connections that the hub has: how many in all and of each address, and which one is closed when
//! there is no room for the next.
//!
//! A connection is a stranger's until a request on it brings a valid key. Strangers of an address have a
//! limited number of connections. One beyond that is let in to show a key, or to ask for the hub's
//! health, and for nothing else.
//!
//! HTTP/2 carries many requests at once over a connection. A stranger's connection gets no more for that:
//! its requests have their turns one after the other, as over HTTP/1.1, until one brings a valid key.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::atomic::{AtomicU8, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use ipnet::IpNet;
use tokio::sync::{Notify, Semaphore};

use super::address::{is_in, subscriber};
use super::settings::LimitsSettings;

mod turn;

pub(crate) use turn::{Turn, TurnPermit};

/// How many connections beyond its limit an address has at once to show a key on.
const MOST_BEYOND: usize = 64;
/// The most turns of a proven connection at once. It is what an instance may have in flight by default, so
/// a well-behaved client of one connection is not refused for its share.
const MOST_TURNS: u32 = 32;

/// All connections.
#[derive(Debug)]
pub(crate) struct Roster {
    /// The most in all.
    most: usize,
    /// The most of the strangers of an address.
    of_address: usize,
    /// Networks whose addresses are not counted.
    trusted: Vec<IpNet>,
    /// The most turns of a proven connection.
    turns: u32,
    began: Instant,
    books: Mutex<Books>,
    /// Told when a connection has ended.
    left: Notify,
}

#[derive(Debug, Default)]
struct Books {
    last_id: u64,
    /// By the time since which each was idle when it was last looked at, and its id.
    connections: BTreeMap<(u64, u64), Arc<Connection>>,
    addresses: HashMap<IpAddr, Address>,
}

/// The strangers of an address.
#[derive(Debug, Default)]
struct Address {
    within: usize,
    /// Those beyond the limit, by id.
    beyond: BTreeMap<u64, Arc<Connection>>,
}

/// What a connection is, and what it does.
#[derive(Debug)]
struct Connection {
    id: u64,
    address: IpAddr,
    standing: AtomicU8,
    /// Since when it has been idle, if it is not at work.
    since: AtomicU64,
    /// The time by which it stands in the books; changed only under their lock.
    listed: AtomicU64,
    /// How many requests the hub works on.
    at_work: AtomicU32,
    /// One permit for a stranger; all that there are once it is proven.
    turns: Arc<Semaphore>,
    closing: Notify,
}

// The standings of a connection.
/// A stranger's, within the limit of its address.
const WITHIN: u8 = 0;
/// A stranger's, beyond the limit.
const BEYOND: u8 = 1;
/// Its caller has proven who it is, or its address is a trusted proxy's.
const PROVEN: u8 = 2;
/// It was told to close, and is in the books no more.
const CLOSING: u8 = 3;

/// The place of a connection in the roster, until it is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    roster: Arc<Roster>,
    connection: Arc<Connection>,
}

impl Roster {
    pub(crate) fn new(most: usize, settings: &LimitsSettings) -> Arc<Self> {
        let of_address = settings.address_connections.get();
        Arc::new(Self {
            most: most.max(1),
            of_address: usize::try_from(of_address).unwrap_or(usize::MAX),
            trusted: settings.trusted_proxies.clone(),
            turns: settings.instance_requests.get().min(MOST_TURNS),
            began: Instant::now(),
            books: Mutex::default(),
            left: Notify::new(),
        })
    }

    /// A place for a new connection. The connection that has been idle for longest makes room for it;
    /// when none is idle, this waits until one ends.
    pub(crate) async fn enter(self: &Arc<Self>, peer: IpAddr) -> Place {
        loop {
            let left = self.left.notified();
            if let Some(place) = self.try_enter(peer, self.now()) {
                return place;
            }
            left.await;
        }
    }

    fn try_enter(self: &Arc<Self>, peer: IpAddr, now: u64) -> Option<Place> {
        let mut books = self.books();
        if books.connections.len() >= self.most && !books.close_one(now) {
            return None;
        }
        books.last_id += 1;
        let (id, address) = (books.last_id, subscriber(peer));
        let connection = |standing| {
            let turns = if standing == PROVEN { self.turns } else { 1 };
            Arc::new(Connection {
                id,
                address,
                standing: AtomicU8::new(standing),
                since: AtomicU64::new(now),
                listed: AtomicU64::new(now),
                at_work: AtomicU32::new(0),
                turns: Arc::new(Semaphore::new(turns as usize)),
                closing: Notify::new(),
            })
        };
        let connection = if is_in(&self.trusted, peer) {
            connection(PROVEN)
        } else if books.addresses.entry(address).or_default().within < self.of_address {
            books.addresses.entry(address).or_default().within += 1;
            connection(WITHIN)
        } else {
            books.make_room_beyond(address);
            let connection = connection(BEYOND);
            books.addresses.entry(address).or_default().beyond.insert(id, Arc::clone(&connection));
            connection
        };
        books.list(Arc::clone(&connection), now);
        drop(books);
        Some(Place { roster: Arc::clone(self), connection })
    }

    /// Closes the connection that has been idle for longest, if any is idle.
    pub(crate) fn close_one(&self) -> bool {
        let now = self.now();
        self.books().close_one(now)
    }

    /// Notes that the caller of a connection has proven who it is.
    fn prove(&self, connection: &Connection) {
        if connection.standing() < PROVEN && self.books().remove(connection, PROVEN) < PROVEN {
            connection.turns.add_permits(self.turns as usize - 1);
        }
    }

    fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Milliseconds since the roster was made.
    fn now(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

impl Books {
    /// The times in the books are put right here and not at each request.
    fn close_one(&mut self, now: u64) -> bool {
        let mut at_work = Vec::new();
        let idle = loop {
            let Some(((listed, _), connection)) = self.connections.pop_first() else { break None };
            let since = connection.since.load(Ordering::Relaxed);
            if connection.is_at_work() {
                at_work.push(connection);
            } else if since > listed {
                self.list(connection, since);
            } else {
                break Some(connection);
            }
        };
        for connection in at_work {
            self.list(connection, now);
        }
        idle.inspect(|connection| self.close(connection)).is_some()
    }

    /// Puts a connection into the books by a time.
    fn list(&mut self, connection: Arc<Connection>, by: u64) {
        connection.listed.store(by, Ordering::Relaxed);
        self.connections.insert((by, connection.id), connection);
    }

    /// Closes the oldest connection beyond the limit of an address when there are too many.
    fn make_room_beyond(&mut self, address: IpAddr) {
        let Some(strangers) = self.addresses.get(&address) else { return };
        if strangers.beyond.len() < MOST_BEYOND {
            return;
        }
        let oldest = strangers.beyond.values().find(|connection| !connection.is_at_work());
        if let Some(connection) = oldest.cloned() {
            self.close(&connection);
        }
    }

    fn close(&mut self, connection: &Connection) {
        self.remove(connection, CLOSING);
        connection.closing.notify_one();
    }

    /// Takes a connection out of the books, or out of its address's alone when it is proven. Returns the
    /// standing that it had.
    fn remove(&mut self, connection: &Connection, standing: u8) -> u8 {
        let was = connection.standing.swap(standing, Ordering::Relaxed);
        if was == CLOSING {
            connection.standing.store(CLOSING, Ordering::Relaxed);
            return was;
        }
        if standing == CLOSING {
            self.connections.remove(&(connection.listed.load(Ordering::Relaxed), connection.id));
        }
        if was == PROVEN {
            return was;
        }
        if let Some(strangers) = self.addresses.get_mut(&connection.address) {
            if was == WITHIN {
                strangers.within -= 1;
            } else {
                strangers.beyond.remove(&connection.id);
            }
            if strangers.within == 0 && strangers.beyond.is_empty() {
                self.addresses.remove(&connection.address);
            }
        }
        was
    }
}

impl Connection {
    fn standing(&self) -> u8 {
        self.standing.load(Ordering::Relaxed)
    }

    fn is_beyond(&self) -> bool {
        self.standing() == BEYOND
    }

    fn is_at_work(&self) -> bool {
        self.at_work.load(Ordering::Relaxed) > 0
    }
}

impl Place {
    /// Waits for the turn of a request.
    pub(crate) async fn turn(&self) -> Turn {
        // It fails only when the semaphore is closed, which nobody does.
        let permit = Arc::clone(&self.connection.turns).acquire_owned().await.ok();
        Turn::begin(Arc::clone(&self.roster), Arc::clone(&self.connection), permit)
    }

    /// Whether it is a stranger's connection beyond the limit of its address.
    pub(crate) fn is_beyond(&self) -> bool {
        self.connection.is_beyond()
    }

    /// Whether the hub works on a request.
    pub(crate) fn is_at_work(&self) -> bool {
        self.connection.is_at_work()
    }

    /// Waits until the connection is to close, to make room for another.
    pub(crate) async fn closing(&self) {
        self.connection.closing.notified().await;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.roster.books().remove(&self.connection, CLOSING);
        self.roster.left.notify_one();
    }
}

#[cfg(test)]
mod tests;
