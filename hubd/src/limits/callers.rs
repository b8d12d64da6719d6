//! What each proven caller has in flight: requests, and the bytes of their bodies.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError};
#[cfg(not(test))]
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use hub_core::key::KeyHash;
use hub_core::problem::ErrorCode;

use crate::domain::Refusal;

// In tests every schedule of those who wait for it is tried.
#[cfg(test)]
use shuttle::sync::{Mutex, MutexGuard};

/// A caller that has proven who it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Caller {
    /// An instance, by its row.
    Instance(i64),
    /// The holder of an admin key.
    Admin([u8; 32]),
    /// Whoever activates with a license key. It is proven when the activation is decided; until then
    /// whoever guesses has a share for each guess.
    License([u8; 32]),
}

impl Caller {
    pub(crate) fn admin(key: &KeyHash) -> Self {
        Self::Admin(key.to_bytes())
    }

    pub(crate) fn license(key: &KeyHash) -> Self {
        Self::License(key.to_bytes())
    }
}

/// The most of everything.
#[derive(Debug, Clone, Copy)]
pub(super) struct Most {
    pub(super) instance_requests: usize,
    pub(super) admin_requests: usize,
    pub(super) activations: usize,
    /// Bytes of all bodies that are counted.
    pub(super) bytes: usize,
}

/// The books.
#[derive(Debug)]
pub(super) struct Callers {
    most: Most,
    books: Mutex<Books>,
}

#[derive(Debug, Default)]
struct Books {
    of_callers: HashMap<Caller, InFlight>,
    bytes: usize,
}

#[derive(Debug, Default)]
struct InFlight {
    requests: usize,
    bytes: usize,
}

/// One request of a caller, in the books until it is answered.
#[derive(Debug)]
pub(crate) struct CallerPermit {
    callers: Arc<Callers>,
    caller: Caller,
    bytes: usize,
}

impl Callers {
    pub(super) fn new(most: Most) -> Self {
        Self { most, books: Mutex::default() }
    }

    /// One more request of this caller, or a refusal for this caller alone.
    pub(super) fn enter(self: &Arc<Self>, caller: Caller) -> Result<CallerPermit, Refusal> {
        let (most, why) = match caller {
            Caller::Instance(_) => (
                self.most.instance_requests,
                "this instance has as many requests in flight as it may: wait for their answers",
            ),
            Caller::Admin(_) => (
                self.most.admin_requests,
                "this admin key has as many requests in flight as it may: wait for their answers",
            ),
            Caller::License(_) => (
                self.most.activations,
                "this license has as many activations in flight as it may: wait for their answers",
            ),
        };
        let mut books = self.books();
        let in_flight = books.of_callers.entry(caller).or_default();
        if in_flight.requests >= most {
            return Err(Refusal::limited(why, Duration::from_secs(1)));
        }
        in_flight.requests += 1;
        Ok(CallerPermit { callers: Arc::clone(self), caller, bytes: 0 })
    }

    fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl CallerPermit {
    /// Counts bytes of the request's body, which have arrived. One body of a caller may take all that is
    /// free; its other bodies may together take no more than they leave for everybody else.
    pub(crate) fn charge(&mut self, bytes: usize) -> Result<(), Refusal> {
        let mut books = self.callers.books();
        let Books { of_callers, bytes: all } = &mut *books;
        let own = of_callers.entry(self.caller).or_default();
        let others = own.bytes - self.bytes;
        match self.callers.most.bytes.checked_sub(*all + bytes) {
            Some(left) if left >= others => {
                *all += bytes;
                own.bytes += bytes;
                self.bytes += bytes;
                Ok(())
            }
            None if others == 0 => Err(ErrorCode::Overloaded.into()),
            _ => Err(Refusal::limited(
                "the bodies of this instance take as much memory as they may: send fewer at once",
                Duration::from_secs(1),
            )),
        }
    }

    /// Gives back what was charged, because the body is gone.
    pub(crate) fn discharge(&mut self) {
        let bytes = std::mem::take(&mut self.bytes);
        if bytes > 0 {
            let mut books = self.callers.books();
            books.bytes -= bytes;
            books.of_callers.entry(self.caller).or_default().bytes -= bytes;
        }
    }
}

impl Drop for CallerPermit {
    fn drop(&mut self) {
        self.discharge();
        let mut books = self.callers.books();
        if let Some(own) = books.of_callers.get_mut(&self.caller) {
            own.requests -= 1;
            if own.requests == 0 {
                books.of_callers.remove(&self.caller);
            }
        }
    }
}

#[cfg(test)]
mod tests;
