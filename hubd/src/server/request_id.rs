//! Chooses the id of each request.

use std::sync::atomic::{AtomicU64, Ordering};

use rand::rngs::SysRng;

use crate::call::RequestId;
use crate::clock;

/// Makes ids that no two requests share, on any replica.
#[derive(Debug)]
pub(super) struct RequestIds {
    process: u64,
    count: AtomicU64,
}

impl RequestIds {
    pub(super) fn new() -> Self {
        let mut random = [0; 8];
        // The random part only tells replicas apart: without it, ids are still distinct in this process.
        if !clock::is_frozen() {
            let _ = rand::TryRng::try_fill_bytes(&mut SysRng, &mut random);
        }
        Self { process: u64::from_be_bytes(random), count: AtomicU64::new(0) }
    }

    pub(super) fn next(&self) -> RequestId {
        RequestId::numbered(self.process, self.count.fetch_add(1, Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_are_the_same() {
        let ids = RequestIds::new();
        assert_ne!(ids.next().as_str(), ids.next().as_str());
        assert_ne!(ids.next().as_str(), RequestIds::new().next().as_str());
    }
}
