//! Clients on the wire.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Cursor, Limit};
use crate::fields::{Fields, FromFields};
use crate::labels::{LabelPair, Labels};
use crate::model::{self, ClientSettings, ClientStatus, Suspension};
use crate::name::Slug;
use crate::text::{DisplayName, ExternalRef, SearchText};
use crate::time::Timestamp;

/// A client as the API shows it, with counts of its instances.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Client {
    /// A UUID.
    pub id: String,
    /// The client's handle, unique in the hub.
    pub slug: Slug,
    /// The name that people read.
    pub name: DisplayName,
    /// The client's place in the operator's own records.
    pub external_ref: Option<ExternalRef>,
    /// Whether the client's instances work.
    pub status: ClientStatus,
    /// The suspension, while the client is suspended.
    pub suspension: Option<Suspension>,
    /// The operator's labels.
    pub labels: Labels,
    /// When the client was created.
    pub created_at: Timestamp,
    /// When an operator last changed the client.
    pub updated_at: Timestamp,
    /// Counts of the client's instances.
    pub instances: InstanceCounts,
}

impl Client {
    /// Builds the client as the API shows it.
    #[must_use]
    pub fn of(client: model::Client, instances: InstanceCounts) -> Self {
        let ClientSettings { name, external_ref, labels, status, suspension } = client.settings;
        Self {
            id: client.id,
            slug: client.slug,
            name,
            external_ref,
            status,
            suspension,
            labels,
            created_at: client.created_at,
            updated_at: client.updated_at,
            instances,
        }
    }

    /// The fields that operators set.
    #[must_use]
    pub fn settings(&self) -> ClientSettings {
        ClientSettings {
            name: self.name.clone(),
            external_ref: self.external_ref.clone(),
            labels: self.labels.clone(),
            status: self.status,
            suspension: self.suspension.clone(),
        }
    }
}

/// Counts of instances by status.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct InstanceCounts {
    /// All instances.
    pub total: u64,
    /// Never activated.
    pub pending: u64,
    /// Activated.
    pub active: u64,
    /// Suspended.
    pub suspended: u64,
}

/// `POST /api/v1/admin/clients`.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct NewClient {
    /// The name that people read.
    pub name: DisplayName,
    /// The handle; when absent, the hub derives one from the name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slug: Option<Slug>,
    /// The client's place in the operator's own records.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub external_ref: Option<ExternalRef>,
    /// The operator's labels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub labels: Option<Labels>,
}

impl NewClient {
    /// The settings of the new client.
    #[must_use]
    pub fn settings(&self) -> ClientSettings {
        ClientSettings {
            name: self.name.clone(),
            external_ref: self.external_ref.clone(),
            labels: self.labels.clone().unwrap_or_default(),
            status: ClientStatus::Active,
            suspension: None,
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
#[derive(Debug, Clone, Default, Serialize, JsonSchema)]
pub struct ClientQuery {
    /// Only clients whose slug or name contains this text; upper and lower case are the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub q: Option<SearchText>,
    /// Only clients with this status.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<ClientStatus>,
    /// Only rows with all of these labels.
    pub label: Vec<LabelPair>,
    /// The number of rows on a page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<Limit>,
    /// The cursor of the page, from the page before.
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
#[derive(Debug, Clone, Copy, Default, Serialize, JsonSchema)]
pub struct DeleteClientQuery {
    /// Whether to delete the client's instances too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cascade: Option<bool>,
}

impl FromFields for DeleteClientQuery {
    fn from_fields(fields: &mut Fields<'_>) -> Option<Self> {
        Some(Self { cascade: fields.optional("cascade") })
    }
}
