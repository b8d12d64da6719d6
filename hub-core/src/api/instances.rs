//! Instances on the wire.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Cursor, Limit};
use crate::fields::{Field, Fields, FromFields};
use crate::key::{Fingerprint, KeyHash, License, Shown};
use crate::labels::{Entitlements, LabelPair, Labels};
use crate::model::{
    self, ActivationLimit, EffectiveStatus, GraceDays, InstancePatch, InstanceSettings,
    InstanceStatus, Suspension, Terms,
};
use crate::name::{InstanceId, Slug};
use crate::text::{ReasonCode, SearchText};
use crate::time::{Span, Timestamp};

/// An instance as the API shows it.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Instance {
    /// The instance's handle, unique in the hub.
    pub instance_id: InstanceId,
    /// The client's id.
    pub client_id: String,
    /// The client's handle.
    pub client_slug: Slug,
    /// The status of the instance alone.
    pub status: InstanceStatus,
    /// Whether the instance works now: its own status, its client's status and the dates, combined.
    pub effective_status: EffectiveStatus,
    /// The license.
    pub license: LicenseInfo,
    /// The newest hub key.
    pub hub_key: Option<HubKeyInfo>,
    /// The suspension, while the instance is suspended.
    pub suspension: Option<Suspension>,
    /// The operator's labels.
    pub labels: Labels,
    /// When the instance was issued.
    pub created_at: Timestamp,
    /// When an operator last changed the instance.
    pub updated_at: Timestamp,
    /// When the instance was first activated.
    pub activated_at: Option<Timestamp>,
    /// When the instance last called the hub, to the minute.
    pub last_seen_at: Option<Timestamp>,
}

impl Instance {
    /// Builds the instance as the API shows it at the time `now`.
    #[must_use]
    pub fn of(instance: model::Instance, now: Timestamp) -> Self {
        let standing = instance.standing();
        let Terms { expires_at, grace_days, max_activations, entitlements, labels } =
            instance.terms;
        Self {
            instance_id: instance.instance_id,
            client_id: instance.owner.id,
            client_slug: instance.owner.slug,
            status: standing.status(),
            effective_status: standing.effective_status(now),
            license: LicenseInfo {
                fingerprint: instance.license.hash.fingerprint(),
                issued_at: instance.license.issued_at,
                expires_at,
                grace_days,
                works_until: standing.works_until(),
                in_grace: standing.in_grace(now),
                max_activations,
                activations: instance.activations,
                entitlements,
            },
            hub_key: instance.hub_key.map(|key| HubKeyInfo {
                fingerprint: key.hash.fingerprint(),
                issued_at: key.issued_at,
            }),
            suspension: instance.suspension,
            labels,
            created_at: instance.created_at,
            updated_at: instance.updated_at,
            activated_at: instance.activated_at,
            last_seen_at: instance.last_seen_at,
        }
    }

    /// The terms of the license, which operators set.
    #[must_use]
    pub fn terms(&self) -> Terms {
        let license = &self.license;
        Terms {
            expires_at: license.expires_at,
            grace_days: license.grace_days,
            max_activations: license.max_activations,
            entitlements: license.entitlements.clone(),
            labels: self.labels.clone(),
        }
    }

    /// All fields that operators set.
    #[must_use]
    pub fn settings(&self) -> InstanceSettings {
        InstanceSettings {
            client: self.client_slug.clone(),
            license: self.license.fingerprint.clone(),
            terms: self.terms(),
            suspension: self.suspension.clone(),
        }
    }
}

/// An instance's license.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LicenseInfo {
    /// The fingerprint of the newest license key.
    pub fingerprint: Fingerprint,
    /// When the newest license key was issued.
    pub issued_at: Timestamp,
    /// When the license ends; `null` means never.
    pub expires_at: Option<Timestamp>,
    /// For how many days the license works after its end.
    pub grace_days: GraceDays,
    /// Until when the license works: the end of its grace; `null` means for ever.
    pub works_until: Option<Timestamp>,
    /// Whether the license has ended and still works.
    pub in_grace: bool,
    /// How often the license may be activated; `null` means without limit.
    pub max_activations: Option<ActivationLimit>,
    /// How often the license was activated.
    pub activations: u32,
    /// The features that the license includes.
    pub entitlements: Entitlements,
}

/// The newest hub key of an instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HubKeyInfo {
    /// The fingerprint of the key.
    pub fingerprint: Fingerprint,
    /// When the key was issued.
    pub issued_at: Timestamp,
}

/// `POST /api/v1/admin/clients/{id}/instances`.
#[derive(Debug, Clone, Default, Serialize, JsonSchema)]
pub struct NewInstance {
    /// The handle; when absent, the hub makes one from the client's slug.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instance_id: Option<InstanceId>,
    /// The hash of a license key that the caller made; when absent, the hub makes a key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub license_sha256: Option<KeyHash>,
    /// The terms of the license, as changes of a license without end, limit, entitlements and labels.
    #[serde(flatten)]
    pub terms: InstancePatch,
    /// The hash of the hub key of an installation that moves here from an older hub. The instance is
    /// active at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hub_key_sha256: Option<KeyHash>,
}

impl FromFields for NewInstance {
    fn from_fields(fields: &mut Fields<'_>) -> Option<Self> {
        let new = Self {
            instance_id: fields.optional("instance_id"),
            license_sha256: fields.optional("license_sha256"),
            terms: InstancePatch::of_new(fields),
            hub_key_sha256: fields.optional("hub_key_sha256"),
        };
        let limit = Terms::default().patched(&new.terms).max_activations;
        if new.hub_key_sha256.is_some() && limit.is_some_and(|max| max.get() == 0) {
            fields.fault("max_activations", "must be at least 1 with hub_key_sha256");
        }
        if new.hub_key_sha256.is_some() && new.hub_key_sha256 == new.license_sha256 {
            fields.fault("hub_key_sha256", "must be another key's than license_sha256");
        }
        Some(new)
    }
}

/// A new instance. The license key is in no other answer.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct IssuedInstance {
    /// The instance.
    #[serde(flatten)]
    pub instance: Instance,
    /// The license key, if the hub made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub license_key: Option<Shown<License>>,
}

/// `POST …/suspend`.
#[derive(Debug, Clone, Default, Serialize, JsonSchema)]
pub struct SuspendRequest {
    /// The code of the reason.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<ReasonCode>,
}

impl FromFields for SuspendRequest {
    fn from_fields(fields: &mut Fields<'_>) -> Option<Self> {
        Some(Self { reason: fields.optional("reason") })
    }
}

/// Filters of a client's instances.
#[derive(Debug, Clone, Default, Serialize, JsonSchema)]
pub struct InstanceQuery {
    /// Only instances with this effective status.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<EffectiveStatus>,
    /// Only rows with all of these labels.
    pub label: Vec<LabelPair>,
    /// The number of rows on a page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<Limit>,
    /// The cursor of the page, from the page before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cursor: Option<Cursor>,
}

impl FromFields for InstanceQuery {
    fn from_fields(fields: &mut Fields<'_>) -> Option<Self> {
        Some(Self {
            status: fields.optional("status"),
            label: LabelPair::filters(fields),
            limit: fields.optional("limit"),
            cursor: fields.optional("cursor"),
        })
    }
}

/// Filters of all instances.
#[derive(Debug, Clone, Default, Serialize, JsonSchema)]
pub struct FleetQuery {
    /// The filters that also apply to a client's instances.
    #[serde(flatten)]
    pub common: InstanceQuery,
    /// Only instances whose handle contains this text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub q: Option<SearchText>,
    /// Only instances that have not called the hub for this long, and could have: not those that are
    /// suspended or were never activated. For an instance that never called, the time since it was issued
    /// counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub silent_for: Option<Span>,
    /// Only instances whose license ends within this time, or is in its grace now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_within: Option<Span>,
    /// The order of the list; by handle when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sort: Option<InstanceSort>,
}

/// An order of instances: by this member, those without it last, the handle as second key.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum InstanceSort {
    /// By handle.
    #[default]
    InstanceId,
    /// By the end of the license, the next one first.
    ExpiresAt,
    /// By the last call, the oldest one first.
    LastSeenAt,
}

impl InstanceSort {
    /// Every order.
    pub const ALL: [Self; 3] = [Self::InstanceId, Self::ExpiresAt, Self::LastSeenAt];

    /// The name on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InstanceId => "instance_id",
            Self::ExpiresAt => "expires_at",
            Self::LastSeenAt => "last_seen_at",
        }
    }

    /// The time that an instance is sorted by; none where the order is by handle alone.
    #[must_use]
    pub fn time_of(self, instance: &Instance) -> Option<Timestamp> {
        match self {
            Self::InstanceId => None,
            Self::ExpiresAt => instance.license.expires_at,
            Self::LastSeenAt => instance.last_seen_at,
        }
    }
}

impl std::str::FromStr for InstanceSort {
    type Err = &'static str;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|sort| sort.as_str() == text).ok_or(Self::EXPECTED)
    }
}

impl Field for InstanceSort {
    const EXPECTED: &'static str = "must be instance_id, expires_at or last_seen_at";
}

impl FromFields for FleetQuery {
    fn from_fields(fields: &mut Fields<'_>) -> Option<Self> {
        Some(Self {
            common: InstanceQuery::from_fields(fields)?,
            q: fields.optional("q"),
            silent_for: fields.optional("silent_for"),
            expires_within: fields.optional("expires_within"),
            sort: fields.optional("sort"),
        })
    }
}
