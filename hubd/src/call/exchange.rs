//! The pipeline of every request: caller, share, query, body, permit, handler and answer, in this order.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{Either, Full};
use hub_core::api::{Access, Endpoint, Route};
use hub_core::problem::ErrorCode;
use hub_core::time::Timestamp;
use hyper::body::Incoming;
use hyper::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, HeaderMap, HeaderName, HeaderValue,
    IF_MATCH, IF_NONE_MATCH, LOCATION, X_CONTENT_TYPE_OPTIONS,
};
use hyper::http::request::Parts;
use hyper::{Method, Response, StatusCode};

use super::authenticate::Authenticate;
use super::body;
use super::problem::Answer;
use super::reply::{CutShort, Outcome, Reply};
use super::request_id::RequestId;
use super::trace::Trace;
use crate::changes::Author;
use crate::domain::{self, Precondition, Refusal};
use crate::hub::Hub;
use crate::limits::{self, Class, Turn};

/// A request before its body is read.
pub(crate) struct Exchange<'a> {
    pub(crate) hub: &'a Arc<Hub>,
    pub(crate) head: Parts,
    pub(crate) body: &'a mut Incoming,
    pub(crate) handle: String,
    /// The address that the limit against guessing counts.
    pub(crate) client: IpAddr,
    pub(crate) turn: &'a Turn,
    pub(crate) trace: &'a mut Trace,
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
    pub(crate) request_id: RequestId,
    pub(crate) now: Timestamp,
}

impl<E: Endpoint<Access = hub_core::api::access::Admin>> Call<E> {
    /// Who makes a change, when, and in which request, for the audit log.
    pub(crate) fn author(&self) -> Author {
        Author {
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
        let Self { hub, head, body, handle, client, turn, trace, now, body_timeout } = self;
        let (access, class) = (E::ROUTE.access(), const { Class::of(E::ROUTE) });
        #[cfg(feature = "proof")]
        if hub_core::proof::leak() == Some(hub_core::proof::Leak::RequestIds) {
            trace.name(&head.headers);
        }
        let caller = E::Access::authenticate(hub, &head.headers, now).await?;
        let mut caller_permit = None;
        if let Some(proven) = E::Access::proven(&caller) {
            turn.prove();
            trace.is_proven = true;
            if let limits::Caller::Admin(_) = proven {
                trace.name(&head.headers);
            }
            caller_permit = Some(hub.shares().enter(proven)?);
            E::Access::authorize(&caller, access, &handle)?;
            if let (true, limits::Caller::Instance(instance)) = (class.is_report, proven) {
                hub.shares().count_report(instance)?;
            }
        }
        let is_vital = const { Class::is_vital(E::ROUTE) };
        let query = body::query(head.uri.query().filter(|_| !is_vital))?;
        hub.refuse_when_full(class.queue)?;
        let limits = body::Limits {
            bytes: class.body_limit,
            time: body_timeout,
            caller_permit: caller_permit.as_mut().filter(|_| class.is_report),
            turn,
        };
        let bytes = body::collect(body, &head.headers, limits).await?;
        trace.body_left = false;
        let body = body::parse(&bytes, access, now)?;
        drop(bytes);
        let if_match = header(&head.headers, &IF_MATCH)
            .map_or_else(Precondition::default, |value| Precondition::parse(&value));
        if changes_the_untagged(E::ROUTE) {
            if_match.check_untagged()?;
        }
        // RFC 9110 §13.1.2: of another method than these it is another condition.
        let reads = [Method::GET, Method::HEAD].contains(&head.method);
        let known = header(&head.headers, &IF_NONE_MATCH).filter(|_| reads);
        let _permit = hub.shares().work(&class).await?;
        let request_id = trace.request_id;
        let call = Call { handle, query, body, caller, if_match, request_id, now };
        let replied = handler(Arc::clone(hub), call).await;
        if access == Access::License && shows_a_license(&replied) {
            turn.prove();
            trace.is_proven = true;
        }
        let reply = replied?;
        if reply.wrong_key {
            hub.guesses().spend(client)?;
            hub.lines().warn_of(E::ROUTE, ErrorCode::LicenseInvalid, request_id.as_str());
        }
        trace.keep(caller_permit);
        match (&reply.etag, known) {
            (Some(etag), Some(known)) if etag.is_known_as(&known) => not_modified(etag),
            _ => encode(reply),
        }
    }
}

/// Whether what the route changes has no tag, so that none can match.
const fn changes_the_untagged(route: Route) -> bool {
    matches!(
        route,
        Route::CreateClient | Route::IssueInstance | Route::CreateAdminKey | Route::DeleteAdminKey
    )
}

/// Whether the caller has shown a license key that the hub knows.
fn shows_a_license<T>(replied: &Result<Reply<T>, Refusal>) -> bool {
    match replied {
        Ok(reply) => !reply.wrong_key,
        Err(refusal) => matches!(
            refusal.code.status(),
            StatusCode::FORBIDDEN | StatusCode::CONFLICT | StatusCode::TOO_MANY_REQUESTS
        ),
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
    let mut answer = Response::new(Either::Left(Full::default()));
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
        Outcome::Streamed(body) => return Ok(streamed(body)),
        Outcome::Accepted(body) => (StatusCode::ACCEPTED, None, Some(body)),
        Outcome::Created(path, body) => (StatusCode::CREATED, Some(path), Some(body)),
        Outcome::Deleted => (StatusCode::NO_CONTENT, None, None),
        Outcome::Page(html) => return Ok(page(html)),
    };
    let json = body.map(|body| to_json(&body)).transpose()?;
    let has_body = json.is_some();
    let mut answer = Response::new(Either::Left(Full::new(json.unwrap_or_default())));
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

/// An answer in JSON whose length is not known.
fn streamed(body: UnsyncBoxBody<Bytes, CutShort>) -> Answer {
    let mut answer = Response::new(Either::Right(body));
    let headers = answer.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    answer
}

/// A page that may load nothing and run nothing.
fn page(html: &'static str) -> Answer {
    let mut answer = Response::new(Either::Left(Full::from(html)));
    let policy =
        "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'";
    for (name, value) in [
        (CONTENT_TYPE, "text/html; charset=utf-8"),
        (CACHE_CONTROL, "no-cache"),
        (CONTENT_SECURITY_POLICY, policy),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ] {
        answer.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    answer
}

fn to_json<T: serde::Serialize>(body: &T) -> Result<Bytes, ErrorCode> {
    // Most answers fit, so the buffer rarely grows.
    let mut json = Vec::with_capacity(1024);
    serde_json::to_writer(&mut json, body).map_err(|_| ErrorCode::Internal)?;
    Ok(json.into())
}
