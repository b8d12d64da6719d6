//! The terms on the command line → what is sent, and what differs from what is.

use hub_core::api::{Instance, InstancePatch};
use hub_core::fields::{Field, Patch};
use hub_core::labels::Entitlements;

use crate::cli::TermArgs;
use crate::error::{Failure, Result};
use crate::words::OrNone;

fn patched<T: Copy>(given: Option<OrNone<T>>) -> Patch<T> {
    match given {
        None => Patch::Keep,
        Some(OrNone::None) => Patch::Clear,
        Some(OrNone::Some(value)) => Patch::Set(value),
    }
}

/// Everything that was given.
pub(super) fn patch(args: &TermArgs) -> Result<InstancePatch> {
    let entitlements = (!args.entitlements.is_empty())
        .then(|| {
            Entitlements::new(args.entitlements.iter().cloned())
                .ok_or_else(|| Failure::usage(format!("--entitlement {}", Entitlements::EXPECTED)))
        })
        .transpose()?;
    Ok(InstancePatch {
        expires_at: patched(args.expires_at),
        grace_days: args.grace_days,
        max_activations: patched(args.max_activations),
        entitlements,
        labels: (!args.labels.is_empty()).then(|| args.labels.iter().cloned().collect()),
    })
}

/// Whether it changes anything at all.
pub(super) fn is_some(patch: &InstancePatch) -> bool {
    !patch.expires_at.is_keep()
        || patch.grace_days.is_some()
        || !patch.max_activations.is_keep()
        || patch.entitlements.is_some()
        || patch.labels.is_some()
}

/// What of it the instance is not yet; none when it is all of it.
pub(crate) fn difference(wanted: InstancePatch, is: &Instance) -> Option<InstancePatch> {
    let license = &is.license;
    let patch = InstancePatch {
        expires_at: unless_same(wanted.expires_at, license.expires_at),
        grace_days: wanted.grace_days.filter(|days| *days != license.grace_days),
        max_activations: unless_same(wanted.max_activations, license.max_activations),
        entitlements: wanted.entitlements.filter(|set| *set != license.entitlements),
        labels: wanted.labels.filter(|labels| *labels != is.labels),
    };
    is_some(&patch).then_some(patch)
}

fn unless_same<T: Copy + PartialEq>(wanted: Patch<T>, is: Option<T>) -> Patch<T> {
    if wanted.apply(is) == is { Patch::Keep } else { wanted }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hub_core::api::GraceDays;

    fn instance() -> Instance {
        serde_json::from_value(serde_json::json!({
            "instance_id": "acme-prod", "client_id": "x", "client_slug": "acme",
            "status": "pending", "effective_status": "pending",
            "license": {
                "fingerprint": "000000000000", "issued_at": "2026-01-01T00:00:00Z",
                "expires_at": "2027-01-01T00:00:00Z", "grace_days": 7, "max_activations": null,
                "activations": 0, "entitlements": ["a"]
            },
            "hub_key": null, "suspension": null, "labels": {"env": "prod"},
            "created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00Z",
            "activated_at": null, "last_seen_at": null
        }))
        .unwrap()
    }

    fn args() -> TermArgs {
        TermArgs {
            expires_at: None,
            grace_days: None,
            max_activations: None,
            entitlements: Vec::new(),
            labels: Vec::new(),
        }
    }

    #[test]
    fn what_is_so_already_is_not_sent() {
        let same = TermArgs {
            expires_at: Some(OrNone::Some("2027-01-01T01:00:00+01:00".parse().unwrap())),
            grace_days: Some(GraceDays::try_from(7).unwrap()),
            max_activations: Some(OrNone::None),
            entitlements: vec!["a".to_owned()],
            labels: vec!["env=prod".parse().unwrap()],
        };
        assert!(difference(patch(&same).unwrap(), &instance()).is_none());
        assert!(difference(patch(&args()).unwrap(), &instance()).is_none());
    }

    #[test]
    fn what_differs_is_sent_and_nothing_else() {
        let other = TermArgs { expires_at: Some(OrNone::None), ..args() };
        let sent = difference(patch(&other).unwrap(), &instance()).unwrap();
        assert_eq!(serde_json::to_value(&sent).unwrap(), serde_json::json!({"expires_at": null}));
    }

    #[test]
    fn wrong_entitlements_are_a_usage_error() {
        let wrong = TermArgs { entitlements: vec!["NO".to_owned()], ..args() };
        assert!(patch(&wrong).is_err());
    }
}
