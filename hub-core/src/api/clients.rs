//! Clients: who instances are issued to.

use serde::{Deserialize, Serialize};

use super::{Cursor, Limit};
use crate::fields::{Field, Fields, FromFields, Patch};
use crate::labels::{LabelPair, Labels};
use crate::name::Slug;
use crate::text::{DisplayName, ExternalRef, SearchText};
use crate::time::Timestamp;

/// A client, with how many instances it has.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Client {
    /// A UUID.
    pub id: String,
    /// The unique handle.
    pub slug: Slug,
    /// The name for people.
    pub name: DisplayName,
    /// Where the operator's own records have it.
    pub external_ref: Option<ExternalRef>,
    /// Whether its instances work.
    pub status: ClientStatus,
    /// The operator's labels.
    pub labels: Labels,
    /// When it was created.
    pub created_at: Timestamp,
    /// When an operator last changed it.
    pub updated_at: Timestamp,
    /// How many instances it has.
    pub instances: InstanceCounts,
}

/// Whether a client's instances work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClientStatus {
    /// They do.
    Active,
    /// All are refused.
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

/// Instances by status.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstanceCounts {
    /// All.
    pub total: u64,
    /// Never activated.
    pub pending: u64,
    /// Activated.
    pub active: u64,
    /// Suspended.
    pub suspended: u64,
}

/// `POST /api/v1/admin/clients`.
#[derive(Debug, Clone, Serialize)]
pub struct NewClient {
    /// The name for people.
    pub name: DisplayName,
    /// The handle; derived from the name when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slug: Option<Slug>,
    /// Where the operator's own records have it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub external_ref: Option<ExternalRef>,
    /// Labels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub labels: Option<Labels>,
}

impl FromFields for NewClient {
    fn from_fields(fields: &mut Fields<'_>) -> Option<Self> {
        let name = fields.required("name");
        let slug = fields.optional("slug");
        let external_ref = fields.optional("external_ref");
        let labels = fields.optional("labels");
        Some(Self { name: name?, slug, external_ref, labels })
    }
}

/// `PATCH /api/v1/admin/clients/{id}`.
#[derive(Debug, Clone, Default, Serialize)]
pub struct ClientPatch {
    /// A new name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<DisplayName>,
    /// A new reference, or none.
    #[serde(skip_serializing_if = "Patch::is_keep")]
    pub external_ref: Patch<ExternalRef>,
    /// The whole new set of labels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub labels: Option<Labels>,
    /// Suspend or reactivate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<ClientStatus>,
}

impl FromFields for ClientPatch {
    fn from_fields(fields: &mut Fields<'_>) -> Option<Self> {
        Some(Self {
            name: fields.replace("name"),
            external_ref: fields.patch("external_ref"),
            labels: fields.replace("labels"),
            status: fields.replace("status"),
        })
    }
}

/// Filters of `GET /api/v1/admin/clients`.
#[derive(Debug, Clone, Default, Serialize)]
pub struct ClientQuery {
    /// Part of the slug or name, in any case.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub q: Option<SearchText>,
    /// With this status.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<ClientStatus>,
    /// With all of these labels.
    pub label: Vec<LabelPair>,
    /// Rows a page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<Limit>,
    /// Where to go on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cursor: Option<Cursor>,
}

impl FromFields for ClientQuery {
    fn from_fields(fields: &mut Fields<'_>) -> Option<Self> {
        Some(Self {
            q: fields.optional("q"),
            status: fields.optional("status"),
            label: LabelPair::filters(fields),
            limit: fields.optional("limit"),
            cursor: fields.optional("cursor"),
        })
    }
}

/// Parameters of `DELETE /api/v1/admin/clients/{id}`.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct DeleteClientQuery {
    /// Delete its instances too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cascade: Option<bool>,
}

impl FromFields for DeleteClientQuery {
    fn from_fields(fields: &mut Fields<'_>) -> Option<Self> {
        Some(Self { cascade: fields.optional("cascade") })
    }
}
