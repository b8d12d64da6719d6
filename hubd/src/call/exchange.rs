//! The pipeline of every request: permit, caller, query, body, handler and answer, in this order.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hub_core::api::{Endpoint, Route};
use hub_core::problem::ErrorCode;
use hub_core::time::Timestamp;
use hyper::body::{Body, Incoming};
use hyper::header::{
    CACHE_CONTROL, CONTENT_TYPE, ETAG, HeaderMap, HeaderName, HeaderValue, IF_MATCH, IF_NONE_MATCH,
    LOCATION,
};
use hyper::http::request::Parts;
use hyper::{Method, Response, StatusCode};

use super::authenticate::Authenticate;
use super::body;
use super::problem::Answer;
use super::reply::{Outcome, Reply};
use super::request_id::RequestId;
use crate::changes::Change;
use crate::domain::{self, Precondition, Refusal};
use crate::hub::Hub;
use crate::limits::Class;

/// A request before its body is read.
pub(crate) struct Exchange<'a> {
    pub(crate) hub: &'a Arc<Hub>,
    pub(crate) head: Parts,
    pub(crate) body: Incoming,
    pub(crate) handle: String,
    pub(crate) client: IpAddr,
    pub(crate) request_id: RequestId,
    pub(crate) now: Timestamp,
    pub(crate) body_timeout: Duration,
}

/// The typed input of a handler.
pub(crate) struct Call<E: Endpoint<Access: Authenticate>> {
    /// The part of the path in the place of `{…}`.
    pub(crate) handle: String,
    pub(crate) query: E::Query,
    pub(crate) body: E::Body,
    pub(crate) caller: <E::Access as Authenticate>::Caller,
    pub(crate) if_match: Precondition,
    /// The address that the limit against guessing counts.
    pub(crate) client: IpAddr,
    pub(crate) request_id: RequestId,
    pub(crate) now: Timestamp,
}

impl<E: Endpoint<Access = hub_core::api::access::Admin>> Call<E> {
    /// Who makes a change, when, and in which request, for the audit log.
    pub(crate) fn change(&self) -> Change {
        Change {
            actor: format!("admin:{}", self.caller.name),
            request_id: self.request_id.to_string(),
            now: self.now,
        }
    }
}

impl Exchange<'_> {
    /// Takes the request through the pipeline.
    pub(crate) async fn run<E, H, F>(self, handler: H) -> Result<Answer, Refusal>
    where
        E: Endpoint<Access: Authenticate>,
        H: FnOnce(Arc<Hub>, Call<E>) -> F,
        F: Future<Output = Result<Reply<E::Reply>, Refusal>>,
    {
        let Self { hub, head, body, handle, client, request_id, now, body_timeout } = self;
        let (access, class) = (E::ROUTE.access(), const { Class::of(E::ROUTE) });
        let _permit = hub.shares().admit(&class)?;
        let caller = E::Access::authenticate(hub, &head.headers, access, &handle, now).await?;
        let query = body::query(head.uri.query())?;
        hub.refuse_when_full(class.queue)?;
        let size = body.size_hint().upper().unwrap_or(u64::MAX);
        let _body_permit = hub.shares().admit_body(&class, size)?;
        let limits = body::Limits { bytes: class.body_limit, time: body_timeout };
        let body = body::read(body, &head.headers, access, limits, now).await?;
        let if_match = header(&head.headers, &IF_MATCH)
            .map_or_else(Precondition::default, |value| Precondition::parse(&value));
        if matches!(E::ROUTE, Route::CreateClient | Route::IssueInstance)
            || matches!(E::ROUTE, Route::CreateAdminKey | Route::DeleteAdminKey)
        {
            // What these change has no tag, so none can match.
            if_match.check_untagged()?;
        }
        let known = header(&head.headers, &IF_NONE_MATCH).filter(|_| head.method == Method::GET);
        let call = Call { handle, query, body, caller, if_match, client, request_id, now };
        let reply = handler(Arc::clone(hub), call).await?;
        match (&reply.etag, known) {
            (Some(etag), Some(known)) if etag.is_known_as(&known) => not_modified(etag),
            _ => encode(reply),
        }
    }
}

/// The value of a header; several of one name are one list.
fn header(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    let values: Vec<&str> =
        headers.get_all(name).iter().map(|value| value.to_str().unwrap_or_default()).collect();
    (!values.is_empty()).then(|| values.join(","))
}

/// The answer that the caller has the object already.
fn not_modified(etag: &domain::ETag) -> Result<Answer, Refusal> {
    let mut answer = Response::new(Full::default());
    *answer.status_mut() = StatusCode::NOT_MODIFIED;
    let headers = answer.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    let tag = HeaderValue::from_str(&etag.to_string()).map_err(|_| ErrorCode::Internal)?;
    headers.insert(ETAG, tag);
    Ok(answer)
}

fn encode<T: serde::Serialize>(reply: Reply<T>) -> Result<Answer, Refusal> {
    let (status, location, body) = match reply.outcome {
        Outcome::Found(body) => (StatusCode::OK, None, Some(body)),
        Outcome::Accepted(body) => (StatusCode::ACCEPTED, None, Some(body)),
        Outcome::Created(path, body) => (StatusCode::CREATED, Some(path), Some(body)),
        Outcome::Deleted => (StatusCode::NO_CONTENT, None, None),
    };
    let json = body.map(|body| to_json(&body)).transpose()?;
    let has_body = json.is_some();
    let mut answer = Response::new(Full::new(json.unwrap_or_default()));
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

fn to_json<T: serde::Serialize>(body: &T) -> Result<Bytes, ErrorCode> {
    // Most answers fit, so the buffer rarely grows.
    let mut json = Vec::with_capacity(1024);
    serde_json::to_writer(&mut json, body).map_err(|_| ErrorCode::Internal)?;
    Ok(json.into())
}
