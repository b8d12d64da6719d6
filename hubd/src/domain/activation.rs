//! Decides whether a license may be activated, and whether the activation counts.

use hub_core::key::KeyHash;
use hub_core::model::{ActivationLimit, Standing};
use hub_core::name::InstanceId;
use hub_core::problem::ErrorCode;
use hub_core::time::Timestamp;

use super::overlap::OpenKey;

/// The license to activate.
#[derive(Debug, Clone)]
pub(crate) struct License {
    /// The handle of the instance that holds the license.
    pub(crate) instance_id: InstanceId,
    pub(crate) standing: Standing,
    /// How often the license was activated.
    pub(crate) activations: u32,
    /// How often the license may be activated.
    pub(crate) max_activations: Option<ActivationLimit>,
}

/// A request to activate a license.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ActivationRequest<'a> {
    /// The instance that the caller expects to activate.
    pub(crate) instance_id: Option<&'a InstanceId>,
    /// The hash of the new hub key.
    pub(crate) hub_key: KeyHash,
    /// Whether the caller made the key. If so, a repeated request names the same key.
    pub(crate) callers_key: bool,
    /// Whether the caller's key already belongs to something else.
    pub(crate) key_taken: bool,
}

/// How an activation is granted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Activation {
    /// The request repeats the last activation: nothing changes.
    Repeat,
    /// The instance gets a new hub key.
    New {
        /// Whether the activation counts against the license's limit.
        counted: bool,
    },
}

impl Activation {
    /// Decides. `live` has the hub keys that work now.
    pub(crate) fn decide(
        license: &License,
        live: &[OpenKey],
        request: &ActivationRequest<'_>,
        now: Timestamp,
    ) -> Result<Self, ErrorCode> {
        if request.instance_id.is_some_and(|id| *id != license.instance_id) {
            return Err(ErrorCode::InstanceMismatch);
        }
        if let Some(code) = license.standing.refusal(now) {
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
        let answer_lost = license.standing.activated && newest.is_some_and(|key| !key.used);
        let counted = !answer_lost;
        let full = license.max_activations.is_some_and(|max| license.activations >= max.get());
        if counted && full {
            return Err(ErrorCode::ActivationLimitReached);
        }
        Ok(Self::New { counted })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hub_core::model::GraceDays;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn hash(n: u8) -> KeyHash {
        KeyHash::from_bytes(&[n; 32]).unwrap()
    }

    /// A license that was activated `activations` times, out of `max`.
    fn license(activations: u32, max: u32) -> License {
        License {
            instance_id: "aa".parse().unwrap(),
            standing: Standing {
                activated: activations > 0,
                suspended: false,
                client_suspended: false,
                expires_at: None,
                grace_days: GraceDays::default(),
            },
            activations,
            max_activations: Some(max.try_into().unwrap()),
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

    #[test]
    fn a_lost_answer_costs_nothing() {
        let first = Activation::decide(&license(0, 1), &[], &ask(1, false), NOW);
        assert_eq!(first, Ok(Activation::New { counted: true }));
        let lost = [newest(1, false)];
        let again = Activation::decide(&license(1, 1), &lost, &ask(2, false), NOW);
        assert_eq!(again, Ok(Activation::New { counted: false }));
        let used = [newest(1, true)];
        let moved = Activation::decide(&license(1, 1), &used, &ask(2, false), NOW);
        assert_eq!(moved, Err(ErrorCode::ActivationLimitReached));
    }

    #[test]
    fn a_repeat_with_the_callers_key_changes_nothing_even_at_the_limit() {
        let used = [newest(1, true)];
        let repeat = Activation::decide(&license(1, 1), &used, &ask(1, true), NOW);
        assert_eq!(repeat, Ok(Activation::Repeat));
        let taken = ActivationRequest { key_taken: true, ..ask(2, true) };
        let refused = Activation::decide(&license(1, 9), &used, &taken, NOW);
        assert_eq!(refused, Err(ErrorCode::KeyConflict));
    }

    #[test]
    fn refusals_come_in_the_documented_order() {
        let mut suspended = license(1, 1);
        suspended.standing.suspended = true;
        let another = "bb".parse().unwrap();
        let other = ActivationRequest { instance_id: Some(&another), ..ask(2, false) };
        let refused = Activation::decide(&suspended, &[], &other, NOW);
        assert_eq!(refused, Err(ErrorCode::InstanceMismatch));
        let refused = Activation::decide(&suspended, &[], &ask(2, false), NOW);
        assert_eq!(refused, Err(ErrorCode::InstanceSuspended));
    }
}
