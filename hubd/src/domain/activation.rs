//! Whether a license may be activated, and whether that counts.

use hub_core::key::KeyHash;
use hub_core::problem::ErrorCode;
use hub_core::time::Timestamp;

use super::overlap::OpenKey;
use super::terms::Terms;

/// How often a license was activated, and how often it may be.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seat {
    pub(crate) activations: i64,
    pub(crate) max_activations: Option<i64>,
}

/// What an activation asks for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ActivationRequest<'a> {
    /// The instance that the caller believes to be.
    pub(crate) instance_id: Option<&'a str>,
    /// The new hub key's hash.
    pub(crate) hub_key: KeyHash,
    /// The caller made that key, so that asking again means the same key.
    pub(crate) callers_key: bool,
    /// The caller's key is known from elsewhere.
    pub(crate) key_taken: bool,
}

/// An activation that is granted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Activation {
    /// The same request again: nothing changes.
    Repeat,
    /// A new hub key.
    New {
        /// It uses up one of the license's activations.
        counted: bool,
    },
}

impl Activation {
    /// Decides. `live` are the hub keys that work, `holder` the instance's handle.
    pub(crate) fn decide(
        holder: &str,
        terms: &Terms,
        seat: &Seat,
        live: &[OpenKey],
        request: &ActivationRequest<'_>,
        now: Timestamp,
    ) -> Result<Self, ErrorCode> {
        if request.instance_id.is_some_and(|id| id != holder) {
            return Err(ErrorCode::InstanceMismatch);
        }
        if let Some(code) = terms.refusal(now) {
            return Err(code);
        }
        let newest = live.iter().find(|key| key.not_after.is_none());
        if request.callers_key {
            if newest.is_some_and(|key| key.hash == request.hub_key) {
                return Ok(Self::Repeat);
            }
            if request.key_taken || live.iter().any(|key| key.hash == request.hub_key) {
                return Err(ErrorCode::KeyConflict);
            }
        }
        let answer_lost = terms.activated && newest.is_some_and(|key| !key.used);
        let counted = !answer_lost;
        let full = seat.max_activations.is_some_and(|max| seat.activations >= max);
        if counted && full {
            return Err(ErrorCode::ActivationLimitReached);
        }
        Ok(Self::New { counted })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn hash(n: u8) -> KeyHash {
        KeyHash::from_bytes(&[n; 32]).unwrap()
    }

    fn terms(activated: bool) -> Terms {
        Terms {
            activated,
            suspended: false,
            client_suspended: false,
            expires_at: None,
            grace_days: 0,
        }
    }

    fn newest(n: u8, used: bool) -> OpenKey {
        OpenKey { hash: hash(n), not_after: None, used }
    }

    fn ask(hub_key: u8, callers_key: bool) -> ActivationRequest<'static> {
        ActivationRequest {
            instance_id: None,
            hub_key: hash(hub_key),
            callers_key,
            key_taken: false,
        }
    }

    fn seat(activations: i64, max: i64) -> Seat {
        Seat { activations, max_activations: Some(max) }
    }

    #[test]
    fn a_lost_answer_costs_nothing() {
        let first = Activation::decide("a", &terms(false), &seat(0, 1), &[], &ask(1, false), NOW);
        assert_eq!(first, Ok(Activation::New { counted: true }));
        let lost = [newest(1, false)];
        let again = Activation::decide("a", &terms(true), &seat(1, 1), &lost, &ask(2, false), NOW);
        assert_eq!(again, Ok(Activation::New { counted: false }));
        let used = [newest(1, true)];
        let moved = Activation::decide("a", &terms(true), &seat(1, 1), &used, &ask(2, false), NOW);
        assert_eq!(moved, Err(ErrorCode::ActivationLimitReached));
    }

    #[test]
    fn a_repeat_with_the_callers_key_changes_nothing_even_at_the_limit() {
        let used = [newest(1, true)];
        let repeat = Activation::decide("a", &terms(true), &seat(1, 1), &used, &ask(1, true), NOW);
        assert_eq!(repeat, Ok(Activation::Repeat));
        let taken = ActivationRequest { key_taken: true, ..ask(2, true) };
        let refused = Activation::decide("a", &terms(true), &seat(0, 9), &used, &taken, NOW);
        assert_eq!(refused, Err(ErrorCode::KeyConflict));
    }

    #[test]
    fn refusals_come_in_the_documented_order() {
        let suspended = Terms { suspended: true, ..terms(true) };
        let other = ActivationRequest { instance_id: Some("b"), ..ask(2, false) };
        let refused = Activation::decide("a", &suspended, &seat(1, 1), &[], &other, NOW);
        assert_eq!(refused, Err(ErrorCode::InstanceMismatch));
        let refused = Activation::decide("a", &suspended, &seat(1, 1), &[], &ask(2, false), NOW);
        assert_eq!(refused, Err(ErrorCode::InstanceSuspended));
    }
}
