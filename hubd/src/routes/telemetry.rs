//! `/api/v1/instances/{instance_id}/telemetry`.

use std::sync::Arc;

use hub_core::api::{Accepted, Preview, ReportReply, SendReport};
use hub_core::problem::ErrorCode;
use hub_core::redact::Reason;

use crate::call::{Call, Reply};
use crate::caller::ReportingCaller;
use crate::domain::Refusal;
use crate::hub::Hub;
use crate::store::{NewReport, ReportResult, Sighting};

/// How often a report is read anew because the catalogue changed meanwhile.
const READINGS: usize = 5;

pub(super) async fn report(
    hub: Arc<Hub>,
    call: Call<SendReport>,
) -> Result<Reply<ReportReply>, Refusal> {
    if call.query.dry_run == Some(true) {
        return preview(&hub, &call).await;
    }
    #[cfg(feature = "proof")]
    if hub_core::proof::leak() == Some(hub_core::proof::Leak::Text) {
        hub.store().keep_text(call.body.leaked()).await?;
    }
    let mut listed = hub.store().known_listed().await?;
    for _ in 0..READINGS {
        let report = call.body.redact(&listed, call.now)?;
        let (report_id, mut reasons) = (report.id().to_string(), report.reasons().clone());
        let ReportingCaller { reporter, hub_key, is_news } = &call.caller;
        let by = Sighting { instance: reporter.id, hub_key: *hub_key, now: call.now };
        let entry = NewReport::new(by, *is_news, report, &listed);
        let duplicate = match hub.count_report(entry).await? {
            ReportResult::Stored { over_limit } => {
                reasons.add(Reason::OverLimit, over_limit);
                false
            }
            ReportResult::Duplicate => true,
            ReportResult::Refused(code) => return Err(code.into()),
            ReportResult::Stale => {
                listed = hub.store().read_listed().await?;
                continue;
            }
        };
        let redacted = reasons.total();
        let accepted = Accepted { report_id, duplicate, redacted, reasons };
        return Ok(Reply::accepted(ReportReply::Accepted(accepted)));
    }
    Err(Refusal::because(ErrorCode::Overloaded, "the catalogue changes too often: try again"))
}

/// What would be stored. It takes no lock that writes wait for.
async fn preview(hub: &Hub, call: &Call<SendReport>) -> Result<Reply<ReportReply>, Refusal> {
    let listed = hub.store().read_listed().await?;
    let (report, mut places) = call.body.inspect(&listed, call.now)?;
    let kept = hub.store().preview_report(call.caller.reporter.id, report, &listed).await?;
    places.note_folded(&kept, &listed);
    let preview = Preview::of(&kept, &listed, places.into_dropped());
    Ok(Reply::found(ReportReply::Preview(preview)))
}
