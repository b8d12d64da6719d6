//! The name of a request, in its answer, the log and the audit log.

use std::sync::atomic::{AtomicU64, Ordering};

use hub_core::key::holds_key;
use hyper::HeaderMap;
use rand::rngs::SysRng;

/// Makes names that no two requests share, on any replica.
#[derive(Debug)]
pub(crate) struct RequestIds {
    process: u64,
    count: AtomicU64,
}

impl RequestIds {
    pub(crate) fn new() -> Self {
        let mut random = [0; 8];
        // Only to tell replicas apart: without it the names are still distinct here.
        let _ = rand::TryRng::try_fill_bytes(&mut SysRng, &mut random);
        Self { process: u64::from_be_bytes(random), count: AtomicU64::new(0) }
    }

    pub(crate) fn next(&self) -> String {
        format!("{:016x}-{}", self.process, self.count.fetch_add(1, Ordering::Relaxed))
    }

    /// The caller's name for the request if it is a plain word, else a new one.
    pub(crate) fn of(&self, headers: &HeaderMap) -> String {
        let given = headers.get(hub_core::api::REQUEST_ID_HEADER);
        let plain = given.and_then(|value| value.to_str().ok()).filter(|id| is_plain(id));
        plain.map_or_else(|| self.next(), str::to_owned)
    }
}

/// `[A-Za-z0-9._-]{1,64}`, and nothing that holds a key: this name is logged and stored.
fn is_plain(id: &str) -> bool {
    (1..=64).contains(&id.len())
        && id.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
        && !holds_key(id)
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
            ids.of(&headers)
        };
        assert_eq!(of("deploy-42.a_B"), "deploy-42.a_B");
        assert_eq!(of("rotate-hk_2026"), "rotate-hk_2026");
        let key = "hk_0123456789abcdef01234567";
        for replaced in ["", "a b", &"a".repeat(65), "ä", key] {
            assert_ne!(of(replaced), replaced);
        }
        assert_ne!(ids.next(), ids.next());
    }
}
