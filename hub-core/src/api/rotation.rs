//! Replaces an instance's license key or hub key.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::bounded::bounded;
use crate::fields::{Fields, FromFields};
use crate::key::{Fingerprint, Hub, KeyHash, License, Shown};
use crate::name::InstanceId;
use crate::time::Timestamp;

bounded!(
    /// For how long the previous key works after a rotation: 0 to 604,800 seconds (7 days).
    OverlapSeconds,
    604_800,
    "must be a number of seconds from 0 to 604800"
);

/// `POST …/rotate-license`.
#[derive(Debug, Clone, Default, Serialize, JsonSchema)]
pub struct RotateLicenseRequest {
    /// The hash of a license key that the caller made; when absent, the hub makes a key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub license_sha256: Option<KeyHash>,
    /// For how long the previous key continues to work.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub overlap_seconds: Option<OverlapSeconds>,
}

impl FromFields for RotateLicenseRequest {
    fn from_fields(fields: &mut Fields<'_>) -> Option<Self> {
        Some(Self {
            license_sha256: fields.optional("license_sha256"),
            overlap_seconds: fields.optional("overlap_seconds"),
        })
    }
}

/// A replaced license key.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct RotatedLicense {
    /// The instance.
    pub instance_id: InstanceId,
    /// The new key, if the hub made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub license_key: Option<Shown<License>>,
    /// The fingerprint of the new key.
    pub license_fingerprint: Fingerprint,
    /// When the previous key ends; `null` when it has already ended.
    pub previous_valid_until: Option<Timestamp>,
}

/// `POST …/rotate-hub-key`.
#[derive(Debug, Clone, Default, Serialize, JsonSchema)]
pub struct RotateHubKeyRequest {
    /// The hash of a hub key that the caller made; when absent, the hub makes a key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hub_key_sha256: Option<KeyHash>,
    /// For how long the previous key continues to work.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub overlap_seconds: Option<OverlapSeconds>,
}

impl FromFields for RotateHubKeyRequest {
    fn from_fields(fields: &mut Fields<'_>) -> Option<Self> {
        Some(Self {
            hub_key_sha256: fields.optional("hub_key_sha256"),
            overlap_seconds: fields.optional("overlap_seconds"),
        })
    }
}

/// A replaced hub key.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct RotatedHubKey {
    /// The instance.
    pub instance_id: InstanceId,
    /// The new key, if the hub made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hub_api_key: Option<Shown<Hub>>,
    /// The fingerprint of the new key.
    pub hub_key_fingerprint: Fingerprint,
    /// When the previous key ends; `null` when it has already ended.
    pub previous_valid_until: Option<Timestamp>,
}
