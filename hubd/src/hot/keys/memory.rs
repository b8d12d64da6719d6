//! The mistake that a proof must find: what a key was two seconds ago.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use hub_core::key::KeyHash;
use hub_core::proof::{Leak, leak};

use crate::domain::Refusal;

/// For how long it remembers.
const REMEMBERED: Duration = Duration::from_secs(2);

/// The keys that were found lately.
pub(super) struct Memory<T>(Mutex<HashMap<[u8; 32], (Instant, T)>>);

impl<T> Default for Memory<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T: Clone> Memory<T> {
    /// What it remembers of a key, otherwise what the look-up finds.
    pub(super) async fn find(
        &self,
        hash: KeyHash,
        look_up: impl Future<Output = Result<Option<T>, Refusal>>,
    ) -> Result<Option<T>, Refusal> {
        if leak() != Some(Leak::Remembered) {
            return look_up.await;
        }
        let key = hash.to_bytes();
        let remembered = |known: &&(Instant, T)| known.0.elapsed() < REMEMBERED;
        let lately = {
            let keys = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            keys.get(&key).filter(remembered).map(|(_, known)| known.clone())
        };
        if lately.is_some() {
            return Ok(lately);
        }
        let found = look_up.await?;
        if let Some(known) = found.clone() {
            let mut keys = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            keys.insert(key, (Instant::now(), known));
        }
        Ok(found)
    }
}
