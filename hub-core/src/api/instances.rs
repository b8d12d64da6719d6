//! Instances: one installation of the platform, with its license and hub key.

use serde::{Deserialize, Serialize};

use super::{Cursor, Limit};
use crate::fields::{Field, Fields, FromFields, Patch};
use crate::key::{Fingerprint, KeyHash, License, Shown};
use crate::labels::{Entitlements, LabelPair, Labels};
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
    /// What was made of it.
    pub status: InstanceStatus,
    /// What that comes to now, with its client's status and the dates.
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

/// What was made of an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InstanceStatus {
    /// Never activated.
    Pending,
    /// Activated.
    Active,
    /// Suspended by an operator.
    Suspended,
}

/// What an instance's status comes to, with its client's status and the dates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EffectiveStatus {
    /// Never activated.
    Pending,
    /// Activated, perhaps in grace.
    Active,
    /// Suspended itself.
    Suspended,
    /// Its client is suspended.
    ClientSuspended,
    /// Its license and the grace after it have ended.
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

/// Since when and why an instance is suspended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suspension {
    /// The operator's code.
    pub reason: Option<ReasonCode>,
    /// Since when.
    pub since: Timestamp,
}

macro_rules! bounded {
    ($(#[doc = $doc:literal])+ $name:ident, $max:literal, $expected:literal) => {
        $(#[doc = $doc])+
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
        #[serde(try_from = "u32", into = "u32")]
        pub struct $name(u32);

        impl $name {
            /// The number.
            #[must_use]
            pub fn get(self) -> u32 {
                self.0
            }
        }

        impl TryFrom<u32> for $name {
            type Error = &'static str;
            fn try_from(number: u32) -> Result<Self, Self::Error> {
                (number <= $max).then_some(Self(number)).ok_or(Self::EXPECTED)
            }
        }

        impl From<$name> for u32 {
            fn from(number: $name) -> Self {
                number.0
            }
        }

        impl std::str::FromStr for $name {
            type Err = &'static str;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse::<u32>().map_err(|_| Self::EXPECTED)?.try_into()
            }
        }

        impl Field for $name {
            const EXPECTED: &'static str = $expected;
        }
    };
}

pub(super) use bounded;

bounded!(
    /// Days that a license works after its end: 0 to 90.
    GraceDays,
    90,
    "must be a number from 0 to 90"
);
bounded!(
    /// How often a license may be activated: 0 to 1,000,000,000.
    ActivationLimit,
    1_000_000_000,
    "must be a number from 0 to 1000000000"
);
/// `POST /api/v1/admin/clients/{id}/instances`.
#[derive(Debug, Clone, Default, Serialize)]
pub struct NewInstance {
    /// The handle; made from the client's slug when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instance_id: Option<InstanceId>,
    /// A license key that the caller made; absent, the hub makes one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub license_sha256: Option<KeyHash>,
    /// When the license ends; absent means never.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// For how many days it works after that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grace_days: Option<GraceDays>,
    /// How often it may be activated; absent means without limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_activations: Option<ActivationLimit>,
    /// What it entitles to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entitlements: Option<Entitlements>,
    /// Labels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub labels: Option<Labels>,
    /// The hub key of an installation that moves here from an older hub; it is active at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hub_key_sha256: Option<KeyHash>,
}

impl FromFields for NewInstance {
    fn from_fields(fields: &mut Fields<'_>) -> Option<Self> {
        let new = Self {
            instance_id: fields.optional("instance_id"),
            license_sha256: fields.optional("license_sha256"),
            expires_at: fields.optional("expires_at"),
            grace_days: fields.optional("grace_days"),
            max_activations: fields.optional("max_activations"),
            entitlements: fields.optional("entitlements"),
            labels: fields.optional("labels"),
            hub_key_sha256: fields.optional("hub_key_sha256"),
        };
        if new.hub_key_sha256.is_some() && new.max_activations.is_some_and(|max| max.get() == 0) {
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

/// `PATCH /api/v1/admin/instances/{instance_id}`.
#[derive(Debug, Clone, Default, Serialize)]
pub struct InstancePatch {
    /// When the license ends, or never.
    #[serde(skip_serializing_if = "Patch::is_keep")]
    pub expires_at: Patch<Timestamp>,
    /// For how many days it works after that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grace_days: Option<GraceDays>,
    /// How often it may be activated, or without limit.
    #[serde(skip_serializing_if = "Patch::is_keep")]
    pub max_activations: Patch<ActivationLimit>,
    /// The whole new set of entitlements.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entitlements: Option<Entitlements>,
    /// The whole new set of labels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub labels: Option<Labels>,
}

impl FromFields for InstancePatch {
    fn from_fields(fields: &mut Fields<'_>) -> Option<Self> {
        Some(Self {
            expires_at: fields.patch("expires_at"),
            grace_days: fields.replace("grace_days"),
            max_activations: fields.patch("max_activations"),
            entitlements: fields.replace("entitlements"),
            labels: fields.replace("labels"),
        })
    }
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
