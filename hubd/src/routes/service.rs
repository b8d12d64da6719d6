//! `/healthz`, `/readyz`, `/version`, `/openapi.json`, `/docs`, `/api/v1/privacy`, `/api/v1/admin/stats`.

use std::sync::Arc;

use hub_core::api::{
    GetDocs, GetOpenApi, GetPrivacy, GetStats, GetVersion, Health, Readiness, Ready, Stats, Status,
    Version,
};
use hub_core::openapi::OpenApi;
use hub_core::privacy::PrivacyPromise;

use crate::call::{Call, Reply};
use crate::docs;
use crate::domain::Refusal;
use crate::hub::Hub;
use crate::store;

pub(super) async fn health(_: Arc<Hub>, _: Call<Health>) -> Result<Reply<Status>, Refusal> {
    Ok(Reply::found(Status { status: "ok".to_owned() }))
}

pub(super) async fn ready(hub: Arc<Hub>, call: Call<Ready>) -> Result<Reply<Readiness>, Refusal> {
    hub.check_ready().await?;
    // A wrong key is told what a stranger is told.
    let is_admin = match call.caller {
        Some(key) => hub.authenticate_admin(key, call.now).await.is_ok(),
        None => false,
    };
    let mut readiness =
        Readiness { status: "ready".to_owned(), doubted_clock: None, last_backup: None };
    if is_admin {
        readiness.doubted_clock = hub.store().doubted_clock().await?;
        readiness.last_backup = hub.store().last_backup();
    }
    Ok(Reply::found(readiness))
}

pub(super) async fn version(_: Arc<Hub>, _: Call<GetVersion>) -> Result<Reply<Version>, Refusal> {
    Ok(Reply::found(Version {
        name: "hubd".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        schema: store::schema(),
    }))
}

pub(super) async fn openapi(_: Arc<Hub>, _: Call<GetOpenApi>) -> Result<Reply<OpenApi>, Refusal> {
    Ok(Reply::found(docs::openapi()))
}

pub(super) async fn docs(_: Arc<Hub>, _: Call<GetDocs>) -> Result<Reply<()>, Refusal> {
    Ok(Reply::page(docs::html()))
}

pub(super) async fn privacy(
    hub: Arc<Hub>,
    _: Call<GetPrivacy>,
) -> Result<Reply<PrivacyPromise>, Refusal> {
    let sizes = hub.catalogue_sizes().await?;
    Ok(Reply::found(PrivacyPromise::new(sizes, hub.retention())))
}

pub(super) async fn stats(hub: Arc<Hub>, call: Call<GetStats>) -> Result<Reply<Stats>, Refusal> {
    Ok(Reply::found(hub.store().stats(call.now).await?))
}
