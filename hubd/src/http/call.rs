//! The one pipeline of a request: caller, query, body, handler, answer, in this order.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hub_core::api::{Endpoint, Route};
use hub_core::problem::ErrorCode;
use hub_core::time::Timestamp;
use hyper::body::{Body, Incoming};
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, HeaderValue, IF_MATCH, LOCATION};
use hyper::http::request::Parts;
use hyper::{Response, StatusCode};

use super::authenticate::Authenticate;
use super::body;
use super::problem::Answer;
use super::reply::{Outcome, Reply};
use crate::changes::Change;
use crate::domain::{Precondition, Refusal};
use crate::hub::Hub;

/// A request on its way: what is known of it before anything of it was read.
pub(crate) struct Exchange {
    pub(super) hub: Arc<Hub>,
    pub(super) head: Parts,
    pub(super) body: Incoming,
    pub(super) handle: String,
    pub(super) client: IpAddr,
    pub(super) request_id: String,
    pub(super) now: Timestamp,
    pub(super) body_timeout: Duration,
}

/// Typed input of a handler.
pub(crate) struct Call<E: Endpoint<Access: Authenticate>> {
    /// What stands in the place of `{…}` in the path.
    pub(crate) handle: String,
    pub(crate) query: E::Query,
    pub(crate) body: E::Body,
    pub(crate) caller: <E::Access as Authenticate>::Caller,
    pub(crate) if_match: Precondition,
    /// The address that the limit against guessing counts by.
    pub(crate) client: IpAddr,
    pub(crate) request_id: String,
    pub(crate) now: Timestamp,
}

impl<E: Endpoint<Access = hub_core::api::access::Admin>> Call<E> {
    /// The change that the call makes, for the audit log.
    pub(crate) fn change(&self) -> Change {
        Change {
            actor: format!("admin:{}", self.caller.name),
            request_id: self.request_id.clone(),
            now: self.now,
        }
    }
}

impl Exchange {
    /// Takes the request through the pipeline.
    pub(crate) async fn run<E, H, F>(self, handler: H) -> Result<Answer, Refusal>
    where
        E: Endpoint<Access: Authenticate>,
        H: FnOnce(Arc<Hub>, Call<E>) -> F,
        F: Future<Output = Result<Reply<E::Reply>, Refusal>> + Send + 'static,
        E::Reply: 'static,
    {
        let Self { hub, head, body, handle, client, request_id, now, body_timeout } = self;
        let access = E::ROUTE.access();
        let _room = hub.admission().admit(access)?;
        let caller = E::Access::authenticate(&hub, &head.headers, access, &handle, now).await?;
        let query = body::query(head.uri.query())?;
        hub.refuse_when_full(access)?;
        let size = body.size_hint().upper().unwrap_or(u64::MAX);
        let _body_room = hub.admission().admit_body(access, size)?;
        let body = body::read(body, &head.headers, access, body_timeout, now).await?;
        let if_match = head.headers.get(IF_MATCH).map_or_else(Precondition::default, |value| {
            Precondition::parse(value.to_str().unwrap_or_default())
        });
        let call = Call { handle, query, body, caller, if_match, client, request_id, now };
        let work = handler(Arc::clone(&hub), call);
        // Hot calls leave their database work to the batching tasks. The others do it here, where a
        // peer that goes away must not cancel it half-way: it runs in a task of its own.
        let reply = match E::ROUTE {
            Route::Activate | Route::Validate | Route::GetSelf => work.await?,
            _ => tokio::spawn(work).await.map_err(|_| ErrorCode::Internal)??,
        };
        encode(reply)
    }
}

fn encode<T: serde::Serialize>(reply: Reply<T>) -> Result<Answer, Refusal> {
    let (status, location, body) = match reply.outcome {
        Outcome::Found(body) => (StatusCode::OK, None, Some(body)),
        Outcome::Accepted(body) => (StatusCode::ACCEPTED, None, Some(body)),
        Outcome::Created(path, body) => (StatusCode::CREATED, Some(path), Some(body)),
        Outcome::Deleted => (StatusCode::NO_CONTENT, None, None),
    };
    let json = body.map(|body| serde_json::to_vec(&body)).transpose();
    let json = json.map_err(|_| ErrorCode::Internal)?;
    let has_body = json.is_some();
    let mut answer = Response::new(Full::new(Bytes::from(json.unwrap_or_default())));
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if has_body {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    let header = |text: String| HeaderValue::from_str(&text).map_err(|_| ErrorCode::Internal);
    if let Some(path) = location {
        headers.insert(LOCATION, header(path)?);
    }
    if let Some(etag) = reply.etag {
        headers.insert(ETAG, header(etag.to_string())?);
    }
    Ok(answer)
}
