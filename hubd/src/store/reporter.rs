//! An instance that reports.

use hub_core::model::{ClientStatus, suspension};
use hub_core::name::InstanceId;
use hub_core::problem::ErrorCode;
use hub_core::time::Timestamp;

use super::error::Error;
use super::keys::{Holder, known};
use super::row::{FromRow, Row};

/// An instance, with no more than a report needs to know of it.
#[derive(Debug, Clone)]
pub(crate) struct Reporter {
    /// The instance's row.
    pub(crate) id: i64,
    pub(crate) instance_id: InstanceId,
    /// Why it may not report now.
    pub(crate) suspension: Option<ErrorCode>,
    pub(crate) last_seen_at: Option<Timestamp>,
}

impl Holder for Reporter {
    const KNOWN: &'static str =
        known!("i.id, i.instance_id, i.suspended_at, c.status, i.last_seen_at");
}

impl FromRow for Reporter {
    fn from_row(row: &mut Row<'_>) -> Result<Self, Error> {
        let (id, instance_id) = row.next()?;
        let suspended = row.next::<Option<Timestamp>>()?.is_some();
        let client_suspended = row.next::<ClientStatus>()? == ClientStatus::Suspended;
        let suspension = suspension(suspended, client_suspended);
        Ok(Self { id, instance_id, suspension, last_seen_at: row.next()? })
    }
}
