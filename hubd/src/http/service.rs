//! What hyper calls for each request: names it, routes it, answers it, and survives its panics.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use hub_core::problem::ErrorCode;
use hyper::body::Incoming;
use hyper::header::{CONNECTION, HeaderValue, TRANSFER_ENCODING};
use hyper::{Request, StatusCode};

use super::call::Exchange;
use super::guess::client_of;
use super::problem::{self, Answer, REQUEST_ID};
use super::request_id::RequestIds;
use super::router::Router;
use crate::domain::Refusal;
use crate::hub::Hub;
use crate::{clock, routes};

/// The service of all connections.
#[derive(Clone)]
pub(crate) struct HubService {
    hub: Arc<Hub>,
    router: Arc<Router>,
    request_ids: Arc<RequestIds>,
    body_timeout: Duration,
}

impl HubService {
    pub(crate) fn new(hub: Arc<Hub>, body_timeout: Duration) -> Self {
        let (router, request_ids) = (Arc::new(Router::new()), Arc::new(RequestIds::new()));
        Self { hub, router, request_ids, body_timeout }
    }

    pub(super) fn request_ids(&self) -> &RequestIds {
        &self.request_ids
    }

    /// The service of one connection.
    pub(super) fn of_peer(&self, peer: SocketAddr) -> PeerService {
        PeerService { service: self.clone(), peer: peer.ip() }
    }

    async fn answer(&self, request: Request<Incoming>, peer: IpAddr) -> Answer {
        let started = Instant::now();
        let request_id = self.request_ids.of(request.headers());
        // Where the next head begins is not known after chunks: see `gate`.
        let last = request.headers().contains_key(TRANSFER_ENCODING);
        let mut route = "";
        let routed = AssertUnwindSafe(self.route(request, peer, &request_id, &mut route));
        let mut answer = routed.catch_unwind().await.unwrap_or_else(|_| {
            problem::answer(&Refusal::new(ErrorCode::Internal), &request_id, None)
        });
        if let Ok(id) = HeaderValue::from_str(&request_id) {
            answer.headers_mut().insert(REQUEST_ID, id);
        }
        if last {
            answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        let (status, micros) = (answer.status().as_u16(), started.elapsed().as_micros());
        tracing::debug!(route, status, micros, request_id, "answered");
        answer
    }

    async fn route(
        &self,
        request: Request<Incoming>,
        peer: IpAddr,
        request_id: &str,
        name: &mut &'static str,
    ) -> Answer {
        let (head, body) = request.into_parts();
        let target = match self.router.find(&head.method, &head.uri) {
            Ok(target) => target,
            Err(astray) => {
                return problem::answer(&astray.refusal, request_id, astray.allow.as_deref());
            }
        };
        *name = target.route.path();
        let client = client_of(peer, &head.headers, self.hub.trusted_proxies());
        let exchange = Exchange {
            hub: Arc::clone(&self.hub),
            head,
            body,
            handle: target.handle,
            client,
            request_id: request_id.to_owned(),
            now: clock::now(),
            body_timeout: self.body_timeout,
        };
        let refusal = match routes::dispatch(target.route, exchange).await {
            Ok(answer) => return answer,
            Err(refusal) => refusal,
        };
        // A wrong key costs; an address that has guessed too often learns nothing more.
        let wrong_key = refusal.code.status() == StatusCode::UNAUTHORIZED;
        let limited = wrong_key.then(|| self.hub.guesses().spend(client).err()).flatten();
        let refusal = limited.unwrap_or(refusal);
        if let Some(cause) = refusal.cause() {
            tracing::error!(route = *name, request_id, %cause, "failed");
        }
        problem::answer(&refusal, request_id, None)
    }
}

/// The service of one connection.
pub(super) struct PeerService {
    service: HubService,
    peer: IpAddr,
}

impl hyper::service::Service<Request<Incoming>> for PeerService {
    type Response = Answer;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Answer, Infallible>> + Send>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let (service, peer) = (self.service.clone(), self.peer);
        Box::pin(async move { Ok(service.answer(request, peer).await) })
    }
}
