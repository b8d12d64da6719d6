//! `/api/v1/instances/activate`, `…/validate`, `…/self`.

use std::sync::Arc;

use hub_core::api::{
    Activate, Activated, GetSelf, InstanceStatus, LicenseSummary, SelfInstance, Valid, Validate,
    Validated, Verdict,
};
use hub_core::key::{Hub as HubKind, KeyHash, Shown};
use hub_core::problem::ErrorCode;
use hub_core::time::Timestamp;

use crate::call::{Call, Reply};
use crate::changes::given_or_new;
use crate::domain::Refusal;
use crate::hub::Hub;
use crate::store::{ActivationWish, InstanceRecord};

pub(super) async fn activate(
    hub: Arc<Hub>,
    call: Call<Activate>,
) -> Result<Reply<Activated>, Refusal> {
    let request = call.body;
    let license = request.license_key.0.map_err(|_| ErrorCode::LicenseInvalid)?.hash();
    let (hub_key, made) = given_or_new::<HubKind>(request.hub_key_sha256)?;
    let wish = ActivationWish {
        license,
        instance_id: request.instance_id.map(|id| id.as_str().to_owned()),
        hub_key,
        callers_key: made.is_none(),
        request_id: call.request_id.to_string(),
        now: call.now,
        overlap: hub.activation_overlap(),
    };
    let granted = hub.activate(wish).await?;
    let instance = &granted.instance;
    Ok(Reply::found(Activated {
        instance_id: instance.to_wire(call.now)?.instance_id,
        client_id: instance.client.clone(),
        status: InstanceStatus::Active,
        hub_api_key: made.map(Shown),
        hub_key_fingerprint: hub_key.fingerprint(),
        reactivated: granted.reactivated,
        activated_at: granted.activated_at,
        license: summary(instance, &license, call.now)?,
        certificate: None,
        telemetry_url: format!("/api/v1/instances/{}/telemetry", instance.instance_id),
    }))
}

pub(super) async fn validate(
    hub: Arc<Hub>,
    call: Call<Validate>,
) -> Result<Reply<Validated>, Refusal> {
    let license = call.body.license_key.0.ok().map(|key| key.hash());
    let found = match license {
        Some(hash) => hub.find_license(hash, call.now).await?.map(|instance| (hash, instance)),
        None => None,
    };
    let Some((hash, instance)) = found else {
        hub.guesses().spend(call.client)?;
        let code = Verdict::Refused(ErrorCode::LicenseInvalid);
        return Ok(Reply::found(Validated {
            valid: false,
            code,
            instance_id: None,
            license: None,
        }));
    };
    let refusal = instance.terms().refusal(call.now);
    Ok(Reply::found(Validated {
        valid: refusal.is_none(),
        code: refusal.map_or(Verdict::Valid(Valid::Valid), Verdict::Refused),
        instance_id: Some(instance.to_wire(call.now)?.instance_id),
        license: Some(summary(&instance, &hash, call.now)?),
    }))
}

pub(super) async fn get_self(
    _: Arc<Hub>,
    call: Call<GetSelf>,
) -> Result<Reply<SelfInstance>, Refusal> {
    let instance = call.caller.instance.to_wire(call.now)?;
    Ok(Reply::found(SelfInstance {
        instance_id: instance.instance_id,
        client_id: instance.client_id,
        client_slug: instance.client_slug,
        status: instance.status,
        effective_status: instance.effective_status,
        license: instance.license,
        hub_key: instance.hub_key,
        suspension: instance.suspension,
        created_at: instance.created_at,
        updated_at: instance.updated_at,
        activated_at: instance.activated_at,
        last_seen_at: instance.last_seen_at,
        certificate: None,
    }))
}

fn summary(
    instance: &InstanceRecord,
    presented: &KeyHash,
    now: Timestamp,
) -> Result<LicenseSummary, Refusal> {
    let terms = instance.terms();
    Ok(LicenseSummary {
        fingerprint: presented.fingerprint(),
        expires_at: terms.expires_at,
        in_grace: terms.in_grace(now),
        entitlements: instance.entitlements()?,
    })
}
