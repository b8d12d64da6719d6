//! Reads the body of a request: checks its type, size and time, then turns JSON into fields.

use std::time::Duration;

use http_body_util::{BodyExt, LengthLimitError, Limited};
use hub_core::api::Access;
use hub_core::fields::{self, FromFields, ReadBody, Unknown};
use hub_core::problem::ErrorCode;
use hub_core::time::Timestamp;
use hyper::HeaderMap;
use hyper::body::{Body, Incoming};
use hyper::header::{CONTENT_ENCODING, CONTENT_TYPE};
use tokio::time::timeout;
use zeroize::Zeroizing;

use crate::domain::Refusal;

/// How large a body may be, and how long it may take to arrive.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    pub(super) bytes: usize,
    pub(super) time: Duration,
}

/// Reads a body. `access` decides whether a fault may name members that the hub does not know.
pub(super) async fn read<T: ReadBody>(
    body: Incoming,
    headers: &HeaderMap,
    access: Access,
    limits: Limits,
    now: Timestamp,
) -> Result<T, Refusal> {
    let bytes = collect(body, headers, limits).await?;
    #[cfg(feature = "proof")]
    if hub_core::proof::leak() == Some(hub_core::proof::Leak::Log) {
        tracing::info!(body = %String::from_utf8_lossy(&bytes), "leak");
    }
    let unknown = match access {
        Access::Admin(_) => Unknown::Named,
        Access::Public | Access::License | Access::Hub | Access::Reporter => Unknown::Unnamed,
    };
    T::read_body(&bytes, unknown, now).map_err(Refusal::from)
}

/// Reads a query.
pub(super) fn query<T: FromFields>(query: Option<&str>) -> Result<T, Refusal> {
    fields::from_query(query.unwrap_or_default()).map_err(Refusal::from)
}

/// Collects the bytes of a body. They may contain a key, so they are wiped when dropped.
async fn collect(
    body: Incoming,
    headers: &HeaderMap,
    limits: Limits,
) -> Result<Zeroizing<Vec<u8>>, Refusal> {
    if body.is_end_stream() {
        return Ok(Zeroizing::default());
    }
    let most = limits.bytes;
    if !is_plain_json(headers) {
        return Err(Refusal::new(ErrorCode::UnsupportedMediaType));
    }
    let too_large = || {
        let detail = format!("the body is larger than the {most} bytes that this endpoint takes");
        Refusal::because(ErrorCode::BodyTooLarge, detail)
    };
    if body.size_hint().lower() > most as u64 {
        return Err(too_large());
    }
    let collected = timeout(limits.time, Limited::new(body, most).collect()).await;
    match collected {
        Ok(Ok(body)) => Ok(Zeroizing::new(body.to_bytes().into())),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large()),
        Ok(Err(_)) => Err(Refusal::because(
            ErrorCode::InvalidJson,
            "the body ended early, or its chunks are not well-formed",
        )),
        Err(_) => Err(Refusal::new(ErrorCode::RequestTimeout)),
    }
}

/// Whether the body is `application/json`, with or without parameters, and not encoded.
fn is_plain_json(headers: &HeaderMap) -> bool {
    let mut types = headers.get_all(CONTENT_TYPE).iter();
    let json = types.next().and_then(|value| value.to_str().ok()).is_some_and(|value| {
        let essence = value.split(';').next().unwrap_or_default();
        essence.trim().eq_ignore_ascii_case("application/json")
    });
    let identity = |value: &hyper::header::HeaderValue| {
        value.to_str().is_ok_and(|value| value.trim().eq_ignore_ascii_case("identity"))
    };
    json && types.next().is_none() && headers.get_all(CONTENT_ENCODING).iter().all(identity)
}
