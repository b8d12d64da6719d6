//! Which answers each route can give: the statuses of success, and the error codes.

use http::{Method, StatusCode};

use super::{Access, Role, Route};
use crate::problem::ErrorCode;

/// What can be wrong with any request, or with the hub.
const COMMON: [ErrorCode; 10] = [
    ErrorCode::InvalidRequestTarget,
    ErrorCode::InvalidJson,
    ErrorCode::RequestTimeout,
    ErrorCode::BodyTooLarge,
    ErrorCode::UnsupportedMediaType,
    ErrorCode::InvalidRequest,
    ErrorCode::RateLimited,
    ErrorCode::Internal,
    ErrorCode::Overloaded,
    ErrorCode::DatabaseUnavailable,
];

impl Route {
    /// The statuses with which the route says that all went well.
    #[must_use]
    pub fn successes(self) -> &'static [StatusCode] {
        match self {
            Self::CreateClient => &[StatusCode::CREATED],
            // 200: the hash of the request was registered before.
            Self::IssueInstance | Self::CreateAdminKey => &[StatusCode::CREATED, StatusCode::OK],
            Self::DeleteClient | Self::DeleteInstance | Self::DeleteAdminKey => {
                &[StatusCode::NO_CONTENT]
            }
            // 200: a preview.
            Self::SendReport => &[StatusCode::ACCEPTED, StatusCode::OK],
            _ => &[StatusCode::OK],
        }
    }

    /// Every error code that the route can answer with.
    #[must_use]
    pub fn error_codes(self) -> Vec<ErrorCode> {
        let specific = self.specific_codes().iter().chain(self.access_codes());
        let mut codes: Vec<ErrorCode> = specific.chain(&COMMON).copied().collect();
        if self.access().may_lack_role() {
            codes.push(ErrorCode::RoleForbidden);
        }
        if self.changes_something() {
            codes.push(ErrorCode::PreconditionFailed);
        }
        codes.sort_unstable();
        codes.dedup();
        codes
    }

    /// Whether the route is one with which operators change something; it honours `If-Match`.
    #[must_use]
    pub fn changes_something(self) -> bool {
        matches!(self.access(), Access::Admin(_)) && self.method() != Method::GET
    }

    /// Whether an answer carries the entity tag of the object in it.
    #[must_use]
    pub fn is_tagged(self) -> bool {
        matches!(
            self,
            Self::CreateClient
                | Self::GetClient
                | Self::UpdateClient
                | Self::IssueInstance
                | Self::GetInstance
                | Self::UpdateInstance
                | Self::SuspendInstance
                | Self::ReactivateInstance
                | Self::GetCatalogue
                | Self::GetOwnCatalogue
                | Self::SetCatalogue
                | Self::UpdateCatalogue
        )
    }

    /// What is wrong with the caller.
    fn access_codes(self) -> &'static [ErrorCode] {
        use ErrorCode as Code;
        match self.access() {
            Access::Public | Access::Open => &[],
            Access::License => &[Code::LicenseInvalid],
            Access::Hub => &[Code::HubKeyMissing, Code::HubKeyInvalid],
            Access::Reporter => &[
                Code::HubKeyMissing,
                Code::HubKeyInvalid,
                Code::InstanceMismatch,
                Code::InstanceSuspended,
                Code::ClientSuspended,
            ],
            Access::Admin(_) => &[Code::AdminKeyMissing, Code::AdminKeyInvalid],
        }
    }

    /// What is wrong with the object that the request is about.
    fn specific_codes(self) -> &'static [ErrorCode] {
        use ErrorCode as Code;
        match self {
            Self::Activate => &[
                Code::InstanceMismatch,
                Code::InstanceSuspended,
                Code::ClientSuspended,
                Code::LicenseExpired,
                Code::ActivationLimitReached,
                Code::KeyConflict,
            ],
            Self::SendReport => &[Code::ReportConflict],
            Self::CreateClient => &[Code::ClientExists],
            Self::GetClient | Self::UpdateClient => &[Code::ClientNotFound],
            Self::DeleteClient => &[Code::ClientNotFound, Code::ClientNotEmpty],
            Self::IssueInstance => &[Code::ClientNotFound, Code::InstanceExists, Code::KeyConflict],
            Self::ListClientInstances => &[Code::ClientNotFound, Code::InvalidCursor],
            Self::ListClients | Self::ListInstances | Self::ListAudit => &[Code::InvalidCursor],
            Self::GetInstance
            | Self::UpdateInstance
            | Self::SuspendInstance
            | Self::ReactivateInstance
            | Self::DeleteInstance => &[Code::InstanceNotFound],
            Self::RotateLicense => &[Code::InstanceNotFound, Code::KeyConflict],
            Self::RotateHubKey => &[Code::InstanceNotFound, Code::KeyConflict, Code::NotActivated],
            Self::CreateAdminKey => &[Code::AdminKeyExists, Code::KeyConflict],
            Self::DeleteAdminKey => &[Code::AdminKeyNotFound, Code::LastOwnerKey],
            Self::ListToolUsage
            | Self::ListUsageSeries
            | Self::ListUsageErrors
            | Self::ListUsageCounts => &[Code::ClientNotFound, Code::InstanceNotFound],
            _ => &[],
        }
    }
}

impl Access {
    /// Whether there are admin keys whose role is too low.
    fn may_lack_role(self) -> bool {
        matches!(self, Self::Admin(role) if role > Role::Viewer)
    }
}
