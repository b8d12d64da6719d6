//! The audit log: who changed what, in a chain of hashes.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Cursor, Limit};
use crate::fields::{Field, Fields, FromFields};
use crate::text::Word;
use crate::time::{Moment, Timestamp};

macro_rules! actions {
    ($($(#[doc = $doc:literal])+ $name:ident $text:literal;)+) => {
        /// What was done.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
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

/// One change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditEvent {
    /// Its number; they have no gaps.
    pub seq: i64,
    /// When.
    pub at: Timestamp,
    /// `admin:<key name>`, `instance:<instance_id>` or `system`.
    pub actor: String,
    /// What, as an [`Action`].
    pub action: String,
    /// To which handle or key name.
    pub target: String,
    /// Codes and fingerprints.
    pub detail: BTreeMap<String, String>,
    /// In which request.
    pub request_id: String,
    /// SHA-256 over the hash before and this row.
    pub hash: String,
}

/// The result of recomputing the chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditVerdict {
    /// Nothing was changed, removed or inserted.
    pub ok: bool,
    /// How many events were read.
    pub events: u64,
    /// The last hash; note it elsewhere to see a cut tail.
    pub head: Option<String>,
    /// The number of the first event that does not fit.
    pub first_broken: Option<i64>,
}

/// Filters of `GET /api/v1/admin/audit`.
#[derive(Debug, Clone, Default, Serialize)]
pub struct AuditQuery {
    /// At or after this time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<Moment>,
    /// Before this time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Moment>,
    /// By this actor.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actor: Option<Word>,
    /// Of this action.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub action: Option<Action>,
    /// To this target.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<Word>,
    /// Rows a page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<Limit>,
    /// Where to go on.
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
