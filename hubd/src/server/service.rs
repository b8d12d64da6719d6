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
use hyper::http::request::Parts;
use hyper::{Request, StatusCode};

use super::framer::{HeadFault, MAX_HEAD, MAX_HEADERS};
use super::request_id::RequestIds;
use super::router::Router;
use super::settings::ServerSettings;
use crate::call::{Answer, Exchange, RequestId, Trace, problem};
use crate::domain::Refusal;
use crate::hub::Hub;
use crate::limits::{CallerPermit, Class, LimitsSettings, Lines, Turn, TurnPermit, client_of};
use crate::{clock, metrics, routes};

/// The service of all connections.
pub(crate) struct HubService {
    hub: Arc<Hub>,
    router: Router,
    request_ids: RequestIds,
    body_timeout: Duration,
    access_log: bool,
}

/// A request that was answered.
pub(super) struct Answered {
    pub(super) answer: Answer,
    /// The body, if it has not arrived whole: what comes next may be the rest of it.
    pub(super) body: Option<Incoming>,
    pub(super) kept: Kept,
}

/// What a request has until its answer is sent: its turn on the connection, and its caller's share.
pub(super) struct Kept {
    _turn: Option<TurnPermit>,
    _caller_permit: Option<CallerPermit>,
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

    /// The id of a request whose head is refused.
    pub(super) fn next_id(&self) -> RequestId {
        self.request_ids.next()
    }

    pub(super) fn limits(&self) -> &LimitsSettings {
        self.hub.limits()
    }

    pub(super) fn lines(&self) -> &Lines {
        self.hub.lines()
    }

    /// Answers a request from `peer`, even if the handler panics. A head with a fault is refused.
    pub(super) async fn answer(
        &self,
        request: Request<Incoming>,
        fault: Option<HeadFault>,
        peer: IpAddr,
        turn: Turn,
    ) -> Answered {
        let started = Instant::now();
        let (head, mut body) = request.into_parts();
        let client = client_of(peer, &head.headers, self.hub.trusted_proxies());
        let mut trace = Trace::new(self.next_id(), !body.is_end_stream());
        let mut route = None;
        let routed = async {
            if let Some((status, refusal)) = fault.map(refusal_of) {
                return problem::answer_with(status, &refusal, trace.request_id, None);
            }
            self.route((head, &mut body), client, &turn, &mut trace, &mut route).await
        };
        let routed = AssertUnwindSafe(routed).catch_unwind().await;
        let time = started.elapsed();
        let is_limited =
            routed.as_ref().is_ok_and(|answer| answer.status() == StatusCode::TOO_MANY_REQUESTS);
        if !trace.is_proven || is_limited {
            turn.wait();
            self.hub.shares().pace(client).await;
        }
        let kept = Kept { _turn: turn.rest(), _caller_permit: trace.caller_permit };
        let id = trace.request_id;
        let failed = |_| problem::answer(&Refusal::new(ErrorCode::Internal), id, None);
        let mut answer = routed.unwrap_or_else(failed);
        problem::set_request_id(&mut answer, id);
        let status = answer.status();
        metrics::answered(route, status, time);
        self.log(route, status, time, id);
        Answered { answer, body: trace.body_left.then_some(body), kept }
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
        (head, body): (Parts, &mut Incoming),
        client: IpAddr,
        turn: &Turn,
        trace: &mut Trace,
        found: &mut Option<Route>,
    ) -> Answer {
        let target = match self.router.find(&head.method, &head.uri) {
            Ok(target) if !turn.is_beyond() || may_pass(target.route) => target,
            Err(not_found) if !turn.is_beyond() => {
                let allow = not_found.allow.as_deref();
                return problem::answer(&not_found.refusal, trace.request_id, allow);
            }
            _ => return problem::answer(&beyond(), trace.request_id, None),
        };
        *found = Some(target.route);
        let exchange = Exchange {
            hub: &self.hub,
            head,
            body,
            handle: target.handle,
            client,
            turn,
            trace,
            now: clock::now(),
            body_timeout: self.body_timeout,
        };
        let refusal = match routes::dispatch(target.route, exchange).await {
            Ok(answer) if turn.is_beyond() && !Class::is_vital(target.route) => {
                drop(answer);
                beyond()
            }
            Ok(answer) => return answer,
            Err(_) if turn.is_beyond() && !Class::is_vital(target.route) => beyond(),
            Err(refusal) => refusal,
        };
        // Each wrong key counts. Over the limit, the address is told only that it is limited.
        let wrong_key = refusal.code.status() == StatusCode::UNAUTHORIZED;
        let limited = wrong_key.then(|| self.hub.guesses().spend(client).err()).flatten();
        let refusal = limited.unwrap_or(refusal);
        self.hub.lines().warn_of(target.route, refusal.code, trace.request_id.as_str());
        if let Some(cause) = refusal.cause()
            && self.hub.lines().is_first(target.route.path(), refusal.code.as_str())
        {
            let (route, request_id) = (target.route.path(), trace.request_id.as_str());
            tracing::error!(route, request_id, %cause, "failed");
        }
        problem::answer(&refusal, trace.request_id, None)
    }
}

/// Whether a connection beyond the limit of its address may ask for this: a key may be shown, and the
/// hub's health is told to everybody.
fn may_pass(route: Route) -> bool {
    !matches!(route.access(), Access::Public | Access::Open) || Class::is_vital(route)
}

/// The refusal for a stranger whose address has too many connections.
pub(super) fn beyond() -> Refusal {
    let why = "this address has too many connections: close some, or wait";
    Refusal::limited(why, Duration::from_secs(1))
}

/// The refusal of a head, with a status that says more than the one of its code.
pub(super) fn refusal_of(fault: HeadFault) -> (StatusCode, Refusal) {
    let code = ErrorCode::InvalidRequestTarget;
    match fault {
        HeadFault::Malformed(why) => (StatusCode::BAD_REQUEST, Refusal::because(code, why)),
        HeadFault::TooLarge => {
            let why = format!(
                "the request line and headers may have at most {} KiB and {MAX_HEADERS} headers",
                MAX_HEAD / 1024
            );
            (StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, Refusal::because(code, why))
        }
    }
}
