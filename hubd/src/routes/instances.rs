//! `/api/v1/admin/instances` and `/api/v1/admin/clients/{id}/instances`.

use std::sync::Arc;
use std::time::Duration;

use hub_core::api::{
    DeleteInstance, GetInstance, Instance, InstanceQuery, InstanceSort, IssueInstance,
    IssuedInstance, ListClientInstances, ListInstances, OverlapSeconds, Page, ReactivateInstance,
    RotateHubKey, RotateLicense, RotatedHubKey, RotatedLicense, Route, SuspendInstance,
    UpdateInstance,
};
use hub_core::key::{Hub as HubKind, License, Shown};
use hub_core::model;
use hub_core::problem::ErrorCode;
use hub_core::time::Timestamp;

use super::paging::Paging;
use crate::call::{Call, Reply};
use crate::changes::{self, Made, Rotation};
use crate::domain::{InstanceKey, Refusal};
use crate::hub::Hub;
use crate::store::{InstanceFilter, InstancePlace};

pub(super) async fn issue(
    hub: Arc<Hub>,
    call: Call<IssueInstance>,
) -> Result<Reply<IssuedInstance>, Refusal> {
    let author = call.author();
    let made = changes::issue_instance(hub.store(), author, call.handle, call.body).await?;
    let (is_new, issued) = match made {
        Made::Created(issued) => (true, issued),
        Made::Existing(issued) => (false, issued),
    };
    let etag = changes::instance_etag(&issued.instance);
    let instance = Instance::of(issued.instance, call.now);
    let path = Route::GetInstance.fill(instance.instance_id.as_str());
    let shown = IssuedInstance { instance, license_key: issued.license_key.map(Shown) };
    let reply = if is_new { Reply::created(path, shown) } else { Reply::found(shown) };
    Ok(reply.tagged(etag))
}

pub(super) async fn list_of_client(
    hub: Arc<Hub>,
    call: Call<ListClientInstances>,
) -> Result<Reply<Page<Instance>>, Refusal> {
    let client = hub.store().client(&call.handle).await?.ok_or(ErrorCode::ClientNotFound)?;
    let filter = InstanceFilter { client: Some(client.id), ..Default::default() };
    page(&hub, call.query, filter, call.now).await
}

pub(super) async fn list(
    hub: Arc<Hub>,
    call: Call<ListInstances>,
) -> Result<Reply<Page<Instance>>, Refusal> {
    let (query, now) = (call.query, call.now);
    let filter = InstanceFilter {
        text: query.q.map(|text| text.as_str().to_owned()),
        silent_since: query.silent_for.map(|span| now.before(span.duration())),
        ends_by: query.expires_within.map(|span| now.after(span.duration())),
        sort: query.sort.unwrap_or_default(),
        ..Default::default()
    };
    page(&hub, query.common, filter, now).await
}

async fn page(
    hub: &Hub,
    query: InstanceQuery,
    filter: InstanceFilter,
    now: Timestamp,
) -> Result<Reply<Page<Instance>>, Refusal> {
    let sort = filter.sort;
    // A position in one order is none in another.
    let list = match sort {
        InstanceSort::InstanceId => "instances".to_owned(),
        sort => format!("instances by {}", sort.as_str()),
    };
    let paging = Paging::new(&list, query.limit, query.cursor.as_ref())?;
    let filter = InstanceFilter {
        status: query.status,
        labels: query.label,
        after: paging.after.as_deref().map(place).transpose()?,
        ..filter
    };
    let rows = hub.store().list_instances(filter, paging.rows(), now).await?;
    let shown = rows.into_iter().map(|row| Instance::of(row.instance, now)).collect();
    Ok(Reply::found(paging.page(shown, |instance: &Instance| {
        let at = sort.time_of(instance).map(|at| at.unix_ms().to_string());
        format!("{} {}", at.unwrap_or_default(), instance.instance_id)
    })))
}

/// The place that a cursor names.
fn place(key: &str) -> Result<InstancePlace, Refusal> {
    let malformed = || Refusal::new(ErrorCode::InvalidCursor);
    let (at, handle) = key.split_once(' ').ok_or_else(malformed)?;
    let at = match at {
        "" => None,
        at => Some(Timestamp::from_unix_ms(at.parse().map_err(|_| malformed())?)),
    };
    Ok(InstancePlace { at, handle: handle.to_owned() })
}

pub(super) async fn get(
    hub: Arc<Hub>,
    call: Call<GetInstance>,
) -> Result<Reply<Instance>, Refusal> {
    let found = hub.store().instance(&call.handle).await?.ok_or(ErrorCode::InstanceNotFound)?;
    Ok(show(found.instance, call.now))
}

pub(super) async fn update(
    hub: Arc<Hub>,
    call: Call<UpdateInstance>,
) -> Result<Reply<Instance>, Refusal> {
    let (author, now) = (call.author(), call.now);
    let Call { handle, body, if_match, .. } = call;
    let updated = changes::update_instance(hub.store(), author, handle, body, if_match).await?;
    Ok(show(updated, now))
}

pub(super) async fn rotate_license(
    hub: Arc<Hub>,
    call: Call<RotateLicense>,
) -> Result<Reply<RotatedLicense>, Refusal> {
    let (hash, key) = changes::given_or_new::<License>(call.body.license_sha256)?;
    let overlap = duration(call.body.overlap_seconds);
    let rotation =
        Rotation { kind: InstanceKey::License, hash, callers_key: key.is_none(), overlap };
    let author = call.author();
    let done = changes::rotate(hub.store(), author, call.handle, rotation, call.if_match).await?;
    Ok(Reply::found(RotatedLicense {
        instance_id: done.instance_id,
        license_key: key.map(Shown),
        license_fingerprint: hash.fingerprint(),
        previous_valid_until: done.previous_valid_until,
    }))
}

pub(super) async fn rotate_hub_key(
    hub: Arc<Hub>,
    call: Call<RotateHubKey>,
) -> Result<Reply<RotatedHubKey>, Refusal> {
    let (hash, key) = changes::given_or_new::<HubKind>(call.body.hub_key_sha256)?;
    let overlap = duration(call.body.overlap_seconds);
    let rotation = Rotation { kind: InstanceKey::Hub, hash, callers_key: key.is_none(), overlap };
    let author = call.author();
    let done = changes::rotate(hub.store(), author, call.handle, rotation, call.if_match).await?;
    Ok(Reply::found(RotatedHubKey {
        instance_id: done.instance_id,
        hub_api_key: key.map(Shown),
        hub_key_fingerprint: hash.fingerprint(),
        previous_valid_until: done.previous_valid_until,
    }))
}

pub(super) async fn suspend(
    hub: Arc<Hub>,
    call: Call<SuspendInstance>,
) -> Result<Reply<Instance>, Refusal> {
    let (author, now) = (call.author(), call.now);
    let Call { handle, body, if_match, .. } = call;
    let instance = changes::suspend_instance(hub.store(), author, handle, body, if_match).await?;
    Ok(show(instance, now))
}

pub(super) async fn reactivate(
    hub: Arc<Hub>,
    call: Call<ReactivateInstance>,
) -> Result<Reply<Instance>, Refusal> {
    let (author, now) = (call.author(), call.now);
    let Call { handle, if_match, .. } = call;
    let instance = changes::reactivate_instance(hub.store(), author, handle, if_match).await?;
    Ok(show(instance, now))
}

pub(super) async fn delete(
    hub: Arc<Hub>,
    call: Call<DeleteInstance>,
) -> Result<Reply<()>, Refusal> {
    let author = call.author();
    changes::delete_instance(hub.store(), author, call.handle, call.if_match).await?;
    Ok(Reply::deleted())
}

fn show(instance: model::Instance, now: Timestamp) -> Reply<Instance> {
    let etag = changes::instance_etag(&instance);
    Reply::found(Instance::of(instance, now)).tagged(etag)
}

fn duration(seconds: Option<OverlapSeconds>) -> Duration {
    Duration::from_secs(seconds.unwrap_or_default().get().into())
}
