//! Instances: an instance is one installation of the platform, with its license and hub key.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{ClientStatus, Standing, Terms};
use crate::key::{Fingerprint, KeyHash};
use crate::name::{InstanceId, Slug};
use crate::text::ReasonCode;
use crate::time::Timestamp;

/// An instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instance {
    /// The instance's handle, unique in the hub.
    pub instance_id: InstanceId,
    /// The client that the instance was issued to.
    pub owner: Owner,
    /// The terms of the license, which operators set.
    pub terms: Terms,
    /// How often the license was activated.
    pub activations: u32,
    /// The newest license key.
    pub license: IssuedKey,
    /// The newest hub key; `None` before the first activation.
    pub hub_key: Option<IssuedKey>,
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
}

/// The part of a client that each of its instances carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// The client's id, a UUID.
    pub id: String,
    /// The client's handle.
    pub slug: Slug,
    /// Whether the client's instances work.
    pub status: ClientStatus,
}

/// The hash of an instance's key, and when the key was issued.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IssuedKey {
    /// SHA-256 of the key.
    pub hash: KeyHash,
    /// When the key was issued.
    pub issued_at: Timestamp,
}

/// Since when an instance is suspended, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Suspension {
    /// The operator's code for the reason.
    pub reason: Option<ReasonCode>,
    /// When the suspension began.
    pub since: Timestamp,
}

/// The fields of an instance that operators set, without counters and times. The entity tag stands for
/// these fields, and a plan relies on them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstanceSettings {
    /// The client's handle.
    pub client: Slug,
    /// The fingerprint of the newest license key.
    pub license: Fingerprint,
    /// The terms of the license.
    #[serde(flatten)]
    pub terms: Terms,
    /// The suspension, while the instance is suspended.
    pub suspension: Option<Suspension>,
}

impl Suspension {
    /// The same suspension, for this reason if one is given.
    #[must_use]
    pub fn because(&self, reason: Option<&ReasonCode>) -> Self {
        Self { reason: reason.or(self.reason.as_ref()).cloned(), since: self.since }
    }
}

impl Instance {
    /// The facts that decide whether the instance works.
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

    /// The fields that operators set.
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
