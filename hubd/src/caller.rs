//! Authenticated callers.

use hub_core::api::Role;
use hub_core::key::KeyHash;
use hub_core::name::KeyName;

use crate::store::Reporter;

/// An instance that sent its hub key with a report.
#[derive(Debug)]
pub(crate) struct ReportingCaller {
    pub(crate) reporter: Reporter,
    pub(crate) hub_key: KeyHash,
    /// Whether this use of the key is still to be noted.
    pub(crate) is_news: bool,
}

/// An operator who sent an admin key.
#[derive(Debug)]
pub(crate) struct AdminCaller {
    pub(crate) name: KeyName,
    pub(crate) role: Role,
    pub(crate) key: KeyHash,
}
