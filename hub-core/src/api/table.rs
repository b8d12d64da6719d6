//! The route table: one line for each operation.

use http::Method;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use schemars::SchemaGenerator;

use super::{
    Access, ActivateRequest, Activated, AdminKeyInfo, AuditEvent, AuditQuery, AuditVerdict,
    Catalogue, CataloguePatch, Client, ClientPatch, ClientQuery, CreatedAdminKey,
    DeleteClientQuery, Endpoint, ErrorCount, FleetQuery, Identity, Instance, InstancePatch,
    InstanceQuery, IssuedInstance, JwkSet, NamedCount, NewAdminKey, NewClient, NewInstance,
    OwnTelemetry, Page, Readiness, ReportQuery, ReportReply, Role, RotateHubKeyRequest,
    RotateLicenseRequest, RotatedHubKey, RotatedLicense, SelfInstance, SeriesQuery, Stats, Status,
    SuspendRequest, ToolUsage, UsageQuery, UsageStep, Usages, ValidateRequest, Validated, Version,
    access,
};
use crate::openapi::{OpenApi, RouteSchemas};
use crate::privacy::PrivacyPromise;
use crate::redact::RawReport;

macro_rules! routes {
    ($($(#[doc = $doc:literal])+
       $name:ident: $method:ident $path:literal $access:ident$(($role:ident))?,
       $query:ty, $body:ty => $reply:ty;)+) => {
        /// Every operation of the API.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Route { $($(#[doc = $doc])+ $name,)+ }

        impl Route {
            /// Every operation, in the order of the table.
            pub const ALL: &[Self] = &[$(Self::$name,)+];

            /// The HTTP method.
            #[must_use]
            pub fn method(self) -> Method {
                match self { $(Self::$name => Method::$method,)+ }
            }

            /// The path, with `{…}` in the place of the handle.
            #[must_use]
            pub fn path(self) -> &'static str {
                match self { $(Self::$name => $path,)+ }
            }

            /// The access that the operation requires.
            #[must_use]
            pub const fn access(self) -> Access {
                match self { $(Self::$name => Access::$access$((Role::$role))?,)+ }
            }

            /// The JSON Schemas of the operation's types.
            pub(crate) fn schemas(self, generator: &mut SchemaGenerator) -> RouteSchemas {
                match self { $(Self::$name => RouteSchemas::of::<$name>(generator),)+ }
            }

            /// A sentence that describes the operation.
            #[must_use]
            pub fn summary(self) -> &'static str {
                match self { $(Self::$name => concat!($($doc),+).trim_ascii(),)+ }
            }
        }

        $($(#[doc = $doc])+
        #[derive(Debug)]
        pub enum $name {}

        impl Endpoint for $name {
            const ROUTE: Route = Route::$name;
            type Access = access::$access;
            type Query = $query;
            type Body = $body;
            type Reply = $reply;
        })+
    };
}

routes! {
    /// Exchanges a license key for a hub API key.
    Activate: POST "/api/v1/instances/activate" License, (), ActivateRequest => Activated;
    /// Tells whether a license key is valid, and why not.
    Validate: POST "/api/v1/instances/validate" License, (), ValidateRequest => Validated;
    /// The calling instance, as the hub sees it.
    GetSelf: GET "/api/v1/instances/self" Hub, (), () => SelfInstance;
    /// Takes a report of how the instance's tools were used.
    SendReport: POST "/api/v1/instances/{instance_id}/telemetry" Reporter, ReportQuery, RawReport => ReportReply;
    /// Everything that the hub keeps of the caller's usage.
    GetOwnTelemetry: GET "/api/v1/instances/self/telemetry" Hub, (), () => OwnTelemetry;
    /// The names that the hub keeps.
    GetOwnCatalogue: GET "/api/v1/instances/self/catalogue" Hub, (), () => Catalogue;
    /// What the hub keeps of telemetry, and what it never keeps.
    GetPrivacy: GET "/api/v1/privacy" Public, (), () => PrivacyPromise;
    /// The public keys that verify certificates.
    GetCertificateKeys: GET "/.well-known/jwks.json" Public, (), () => JwkSet;
    /// This description of the API.
    GetOpenApi: GET "/openapi.json" Public, (), () => OpenApi;
    /// The description of the API as a page to read.
    GetDocs: GET "/docs" Public, (), () => ();
    /// The process is up.
    Health: GET "/healthz" Public, (), () => Status;
    /// Whether the database takes writes.
    Ready: GET "/readyz" Open, (), () => Readiness;
    /// Name, version and schema of this hub.
    GetVersion: GET "/version" Public, (), () => Version;

    /// Creates a client.
    CreateClient: POST "/api/v1/admin/clients" Admin(Provisioner), (), NewClient => Client;
    /// Lists clients by slug.
    ListClients: GET "/api/v1/admin/clients" Admin(Viewer), ClientQuery, () => Page<Client>;
    /// One client.
    GetClient: GET "/api/v1/admin/clients/{id}" Admin(Viewer), (), () => Client;
    /// Changes a client, or suspends and reactivates it.
    UpdateClient: PATCH "/api/v1/admin/clients/{id}" Admin(Operator), (), ClientPatch => Client;
    /// Deletes a client, and its instances when asked to.
    DeleteClient: DELETE "/api/v1/admin/clients/{id}" Admin(Operator), DeleteClientQuery, () => ();

    /// Issues an instance with its license.
    IssueInstance: POST "/api/v1/admin/clients/{id}/instances" Admin(Provisioner), (), NewInstance => IssuedInstance;
    /// Lists a client's instances by handle.
    ListClientInstances: GET "/api/v1/admin/clients/{id}/instances" Admin(Viewer), InstanceQuery, () => Page<Instance>;
    /// Lists all instances by handle.
    ListInstances: GET "/api/v1/admin/instances" Admin(Viewer), FleetQuery, () => Page<Instance>;
    /// One instance.
    GetInstance: GET "/api/v1/admin/instances/{instance_id}" Admin(Viewer), (), () => Instance;
    /// Changes an instance's license terms and labels.
    UpdateInstance: PATCH "/api/v1/admin/instances/{instance_id}" Admin(Operator), (), InstancePatch => Instance;
    /// Replaces the license key.
    RotateLicense: POST "/api/v1/admin/instances/{instance_id}/rotate-license" Admin(Provisioner), (), RotateLicenseRequest => RotatedLicense;
    /// Replaces the hub key.
    RotateHubKey: POST "/api/v1/admin/instances/{instance_id}/rotate-hub-key" Admin(Provisioner), (), RotateHubKeyRequest => RotatedHubKey;
    /// Suspends an instance; effective for the next request.
    SuspendInstance: POST "/api/v1/admin/instances/{instance_id}/suspend" Admin(Operator), (), SuspendRequest => Instance;
    /// Ends an instance's suspension.
    ReactivateInstance: POST "/api/v1/admin/instances/{instance_id}/reactivate" Admin(Operator), (), () => Instance;
    /// Deletes an instance; its keys stop at once.
    DeleteInstance: DELETE "/api/v1/admin/instances/{instance_id}" Admin(Operator), (), () => ();

    /// Who the calling admin key is.
    Whoami: GET "/api/v1/admin/whoami" Admin(Viewer), (), () => Identity;
    /// Creates an admin key.
    CreateAdminKey: POST "/api/v1/admin/keys" Admin(Owner), (), NewAdminKey => CreatedAdminKey;
    /// Lists all admin keys.
    ListAdminKeys: GET "/api/v1/admin/keys" Admin(Owner), (), () => Page<AdminKeyInfo>;
    /// Revokes an admin key.
    DeleteAdminKey: DELETE "/api/v1/admin/keys/{name}" Admin(Owner), (), () => ();
    /// Lists audit events, newest first.
    ListAudit: GET "/api/v1/admin/audit" Admin(Viewer), AuditQuery, () => Page<AuditEvent>;
    /// Recomputes the audit chain.
    VerifyAudit: GET "/api/v1/admin/audit/verify" Admin(Viewer), (), () => AuditVerdict;
    /// How each tool was used.
    ListToolUsage: GET "/api/v1/admin/telemetry/tools" Admin(Viewer), UsageQuery, () => Usages<ToolUsage>;
    /// Usage over time.
    ListUsageSeries: GET "/api/v1/admin/telemetry/series" Admin(Viewer), SeriesQuery, () => Usages<UsageStep>;
    /// Errors by tool and code.
    ListUsageErrors: GET "/api/v1/admin/telemetry/errors" Admin(Viewer), UsageQuery, () => Usages<ErrorCount>;
    /// Named counts.
    ListUsageCounts: GET "/api/v1/admin/telemetry/counts" Admin(Viewer), UsageQuery, () => Usages<NamedCount>;
    /// The names that the hub keeps.
    GetCatalogue: GET "/api/v1/admin/telemetry/catalogue" Admin(Viewer), (), () => Catalogue;
    /// Replaces the names that the hub keeps.
    SetCatalogue: PUT "/api/v1/admin/telemetry/catalogue" Admin(Operator), (), Catalogue => Catalogue;
    /// Lists and unlists names.
    UpdateCatalogue: PATCH "/api/v1/admin/telemetry/catalogue" Admin(Operator), (), CataloguePatch => Catalogue;
    /// Counts of what the hub holds.
    GetStats: GET "/api/v1/admin/stats" Admin(Viewer), (), () => Stats;
}

/// Every character except the unreserved ones of RFC 3986.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

impl Route {
    /// The path with the percent-encoded `handle` in the place of `{…}`.
    #[must_use]
    pub fn fill(self, handle: &str) -> String {
        let path = self.path();
        match (path.find('{'), path.find('}')) {
            (Some(open), Some(close)) => {
                let handle = utf8_percent_encode(handle, SEGMENT);
                format!("{}{handle}{}", &path[..open], &path[close + 1..])
            }
            _ => path.to_owned(),
        }
    }

    /// Whether the path has a place for a handle.
    #[must_use]
    pub fn takes_handle(self) -> bool {
        self.path().contains('{')
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_routes_share_method_and_path() {
        for (i, a) in Route::ALL.iter().enumerate() {
            for b in &Route::ALL[i + 1..] {
                assert!((a.method(), a.path()) != (b.method(), b.path()), "{a:?} {b:?}");
            }
        }
    }

    #[test]
    fn the_path_tells_who_may_call() {
        for route in Route::ALL {
            let admin = matches!(route.access(), Access::Admin(_));
            assert_eq!(admin, route.path().starts_with("/api/v1/admin/"), "{route:?}");
        }
    }

    #[test]
    fn handles_cannot_leave_their_segment() {
        let path = Route::RotateLicense.fill("../clients?x=ä");
        assert_eq!(path, "/api/v1/admin/instances/..%2Fclients%3Fx%3D%C3%A4/rotate-license");
        assert_eq!(Route::Health.fill("x"), "/healthz");
    }
}
