//! Refusals: the middle of the three layers of errors. A refusal says what the caller did wrong, or that
//! the hub failed.

use std::borrow::Cow;
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use hub_core::problem::{ErrorCode, FieldError};

use super::Fault;

/// Why the hub does not do what a request asks for.
#[derive(Debug, Clone)]
pub(crate) struct Refusal {
    pub(crate) code: ErrorCode,
    /// A sentence for a person: what was wrong and what to do.
    pub(crate) detail: Cow<'static, str>,
    pub(crate) errors: Vec<FieldError>,
    pub(crate) retry_after: Option<Duration>,
    failure: Option<(Fault, Cause)>,
}

/// The cause of a failure, for the log only.
type Cause = Arc<dyn Error + Send + Sync>;

impl Refusal {
    /// A refusal with the standard sentence of its code.
    pub(crate) fn new(code: ErrorCode) -> Self {
        let retry_after = match code {
            ErrorCode::Overloaded | ErrorCode::DatabaseUnavailable => Some(Duration::from_secs(1)),
            _ => None,
        };
        Self { code, detail: sentence(code).into(), errors: Vec::new(), retry_after, failure: None }
    }

    /// A refusal with a sentence of its own. The sentence may contain validated handles, but no other
    /// text from outside.
    pub(crate) fn because(code: ErrorCode, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { detail: detail.into(), ..Self::new(code) }
    }

    /// Refuses a request with wrong fields.
    pub(crate) fn fields(errors: Vec<FieldError>) -> Self {
        Self { errors, ..Self::new(ErrorCode::InvalidRequest) }
    }

    /// Refuses a request with one wrong field.
    pub(crate) fn field(name: impl Into<String>, message: impl Into<String>) -> Self {
        Self::fields(vec![FieldError::new(name, message)])
    }

    /// Refuses a caller that is over its share, and says of what.
    pub(crate) fn limited(why: &'static str, retry_after: Duration) -> Self {
        Self { retry_after: Some(retry_after), ..Self::because(ErrorCode::RateLimited, why) }
    }

    /// Refuses because the hub failed.
    pub(crate) fn failed(fault: Fault, cause: impl Error + Send + Sync + 'static) -> Self {
        Self { failure: Some((fault, Arc::new(cause))), ..Self::new(fault.code()) }
    }

    /// What failed, if the hub failed.
    pub(crate) fn fault(&self) -> Option<Fault> {
        self.failure.as_ref().map(|(fault, _)| *fault)
    }

    /// Whether the whole database failed, so that it is useless to try again at once.
    pub(crate) fn is_outage(&self) -> bool {
        self.fault().is_some_and(|fault| !matches!(fault, Fault::Bug | Fault::Damaged))
    }

    /// The cause of a failure, for the log.
    pub(crate) fn cause(&self) -> Option<&(dyn Error + Send + Sync)> {
        self.failure.as_ref().map(|(_, cause)| &**cause)
    }
}

impl From<hub_core::fields::Fault> for Refusal {
    fn from(fault: hub_core::fields::Fault) -> Self {
        use hub_core::fields::Fault;
        match fault {
            Fault::NotAnObject => Self::new(ErrorCode::InvalidJson),
            Fault::Fields(errors) => Self::fields(errors),
        }
    }
}

impl From<ErrorCode> for Refusal {
    fn from(code: ErrorCode) -> Self {
        Self::new(code)
    }
}

fn sentence(code: ErrorCode) -> &'static str {
    match code {
        ErrorCode::InvalidJson => {
            "the body must be one JSON object that names each member once, at most 256 of them"
        }
        ErrorCode::InvalidRequestTarget => "the request line or a header cannot be understood",
        ErrorCode::InvalidCursor => {
            "the cursor does not belong to this list: start without a cursor"
        }
        ErrorCode::AdminKeyMissing => "send an admin key in the X-Admin-Api-Key header",
        ErrorCode::AdminKeyInvalid => "the admin key is unknown, revoked or expired",
        ErrorCode::HubKeyMissing => "send the instance's hub key in the X-Hub-Api-Key header",
        ErrorCode::HubKeyInvalid => {
            "the hub key is unknown or has ended: activate again to get a new one"
        }
        ErrorCode::LicenseInvalid => "the license key is not valid: check it with the operator",
        ErrorCode::RoleForbidden => "the admin key's role may not do this",
        ErrorCode::InstanceSuspended => "the operator has suspended this instance",
        ErrorCode::ClientSuspended => "the operator has suspended this client",
        ErrorCode::LicenseExpired => "the license has expired: ask the operator to extend it",
        ErrorCode::InstanceMismatch => "the key belongs to another instance",
        ErrorCode::ActivationLimitReached => {
            "the license has no activations left: ask the operator to raise the limit"
        }
        ErrorCode::RouteNotFound => "there is no such path",
        ErrorCode::ClientNotFound => "there is no such client",
        ErrorCode::InstanceNotFound => "there is no such instance",
        ErrorCode::AdminKeyNotFound => "there is no such admin key",
        ErrorCode::MethodNotAllowed => "this path takes only the methods named in Allow",
        ErrorCode::ClientExists => "the slug is taken",
        ErrorCode::InstanceExists => "the instance_id is taken",
        ErrorCode::ClientNotEmpty => {
            "the client has instances: delete them first, or delete with cascade=true"
        }
        ErrorCode::NotActivated => "the instance was never activated, so it has no hub key",
        ErrorCode::KeyConflict => "the hash belongs to another key, or to one that has ended",
        ErrorCode::AdminKeyExists => "an admin key with this name already exists",
        ErrorCode::LastOwnerKey => {
            "this is the last owner key without an end: create another one first"
        }
        ErrorCode::ReportConflict => "this report_id was already used for different content",
        ErrorCode::RequestTimeout => "the request took too long to arrive",
        ErrorCode::PreconditionFailed => "If-Match does not match: read the present state first",
        ErrorCode::BodyTooLarge => "the body is larger than this endpoint takes",
        ErrorCode::UnsupportedMediaType => {
            "send the body as application/json, without a Content-Encoding"
        }
        ErrorCode::InvalidRequest => "some fields are wrong: see errors",
        ErrorCode::RateLimited => "too many requests: wait, then try again",
        ErrorCode::Internal => "the hub failed: the request is safe to repeat",
        ErrorCode::Overloaded => "the hub is busy and did nothing: try again",
        ErrorCode::DatabaseUnavailable => {
            "the database did not answer: the request is safe to repeat"
        }
    }
}
