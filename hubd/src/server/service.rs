//! The service that hyper calls for each request: it chooses the request's id, routes the request,
//! answers it, and survives a panic.

use std::net::IpAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use hub_core::api::Route;
use hub_core::problem::ErrorCode;
use hyper::body::Incoming;
use hyper::header::{CONNECTION, HeaderValue, TRANSFER_ENCODING};
use hyper::{Request, StatusCode};

use super::request_id::RequestIds;
use super::router::Router;
use super::settings::ServerSettings;
use crate::call::{Answer, Exchange, RequestId, problem};
use crate::domain::Refusal;
use crate::hub::Hub;
use crate::limits::client_of;
use crate::{clock, metrics, routes};

/// The service of all connections.
pub(crate) struct HubService {
    hub: Arc<Hub>,
    router: Router,
    request_ids: RequestIds,
    body_timeout: Duration,
    access_log: bool,
}

impl HubService {
    pub(crate) fn new(hub: Arc<Hub>, settings: &ServerSettings) -> Self {
        let ServerSettings { body_timeout, access_log, .. } = *settings;
        Self {
            hub,
            router: Router::new(),
            request_ids: RequestIds::new(),
            body_timeout,
            access_log,
        }
    }

    pub(super) fn request_ids(&self) -> &RequestIds {
        &self.request_ids
    }

    /// Answers a request from `peer`, even if the handler panics.
    pub(super) async fn answer(&self, request: Request<Incoming>, peer: IpAddr) -> Answer {
        let started = Instant::now();
        let id = self.request_ids.of(request.headers());
        // The framer does not parse chunks, so it cannot find a head behind them.
        let last = request.headers().contains_key(TRANSFER_ENCODING);
        let mut route = None;
        let routed = AssertUnwindSafe(self.route(request, peer, id, &mut route)).catch_unwind();
        let failed = |_| problem::answer(&Refusal::new(ErrorCode::Internal), id, None);
        let mut answer = routed.await.unwrap_or_else(failed);
        problem::set_request_id(&mut answer, id);
        if last {
            answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        let (status, time) = (answer.status(), started.elapsed());
        metrics::answered(route, status, time);
        self.log(route, status, time, id);
        answer
    }

    /// One line for each request, where the operator wants it.
    fn log(&self, route: Option<Route>, status: StatusCode, time: Duration, id: RequestId) {
        let route = route.map_or("", Route::path);
        let (status, micros) =
            (status.as_u16(), u64::try_from(time.as_micros()).unwrap_or(u64::MAX));
        let request_id = id.as_str();
        if self.access_log {
            tracing::info!(route, status, micros, request_id, "answered");
        } else {
            tracing::debug!(route, status, micros, request_id, "answered");
        }
    }

    async fn route(
        &self,
        request: Request<Incoming>,
        peer: IpAddr,
        request_id: RequestId,
        found: &mut Option<Route>,
    ) -> Answer {
        let (head, body) = request.into_parts();
        let target = match self.router.find(&head.method, &head.uri) {
            Ok(target) => target,
            Err(not_found) => {
                let allow = not_found.allow.as_deref();
                return problem::answer(&not_found.refusal, request_id, allow);
            }
        };
        *found = Some(target.route);
        let client = client_of(peer, &head.headers, self.hub.trusted_proxies());
        let exchange = Exchange {
            hub: &self.hub,
            head,
            body,
            handle: target.handle,
            client,
            request_id,
            now: clock::now(),
            body_timeout: self.body_timeout,
        };
        let refusal = match routes::dispatch(target.route, exchange).await {
            Ok(answer) => return answer,
            Err(refusal) => refusal,
        };
        // Each wrong key counts. Over the limit, the address is told only that it is limited.
        let wrong_key = refusal.code.status() == StatusCode::UNAUTHORIZED;
        let limited = wrong_key.then(|| self.hub.guesses().spend(client).err()).flatten();
        let refusal = limited.unwrap_or(refusal);
        if let Some(cause) = refusal.cause() {
            tracing::error!(route = target.route.path(), request_id = request_id.as_str(), %cause, "failed");
        }
        problem::answer(&refusal, request_id, None)
    }
}
