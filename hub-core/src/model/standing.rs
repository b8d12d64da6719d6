//! Decides whether an instance works at a given time.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::GraceDays;
use crate::fields::Field;
use crate::problem::ErrorCode;
use crate::time::Timestamp;

/// The facts that decide whether an instance works: its own state, its client's state and the dates of
/// its license.
#[derive(Debug, Clone, Copy)]
pub struct Standing {
    /// The instance was activated at least once.
    pub activated: bool,
    /// An operator suspended the instance.
    pub suspended: bool,
    /// An operator suspended the client.
    pub client_suspended: bool,
    /// When the license ends; `None` means never.
    pub expires_at: Option<Timestamp>,
    /// For how many days the license works after its end.
    pub grace_days: GraceDays,
}

/// The status of an instance alone, without its client's status and the dates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum InstanceStatus {
    /// Never activated.
    Pending,
    /// Activated.
    Active,
    /// Suspended by an operator.
    Suspended,
}

impl InstanceStatus {
    /// The status of an instance that is not suspended, by whether it was activated at least once.
    #[must_use]
    pub fn unless_suspended(activated: bool) -> Self {
        if activated { Self::Active } else { Self::Pending }
    }
}

/// Whether an instance works: its own status, its client's status and the dates, combined.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum EffectiveStatus {
    /// Never activated.
    Pending,
    /// Activated; the license may be in its grace period.
    Active,
    /// The instance is suspended.
    Suspended,
    /// The client is suspended.
    ClientSuspended,
    /// The license and its grace period have ended.
    Expired,
}

impl EffectiveStatus {
    /// Every status.
    pub const ALL: [Self; 5] =
        [Self::Pending, Self::Active, Self::Suspended, Self::ClientSuspended, Self::Expired];

    /// The name on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Active => "active",
            Self::Suspended => "suspended",
            Self::ClientSuspended => "client_suspended",
            Self::Expired => "expired",
        }
    }
}

impl std::str::FromStr for EffectiveStatus {
    type Err = &'static str;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|status| status.as_str() == text).ok_or(Self::EXPECTED)
    }
}

impl Field for EffectiveStatus {
    const EXPECTED: &'static str =
        "must be pending, active, suspended, client_suspended or expired";
}

/// Why an instance may not send reports, by whether it and its client are suspended.
#[must_use]
pub fn suspension(suspended: bool, client_suspended: bool) -> Option<ErrorCode> {
    match (suspended, client_suspended) {
        (true, _) => Some(ErrorCode::InstanceSuspended),
        (false, true) => Some(ErrorCode::ClientSuspended),
        (false, false) => None,
    }
}

impl Standing {
    /// The status of the instance alone.
    #[must_use]
    pub fn status(&self) -> InstanceStatus {
        if self.suspended {
            InstanceStatus::Suspended
        } else {
            InstanceStatus::unless_suspended(self.activated)
        }
    }

    /// The combined status at the time `now`.
    #[must_use]
    pub fn effective_status(&self, now: Timestamp) -> EffectiveStatus {
        match self.refusal(now) {
            Some(ErrorCode::InstanceSuspended) => EffectiveStatus::Suspended,
            Some(ErrorCode::ClientSuspended) => EffectiveStatus::ClientSuspended,
            Some(_) => EffectiveStatus::Expired,
            None if self.activated => EffectiveStatus::Active,
            None => EffectiveStatus::Pending,
        }
    }

    /// Why the hub refuses the license; the first reason when there are several.
    #[must_use]
    pub fn refusal(&self, now: Timestamp) -> Option<ErrorCode> {
        let expired = self.works_until().is_some_and(|end| now >= end);
        self.suspension().or(expired.then_some(ErrorCode::LicenseExpired))
    }

    /// Why the instance may not send reports. An expired instance still may.
    #[must_use]
    pub fn suspension(&self) -> Option<ErrorCode> {
        suspension(self.suspended, self.client_suspended)
    }

    /// Whether the license is in its grace period: it has ended and still works.
    #[must_use]
    pub fn in_grace(&self, now: Timestamp) -> bool {
        let expired = self.expires_at.is_some_and(|at| now >= at);
        expired && self.works_until().is_some_and(|end| now < end)
    }

    /// Until when the license works: the end of its grace; `None` means for ever.
    #[must_use]
    pub fn works_until(&self) -> Option<Timestamp> {
        let grace = Duration::from_hours(24) * self.grace_days.get();
        self.expires_at.map(|at| at.after(grace))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn standing() -> Standing {
        Standing {
            activated: true,
            suspended: false,
            client_suspended: false,
            expires_at: None,
            grace_days: GraceDays::default(),
        }
    }

    #[test]
    fn the_first_of_several_reasons_is_given() {
        let all = Standing {
            suspended: true,
            client_suspended: true,
            expires_at: Some(NOW.before(Duration::from_secs(1))),
            ..standing()
        };
        assert_eq!(all.refusal(NOW), Some(ErrorCode::InstanceSuspended));
        assert_eq!(all.effective_status(NOW), EffectiveStatus::Suspended);
        let own = Standing { suspended: false, ..all };
        assert_eq!(own.refusal(NOW), Some(ErrorCode::ClientSuspended));
        let dates = Standing { client_suspended: false, ..own };
        assert_eq!(dates.refusal(NOW), Some(ErrorCode::LicenseExpired));
        assert_eq!(standing().refusal(NOW), None);
    }

    #[test]
    fn grace_starts_at_the_end_and_ends_after_its_days() {
        let day = Duration::from_hours(24);
        let end = NOW.after(day);
        let standing =
            Standing { expires_at: Some(end), grace_days: 2.try_into().unwrap(), ..standing() };
        for (at, in_grace, status) in [
            (NOW, false, EffectiveStatus::Active),
            (end, true, EffectiveStatus::Active),
            (end.after(day), true, EffectiveStatus::Active),
            (end.after(day * 2), false, EffectiveStatus::Expired),
        ] {
            assert_eq!(standing.in_grace(at), in_grace, "{at}");
            assert_eq!(standing.effective_status(at), status, "{at}");
        }
        let strict = Standing { grace_days: GraceDays::default(), ..standing };
        assert_eq!(strict.effective_status(end), EffectiveStatus::Expired);
        assert!(!strict.in_grace(end));
    }

    #[test]
    fn what_was_never_activated_is_pending() {
        let fresh = Standing { activated: false, ..standing() };
        assert_eq!(fresh.effective_status(NOW), EffectiveStatus::Pending);
        assert_eq!(fresh.status(), InstanceStatus::Pending);
    }
}
