//! `/api/v1/admin/telemetry/catalogue` and `/api/v1/instances/self/catalogue`.

use std::sync::Arc;

use hub_core::api::{Catalogue, GetCatalogue, GetOwnCatalogue, SetCatalogue, UpdateCatalogue};

use crate::call::{Call, Reply};
use crate::changes::{self, catalogue_etag};
use crate::domain::Refusal;
use crate::hub::Hub;

pub(super) async fn get(hub: Arc<Hub>, _: Call<GetCatalogue>) -> Result<Reply<Catalogue>, Refusal> {
    Ok(tagged(hub.store().catalogue().await?))
}

pub(super) async fn get_own(
    hub: Arc<Hub>,
    _: Call<GetOwnCatalogue>,
) -> Result<Reply<Catalogue>, Refusal> {
    Ok(tagged(hub.store().catalogue().await?))
}

pub(super) async fn set(
    hub: Arc<Hub>,
    call: Call<SetCatalogue>,
) -> Result<Reply<Catalogue>, Refusal> {
    let author = call.author();
    let set = changes::set_catalogue(hub.store(), author, call.body, call.if_match).await?;
    Ok(tagged(set))
}

pub(super) async fn update(
    hub: Arc<Hub>,
    call: Call<UpdateCatalogue>,
) -> Result<Reply<Catalogue>, Refusal> {
    let author = call.author();
    let set = changes::update_catalogue(hub.store(), author, call.body, call.if_match).await?;
    Ok(tagged(set))
}

fn tagged(catalogue: Catalogue) -> Reply<Catalogue> {
    let etag = catalogue_etag(&catalogue);
    Reply::found(catalogue).tagged(etag)
}
