//! `/api/v1/instances/{instance_id}/telemetry` and `/api/v1/instances/self/telemetry`.

use std::sync::Arc;

use hub_core::api::{Accepted, GetOwnTelemetry, OwnTelemetry, Preview, ReportReply, SendReport};

use crate::call::{Call, Reply};
use crate::domain::Refusal;
use crate::hub::Hub;
use crate::store::NewReport;

pub(super) async fn report(
    hub: Arc<Hub>,
    call: Call<SendReport>,
) -> Result<Reply<ReportReply>, Refusal> {
    let (report_id, redacted) = (call.body.id().to_string(), call.body.redacted());
    let instance = call.caller.row.id;
    if call.query.dry_run == Some(true) {
        let report = hub.store().preview_report(instance, call.body).await?;
        return Ok(Reply::found(ReportReply::Preview(Preview::of(&report))));
    }
    let entry = NewReport::new(instance, call.caller.hub_key, call.body, call.now);
    let duplicate = hub.count_report(entry).await?;
    Ok(Reply::accepted(ReportReply::Accepted(Accepted { report_id, duplicate, redacted })))
}

pub(super) async fn own(
    hub: Arc<Hub>,
    call: Call<GetOwnTelemetry>,
) -> Result<Reply<OwnTelemetry>, Refusal> {
    let row = call.caller.row;
    let own = hub.store().own_usage(row.id).await?;
    Ok(Reply::found(OwnTelemetry {
        instance_id: row.instance.instance_id,
        reports: own.reports,
        hours: own.hours,
        days: own.days,
    }))
}
