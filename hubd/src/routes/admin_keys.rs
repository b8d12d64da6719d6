//! `/api/v1/admin/keys` and `/api/v1/admin/whoami`.

use std::sync::Arc;

use hub_core::api::{
    AdminKeyInfo, CreateAdminKey, CreatedAdminKey, DeleteAdminKey, Identity, ListAdminKeys, Page,
    Route, Whoami,
};
use hub_core::key::Shown;

use crate::call::{Call, Reply};
use crate::changes::{self, Made};
use crate::domain::Refusal;
use crate::hub::Hub;
use crate::store::AdminKeyRow;

pub(super) async fn whoami(_: Arc<Hub>, call: Call<Whoami>) -> Result<Reply<Identity>, Refusal> {
    Ok(Reply::found(Identity {
        name: call.caller.name,
        role: call.caller.role,
        fingerprint: call.caller.key.fingerprint(),
    }))
}

pub(super) async fn create(
    hub: Arc<Hub>,
    call: Call<CreateAdminKey>,
) -> Result<Reply<CreatedAdminKey>, Refusal> {
    let path = format!("{}/{}", Route::ListAdminKeys.path(), call.body.name);
    let made = changes::create_admin_key(hub.store(), call.author(), call.body).await?;
    Ok(match made {
        Made::Created((info, key)) => {
            Reply::created(path, CreatedAdminKey { info, admin_key: key.map(Shown) })
        }
        Made::Existing((info, _)) => Reply::found(CreatedAdminKey { info, admin_key: None }),
    })
}

pub(super) async fn list(
    hub: Arc<Hub>,
    _: Call<ListAdminKeys>,
) -> Result<Reply<Page<AdminKeyInfo>>, Refusal> {
    let keys = hub.store().admin_keys().await?;
    let items = keys.iter().map(AdminKeyRow::to_wire).collect();
    Ok(Reply::found(Page { items, next_cursor: None }))
}

pub(super) async fn revoke(
    hub: Arc<Hub>,
    call: Call<DeleteAdminKey>,
) -> Result<Reply<()>, Refusal> {
    changes::revoke_admin_key(hub.store(), call.author(), call.handle).await?;
    Ok(Reply::deleted())
}
