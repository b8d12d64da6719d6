//! Authenticates the caller by the key in a header, before the body is read.

use hub_core::api::{ADMIN_KEY_HEADER, Access, HUB_KEY_HEADER, access};
use hub_core::key::{AdminKey, HubKey, KeyHash};
use hub_core::problem::ErrorCode;
use hub_core::time::Timestamp;
use hyper::HeaderMap;
use hyper::header::AUTHORIZATION;

use crate::caller::{AdminCaller, ReportingCaller};
use crate::domain::Refusal;
use crate::hub::Hub;
use crate::limits;
use crate::store::InstanceRow;

/// A kind of access, and how a caller proves it.
pub(crate) trait Authenticate {
    /// The authenticated caller.
    type Caller: Sync + Send + 'static;

    /// Reads the key and looks it up.
    fn authenticate(
        hub: &Hub,
        headers: &HeaderMap,
        now: Timestamp,
    ) -> impl Future<Output = Result<Self::Caller, Refusal>> + Send;

    /// Whose share the request counts in; `None` when the caller has proven nothing so far.
    fn proven(_: &Self::Caller) -> Option<limits::Caller> {
        None
    }

    /// Whether the caller may do what the route does to the thing with this handle.
    fn authorize(_: &Self::Caller, _: Access, _handle: &str) -> Result<(), Refusal> {
        Ok(())
    }
}

impl Authenticate for access::Public {
    type Caller = ();
    async fn authenticate(_: &Hub, _: &HeaderMap, _: Timestamp) -> Result<(), Refusal> {
        Ok(())
    }
}

/// An admin key, which only the handler looks up: a hub that is not ready says so without it.
impl Authenticate for access::Open {
    type Caller = Option<KeyHash>;
    async fn authenticate(
        _: &Hub,
        headers: &HeaderMap,
        _: Timestamp,
    ) -> Result<Self::Caller, Refusal> {
        Ok(admin_key(headers).ok())
    }
}

/// The key is in the body, so the handler looks it up.
impl Authenticate for access::License {
    type Caller = ();
    async fn authenticate(_: &Hub, _: &HeaderMap, _: Timestamp) -> Result<(), Refusal> {
        Ok(())
    }
}

impl Authenticate for access::Hub {
    type Caller = InstanceRow;

    async fn authenticate(
        hub: &Hub,
        headers: &HeaderMap,
        now: Timestamp,
    ) -> Result<InstanceRow, Refusal> {
        hub.authenticate_instance(hub_key(headers)?, now).await
    }

    fn proven(caller: &InstanceRow) -> Option<limits::Caller> {
        Some(limits::Caller::Instance(caller.id))
    }
}

impl Authenticate for access::Reporter {
    type Caller = ReportingCaller;

    async fn authenticate(
        hub: &Hub,
        headers: &HeaderMap,
        now: Timestamp,
    ) -> Result<ReportingCaller, Refusal> {
        hub.authenticate_reporter(hub_key(headers)?, now).await
    }

    fn proven(caller: &ReportingCaller) -> Option<limits::Caller> {
        Some(limits::Caller::Instance(caller.reporter.id))
    }

    /// The hub key must belong to the instance of the path, and neither the instance nor its client may
    /// be suspended. The store checks this again when it counts the report.
    fn authorize(caller: &ReportingCaller, _: Access, handle: &str) -> Result<(), Refusal> {
        let reporter = &caller.reporter;
        if reporter.instance_id.as_str() != handle {
            return Err(ErrorCode::InstanceMismatch.into());
        }
        reporter.suspension.map_or(Ok(()), |code| Err(code.into()))
    }
}

fn hub_key(headers: &HeaderMap) -> Result<KeyHash, ErrorCode> {
    let text = single_value(headers, HUB_KEY_HEADER)?.ok_or(ErrorCode::HubKeyMissing)?;
    let key = HubKey::parse(text).map_err(|_| ErrorCode::HubKeyInvalid)?;
    Ok(key.hash())
}

impl Authenticate for access::Admin {
    type Caller = AdminCaller;

    async fn authenticate(
        hub: &Hub,
        headers: &HeaderMap,
        now: Timestamp,
    ) -> Result<AdminCaller, Refusal> {
        hub.authenticate_admin(admin_key(headers)?, now).await
    }

    fn proven(caller: &AdminCaller) -> Option<limits::Caller> {
        Some(limits::Caller::admin(&caller.key))
    }

    fn authorize(caller: &AdminCaller, access: Access, _: &str) -> Result<(), Refusal> {
        match access {
            Access::Admin(least) if caller.role < least => {
                let detail = format!(
                    "this needs the role {least}, but the key has the role {}",
                    caller.role
                );
                Err(Refusal::because(ErrorCode::RoleForbidden, detail))
            }
            _ => Ok(()),
        }
    }
}

fn admin_key(headers: &HeaderMap) -> Result<KeyHash, ErrorCode> {
    let text = match single_value(headers, ADMIN_KEY_HEADER)? {
        Some(text) => text,
        None => bearer(headers).ok_or(ErrorCode::AdminKeyMissing)?,
    };
    let key = AdminKey::parse(text).map_err(|_| ErrorCode::AdminKeyInvalid)?;
    Ok(key.hash())
}

/// The value of a header with a key. Two parties could read a repeated header differently, so it counts
/// as a wrong key.
fn single_value<'a>(
    headers: &'a HeaderMap,
    name: &'static str,
) -> Result<Option<&'a str>, ErrorCode> {
    let wrong =
        if name == HUB_KEY_HEADER { ErrorCode::HubKeyInvalid } else { ErrorCode::AdminKeyInvalid };
    let mut values = headers.get_all(name).iter();
    let value = values.next().map(|value| value.to_str().map_err(|_| wrong)).transpose()?;
    if values.next().is_some() {
        return Err(wrong);
    }
    Ok(value)
}

/// The token of `Authorization: Bearer` (RFC 6750 §2.1).
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}
