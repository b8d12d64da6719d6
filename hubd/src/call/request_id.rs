//! The id of a request, which appears in its answer, in the log and in the audit log.

use std::fmt;
use std::io::Write;

use hub_core::key::holds_key;
use hyper::header::HeaderValue;

/// The greatest length of an id.
const MOST: usize = 64;

/// The id of a request: `[A-Za-z0-9._-]{1,64}`. The text is stored inline, so an id needs no allocation.
#[derive(Clone, Copy)]
pub(crate) struct RequestId {
    text: [u8; MOST],
    length: usize,
}

impl RequestId {
    /// The id of the request with this number in this process.
    pub(crate) fn numbered(process: u64, number: u64) -> Self {
        let mut text = [0; MOST];
        let mut rest = &mut text[..];
        let written = write!(rest, "{process:016x}-{number}");
        debug_assert!(written.is_ok(), "both numbers fit");
        let length = MOST - rest.len();
        Self { text, length }
    }

    /// Reads an id from an operator. It may not contain a key, because ids are logged and stored.
    pub(crate) fn parse(given: &str) -> Option<Self> {
        let is_plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
        if given.is_empty() || !given.bytes().all(is_plain) || holds_key(given) {
            return None;
        }
        let mut text = [0; MOST];
        text.get_mut(..given.len())?.copy_from_slice(given.as_bytes());
        Some(Self { text, length: given.len() })
    }

    pub(crate) fn as_str(&self) -> &str {
        str::from_utf8(&self.text[..self.length]).unwrap_or_default()
    }

    /// The value of the `X-Request-Id` header.
    pub(super) fn to_header(self) -> Option<HeaderValue> {
        HeaderValue::from_bytes(&self.text[..self.length]).ok()
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_words_are_taken_over() {
        let longest = "a".repeat(64);
        for kept in ["deploy-42.a_B", "rotate-hk_2026", &longest] {
            assert_eq!(RequestId::parse(kept).unwrap().as_str(), kept);
        }
        let key = "hk_0123456789abcdef01234567";
        for replaced in ["", "a b", &"a".repeat(65), "ä", key] {
            assert!(RequestId::parse(replaced).is_none(), "{replaced}");
        }
    }
}
