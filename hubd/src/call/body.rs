//! Reads the body of a request: checks its type, size and time, then turns JSON into fields.

use std::time::Duration;

use http_body_util::BodyExt;
use hub_core::api::Access;
use hub_core::fields::{self, FromFields, ReadBody, Unknown};
use hub_core::problem::ErrorCode;
use hub_core::time::Timestamp;
use hyper::HeaderMap;
use hyper::body::{Body, Bytes, Incoming};
use hyper::header::{CONTENT_ENCODING, CONTENT_TYPE};
use tokio::time::timeout;
use zeroize::Zeroizing;

use crate::domain::Refusal;
use crate::limits::{CallerPermit, Turn};

/// How large a body may be, how long it may take to arrive, and whose memory it is.
pub(super) struct Limits<'a> {
    pub(super) bytes: usize,
    pub(super) time: Duration,
    /// Bytes are counted to this caller as they arrive.
    pub(super) caller_permit: Option<&'a mut CallerPermit>,
    pub(super) turn: &'a Turn,
}

/// Parses a body. `access` decides whether a fault may name members that the hub does not know.
pub(super) fn parse<T: ReadBody>(
    bytes: &[u8],
    access: Access,
    now: Timestamp,
) -> Result<T, Refusal> {
    #[cfg(feature = "proof")]
    if hub_core::proof::leak() == Some(hub_core::proof::Leak::Log) {
        tracing::info!(body = %String::from_utf8_lossy(bytes), "leak");
    }
    #[cfg(feature = "proof")]
    if hub_core::proof::leak() == Some(hub_core::proof::Leak::Metrics) {
        crate::metrics::leak(bytes.len());
    }
    let unknown = match access {
        Access::Admin(_) => Unknown::Named,
        Access::Public | Access::Open | Access::License | Access::Hub | Access::Reporter => {
            Unknown::Unnamed
        }
    };
    T::read_body(bytes, unknown, now).map_err(Refusal::from)
}

/// Reads a query.
pub(super) fn query<T: FromFields>(query: Option<&str>) -> Result<T, Refusal> {
    fields::from_query(query.unwrap_or_default()).map_err(Refusal::from)
}

/// Collects the bytes of a body. They may contain a key, so they are wiped when dropped.
pub(super) async fn collect(
    body: &mut Incoming,
    headers: &HeaderMap,
    limits: Limits<'_>,
) -> Result<Zeroizing<Vec<u8>>, Refusal> {
    if body.is_end_stream() {
        return Ok(Zeroizing::default());
    }
    let (time, turn) = (limits.time, limits.turn);
    // Who is awaited may have to make room for others.
    turn.wait();
    let collected = timeout(time, arrive(body, is_plain_json(headers), limits)).await;
    turn.work();
    collected.unwrap_or(Err(ErrorCode::RequestTimeout.into()))
}

async fn arrive(
    body: &mut Incoming,
    is_json: bool,
    mut limits: Limits<'_>,
) -> Result<Zeroizing<Vec<u8>>, Refusal> {
    let announced = body.size_hint().lower();
    // A body without content needs no type, however it is framed.
    if announced > 0 {
        check(is_json, usize::try_from(announced).unwrap_or(usize::MAX), &limits)?;
    }
    let mut bytes = Zeroizing::new(Vec::new());
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| {
            let why = "the body ended early, or its chunks are not well-formed";
            Refusal::because(ErrorCode::InvalidJson, why)
        })?;
        let data = frame.into_data().unwrap_or_else(|_| Bytes::new());
        if data.is_empty() {
            continue;
        }
        check(is_json, bytes.len() + data.len(), &limits)?;
        if let Some(caller_permit) = &mut limits.caller_permit {
            caller_permit.charge(data.len())?;
        }
        append(&mut bytes, &data);
    }
    Ok(bytes)
}

fn check(is_json: bool, length: usize, limits: &Limits<'_>) -> Result<(), Refusal> {
    let most = limits.bytes;
    if !is_json {
        Err(ErrorCode::UnsupportedMediaType.into())
    } else if length > most {
        let why = format!("the body is larger than the {most} bytes that this endpoint takes");
        Err(Refusal::because(ErrorCode::BodyTooLarge, why))
    } else {
        Ok(())
    }
}

/// Appends to the bytes. When they have to move, the place that they leave is wiped.
fn append(bytes: &mut Zeroizing<Vec<u8>>, data: &[u8]) {
    if bytes.capacity() - bytes.len() < data.len() {
        let mut larger =
            Zeroizing::new(Vec::with_capacity((bytes.len() + data.len()).max(2 * bytes.len())));
        larger.extend_from_slice(bytes);
        *bytes = larger;
    }
    bytes.extend_from_slice(data);
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
