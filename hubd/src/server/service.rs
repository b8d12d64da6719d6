//! The service that hyper calls for each request: it chooses the request's id, routes the request,
//! answers it, and survives a panic.

use std::net::IpAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use hub_core::api::{Access, Route};
use hub_core::problem::ErrorCode;
use hyper::body::{Body, Incoming};
use hyper::header::{CONNECTION, HeaderValue, TRANSFER_ENCODING};
use hyper::{Request, StatusCode};
use tracing::Level;

use super::request_id::RequestIds;
use super::router::Router;
use crate::call::{Answer, Exchange, Trace, problem};
use crate::domain::Refusal;
use crate::hub::Hub;
use crate::limits::{Class, LimitsSettings, Lines, Place, client_of};
use crate::{clock, routes};

/// The service of all connections.
pub(crate) struct HubService {
    hub: Arc<Hub>,
    router: Router,
    request_ids: RequestIds,
    body_timeout: Duration,
}

impl HubService {
    pub(crate) fn new(hub: Arc<Hub>, body_timeout: Duration) -> Self {
        Self { hub, router: Router::new(), request_ids: RequestIds::new(), body_timeout }
    }

    pub(super) fn request_ids(&self) -> &RequestIds {
        &self.request_ids
    }

    pub(super) fn limits(&self) -> &LimitsSettings {
        self.hub.limits()
    }

    pub(super) fn lines(&self) -> &Lines {
        self.hub.lines()
    }

    /// Answers a request from `peer`, even if the handler panics.
    pub(super) async fn answer(
        &self,
        request: Request<Incoming>,
        peer: IpAddr,
        place: &Place,
    ) -> Answer {
        let started = tracing::enabled!(Level::DEBUG).then(Instant::now);
        let body_left = !request.body().is_end_stream();
        let client = client_of(peer, request.headers(), self.hub.trusted_proxies());
        let request_id = self.request_ids.next();
        let mut trace = Trace { request_id, body_left, is_proven: false };
        // The framer does not parse chunks, so it cannot find a head behind them.
        let is_chunked = request.headers().contains_key(TRANSFER_ENCODING);
        let mut route = "";
        place.work();
        let routed = self.route(request, client, place, &mut trace, &mut route);
        let routed = AssertUnwindSafe(routed).catch_unwind().await;
        if !trace.is_proven {
            place.wait();
            self.hub.shares().pace(client).await;
        }
        place.rest();
        let id = trace.request_id;
        let failed = |_| problem::answer(&Refusal::new(ErrorCode::Internal), id, None);
        let mut answer = routed.unwrap_or_else(failed);
        problem::set_request_id(&mut answer, id);
        if is_chunked || trace.body_left || place.is_beyond() {
            answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        if let Some(started) = started {
            let (status, micros) = (answer.status().as_u16(), started.elapsed().as_micros());
            tracing::debug!(route, status, micros, request_id = id.as_str(), "answered");
        }
        answer
    }

    async fn route(
        &self,
        request: Request<Incoming>,
        client: IpAddr,
        place: &Place,
        trace: &mut Trace,
        name: &mut &'static str,
    ) -> Answer {
        let (head, body) = request.into_parts();
        let target = match self.router.find(&head.method, &head.uri) {
            Ok(target) if !place.is_beyond() || may_pass(target.route) => target,
            Err(not_found) if !place.is_beyond() => {
                let allow = not_found.allow.as_deref();
                return problem::answer(&not_found.refusal, trace.request_id, allow);
            }
            _ => return problem::answer(&beyond(), trace.request_id, None),
        };
        *name = target.route.path();
        let exchange = Exchange {
            hub: &self.hub,
            head,
            body,
            handle: target.handle,
            client,
            place,
            trace,
            now: clock::now(),
            body_timeout: self.body_timeout,
        };
        let refusal = match routes::dispatch(target.route, exchange).await {
            Ok(answer) if place.is_beyond() && !Class::is_vital(target.route) => {
                drop(answer);
                beyond()
            }
            Ok(answer) => return answer,
            Err(_) if place.is_beyond() && !Class::is_vital(target.route) => beyond(),
            Err(refusal) => refusal,
        };
        // Each wrong key counts. Over the limit, the address is told only that it is limited.
        let wrong_key = refusal.code.status() == StatusCode::UNAUTHORIZED;
        let limited = wrong_key.then(|| self.hub.guesses().spend(client).err()).flatten();
        let refusal = limited.unwrap_or(refusal);
        if let Some(cause) = refusal.cause()
            && self.hub.lines().is_first(name, refusal.code.as_str())
        {
            tracing::error!(route = *name, request_id = trace.request_id.as_str(), %cause, "failed");
        }
        problem::answer(&refusal, trace.request_id, None)
    }
}

/// Whether a connection beyond the limit of its address may ask for this: a key may be shown, and the
/// hub's health is told to everybody.
fn may_pass(route: Route) -> bool {
    route.access() != Access::Public || Class::is_vital(route)
}

/// The refusal for a stranger whose address has too many connections.
pub(super) fn beyond() -> Refusal {
    let why = "this address has too many connections: close some, or wait";
    Refusal::limited(why, Duration::from_secs(1))
}
