//! Instances on the wire.

use serde::{Deserialize, Serialize};

use super::{Cursor, Limit};
use crate::fields::{Fields, FromFields};
use crate::key::{Fingerprint, KeyHash, License, Shown};
use crate::labels::{Entitlements, LabelPair, Labels};
use crate::model::{
    self, ActivationLimit, EffectiveStatus, GraceDays, InstancePatch, InstanceSettings,
    InstanceStatus, Suspension, Terms,
};
use crate::name::{InstanceId, Slug};
use crate::text::{ReasonCode, SearchText};
use crate::time::{Span, Timestamp};

/// An instance.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Instance {
    /// The handle.
    pub instance_id: InstanceId,
    /// The client's id.
    pub client_id: String,
    /// The client's handle.
    pub client_slug: Slug,
    /// The status of the instance itself.
    pub status: InstanceStatus,
    /// Whether it works now: with its client's status and the dates.
    pub effective_status: EffectiveStatus,
    /// The license.
    pub license: LicenseInfo,
    /// The newest hub key.
    pub hub_key: Option<HubKeyInfo>,
    /// Since when and why it is suspended.
    pub suspension: Option<Suspension>,
    /// The operator's labels.
    pub labels: Labels,
    /// When it was issued.
    pub created_at: Timestamp,
    /// When an operator last changed it.
    pub updated_at: Timestamp,
    /// When it was first activated.
    pub activated_at: Option<Timestamp>,
    /// When it was last heard of, to the minute.
    pub last_seen_at: Option<Timestamp>,
}

impl Instance {
    /// The instance as the API shows it at this time.
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

    /// The terms that operators set.
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

    /// Everything that operators set of it.
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LicenseInfo {
    /// Fingerprint of the newest key.
    pub fingerprint: Fingerprint,
    /// When that key was made.
    pub issued_at: Timestamp,
    /// When the license ends; `null` means never.
    pub expires_at: Option<Timestamp>,
    /// For how many days it works after that.
    pub grace_days: GraceDays,
    /// How often it may be activated; `null` means without limit.
    pub max_activations: Option<ActivationLimit>,
    /// How often it was.
    pub activations: u32,
    /// What it entitles to.
    pub entitlements: Entitlements,
}

/// The newest hub key of an instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HubKeyInfo {
    /// Its fingerprint.
    pub fingerprint: Fingerprint,
    /// When it was made.
    pub issued_at: Timestamp,
}

/// `POST /api/v1/admin/clients/{id}/instances`.
#[derive(Debug, Clone, Default, Serialize)]
pub struct NewInstance {
    /// The handle; made from the client's slug when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instance_id: Option<InstanceId>,
    /// A license key that the caller made; absent, the hub makes one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub license_sha256: Option<KeyHash>,
    /// The terms that it starts with: those of a license without end, limit, entitlements and labels,
    /// with these changes.
    #[serde(flatten)]
    pub terms: InstancePatch,
    /// The hub key of an installation that moves here from an older hub; it is active at once.
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

/// An instance, with its license key the one time it is shown.
#[derive(Debug, Serialize, Deserialize)]
pub struct IssuedInstance {
    /// The instance.
    #[serde(flatten)]
    pub instance: Instance,
    /// The key, when the hub made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub license_key: Option<Shown<License>>,
}

/// `POST …/suspend`.
#[derive(Debug, Clone, Default, Serialize)]
pub struct SuspendRequest {
    /// Why, as a code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<ReasonCode>,
}

impl FromFields for SuspendRequest {
    fn from_fields(fields: &mut Fields<'_>) -> Option<Self> {
        Some(Self { reason: fields.optional("reason") })
    }
}

/// Filters of a client's instances.
#[derive(Debug, Clone, Default, Serialize)]
pub struct InstanceQuery {
    /// With this effective status.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<EffectiveStatus>,
    /// With all of these labels.
    pub label: Vec<LabelPair>,
    /// Rows a page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<Limit>,
    /// Where to go on.
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
#[derive(Debug, Clone, Default, Serialize)]
pub struct FleetQuery {
    /// The filters that a client's instances have too.
    #[serde(flatten)]
    pub common: InstanceQuery,
    /// Part of the handle.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub q: Option<SearchText>,
    /// Not heard of for so long; one never heard of counts from when it was issued.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub silent_for: Option<Span>,
    /// With a license that ends within this time and has not ended yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_within: Option<Span>,
}

impl FromFields for FleetQuery {
    fn from_fields(fields: &mut Fields<'_>) -> Option<Self> {
        Some(Self {
            common: InstanceQuery::from_fields(fields)?,
            q: fields.optional("q"),
            silent_for: fields.optional("silent_for"),
            expires_within: fields.optional("expires_within"),
        })
    }
}
