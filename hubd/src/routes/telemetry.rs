//! `/api/v1/instances/{instance_id}/telemetry` and `/api/v1/instances/self/telemetry`.

use std::sync::Arc;

use hub_core::api::{Accepted, GetOwnTelemetry, OwnTelemetry, Preview, ReportReply, SendReport};
use hub_core::problem::ErrorCode;

use crate::call::{Call, Reply};
use crate::domain::Refusal;
use crate::hub::Hub;
use crate::store::ReportWish;

pub(super) async fn report(
    hub: Arc<Hub>,
    call: Call<SendReport>,
) -> Result<Reply<ReportReply>, Refusal> {
    let (report_id, redacted) = (call.body.id().to_string(), call.body.redacted());
    let instance = call.caller.instance.id;
    if call.query.dry_run == Some(true) {
        let report = hub.store().preview_report(instance, &call.body).await?;
        return Ok(Reply::found(ReportReply::Preview(Preview::of(&report))));
    }
    let wish = ReportWish::new(instance, call.caller.hub_key, call.body, call.now);
    let duplicate = hub.count_report(wish).await?;
    Ok(Reply::accepted(ReportReply::Accepted(Accepted { report_id, duplicate, redacted })))
}

pub(super) async fn own(
    hub: Arc<Hub>,
    call: Call<GetOwnTelemetry>,
) -> Result<Reply<OwnTelemetry>, Refusal> {
    let instance = call.caller.instance;
    let own = hub.store().own_usage(instance.id).await?;
    Ok(Reply::found(OwnTelemetry {
        instance_id: instance.instance_id.parse().map_err(|_| ErrorCode::Internal)?,
        reports: own.reports,
        hours: own.hours,
        days: own.days,
    }))
}
