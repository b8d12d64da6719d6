//! Chooses the id of each request.

use std::sync::atomic::{AtomicU64, Ordering};

use hub_core::api::REQUEST_ID_HEADER;
use hyper::HeaderMap;
use rand::rngs::SysRng;

use crate::call::RequestId;

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
        let _ = rand::TryRng::try_fill_bytes(&mut SysRng, &mut random);
        Self { process: u64::from_be_bytes(random), count: AtomicU64::new(0) }
    }

    pub(super) fn next(&self) -> RequestId {
        RequestId::numbered(self.process, self.count.fetch_add(1, Ordering::Relaxed))
    }

    /// The id from the caller if it is a plain word, otherwise a new id.
    pub(super) fn of(&self, headers: &HeaderMap) -> RequestId {
        let given = headers.get(REQUEST_ID_HEADER).and_then(|value| value.to_str().ok());
        given.and_then(RequestId::parse).unwrap_or_else(|| self.next())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_words_are_taken_over() {
        let ids = RequestIds::new();
        let of = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert("x-request-id", value.parse().unwrap());
            ids.of(&headers).to_string()
        };
        assert_eq!(of("deploy-42.a_B"), "deploy-42.a_B");
        assert_eq!(of("rotate-hk_2026"), "rotate-hk_2026");
        let key = "hk_0123456789abcdef01234567";
        for replaced in ["", "a b", &"a".repeat(65), "ä", key] {
            assert_ne!(of(replaced), replaced);
        }
        assert_ne!(ids.next().as_str(), ids.next().as_str());
    }
}
