//! Decides which of an instance's keys of a kind keep working when a new key is added.
//!
//! At most two keys work at once: the newest key, and one in overlap.

use hub_core::key::KeyHash;
use hub_core::time::Timestamp;

/// The end of a key that ends at once. It is earlier than any replica's clock, so a clock that is behind
/// cannot revive the key.
pub(crate) const ENDED: Timestamp = Timestamp::UNIX_EPOCH;

/// The two kinds of keys that an instance has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum InstanceKey {
    /// The license key, which activates the instance.
    License,
    /// The hub key, which authenticates the instance.
    Hub,
}

impl InstanceKey {
    /// The name of the kind in the database.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::License => "license",
            Self::Hub => "hub",
        }
    }
}

/// A new key of an instance.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NewKey {
    /// The instance's row.
    pub(crate) instance: i64,
    pub(crate) kind: InstanceKey,
    pub(crate) hash: KeyHash,
    pub(crate) issued_at: Timestamp,
    /// Set when a later key of the same batch has already replaced this one.
    pub(crate) not_after: Option<Timestamp>,
}

/// A key that has not been ended: the newest key, or one with an overlap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct OpenKey {
    pub(crate) hash: KeyHash,
    /// `None` for the newest key.
    pub(crate) not_after: Option<Timestamp>,
    /// Whether anyone has authenticated with the key.
    pub(crate) used: bool,
}

impl OpenKey {
    /// Whether the key works at the time `now`.
    pub(crate) fn is_live(&self, now: Timestamp) -> bool {
        self.not_after.is_none_or(|end| end > now)
    }

    fn is_newest(&self) -> bool {
        self.not_after.is_none()
    }
}

/// Ends keys when an operator rotates the key: the newest key works until `overlap_end` or ends at once,
/// and a key in overlap ends at once.
pub(crate) fn retire_for_rotation(live: &mut [OpenKey], overlap_end: Option<Timestamp>) {
    for key in live {
        let end = if key.is_newest() { overlap_end } else { None };
        key.not_after = Some(end.unwrap_or(ENDED));
    }
}

/// Ends keys when an activation adds a key: the newest key works until `overlap_end`, and a key in
/// overlap ends at once.
///
/// There is one exception. If nobody ever used the newest key, the answer with that key was lost, and
/// the running instance still uses the key in overlap. Then the key in overlap keeps its end, so that a
/// bootstrap script that is killed twice does not cut off the running instance.
pub(crate) fn retire_for_activation(live: &mut [OpenKey], overlap_end: Timestamp) {
    let lost = live.iter().any(|key| key.is_newest() && !key.used);
    let running = live.iter().any(|key| !key.is_newest() && key.used);
    for key in live {
        if lost && running {
            if key.is_newest() || !key.used {
                key.not_after = Some(ENDED);
            }
        } else {
            key.not_after = Some(if key.is_newest() { overlap_end } else { ENDED });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn key(n: u8, not_after: Option<Timestamp>, used: bool) -> OpenKey {
        OpenKey { hash: KeyHash::from_bytes(&[n; 32]).unwrap(), not_after, used }
    }

    fn ends(live: &[OpenKey]) -> Vec<Option<Timestamp>> {
        live.iter().map(|key| key.not_after).collect()
    }

    #[test]
    fn rotation_leaves_at_most_the_newest_in_overlap() {
        let later = ENDED.after(Duration::from_mins(1));
        let before = [key(1, Some(later), true), key(2, None, false)];
        let mut live = before;
        retire_for_rotation(&mut live, Some(later));
        assert_eq!(ends(&live), [Some(ENDED), Some(later)]);
        let mut live = before;
        retire_for_rotation(&mut live, None);
        assert_eq!(ends(&live), [Some(ENDED), Some(ENDED)]);
    }

    #[test]
    fn activation_keeps_the_key_that_something_runs_with() {
        let soon = ENDED.after(Duration::from_mins(1));
        let later = ENDED.after(Duration::from_mins(10));
        for (older_used, newest_used, older_end, newest_end) in [
            (false, false, ENDED, later),
            (false, true, ENDED, later),
            (true, true, ENDED, later),
            (true, false, soon, ENDED),
        ] {
            let mut live = [key(1, Some(soon), older_used), key(2, None, newest_used)];
            retire_for_activation(&mut live, later);
            assert_eq!(ends(&live), [Some(older_end), Some(newest_end)]);
        }
        let mut only = [key(1, None, false)];
        retire_for_activation(&mut only, later);
        assert_eq!(ends(&only), [Some(later)]);
    }
}
