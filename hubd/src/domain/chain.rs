//! The audit chain: the hash of each event covers the previous event's hash and the event itself.

use std::collections::BTreeMap;

use hub_core::api::Action;
use hub_core::time::Timestamp;
use sha2::{Digest, Sha256};

/// An event that has no place in the chain yet.
#[derive(Debug, Clone)]
pub(crate) struct Event {
    pub(crate) at: Timestamp,
    pub(crate) actor: String,
    pub(crate) action: Action,
    pub(crate) target: String,
    pub(crate) detail: BTreeMap<&'static str, String>,
    pub(crate) request_id: String,
}

impl Event {
    /// Adds a code, a fingerprint or a number; never a secret, an address or free text.
    pub(crate) fn with(mut self, name: &'static str, code: impl std::fmt::Display) -> Self {
        self.detail.insert(name, code.to_string());
        self
    }
}

/// An event in its place in the chain.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) seq: i64,
    /// Unix milliseconds.
    pub(crate) at: i64,
    pub(crate) actor: String,
    pub(crate) action: String,
    pub(crate) target: String,
    /// A JSON object.
    pub(crate) detail: String,
    pub(crate) request_id: String,
    pub(crate) prev_hash: [u8; 32],
    pub(crate) hash: [u8; 32],
}

impl Link {
    /// SHA-256 of the previous hash and the event as a JSON array.
    fn digest(&self, prev: &[u8; 32]) -> [u8; 32] {
        let Self { seq, at, actor, action, target, detail, request_id, .. } = self;
        let canonical = (seq, at, actor, action, target, detail, request_id);
        let canonical = serde_json::to_vec(&canonical);
        let canonical =
            canonical.unwrap_or_else(|_| unreachable!("numbers and texts always serialize"));
        Sha256::new().chain_update(prev).chain_update(canonical).finalize().into()
    }
}

/// The number and hash of the last event in the chain; both are zero before the first event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) seq: i64,
    pub(crate) hash: [u8; 32],
}

impl Head {
    /// The head before the first event.
    pub(crate) const START: Self = Self { seq: 0, hash: [0; 32] };

    /// Appends an event and moves the head to it.
    pub(crate) fn append(&mut self, event: Event) -> Link {
        let detail = serde_json::to_string(&event.detail);
        let mut link = Link {
            seq: self.seq + 1,
            at: event.at.unix_ms(),
            actor: event.actor,
            action: event.action.as_str().to_owned(),
            target: event.target,
            detail: detail.unwrap_or_else(|_| unreachable!("a map of texts always serializes")),
            request_id: event.request_id,
            prev_hash: self.hash,
            hash: [0; 32],
        };
        link.hash = link.digest(&self.hash);
        *self = Self { seq: link.seq, hash: link.hash };
        link
    }

    /// Moves the head to the next event. Fails with the number of the broken place when `link` is not
    /// the event that was appended there.
    pub(crate) fn follow(&mut self, link: &Link) -> Result<(), i64> {
        let fits = link.seq == self.seq + 1
            && link.prev_hash == self.hash
            && link.hash == link.digest(&self.hash);
        if !fits {
            return Err(link.seq.min(self.seq + 1));
        }
        *self = Self { seq: link.seq, hash: link.hash };
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(target: &str) -> Event {
        Event {
            at: Timestamp::UNIX_EPOCH,
            actor: "system".to_owned(),
            action: Action::ClientCreate,
            target: target.to_owned(),
            detail: BTreeMap::new(),
            request_id: "r".to_owned(),
        }
    }

    fn chain() -> [Link; 3] {
        let mut head = Head::START;
        ["a", "b", "c"].map(|target| head.append(event(target).with("n", 1)))
    }

    fn followed(links: &[Link]) -> Result<Head, i64> {
        let mut head = Head::START;
        links.iter().try_for_each(|link| head.follow(link)).map(|()| head)
    }

    #[test]
    fn what_was_appended_can_be_followed() {
        let head = followed(&chain()).unwrap();
        assert_eq!((head.seq, head.hash), (3, chain()[2].hash));
    }

    #[test]
    fn a_change_a_gap_and_a_swap_break_the_chain() {
        let mut changed = chain();
        changed[1].detail = "{}".to_owned();
        assert_eq!(followed(&changed), Err(2));
        let [first, _, third] = chain();
        assert_eq!(followed(&[first, third]), Err(2));
        let [first, second, _] = chain();
        assert_eq!(followed(&[second, first]), Err(1));
    }
}
