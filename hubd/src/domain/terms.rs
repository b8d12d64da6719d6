//! What decides whether an instance works at a given time.

use std::time::Duration;

use hub_core::api::{EffectiveStatus, InstanceStatus};
use hub_core::problem::ErrorCode;
use hub_core::time::Timestamp;

/// An instance's own state, its client's, and the dates of its license.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Terms {
    pub(crate) activated: bool,
    pub(crate) suspended: bool,
    pub(crate) client_suspended: bool,
    pub(crate) expires_at: Option<Timestamp>,
    pub(crate) grace_days: u32,
}

impl Terms {
    /// What was made of the instance.
    pub(crate) fn status(&self) -> InstanceStatus {
        match (self.suspended, self.activated) {
            (true, _) => InstanceStatus::Suspended,
            (false, true) => InstanceStatus::Active,
            (false, false) => InstanceStatus::Pending,
        }
    }

    /// What that comes to.
    pub(crate) fn effective_status(&self, now: Timestamp) -> EffectiveStatus {
        match self.refusal(now) {
            Some(ErrorCode::InstanceSuspended) => EffectiveStatus::Suspended,
            Some(ErrorCode::ClientSuspended) => EffectiveStatus::ClientSuspended,
            Some(_) => EffectiveStatus::Expired,
            None if self.activated => EffectiveStatus::Active,
            None => EffectiveStatus::Pending,
        }
    }

    /// Why its license is refused, the first reason of several.
    pub(crate) fn refusal(&self, now: Timestamp) -> Option<ErrorCode> {
        let expired = self.ends_at().is_some_and(|end| now >= end);
        self.suspension().or(expired.then_some(ErrorCode::LicenseExpired))
    }

    /// Why it may not report: an expired instance still may.
    pub(crate) fn suspension(&self) -> Option<ErrorCode> {
        match (self.suspended, self.client_suspended) {
            (true, _) => Some(ErrorCode::InstanceSuspended),
            (false, true) => Some(ErrorCode::ClientSuspended),
            (false, false) => None,
        }
    }

    /// Whether the license has ended and still works.
    pub(crate) fn in_grace(&self, now: Timestamp) -> bool {
        let expired = self.expires_at.is_some_and(|at| now >= at);
        expired && self.ends_at().is_some_and(|end| now < end)
    }

    /// The end of the license and the grace after it.
    fn ends_at(&self) -> Option<Timestamp> {
        let grace = Duration::from_hours(24) * self.grace_days;
        self.expires_at.map(|at| at.after(grace))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn terms() -> Terms {
        Terms {
            activated: true,
            suspended: false,
            client_suspended: false,
            expires_at: None,
            grace_days: 0,
        }
    }

    #[test]
    fn the_first_of_several_reasons_is_given() {
        let all = Terms {
            suspended: true,
            client_suspended: true,
            expires_at: Some(NOW.before(Duration::from_secs(1))),
            ..terms()
        };
        assert_eq!(all.refusal(NOW), Some(ErrorCode::InstanceSuspended));
        assert_eq!(all.effective_status(NOW), EffectiveStatus::Suspended);
        let own = Terms { suspended: false, ..all };
        assert_eq!(own.refusal(NOW), Some(ErrorCode::ClientSuspended));
        let dates = Terms { client_suspended: false, ..own };
        assert_eq!(dates.refusal(NOW), Some(ErrorCode::LicenseExpired));
        assert_eq!(terms().refusal(NOW), None);
    }

    #[test]
    fn grace_starts_at_the_end_and_ends_after_its_days() {
        let day = Duration::from_hours(24);
        let end = NOW.after(day);
        let terms = Terms { expires_at: Some(end), grace_days: 2, ..terms() };
        for (at, in_grace, status) in [
            (NOW, false, EffectiveStatus::Active),
            (end, true, EffectiveStatus::Active),
            (end.after(day), true, EffectiveStatus::Active),
            (end.after(day * 2), false, EffectiveStatus::Expired),
        ] {
            assert_eq!(terms.in_grace(at), in_grace, "{at}");
            assert_eq!(terms.effective_status(at), status, "{at}");
        }
        let strict = Terms { grace_days: 0, ..terms };
        assert_eq!(strict.effective_status(end), EffectiveStatus::Expired);
        assert!(!strict.in_grace(end));
    }

    #[test]
    fn what_was_never_activated_is_pending() {
        let fresh = Terms { activated: false, ..terms() };
        assert_eq!(fresh.effective_status(NOW), EffectiveStatus::Pending);
        assert_eq!(fresh.status(), InstanceStatus::Pending);
    }
}
