//! The certificates that were signed last. An instance that asks again within a minute, with nothing
//! changed, gets the same document: signing costs as much as the rest of such a request.
//!
//! This is no cache of a status. Whoever asks here has just read the state from the database, and a
//! certificate is found only by that whole state.

use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, PoisonError};

use hub_core::certificate::Claims;

/// How many certificates are kept at most. Each takes about a kilobyte.
const SLOTS: usize = 8192;

/// A certificate, and everything that it was made of.
pub(super) struct Issued {
    pub(super) kid: String,
    pub(super) claims: Claims,
    pub(super) text: String,
}

/// Boxed, so that an empty slot takes little.
type Slot = Mutex<Option<Box<Issued>>>;

/// One slot for all instances whose handles have the same hash; a newer certificate replaces an older.
pub(super) struct Recent {
    slots: Box<[Slot]>,
    hasher: RandomState,
}

impl Recent {
    pub(super) fn new() -> Self {
        let slots = std::iter::repeat_with(Mutex::default).take(SLOTS).collect();
        Self { slots, hasher: RandomState::new() }
    }

    /// The text of the certificate in the instance's slot, if it is `fresh`.
    pub(super) fn find(
        &self,
        instance: &str,
        fresh: impl FnOnce(&Issued) -> bool,
    ) -> Option<String> {
        let slot = self.slot(instance).lock().unwrap_or_else(PoisonError::into_inner);
        slot.as_ref().filter(|issued| fresh(issued)).map(|issued| issued.text.clone())
    }

    /// Keeps a certificate.
    pub(super) fn keep(&self, issued: Issued) {
        let slot = self.slot(issued.claims.sub.as_str());
        *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(issued.into());
    }

    fn slot(&self, instance: &str) -> &Slot {
        let hash = self.hasher.hash_one(instance);
        &self.slots[usize::try_from(hash % SLOTS as u64).unwrap_or(0)]
    }
}
