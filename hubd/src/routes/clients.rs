//! `/api/v1/admin/clients`.

use std::sync::Arc;

use hub_core::api::{
    Client, CreateClient, DeleteClient, GetClient, InstanceCounts, ListClients, Page, Route,
    UpdateClient,
};
use hub_core::model;
use hub_core::problem::ErrorCode;

use super::paging::Paging;
use crate::call::{Call, Reply};
use crate::changes;
use crate::domain::Refusal;
use crate::hub::Hub;
use crate::store::ClientFilter;

pub(super) async fn create(
    hub: Arc<Hub>,
    call: Call<CreateClient>,
) -> Result<Reply<Client>, Refusal> {
    let client = changes::create_client(hub.store(), call.author(), call.body).await?;
    let path = Route::GetClient.fill(client.slug.as_str());
    let etag = changes::client_etag(&client);
    Ok(Reply::created(path, Client::of(client, InstanceCounts::default())).tagged(etag))
}

pub(super) async fn list(
    hub: Arc<Hub>,
    call: Call<ListClients>,
) -> Result<Reply<Page<Client>>, Refusal> {
    let query = call.query;
    let paging = Paging::new("clients", query.limit, query.cursor.as_ref())?;
    let filter = ClientFilter {
        status: query.status,
        labels: query.label,
        text: query.q.map(|text| text.as_str().to_owned()),
        after: paging.after.clone(),
    };
    let rows = hub.store().list_clients(filter, paging.rows()).await?;
    let clients = with_counts(&hub, rows).await?;
    Ok(Reply::found(paging.page(clients, |client| client.slug.to_string())))
}

pub(super) async fn get(hub: Arc<Hub>, call: Call<GetClient>) -> Result<Reply<Client>, Refusal> {
    let found = hub.store().client(&call.handle).await?.ok_or(ErrorCode::ClientNotFound)?;
    show(&hub, found).await
}

pub(super) async fn update(
    hub: Arc<Hub>,
    call: Call<UpdateClient>,
) -> Result<Reply<Client>, Refusal> {
    let author = call.author();
    let Call { handle, body, if_match, .. } = call;
    let updated = changes::update_client(hub.store(), author, handle, body, if_match).await?;
    show(&hub, updated).await
}

pub(super) async fn delete(hub: Arc<Hub>, call: Call<DeleteClient>) -> Result<Reply<()>, Refusal> {
    let (author, cascade) = (call.author(), call.query.cascade.unwrap_or(false));
    changes::delete_client(hub.store(), author, call.handle, cascade, call.if_match).await?;
    Ok(Reply::deleted())
}

async fn show(hub: &Hub, client: model::Client) -> Result<Reply<Client>, Refusal> {
    let etag = changes::client_etag(&client);
    let mut clients = with_counts(hub, vec![client]).await?;
    Ok(Reply::found(clients.pop().ok_or(ErrorCode::Internal)?).tagged(etag))
}

async fn with_counts(hub: &Hub, clients: Vec<model::Client>) -> Result<Vec<Client>, Refusal> {
    let ids = clients.iter().map(|client| client.id.clone()).collect();
    let counts = hub.store().count_instances(ids).await?;
    let shown = clients.into_iter().map(|client| {
        let instances = counts.get(&client.id).copied().unwrap_or_default();
        Client::of(client, instances)
    });
    Ok(shown.collect())
}
