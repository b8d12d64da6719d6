//! Admin keys: the keys that the admin endpoints accept.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Role;
use crate::fields::{Fields, FromFields};
use crate::key::{Admin, Fingerprint, KeyHash, Shown};
use crate::name::KeyName;
use crate::time::Timestamp;

/// The admin key of the caller.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Identity {
    /// The name of the key.
    pub name: KeyName,
    /// The role of the key.
    pub role: Role,
    /// The fingerprint of the key.
    pub fingerprint: Fingerprint,
}

/// An admin key, without the secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AdminKeyInfo {
    /// The name of the key.
    pub name: KeyName,
    /// The role of the key.
    pub role: Role,
    /// The fingerprint of the key.
    pub fingerprint: Fingerprint,
    /// When the key was created.
    pub created_at: Timestamp,
    /// When the key ends; `null` means never.
    pub expires_at: Option<Timestamp>,
    /// When the key was last used, to the minute.
    pub last_used_at: Option<Timestamp>,
}

/// `POST /api/v1/admin/keys`.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct NewAdminKey {
    /// The name of the key.
    pub name: KeyName,
    /// The role of the key.
    pub role: Role,
    /// When the key ends; absent means never.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// The hash of a key that the caller made; when absent, the hub makes a key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_sha256: Option<KeyHash>,
}

impl FromFields for NewAdminKey {
    fn from_fields(fields: &mut Fields<'_>) -> Option<Self> {
        let name = fields.required("name");
        let role = fields.required("role");
        let expires_at = fields.optional("expires_at");
        let key_sha256 = fields.optional("key_sha256");
        Some(Self { name: name?, role: role?, expires_at, key_sha256 })
    }
}

/// A new admin key. The secret is in no other answer.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct CreatedAdminKey {
    /// The admin key without the secret.
    #[serde(flatten)]
    pub info: AdminKeyInfo,
    /// The secret, if the hub made the key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub admin_key: Option<Shown<Admin>>,
}
