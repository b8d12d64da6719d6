//! Admin keys: who may call the admin endpoints.

use serde::{Deserialize, Serialize};

use super::Role;
use crate::fields::{Fields, FromFields};
use crate::key::{Admin, Fingerprint, KeyHash, Shown};
use crate::name::KeyName;
use crate::time::Timestamp;

/// Who the calling key is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// Its name.
    pub name: KeyName,
    /// What it may do.
    pub role: Role,
    /// Its fingerprint.
    pub fingerprint: Fingerprint,
}

/// An admin key, without the key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AdminKeyInfo {
    /// Its name.
    pub name: KeyName,
    /// What it may do.
    pub role: Role,
    /// Its fingerprint.
    pub fingerprint: Fingerprint,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it ends; `null` means never.
    pub expires_at: Option<Timestamp>,
    /// When it was last used, to the minute.
    pub last_used_at: Option<Timestamp>,
}

/// `POST /api/v1/admin/keys`.
#[derive(Debug, Clone, Serialize)]
pub struct NewAdminKey {
    /// Its name.
    pub name: KeyName,
    /// What it may do.
    pub role: Role,
    /// When it ends; absent means never.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// A key that the caller made; absent, the hub makes one.
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

/// An admin key, with the key the one time it is shown.
#[derive(Debug, Serialize, Deserialize)]
pub struct CreatedAdminKey {
    /// All but the key.
    #[serde(flatten)]
    pub info: AdminKeyInfo,
    /// The key, when the hub made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub admin_key: Option<Shown<Admin>>,
}
