//! Examples of requests and answers, and the links from one operation to the next.

use http::StatusCode;
use serde_json::{Value, json};

use super::operation_id;
use crate::api::Route;

/// The body of a request.
pub(super) fn request(route: Route) -> Option<Value> {
    Some(match route {
        Route::Activate => json!({
            "license_key": "lb_inst_0123456789abcdef0123456789abcdef01234567",
            "instance_id": "acme-prod",
        }),
        Route::Validate => {
            json!({"license_key": "lb_inst_0123456789abcdef0123456789abcdef01234567"})
        }
        Route::SendReport => json!({
            "report_id": "0191d6a0-0000-7000-8000-000000000001",
            "window_start": "2026-11-27T07:00:00Z",
            "window_end": "2026-11-27T08:00:00Z",
            "tools": [{"name": "browser.navigate", "calls": 12, "errors": {"TIMEOUT": 2},
                "durations_ms": [12, 40.5]}],
            "counts": {"agents_online": 3},
        }),
        Route::CreateClient => {
            json!({"name": "Acme GmbH", "slug": "acme", "labels": {"env": "prod"}})
        }
        Route::UpdateClient => json!({"status": "suspended"}),
        Route::IssueInstance => json!({
            "instance_id": "acme-prod", "expires_at": "2027-12-31T00:00:00Z", "grace_days": 14,
            "max_activations": 3, "entitlements": ["sso"],
        }),
        Route::UpdateInstance => json!({"expires_at": null, "entitlements": ["sso", "audit"]}),
        Route::RotateLicense | Route::RotateHubKey => json!({"overlap_seconds": 3600}),
        Route::SuspendInstance => json!({"reason": "unpaid"}),
        Route::SetCatalogue => json!({
            "tools": ["browser.navigate"], "codes": ["TIMEOUT"], "counts": ["agents_online"],
        }),
        Route::CreateAdminKey => json!({"name": "ci", "role": "provisioner"}),
        _ => return None,
    })
}

/// The body of an answer.
pub(super) fn reply(route: Route, status: StatusCode) -> Option<Value> {
    Some(match (route, status) {
        (Route::Activate, _) => json!({
            "instance_id": "acme-prod",
            "client_id": "0191d6a0-0000-7000-8000-000000000000",
            "status": "active",
            "hub_api_key": "hk_0123456789abcdef01234567",
            "hub_key_fingerprint": "9b1c0e3f9a8e",
            "reactivated": false,
            "activated_at": "2026-11-27T08:00:00.000Z",
            "license": {"fingerprint": "3f9a1c0e9a8e", "expires_at": null, "in_grace": false,
                "entitlements": ["sso"]},
            "certificate": "eyJhbGciOiJFZERTQSIsInR5cCI6IkpXVCIsImtpZCI6Ii4uLiJ9.e30.c2ln",
            "telemetry_url": "/api/v1/instances/acme-prod/telemetry",
        }),
        (Route::Validate, _) => json!({"valid": false, "code": "license_invalid"}),
        (Route::Health, _) => json!({"status": "ok"}),
        (Route::Ready, _) => json!({"status": "ready"}),
        (Route::Whoami, _) => {
            json!({"name": "owner", "role": "owner", "fingerprint": "3f9a1c0e9a8e"})
        }
        (Route::VerifyAudit, _) => {
            json!({"ok": true, "events": 0, "head": null, "first_broken": null})
        }
        _ => return None,
    })
}

/// What can be done next with the object of an answer.
pub(super) fn links(route: Route, status: StatusCode) -> Option<Value> {
    let to = |target: Route, parameter: &str, member: &str| {
        let value = format!("$response.body#/{member}");
        json!({"operationId": operation_id(target), "parameters": {parameter: value}})
    };
    match (route, status) {
        (Route::CreateClient, StatusCode::CREATED) => Some(json!({
            "client": to(Route::GetClient, "id", "slug"),
            "instances": to(Route::ListClientInstances, "id", "slug"),
            "issue": to(Route::IssueInstance, "id", "slug"),
            "delete": to(Route::DeleteClient, "id", "slug"),
        })),
        (Route::IssueInstance, StatusCode::CREATED) => Some(json!({
            "instance": to(Route::GetInstance, "instance_id", "instance_id"),
            "suspend": to(Route::SuspendInstance, "instance_id", "instance_id"),
            "rotate": to(Route::RotateLicense, "instance_id", "instance_id"),
            "delete": to(Route::DeleteInstance, "instance_id", "instance_id"),
        })),
        (Route::CreateAdminKey, StatusCode::CREATED) => {
            Some(json!({"revoke": to(Route::DeleteAdminKey, "name", "name")}))
        }
        _ => None,
    }
}
