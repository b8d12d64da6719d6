//! Instances: one installation of the platform, with its license and hub key.

use serde::{Deserialize, Serialize};

use super::{ClientStatus, Standing, Terms};
use crate::key::{Fingerprint, KeyHash};
use crate::name::{InstanceId, Slug};
use crate::text::ReasonCode;
use crate::time::Timestamp;

/// An instance as the hub knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instance {
    /// The handle.
    pub instance_id: InstanceId,
    /// The client that it was issued to.
    pub owner: Owner,
    /// What operators set.
    pub terms: Terms,
    /// How often its license was activated.
    pub activations: u32,
    /// The newest license key.
    pub license: IssuedKey,
    /// The newest hub key.
    pub hub_key: Option<IssuedKey>,
    /// Since when and why it is suspended.
    pub suspension: Option<Suspension>,
    /// When it was issued.
    pub created_at: Timestamp,
    /// When an operator last changed it.
    pub updated_at: Timestamp,
    /// When it was first activated.
    pub activated_at: Option<Timestamp>,
    /// When it was last heard of, to the minute.
    pub last_seen_at: Option<Timestamp>,
}

/// What an instance knows of its client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// The client's id, a UUID.
    pub id: String,
    /// The client's handle.
    pub slug: Slug,
    /// Whether the client's instances work.
    pub status: ClientStatus,
}

/// A key of an instance: only its hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IssuedKey {
    /// SHA-256 of the key.
    pub hash: KeyHash,
    /// When it was made.
    pub issued_at: Timestamp,
}

/// Since when and why an instance is suspended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suspension {
    /// The operator's code.
    pub reason: Option<ReasonCode>,
    /// Since when.
    pub since: Timestamp,
}

/// Everything of an instance that its entity tag stands for, and that a plan relies on: what operators
/// set, without counters and times.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstanceSettings {
    /// The client's handle.
    pub client: Slug,
    /// The newest license key.
    pub license: Fingerprint,
    /// The terms.
    #[serde(flatten)]
    pub terms: Terms,
    /// Since when and why it is suspended.
    pub suspension: Option<Suspension>,
}

impl Instance {
    /// What decides whether it works.
    #[must_use]
    pub fn standing(&self) -> Standing {
        Standing {
            activated: self.activated_at.is_some(),
            suspended: self.suspension.is_some(),
            client_suspended: self.owner.status == ClientStatus::Suspended,
            expires_at: self.terms.expires_at,
            grace_days: self.terms.grace_days,
        }
    }

    /// What operators set of it.
    #[must_use]
    pub fn settings(&self) -> InstanceSettings {
        InstanceSettings {
            client: self.owner.slug.clone(),
            license: self.license.hash.fingerprint(),
            terms: self.terms.clone(),
            suspension: self.suspension.clone(),
        }
    }
}
