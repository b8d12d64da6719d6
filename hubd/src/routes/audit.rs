//! `/api/v1/admin/audit`.

use std::sync::Arc;

use hub_core::api::{AuditEvent, AuditVerdict, ListAudit, Page, VerifyAudit};
use hub_core::problem::ErrorCode;
use hub_core::time::Range;

use super::paging::Paging;
use crate::call::{Call, Reply};
use crate::domain::Refusal;
use crate::hub::Hub;
use crate::store::AuditFilter;

pub(super) async fn list(
    hub: Arc<Hub>,
    call: Call<ListAudit>,
) -> Result<Reply<Page<AuditEvent>>, Refusal> {
    let (query, now) = (call.query, call.now);
    let paging = Paging::new("audit", query.limit, query.cursor.as_ref())?;
    let before = paging.after.as_deref().map(str::parse).transpose();
    let filter = AuditFilter {
        range: Range::resolve(query.since, query.until, now),
        actor: query.actor.map(|actor| actor.as_str().to_owned()),
        action: query.action,
        target: query.target.map(|target| target.as_str().to_owned()),
        before: before.map_err(|_| ErrorCode::InvalidCursor)?,
    };
    let events = hub.store().list_audit(filter, paging.rows()).await?;
    Ok(Reply::found(paging.page(events, |event| event.seq.to_string())))
}

pub(super) async fn verify(
    hub: Arc<Hub>,
    _: Call<VerifyAudit>,
) -> Result<Reply<AuditVerdict>, Refusal> {
    Ok(Reply::found(hub.store().verify_audit().await?))
}
