//! `/api/v1/instances/self/telemetry`: an answer of any length, which is read from the database page by
//! page as the caller takes it.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream;
use hub_core::api::{GetOwnTelemetry, OwnTelemetry, Period, Route};
use hub_core::name::InstanceId;
use hub_core::problem::ErrorCode;

use crate::call::{Call, CutShort, Reply};
use crate::domain::Refusal;
use crate::hub::Hub;
use crate::limits::Class;
use crate::store::{OwnUsageKept, Span};

const ROUTE: Route = Route::GetOwnTelemetry;

pub(super) async fn get(
    hub: Arc<Hub>,
    call: Call<GetOwnTelemetry>,
) -> Result<Reply<OwnTelemetry>, Refusal> {
    let row = call.caller;
    let kept = hub.store().own_usage(row.id).await?;
    let mut answer = Answer::new(&row.instance.instance_id, row.id, kept)?;
    // The first page is read before the answer begins: if that fails, the caller is told.
    let begin = [answer.next(&hub).await?, answer.next(&hub).await?].concat().into();
    let rest = stream::unfold((hub, answer), |(hub, mut answer)| async {
        let next = answer.go_on(&hub).await.transpose()?;
        Some((next, (hub, answer)))
    });
    Ok(Reply::streamed(begin, rest))
}

/// An answer that is being made.
struct Answer {
    instance: i64,
    /// What is left of it; the next part is the last.
    left: Vec<Part>,
    /// Whether a period was written since the last text.
    follows: bool,
}

/// A part of the answer.
enum Part {
    Text(Bytes),
    Periods(Span),
}

impl Answer {
    fn new(id: &InstanceId, instance: i64, kept: OwnUsageKept) -> Result<Self, Refusal> {
        let OwnUsageKept { reports, hours, days } = kept;
        let id = serde_json::to_string(id).map_err(|_| ErrorCode::Internal)?;
        let begin = format!(r#"{{"instance_id":{id},"reports":{reports},"hours":["#);
        let text = |text: &'static str| Part::Text(Bytes::from_static(text.as_bytes()));
        let left = [text("]}")]
            .into_iter()
            .chain(days.map(Part::Periods))
            .chain([text(r#"],"days":["#)])
            .chain(hours.map(Part::Periods))
            .chain([Part::Text(begin.into())]);
        Ok(Self { instance, left: left.collect(), follows: false })
    }

    /// The next bytes, once no other instance reads.
    async fn go_on(&mut self, hub: &Hub) -> Result<Option<Bytes>, CutShort> {
        let permit = hub.shares().work(&const { Class::of(ROUTE) }).await;
        let next = match permit {
            Ok(_permit) => self.next(hub).await,
            Err(refusal) => Err(refusal),
        };
        next.map(|bytes| (!bytes.is_empty()).then_some(bytes)).map_err(|refusal| {
            let cause = refusal.cause().map(tracing::field::display);
            if hub.lines().is_first(ROUTE.path(), refusal.code.as_str()) {
                tracing::error!(route = ROUTE.path(), cause, "an answer was cut short");
            }
            CutShort
        })
    }

    /// The next bytes; none at the end.
    async fn next(&mut self, hub: &Hub) -> Result<Bytes, Refusal> {
        while let Some(part) = self.left.pop() {
            match part {
                Part::Text(text) => {
                    self.follows = false;
                    return Ok(text);
                }
                Part::Periods(span) => match hub.store().own_page(self.instance, span).await? {
                    Some(periods) if periods.is_empty() => {}
                    Some(periods) => return self.write(&periods),
                    None => {
                        let halves = span.halves().into_iter().flatten().rev();
                        self.left.extend(halves.map(Part::Periods));
                    }
                },
            }
        }
        Ok(Bytes::new())
    }

    fn write(&mut self, periods: &[Period]) -> Result<Bytes, Refusal> {
        let mut json = Vec::with_capacity(1024);
        for period in periods {
            if std::mem::replace(&mut self.follows, true) {
                json.push(b',');
            }
            serde_json::to_writer(&mut json, period).map_err(|_| ErrorCode::Internal)?;
        }
        Ok(json.into())
    }
}
