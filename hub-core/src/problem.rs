//! Every error code of the API, and the RFC 9457 body that carries it.

use http::StatusCode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::exit::Exit;

macro_rules! error_codes {
    ($($(#[doc = $doc:literal])+ $name:ident $text:literal $status:ident $exit:ident;)+) => {
        /// The stable, documented name of an error. Scripts match on it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
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

            /// A sentence that says what went wrong.
            #[must_use]
            pub fn summary(self) -> &'static str {
                match self { $(Self::$name => concat!($($doc),+).trim_ascii(),)+ }
            }

            /// The HTTP status of the error.
            #[must_use]
            pub fn status(self) -> StatusCode {
                match self { $(Self::$name => StatusCode::$status,)+ }
            }

            /// The exit code of hubctl when the hub answers with this error.
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
    /// The cursor does not come from this list.
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
    /// The role of the admin key does not allow this.
    RoleForbidden "role_forbidden" FORBIDDEN NotPermitted;
    /// An operator suspended the instance.
    InstanceSuspended "instance_suspended" FORBIDDEN NotPermitted;
    /// An operator suspended the client that the instance belongs to.
    ClientSuspended "client_suspended" FORBIDDEN NotPermitted;
    /// The license and its grace period have ended.
    LicenseExpired "license_expired" FORBIDDEN NotPermitted;
    /// The key does not belong to the instance that the request names.
    InstanceMismatch "instance_mismatch" FORBIDDEN NotPermitted;
    /// The license has no activations left.
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
    /// The last owner key cannot be revoked.
    LastOwnerKey "last_owner_key" CONFLICT Conflict;
    /// An earlier report with the same id had different content.
    ReportConflict "report_conflict" CONFLICT Conflict;
    /// The head or the body of the request took too long to arrive.
    RequestTimeout "request_timeout" REQUEST_TIMEOUT Unreachable;
    /// `If-Match` does not name the present state.
    PreconditionFailed "precondition_failed" PRECONDITION_FAILED Conflict;
    /// The body is larger than this endpoint takes.
    BodyTooLarge "body_too_large" PAYLOAD_TOO_LARGE Usage;
    /// The body is not `application/json`, or is encoded.
    UnsupportedMediaType "unsupported_media_type" UNSUPPORTED_MEDIA_TYPE Usage;
    /// The JSON or the query is well-formed, but its content is wrong.
    InvalidRequest "invalid_request" UNPROCESSABLE_ENTITY Usage;
    /// This address sent too many wrong keys.
    RateLimited "rate_limited" TOO_MANY_REQUESTS Limited;
    /// The hub failed.
    Internal "internal" INTERNAL_SERVER_ERROR HubFailed;
    /// The hub is busy and did nothing.
    Overloaded "overloaded" SERVICE_UNAVAILABLE HubFailed;
    /// The database did not answer; the change may or may not have been made.
    DatabaseUnavailable "database_unavailable" SERVICE_UNAVAILABLE HubFailed;
}

impl std::fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

/// One wrong field of a request.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct FieldError {
    /// The name of the field; `query` or `body` when the hub does not know the field.
    pub field: String,
    /// A sentence for a person that says what is wrong.
    pub message: String,
}

impl FieldError {
    /// Describes what is wrong with the named field.
    pub fn new(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { field: field.into(), message: message.into() }
    }
}

/// The body of every error: RFC 9457 with a stable `code`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Problem {
    /// Always `about:blank`: `code` identifies the error.
    #[serde(rename = "type")]
    pub kind: String,
    /// The reason phrase of the status.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// The stable name of the error.
    pub code: ErrorCode,
    /// A sentence for a person: what was wrong and what to do.
    pub detail: String,
    /// The `X-Request-Id` of the answer.
    pub request_id: String,
    /// Every wrong field; empty unless the code is [`ErrorCode::InvalidRequest`].
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
