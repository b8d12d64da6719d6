//! Every route of the table with every kind of credential; what to expect comes from the table.

use hub_core::api::{ADMIN_KEY_HEADER, Access, HUB_KEY_HEADER, Role, Route};
use hub_tests::clock::{DAY, ago};
use hub_tests::fleet::Issued;
use hub_tests::http::{Answer, Caller};
use hub_tests::reports::report;
use hub_tests::{Hub, Setup, both_stores};
use serde_json::{Value, json};

/// The credentials of a caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Credential {
    Nothing,
    Garbage,
    HubKey,
    OtherHubKey,
    SuspendedHubKey,
    ExpiredHubKey,
    RotatedHubKey,
    Admin(Role),
    ExpiredAdmin,
    RevokedAdmin,
}

const CREDENTIALS: [Credential; 13] = [
    Credential::Nothing,
    Credential::Garbage,
    Credential::HubKey,
    Credential::OtherHubKey,
    Credential::SuspendedHubKey,
    Credential::ExpiredHubKey,
    Credential::RotatedHubKey,
    Credential::Admin(Role::Viewer),
    Credential::Admin(Role::Provisioner),
    Credential::Admin(Role::Operator),
    Credential::Admin(Role::Owner),
    Credential::ExpiredAdmin,
    Credential::RevokedAdmin,
];

/// What the table expects for a credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expected {
    /// 401 with this code.
    Unknown(&'static str),
    /// 403 `role_forbidden`.
    Forbidden,
    /// 403 `instance_mismatch`.
    Mismatch,
    /// Any answer that comes after authentication and role.
    LetThrough,
}

fn expected(access: Access, credential: Credential) -> Expected {
    use Credential::{Admin, ExpiredAdmin, Garbage, RevokedAdmin, RotatedHubKey};
    match (access, credential) {
        (Access::Public | Access::Open | Access::License, _) => Expected::LetThrough,
        (Access::Hub | Access::Reporter, Garbage | RotatedHubKey) => {
            Expected::Unknown("hub_key_invalid")
        }
        (Access::Hub, other) if other.is_hub_key() => Expected::LetThrough,
        // The path names none of the instances here.
        (Access::Reporter, other) if other.is_hub_key() => Expected::Mismatch,
        (Access::Hub | Access::Reporter, _) => Expected::Unknown("hub_key_missing"),
        (Access::Admin(least), Admin(role)) if role >= least => Expected::LetThrough,
        (Access::Admin(_), Admin(_)) => Expected::Forbidden,
        (Access::Admin(_), Garbage | ExpiredAdmin | RevokedAdmin) => {
            Expected::Unknown("admin_key_invalid")
        }
        (Access::Admin(_), _) => Expected::Unknown("admin_key_missing"),
    }
}

impl Credential {
    fn is_hub_key(self) -> bool {
        use Credential::{ExpiredHubKey, HubKey, OtherHubKey, RotatedHubKey, SuspendedHubKey};
        let all = [HubKey, OtherHubKey, SuspendedHubKey, ExpiredHubKey, RotatedHubKey];
        all.contains(&self)
    }
}

/// A handle and a body that the route accepts.
pub(crate) fn request(route: Route, target: &Issued) -> (&'static str, Option<Value>) {
    let license = || Some(json!({"license_key": target.license_key}));
    match route {
        Route::Activate | Route::Validate => ("", license()),
        Route::GetSelf
        | Route::GetPrivacy
        | Route::GetCertificateKeys
        | Route::GetOpenApi
        | Route::GetDocs
        | Route::Health
        | Route::Ready
        | Route::GetVersion
        | Route::ListClients
        | Route::ListInstances
        | Route::Whoami
        | Route::ListAdminKeys
        | Route::ListAudit
        | Route::VerifyAudit
        | Route::GetOwnTelemetry
        | Route::ListToolUsage
        | Route::ListUsageSeries
        | Route::ListUsageErrors
        | Route::ListUsageCounts
        | Route::GetCatalogue
        | Route::GetOwnCatalogue
        | Route::GetStats => ("", None),
        Route::SendReport => ("target-1", Some(report())),
        Route::SetCatalogue => ("", Some(json!({"tools": [], "codes": [], "counts": []}))),
        Route::UpdateCatalogue => ("", Some(json!({}))),
        Route::CreateClient => ("", Some(json!({"name": "New GmbH"}))),
        Route::GetClient | Route::ListClientInstances => ("target", None),
        Route::UpdateClient => ("target", Some(json!({"name": "Target GmbH"}))),
        Route::DeleteClient => ("doomed", None),
        Route::IssueInstance => ("target", Some(json!({}))),
        Route::GetInstance | Route::ReactivateInstance => ("target-1", None),
        Route::UpdateInstance => ("target-1", Some(json!({"grace_days": 1}))),
        Route::RotateLicense | Route::RotateHubKey | Route::SuspendInstance => {
            ("target-1", Some(json!({})))
        }
        Route::DeleteInstance => ("doomed-1", None),
        Route::CreateAdminKey => ("", Some(json!({"name": "new-key", "role": "viewer"}))),
        Route::DeleteAdminKey => ("doomed-key", None),
    }
}

both_stores!(
    every_route_with_every_credential,
    bearer_is_another_way_to_send_an_admin_key,
    an_almost_right_key_is_wrong
);

/// Every route admits exactly the credentials that the table names.
async fn every_route_with_every_credential(setup: Setup) {
    let hub = setup.any_number_of_guesses().start().await;
    let target = furnish(&hub).await;
    let callers = callers(&hub).await;
    for &route in Route::ALL {
        for (credential, caller) in CREDENTIALS.iter().zip(&callers) {
            let (handle, body) = request(route, &target);
            let answer = caller.send(route.method(), &route.fill(handle), body).await;
            check(&answer, expected(route.access(), *credential), route, *credential);
        }
    }
}

fn check(answer: &Answer, expected: Expected, route: Route, credential: Credential) {
    let tried = format!("{route:?} with {credential:?}");
    match expected {
        Expected::Unknown(code) => {
            assert_eq!(answer.status, 401, "{tried}: {answer}");
            answer.problem(401, code);
        }
        Expected::Forbidden => {
            assert_eq!(answer.status, 403, "{tried}: {answer}");
            answer.problem(403, "role_forbidden");
        }
        Expected::Mismatch => {
            assert_eq!(answer.status, 403, "{tried}: {answer}");
            answer.problem(403, "instance_mismatch");
        }
        Expected::LetThrough => {
            assert_ne!(answer.status, 401, "{tried}: {answer}");
            assert!(answer.status.as_u16() < 500, "{tried}: {answer}");
            let forbidden = answer.status == 403 && answer.json()["code"] == "role_forbidden";
            assert!(!forbidden, "{tried}: {answer}");
        }
    }
}

/// The targets of the requests; no credential depends on them.
pub(crate) async fn furnish(hub: &Hub) -> Issued {
    hub.client("doomed").await;
    hub.client("target").await;
    hub.issue("target", "doomed-1").await;
    hub.admin_key_of("doomed-key", Role::Viewer).await;
    hub.issue("target", "target-1").await
}

/// A caller with each of [`CREDENTIALS`], in that order.
async fn callers(hub: &Hub) -> Vec<Caller> {
    hub.client("holder").await;
    let mut callers = Vec::new();
    for credential in CREDENTIALS {
        callers.push(caller(hub, credential).await);
    }
    callers
}

async fn caller(hub: &Hub, credential: Credential) -> Caller {
    match credential {
        Credential::Nothing => hub.anonymous(),
        Credential::Garbage => hub
            .with_key(HUB_KEY_HEADER, "hk_000000000000000000000000")
            .header(ADMIN_KEY_HEADER, "lb_admin_00000000000000000000000000000000"),
        Credential::HubKey => hub.instance(&hub_key(hub, "holder-own").await),
        Credential::OtherHubKey => hub.instance(&hub_key(hub, "holder-other").await),
        Credential::SuspendedHubKey => {
            let key = hub_key(hub, "holder-suspended").await;
            hub.act("holder-suspended", "suspend", json!({})).await;
            hub.instance(&key)
        }
        Credential::ExpiredHubKey => {
            let key = hub_key(hub, "holder-expired").await;
            hub.patch_instance("holder-expired", json!({"expires_at": ago(DAY)})).await;
            hub.instance(&key)
        }
        Credential::RotatedHubKey => {
            let key = hub_key(hub, "holder-rotated").await;
            hub.act("holder-rotated", "rotate-hub-key", json!({})).await;
            hub.instance(&key)
        }
        Credential::Admin(role) => {
            hub.admin_with(&hub.admin_key_of(&format!("a-{role}"), role).await)
        }
        Credential::ExpiredAdmin => {
            let key = hub.admin_key_of("expired", Role::Owner).await;
            let expire = "UPDATE admin_keys SET expires_at = 1 WHERE name = 'expired'";
            assert_eq!(hub.sql().await.execute(expire).await, 1);
            hub.admin_with(&key)
        }
        Credential::RevokedAdmin => {
            let key = hub.admin_key_of("revoked", Role::Owner).await;
            hub.admin().delete("/api/v1/admin/keys/revoked").await.expect(204).done();
            hub.admin_with(&key)
        }
    }
}

async fn hub_key(hub: &Hub, instance_id: &str) -> String {
    let issued = hub.issue("holder", instance_id).await;
    hub.hub_key(&issued.license_key).await
}

/// `Authorization: Bearer` does what `X-Admin-Api-Key` does, for admin keys and nothing else.
async fn bearer_is_another_way_to_send_an_admin_key(hub: Hub) {
    let bearer = |key: &str| hub.with_key("authorization", &format!("Bearer {key}"));
    let me = bearer(hub.admin_key()).get("/api/v1/admin/whoami").await.ok();
    assert_eq!(me["role"], "owner");
    let key = "lb_admin_00000000000000000000000000000000";
    bearer(key).get("/api/v1/admin/whoami").await.problem(401, "admin_key_invalid");
    let basic = hub.with_key("authorization", "Basic aHViOmh1Yg==");
    basic.get("/api/v1/admin/whoami").await.problem(401, "admin_key_missing");
    bearer(hub.admin_key()).get("/api/v1/instances/self").await.problem(401, "hub_key_missing");
}

/// Keys are compared whole: a prefix, another case or spaces around a key are refused.
async fn an_almost_right_key_is_wrong(setup: Setup) {
    let hub = setup.any_number_of_guesses().start().await;
    let key = hub.admin_key().to_owned();
    let shorter = &key[..key.len() - 1];
    let longer = format!("{key}0");
    let upper = key.to_uppercase();
    for wrong in [shorter, &longer, &upper, "", "null", "lb_admin_"] {
        let answer = hub.admin_with(wrong).get("/api/v1/admin/whoami").await;
        assert_eq!(answer.status, 401, "{answer}");
    }
}
