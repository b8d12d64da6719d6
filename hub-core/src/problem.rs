//! Every error code of the API, and the RFC 9457 body that carries it.

use http::StatusCode;
use serde::{Deserialize, Serialize};

use crate::exit::Exit;

macro_rules! error_codes {
    ($($(#[doc = $doc:literal])+ $name:ident $text:literal $status:ident $exit:ident;)+) => {
        /// A stable, documented name for what went wrong. Scripts match on it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum ErrorCode {
            $($(#[doc = $doc])+ #[serde(rename = $text)] $name,)+
        }

        impl ErrorCode {
            /// Every code.
            pub const ALL: &[Self] = &[$(Self::$name,)+];

            /// The name on the wire.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)+ }
            }

            /// The HTTP status that goes with it.
            #[must_use]
            pub fn status(self) -> StatusCode {
                match self { $(Self::$name => StatusCode::$status,)+ }
            }

            /// What hubctl ends with when the hub answers this.
            #[must_use]
            pub fn exit(self) -> Exit {
                match self { $(Self::$name => Exit::$exit,)+ }
            }
        }
    };
}

error_codes! {
    /// The body is not JSON, or ambiguous JSON.
    InvalidJson "invalid_json" BAD_REQUEST Usage;
    /// The request line or head cannot be understood.
    InvalidRequestTarget "invalid_request_target" BAD_REQUEST Usage;
    /// The cursor is not one that this list gave out.
    InvalidCursor "invalid_cursor" BAD_REQUEST Usage;
    /// No admin key was sent.
    AdminKeyMissing "admin_key_missing" UNAUTHORIZED NotAuthenticated;
    /// The admin key is unknown, revoked or expired.
    AdminKeyInvalid "admin_key_invalid" UNAUTHORIZED NotAuthenticated;
    /// No hub key was sent.
    HubKeyMissing "hub_key_missing" UNAUTHORIZED NotAuthenticated;
    /// The hub key is unknown or has ended.
    HubKeyInvalid "hub_key_invalid" UNAUTHORIZED NotAuthenticated;
    /// The license key is unknown, malformed or has ended.
    LicenseInvalid "license_invalid" UNAUTHORIZED NotAuthenticated;
    /// The admin key's role may not do this.
    RoleForbidden "role_forbidden" FORBIDDEN NotPermitted;
    /// An operator suspended the instance.
    InstanceSuspended "instance_suspended" FORBIDDEN NotPermitted;
    /// An operator suspended the client that the instance belongs to.
    ClientSuspended "client_suspended" FORBIDDEN NotPermitted;
    /// The license's end and its grace are over.
    LicenseExpired "license_expired" FORBIDDEN NotPermitted;
    /// The key belongs to another instance than the one named.
    InstanceMismatch "instance_mismatch" FORBIDDEN NotPermitted;
    /// The license was activated as often as it may be.
    ActivationLimitReached "activation_limit_reached" FORBIDDEN NotPermitted;
    /// There is no such path.
    RouteNotFound "route_not_found" NOT_FOUND Incompatible;
    /// There is no such client.
    ClientNotFound "client_not_found" NOT_FOUND NotFound;
    /// There is no such instance.
    InstanceNotFound "instance_not_found" NOT_FOUND NotFound;
    /// There is no such admin key.
    AdminKeyNotFound "admin_key_not_found" NOT_FOUND NotFound;
    /// The path does not take this method.
    MethodNotAllowed "method_not_allowed" METHOD_NOT_ALLOWED Incompatible;
    /// The client's handle is taken.
    ClientExists "client_exists" CONFLICT Conflict;
    /// The instance's handle is taken.
    InstanceExists "instance_exists" CONFLICT Conflict;
    /// The client still has instances.
    ClientNotEmpty "client_not_empty" CONFLICT Conflict;
    /// The instance was never activated.
    NotActivated "not_activated" CONFLICT Conflict;
    /// The hash belongs to another key, or to one that has ended.
    KeyConflict "key_conflict" CONFLICT Conflict;
    /// The admin key's name is taken.
    AdminKeyExists "admin_key_exists" CONFLICT Conflict;
    /// The last owner key cannot go.
    LastOwnerKey "last_owner_key" CONFLICT Conflict;
    /// The report's id was used for other content.
    ReportConflict "report_conflict" CONFLICT Conflict;
    /// The head or the body came too late.
    RequestTimeout "request_timeout" REQUEST_TIMEOUT Unreachable;
    /// `If-Match` names another state than the present one.
    PreconditionFailed "precondition_failed" PRECONDITION_FAILED Conflict;
    /// The body is larger than this endpoint takes.
    BodyTooLarge "body_too_large" PAYLOAD_TOO_LARGE Usage;
    /// The body is not `application/json`, or is encoded.
    UnsupportedMediaType "unsupported_media_type" UNSUPPORTED_MEDIA_TYPE Usage;
    /// Well-formed JSON or query with wrong content.
    InvalidRequest "invalid_request" UNPROCESSABLE_ENTITY Usage;
    /// Too many wrong keys from this address.
    RateLimited "rate_limited" TOO_MANY_REQUESTS Limited;
    /// A fault of the hub's own.
    Internal "internal" INTERNAL_SERVER_ERROR HubFailed;
    /// The hub has more to do than it can take on; nothing was done.
    Overloaded "overloaded" SERVICE_UNAVAILABLE HubFailed;
    /// The database did not answer; whether anything was done is unknown.
    DatabaseUnavailable "database_unavailable" SERVICE_UNAVAILABLE HubFailed;
}

/// One wrong field of a request.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct FieldError {
    /// The field's name; `query` or `body` when it is not one that the hub knows.
    pub field: String,
    /// What is wrong with it, for a person.
    pub message: String,
}

impl FieldError {
    /// A fault of the named field.
    pub fn new(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { field: field.into(), message: message.into() }
    }
}

/// The body of every error: RFC 9457 with a stable `code`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Problem {
    /// Always `about:blank`: `code` tells what it is.
    #[serde(rename = "type")]
    pub kind: String,
    /// The reason phrase of the status.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// The stable name.
    pub code: ErrorCode,
    /// What was wrong and what to do, for a person.
    pub detail: String,
    /// The `X-Request-Id` of the answer.
    pub request_id: String,
    /// Every wrong field, only with [`ErrorCode::InvalidRequest`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
}

impl Problem {
    /// The media type of the body.
    pub const MEDIA_TYPE: &'static str = "application/problem+json";

    /// A problem without field errors.
    pub fn new(code: ErrorCode, detail: impl Into<String>, request_id: impl Into<String>) -> Self {
        let status = code.status();
        Self {
            kind: "about:blank".to_owned(),
            title: status.canonical_reason().unwrap_or("Error").to_owned(),
            status: status.as_u16(),
            code,
            detail: detail.into(),
            request_id: request_id.into(),
            errors: Vec::new(),
        }
    }
}
