//! Who calls, once it is proven.

use hub_core::api::Role;
use hub_core::key::{Fingerprint, KeyHash};

use crate::store::InstanceRecord;

/// An instance.
#[derive(Debug)]
pub(crate) struct HubCaller {
    pub(crate) instance: InstanceRecord,
}

/// An instance that may report for itself.
#[derive(Debug)]
pub(crate) struct Reporter {
    pub(crate) instance: InstanceRecord,
    pub(crate) hub_key: KeyHash,
}

/// An operator.
#[derive(Debug)]
pub(crate) struct AdminCaller {
    pub(crate) name: String,
    pub(crate) role: Role,
    pub(crate) fingerprint: Fingerprint,
}
