//! Clients: the customers that instances are issued to.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Suspension;
use crate::fields::{Field, Fields, FromFields, Patch};
use crate::labels::Labels;
use crate::name::Slug;
use crate::text::{DisplayName, ExternalRef, ReasonCode};
use crate::time::Timestamp;

/// A client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Client {
    /// A UUID.
    pub id: String,
    /// The client's handle, unique in the hub.
    pub slug: Slug,
    /// The fields that operators set.
    pub settings: ClientSettings,
    /// When the client was created.
    pub created_at: Timestamp,
    /// When an operator last changed the client.
    pub updated_at: Timestamp,
}

/// The fields of a client that operators set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientSettings {
    /// The name that people read.
    pub name: DisplayName,
    /// The client's place in the operator's own records.
    pub external_ref: Option<ExternalRef>,
    /// The operator's labels.
    pub labels: Labels,
    /// Whether the client's instances work.
    pub status: ClientStatus,
    /// The suspension, while the client is suspended.
    pub suspension: Option<Suspension>,
}

/// Whether a client's instances work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ClientStatus {
    /// The instances work.
    Active,
    /// The hub refuses all of the client's instances.
    Suspended,
}

impl ClientStatus {
    /// The name on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Suspended => "suspended",
        }
    }
}

impl std::str::FromStr for ClientStatus {
    type Err = &'static str;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let all = [Self::Active, Self::Suspended];
        all.into_iter().find(|status| status.as_str() == text).ok_or(Self::EXPECTED)
    }
}

impl Field for ClientStatus {
    const EXPECTED: &'static str = "must be active or suspended";
}

/// `PATCH /api/v1/admin/clients/{id}`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ClientPatch {
    /// A new name.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "DisplayName")]
    pub name: Option<DisplayName>,
    /// A new reference, or `null` to clear it.
    #[serde(skip_serializing_if = "Patch::is_keep")]
    pub external_ref: Patch<ExternalRef>,
    /// The complete new set of labels.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Labels")]
    pub labels: Option<Labels>,
    /// A new status: suspends or reactivates the client.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "ClientStatus")]
    pub status: Option<ClientStatus>,
    /// The code of the reason for the suspension.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<ReasonCode>,
}

impl ClientSettings {
    /// These settings with the patch applied at the time `now`.
    #[must_use]
    pub fn patched(&self, patch: &ClientPatch, now: Timestamp) -> Self {
        let status = patch.status.unwrap_or(self.status);
        let suspension = match (status, &self.suspension) {
            (ClientStatus::Active, _) => None,
            (ClientStatus::Suspended, Some(present)) => {
                Some(present.because(patch.reason.as_ref()))
            }
            (ClientStatus::Suspended, None) => {
                Some(Suspension { reason: patch.reason.clone(), since: now })
            }
        };
        Self {
            name: patch.name.as_ref().unwrap_or(&self.name).clone(),
            external_ref: patch.external_ref.clone().apply(self.external_ref.clone()),
            labels: patch.labels.as_ref().unwrap_or(&self.labels).clone(),
            status,
            suspension,
        }
    }

    /// The part of the patch that would change these settings; `None` when it would change nothing.
    #[must_use]
    pub fn difference(&self, wanted: ClientPatch) -> Option<ClientPatch> {
        let present = self.suspension.as_ref().and_then(|suspension| suspension.reason.as_ref());
        let other_reason = wanted.reason.is_some() && wanted.reason.as_ref() != present;
        let status = wanted.status.filter(|status| *status != self.status || other_reason);
        let patch = ClientPatch {
            name: wanted.name.filter(|name| *name != self.name),
            external_ref: wanted.external_ref.unless_set(&self.external_ref),
            labels: wanted.labels.filter(|labels| *labels != self.labels),
            status,
            reason: wanted.reason.filter(|_| status.is_some()),
        };
        (!patch.is_empty()).then_some(patch)
    }

    /// The wire names of the fields in which these settings differ from `other`. The status is not
    /// among them: suspending a client is an action of its own.
    #[must_use]
    pub fn changed(&self, other: &Self) -> Vec<&'static str> {
        let fields = [
            ("name", self.name != other.name),
            ("external_ref", self.external_ref != other.external_ref),
            ("labels", self.labels != other.labels),
        ];
        fields.into_iter().filter(|(_, differs)| *differs).map(|(name, _)| name).collect()
    }
}

impl ClientPatch {
    /// Whether the patch names no field.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl FromFields for ClientPatch {
    fn from_fields(fields: &mut Fields<'_>) -> Option<Self> {
        let patch = Self {
            name: fields.replace("name"),
            external_ref: fields.patch("external_ref"),
            labels: fields.replace("labels"),
            status: fields.replace("status"),
            reason: fields.replace("reason"),
        };
        if patch.reason.is_some() && patch.status != Some(ClientStatus::Suspended) {
            fields.fault("reason", "may be given only with status suspended");
        }
        Some(patch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_patch_is_applied_and_its_difference_has_only_the_fields_that_change() {
        let settings = ClientSettings {
            name: DisplayName::new("Acme").unwrap(),
            external_ref: ExternalRef::new("crm:1"),
            labels: Labels::default(),
            status: ClientStatus::Active,
            suspension: None,
        };
        let patch = ClientPatch {
            name: DisplayName::new("Acme GmbH"),
            external_ref: Patch::Clear,
            labels: Some(Labels::default()),
            status: Some(ClientStatus::Suspended),
            reason: ReasonCode::new("unpaid"),
        };
        let now = Timestamp::UNIX_EPOCH;
        let after = settings.patched(&patch, now);
        assert_eq!(settings.changed(&after), ["name", "external_ref"]);
        let left = settings.difference(patch.clone()).unwrap();
        assert_eq!(left, ClientPatch { labels: None, ..patch.clone() });
        assert_eq!(after.difference(patch.clone()), None);
        let other = ClientPatch { reason: ReasonCode::new("fraud"), ..patch };
        let left = after.difference(other.clone()).unwrap();
        assert_eq!((left.status, &left.reason), (other.status, &other.reason));
        let later = after.patched(&left, now.after(std::time::Duration::from_secs(1)));
        let suspension = later.suspension.unwrap();
        assert_eq!((suspension.reason, suspension.since), (other.reason, now));
    }
}
