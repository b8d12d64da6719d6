//! Activation, validation and what an instance learns about itself.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{EffectiveStatus, HubKeyInfo, Instance, InstanceStatus, LicenseInfo, Suspension};
use crate::fields::{Fields, FromFields};
use crate::key::{Fingerprint, Hub, KeyHash, License, Presented, Shown};
use crate::labels::Entitlements;
use crate::name::{InstanceId, Slug};
use crate::problem::ErrorCode;
use crate::time::Timestamp;

/// `POST /api/v1/instances/activate`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ActivateRequest {
    /// The license key.
    pub license_key: Presented<License>,
    /// When given, the hub refuses a license of another instance.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instance_id: Option<InstanceId>,
    /// The hash of a hub key that the caller made; when absent, the hub makes a key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hub_key_sha256: Option<KeyHash>,
}

impl FromFields for ActivateRequest {
    fn from_fields(fields: &mut Fields<'_>) -> Option<Self> {
        let license_key = fields.required("license_key");
        let instance_id = fields.optional("instance_id");
        let hub_key_sha256 = fields.optional("hub_key_sha256");
        Some(Self { license_key: license_key?, instance_id, hub_key_sha256 })
    }
}

/// A successful activation.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Activated {
    /// The instance that holds the license.
    pub instance_id: InstanceId,
    /// The client that the instance belongs to.
    pub client_id: String,
    /// Always `active`.
    pub status: InstanceStatus,
    /// The new hub key, unless the caller made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hub_api_key: Option<Shown<Hub>>,
    /// The hub key's fingerprint.
    pub hub_key_fingerprint: Fingerprint,
    /// Whether the instance had been activated before.
    pub reactivated: bool,
    /// When the instance was first activated.
    pub activated_at: Timestamp,
    /// The license that was presented.
    pub license: LicenseSummary,
    /// A signed certificate, which verifies without the hub.
    pub certificate: Option<String>,
    /// The path to send telemetry to.
    pub telemetry_url: String,
}

/// What the holder of a license learns about the license.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LicenseSummary {
    /// The fingerprint of the license key that was presented.
    pub fingerprint: Fingerprint,
    /// When the license ends; `null` means never.
    pub expires_at: Option<Timestamp>,
    /// Whether the license is in its grace period: it has ended and still works.
    pub in_grace: bool,
    /// The features that the license includes.
    pub entitlements: Entitlements,
}

/// `POST /api/v1/instances/validate`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ValidateRequest {
    /// The license key.
    pub license_key: Presented<License>,
}

impl FromFields for ValidateRequest {
    fn from_fields(fields: &mut Fields<'_>) -> Option<Self> {
        Some(Self { license_key: fields.required("license_key")? })
    }
}

/// Whether a license is valid.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Validated {
    /// Whether the license allows an activation now.
    pub valid: bool,
    /// `valid`, or the reason why the license is not valid.
    pub code: Verdict,
    /// The instance, if the hub knows the key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance_id: Option<InstanceId>,
    /// The license, if the hub knows the key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub license: Option<LicenseSummary>,
}

/// `valid`, or the code of the refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Verdict {
    /// The license is valid.
    Valid(Valid),
    /// The hub would refuse the license with this code.
    Refused(ErrorCode),
}

/// The word `valid`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Valid {
    /// The only value.
    #[serde(rename = "valid")]
    Valid,
}

/// The verdict on a license that the hub refuses for this reason, or for none.
impl From<Option<ErrorCode>> for Verdict {
    fn from(refusal: Option<ErrorCode>) -> Self {
        refusal.map_or(Self::Valid(Valid::Valid), Self::Refused)
    }
}

impl Verdict {
    /// Whether the license is valid.
    #[must_use]
    pub fn is_valid(self) -> bool {
        matches!(self, Self::Valid(_))
    }

    /// The name on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Valid(_) => "valid",
            Self::Refused(code) => code.as_str(),
        }
    }
}

/// What an instance sees about itself: the instance object without labels.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct SelfInstance {
    /// The instance's handle.
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
    /// When the instance was issued.
    pub created_at: Timestamp,
    /// When an operator last changed the instance.
    pub updated_at: Timestamp,
    /// When the instance was first activated.
    pub activated_at: Option<Timestamp>,
    /// When the instance last called the hub, to the minute.
    pub last_seen_at: Option<Timestamp>,
    /// Whether the license allows an activation now.
    pub valid: bool,
    /// `valid`, or the reason why the license is not valid.
    pub code: Verdict,
    /// A fresh certificate, which verifies without the hub; `null` unless the effective status is active.
    pub certificate: Option<String>,
}

impl SelfInstance {
    /// The instance as it sees itself.
    #[must_use]
    pub fn of(instance: Instance, code: Verdict, certificate: Option<String>) -> Self {
        Self {
            instance_id: instance.instance_id,
            client_id: instance.client_id,
            client_slug: instance.client_slug,
            status: instance.status,
            effective_status: instance.effective_status,
            license: instance.license,
            hub_key: instance.hub_key,
            suspension: instance.suspension,
            created_at: instance.created_at,
            updated_at: instance.updated_at,
            activated_at: instance.activated_at,
            last_seen_at: instance.last_seen_at,
            valid: code.is_valid(),
            code,
            certificate,
        }
    }
}
