//! The audit log: who changed what, in a chain of hashes.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Cursor, Limit};
use crate::fields::{Field, Fields, FromFields};
use crate::text::Word;
use crate::time::{Moment, Timestamp};

macro_rules! actions {
    ($($(#[doc = $doc:literal])+ $name:ident $text:literal;)+) => {
        /// A kind of change.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
        pub enum Action { $($(#[doc = $doc])+ #[serde(rename = $text)] $name,)+ }

        impl Action {
            /// Every action.
            pub const ALL: &[Self] = &[$(Self::$name,)+];

            /// The name on the wire.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)+ }
            }
        }
    };
}

actions! {
    /// A client was created.
    ClientCreate "client.create";
    /// A client was changed.
    ClientUpdate "client.update";
    /// A client was suspended.
    ClientSuspend "client.suspend";
    /// A client's suspension ended.
    ClientReactivate "client.reactivate";
    /// A client was deleted.
    ClientDelete "client.delete";
    /// An instance was issued.
    InstanceCreate "instance.create";
    /// An instance was changed.
    InstanceUpdate "instance.update";
    /// An instance was activated.
    InstanceActivate "instance.activate";
    /// An instance was suspended.
    InstanceSuspend "instance.suspend";
    /// An instance's suspension ended.
    InstanceReactivate "instance.reactivate";
    /// An instance was deleted.
    InstanceDelete "instance.delete";
    /// An instance's license key was replaced.
    InstanceRotateLicense "instance.rotate_license";
    /// An instance's hub key was replaced.
    InstanceRotateHubKey "instance.rotate_hub_key";
    /// An admin key was created.
    AdminKeyCreate "admin_key.create";
    /// An admin key was revoked.
    AdminKeyRevoke "admin_key.revoke";
    /// The catalogue of tool names was set.
    CatalogueSet "catalogue.set";
}

impl Field for Action {
    const EXPECTED: &'static str = "must be an action, such as instance.activate";
}

/// One change in the audit log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AuditEvent {
    /// The number of the event. The numbers have no gaps.
    pub seq: i64,
    /// When the change was made.
    pub at: Timestamp,
    /// The author of the change: `admin:<key name>`, `instance:<instance_id>` or `system`.
    pub actor: String,
    /// The kind of the change, as the name of an [`Action`].
    pub action: String,
    /// The handle or the key name of the changed object.
    pub target: String,
    /// Details of the change: codes, fingerprints and numbers.
    pub detail: BTreeMap<String, String>,
    /// The id of the request that made the change.
    pub request_id: String,
    /// SHA-256 of the previous event's hash and this event.
    pub hash: String,
}

/// The result of verifying the audit chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AuditVerdict {
    /// Whether the chain is intact: no event was changed, removed or inserted.
    pub ok: bool,
    /// The number of events that were read.
    pub events: u64,
    /// The hash of the last event. A copy kept elsewhere shows later whether events at the end were
    /// removed.
    pub head: Option<String>,
    /// The number of the first event that does not fit the chain.
    pub first_broken: Option<i64>,
}

/// Filters of `GET /api/v1/admin/audit`.
#[derive(Debug, Clone, Default, Serialize, JsonSchema)]
pub struct AuditQuery {
    /// Only events at or after this time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<Moment>,
    /// Only events before this time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Moment>,
    /// Only events of this actor.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actor: Option<Word>,
    /// Only events with this action.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub action: Option<Action>,
    /// Only events with this target.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<Word>,
    /// The number of rows on a page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<Limit>,
    /// The cursor of the page, from the page before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cursor: Option<Cursor>,
}

impl FromFields for AuditQuery {
    fn from_fields(fields: &mut Fields<'_>) -> Option<Self> {
        Some(Self {
            since: fields.optional("since"),
            until: fields.optional("until"),
            actor: fields.optional("actor"),
            action: fields.optional("action"),
            target: fields.optional("target"),
            limit: fields.optional("limit"),
            cursor: fields.optional("cursor"),
        })
    }
}
