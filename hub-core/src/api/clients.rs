//! Clients on the wire.

use serde::{Deserialize, Serialize};

use super::{Cursor, Limit};
use crate::fields::{Fields, FromFields};
use crate::labels::{LabelPair, Labels};
use crate::model::{self, ClientSettings, ClientStatus};
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

impl Client {
    /// The client as the API shows it.
    #[must_use]
    pub fn of(client: model::Client, instances: InstanceCounts) -> Self {
        let ClientSettings { name, external_ref, labels, status } = client.settings;
        Self {
            id: client.id,
            slug: client.slug,
            name,
            external_ref,
            status,
            labels,
            created_at: client.created_at,
            updated_at: client.updated_at,
            instances,
        }
    }

    /// What operators set of it.
    #[must_use]
    pub fn settings(&self) -> ClientSettings {
        ClientSettings {
            name: self.name.clone(),
            external_ref: self.external_ref.clone(),
            labels: self.labels.clone(),
            status: self.status,
        }
    }
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

impl NewClient {
    /// What the new client starts with.
    #[must_use]
    pub fn settings(&self) -> ClientSettings {
        ClientSettings {
            name: self.name.clone(),
            external_ref: self.external_ref.clone(),
            labels: self.labels.clone().unwrap_or_default(),
            status: ClientStatus::Active,
        }
    }
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
