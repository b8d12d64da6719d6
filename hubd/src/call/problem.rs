//! The one place that turns a refusal into an answer.

use std::fmt::Write;

use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{Either, Full};
use hub_core::problem::{ErrorCode, Problem};
use hyper::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use hyper::header::{HeaderName, WWW_AUTHENTICATE};
use hyper::{Response, StatusCode};

use super::reply::CutShort;
use super::request_id::RequestId;
use crate::domain::Refusal;
use crate::metrics;

/// An answer as hyper sends it.
pub(crate) type Answer = Response<AnswerBody>;
/// The body of an answer: at hand, or made while it is sent.
pub(crate) type AnswerBody = Either<Full<Bytes>, UnsyncBoxBody<Bytes, CutShort>>;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The answer to a refusal: the problem body and its headers.
pub(crate) fn answer(refusal: &Refusal, request_id: RequestId, allow: Option<&str>) -> Answer {
    answer_with(refusal.code.status(), refusal, request_id, allow)
}

/// The same with a status that says more than that of the code, for a head that is refused.
pub(crate) fn answer_with(
    status: StatusCode,
    refusal: &Refusal,
    request_id: RequestId,
    allow: Option<&str>,
) -> Answer {
    metrics::refused(refusal.code);
    let body = body(refusal, request_id, status);
    let mut answer = Response::new(Either::Left(Full::from(body)));
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    for (name, value) in headers_of(refusal, request_id, allow) {
        headers.insert(name, value);
    }
    answer
}

/// Adds the request's id to its answer.
pub(crate) fn set_request_id(answer: &mut Answer, request_id: RequestId) {
    if let Some(id) = request_id.to_header() {
        answer.headers_mut().insert(REQUEST_ID, id);
    }
}

/// The same answer as bytes, for a request that did not reach hyper. The connection closes after it.
pub(crate) fn raw(status: StatusCode, refusal: &Refusal, request_id: RequestId) -> Bytes {
    metrics::refused(refusal.code);
    let body = body(refusal, request_id, status);
    let mut head = format!(
        "HTTP/1.1 {} {}\r\ncontent-length: {}\r\nconnection: close\r\n",
        status.as_str(),
        status.canonical_reason().unwrap_or_default(),
        body.len()
    );
    for (name, value) in headers_of(refusal, request_id, None) {
        let value = value.to_str().unwrap_or_default();
        write!(head, "{name}: {value}\r\n")
            .unwrap_or_else(|_| unreachable!("a String accepts every write"));
    }
    head.push_str("\r\n");
    let mut bytes = head.into_bytes();
    bytes.extend_from_slice(&body);
    bytes.into()
}

fn body(refusal: &Refusal, request_id: RequestId, status: StatusCode) -> Vec<u8> {
    let mut problem = Problem::new(refusal.code, refusal.detail.as_ref(), request_id.as_str());
    problem.status = status.as_u16();
    status.canonical_reason().unwrap_or("Error").clone_into(&mut problem.title);
    problem.errors.clone_from(&refusal.errors);
    serde_json::to_vec(&problem).unwrap_or_default()
}

fn headers_of(
    refusal: &Refusal,
    request_id: RequestId,
    allow: Option<&str>,
) -> Vec<(HeaderName, HeaderValue)> {
    let mut headers = vec![
        (CONTENT_TYPE, HeaderValue::from_static(Problem::MEDIA_TYPE)),
        (CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    headers.extend(request_id.to_header().map(|id| (REQUEST_ID, id)));
    if let Some(wait) = refusal.retry_after {
        // Rounded up, because a caller who retries a moment too early is refused again.
        let seconds = wait.as_millis().div_ceil(1000).max(1);
        let seconds = u64::try_from(seconds).unwrap_or(u64::MAX);
        headers.push((RETRY_AFTER, HeaderValue::from(seconds)));
    }
    headers.extend(allow.and_then(|methods| Some((ALLOW, HeaderValue::from_str(methods).ok()?))));
    match refusal.code {
        ErrorCode::AdminKeyMissing | ErrorCode::AdminKeyInvalid => {
            headers.push((WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"admin\"")));
        }
        ErrorCode::HubKeyMissing | ErrorCode::HubKeyInvalid | ErrorCode::LicenseInvalid => {
            headers.push((WWW_AUTHENTICATE, HeaderValue::from_static("ApiKey realm=\"hub\"")));
        }
        _ => {}
    }
    headers
}
