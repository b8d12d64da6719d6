//! `/api/v1/instances/activate`, `…/validate`, `…/self`, `/.well-known/jwks.json`.

use std::sync::Arc;

use hub_core::api::{
    Activate, Activated, EffectiveStatus, GetCertificateKeys, GetSelf, Instance, InstanceStatus,
    JwkSet, LicenseSummary, Route, SelfInstance, Validate, Validated, Verdict,
};
use hub_core::key::{Hub as HubKind, KeyHash, Shown};
use hub_core::model;
use hub_core::problem::ErrorCode;
use hub_core::time::Timestamp;

use crate::call::{Call, Reply};
use crate::certificates::Licensed;
use crate::changes::given_or_new;
use crate::domain::Refusal;
use crate::hot::ActivationRequested;
use crate::hub::Hub;

pub(super) async fn activate(
    hub: Arc<Hub>,
    call: Call<Activate>,
) -> Result<Reply<Activated>, Refusal> {
    let request = call.body;
    let license = request.license_key.0.map_err(|_| ErrorCode::LicenseInvalid)?.hash();
    let (hub_key, made) = given_or_new::<HubKind>(request.hub_key_sha256)?;
    let requested = ActivationRequested {
        license,
        instance_id: request.instance_id,
        hub_key,
        callers_key: made.is_none(),
        request_id: call.request_id.to_string(),
        now: call.now,
    };
    let granted = hub.activate(requested).await?;
    let fingerprint = license.fingerprint();
    let certificate = hub.certificates().certificate(
        Licensed {
            instance_id: &granted.instance_id,
            client: &granted.client,
            license: &fingerprint,
            entitlements: &granted.entitlements,
            ends_at: granted.ends_at,
        },
        call.now,
    );
    Ok(Reply::found(Activated {
        telemetry_url: Route::SendReport.fill(granted.instance_id.as_str()),
        instance_id: granted.instance_id,
        client_id: granted.client,
        status: InstanceStatus::Active,
        hub_api_key: made.map(Shown),
        hub_key_fingerprint: hub_key.fingerprint(),
        reactivated: granted.reactivated,
        activated_at: granted.activated_at,
        license: LicenseSummary {
            fingerprint,
            expires_at: granted.expires_at,
            in_grace: granted.in_grace,
            entitlements: granted.entitlements,
        },
        certificate: Some(certificate),
    }))
}

pub(super) async fn validate(
    hub: Arc<Hub>,
    call: Call<Validate>,
) -> Result<Reply<Validated>, Refusal> {
    let license = call.body.license_key.0.ok().map(|key| key.hash());
    let found = match license {
        Some(hash) => hub.find_license(hash, call.now).await?.map(|row| (hash, row.instance)),
        None => None,
    };
    let Some((hash, instance)) = found else {
        let code = Verdict::Refused(ErrorCode::LicenseInvalid);
        let invalid = Validated { valid: false, code, instance_id: None, license: None };
        return Ok(Reply::found(invalid).for_wrong_key());
    };
    let refusal = instance.standing().refusal(call.now);
    Ok(Reply::found(Validated {
        valid: refusal.is_none(),
        code: refusal.into(),
        license: Some(summary(&instance, &hash, call.now)),
        instance_id: Some(instance.instance_id),
    }))
}

pub(super) async fn get_self(
    hub: Arc<Hub>,
    call: Call<GetSelf>,
) -> Result<Reply<SelfInstance>, Refusal> {
    let (instance, now) = (call.caller.instance, call.now);
    let standing = instance.standing();
    let is_active = standing.effective_status(now) == EffectiveStatus::Active;
    let certificate = is_active.then(|| {
        let licensed = Licensed {
            instance_id: &instance.instance_id,
            client: &instance.owner.id,
            license: &instance.license.hash.fingerprint(),
            entitlements: &instance.terms.entitlements,
            ends_at: standing.works_until(),
        };
        hub.certificates().certificate(licensed, now)
    });
    let verdict = standing.refusal(now).into();
    Ok(Reply::found(SelfInstance::of(Instance::of(instance, now), verdict, certificate)))
}

pub(super) async fn certificate_keys(
    hub: Arc<Hub>,
    _: Call<GetCertificateKeys>,
) -> Result<Reply<JwkSet>, Refusal> {
    Ok(Reply::found(hub.certificates().public_keys()))
}

fn summary(instance: &model::Instance, presented: &KeyHash, now: Timestamp) -> LicenseSummary {
    LicenseSummary {
        fingerprint: presented.fingerprint(),
        expires_at: instance.terms.expires_at,
        in_grace: instance.standing().in_grace(now),
        entitlements: instance.terms.entitlements.clone(),
    }
}
