//! `hubctl admin-key`

use hub_core::api::{
    AdminKeyInfo, CreateAdminKey, DeleteAdminKey, ListAdminKeys, NewAdminKey, Page,
};
use hub_core::exit::Exit;
use hub_core::key::Admin;
use hub_core::problem::ErrorCode;
use serde_json::json;

use super::{Context, exists};
use crate::cli::{AdminKeyCommand, AdminKeyCreateArgs, AdminKeyRevokeArgs};
use crate::client::{Answer, Call};
use crate::commands::targets::Outcome;
use crate::delivery::Delivery;
use crate::error::{Failure, Result};
use crate::output::Done;

/// Runs one of them.
pub(super) async fn run(command: AdminKeyCommand, context: &Context<'_>) -> Result<Exit> {
    match command {
        AdminKeyCommand::List => {
            context.out.list(&list(context).await?, "no admin keys")?;
            Ok(Exit::Done)
        }
        AdminKeyCommand::Create(args) => create(args, context).await,
        AdminKeyCommand::Revoke(args) => revoke(args, context).await,
    }
}

/// All of them: they come in one page.
async fn list(context: &Context<'_>) -> Result<Vec<AdminKeyInfo>> {
    let page: Page<_> = context.hub()?.call::<ListAdminKeys>("", &(), &()).await?;
    Ok(page.items)
}

async fn find(context: &Context<'_>, name: &str) -> Result<Option<AdminKeyInfo>> {
    Ok(list(context).await?.into_iter().find(|key| key.name.as_str() == name))
}

async fn create(args: AdminKeyCreateArgs, context: &Context<'_>) -> Result<Exit> {
    let delivery = Delivery::<Admin>::reserve(&args.sink, context.out)?;
    if let Some(found) = find(context, args.name.as_str()).await? {
        return meet(&args, &found, &delivery, context);
    }
    if context.settings.dry_run {
        let object = json!({"name": args.name, "role": args.role, "expires_at": args.expires_at});
        let handle = args.name.as_str();
        return Outcome::would(&object, handle, &format!("admin key {handle}"), "create")
            .tell(context);
    }
    let hub = context.hub()?;
    let register = async |hash| {
        let AdminKeyCreateArgs { name, role, expires_at, .. } = args;
        let new = NewAdminKey { name, role, expires_at, key_sha256: Some(hash) };
        hub.answer(Call::<CreateAdminKey>::new("", &(), &new)).await
    };
    let delivered = delivery.hold()?.register(register).await?;
    let Answer { created, after_unknown, value, .. } = &delivered.answer;
    let info = &value.info;
    let words = format!("created admin key {}   {} {}", info.name, info.role, delivered.told());
    let done = Done::new(info, info.name.as_str(), *created || *after_unknown, words);
    context.out.done(&done.reveal(delivered.reveal()))?;
    Ok(Exit::Done)
}

/// Deals with a key of that name that exists.
fn meet(
    args: &AdminKeyCreateArgs,
    found: &AdminKeyInfo,
    delivery: &Delivery<Admin>,
    context: &Context<'_>,
) -> Result<Exit> {
    let live = delivery.found().map(|key| key.hash().fingerprint() == found.fingerprint);
    let same = found.role == args.role && found.expires_at == args.expires_at;
    let message = match live {
        Some(true) if same => None,
        Some(true) => Some(format!("admin key {} exists with another role or end", found.name)),
        Some(false) => Some(format!(
            "admin key {} exists, and the sink holds another key than its own",
            found.name
        )),
        None if args.if_not_exists => None,
        None => Some(format!("admin key {} exists already", found.name)),
    };
    if let Some(message) = message {
        let failure = exists(ErrorCode::AdminKeyExists, message, found);
        return Err(match live {
            None => failure,
            Some(_) => failure.hint("choose another name, or revoke that key first"),
        });
    }
    let words = format!("admin key {} is already so", found.name);
    if delivery.is_stdout() && context.out.format().is_table() {
        context.out.words(&words);
        return Ok(Exit::Done);
    }
    let handle = found.name.as_str();
    context.out.done(&Done::new(found, handle, false, words))?;
    Ok(Exit::Done)
}

async fn revoke(args: AdminKeyRevokeArgs, context: &Context<'_>) -> Result<Exit> {
    let handle = args.name.as_str();
    let Some(found) = find(context, handle).await? else {
        let message = format!("no admin key {handle}");
        if !args.if_exists {
            return Err(Failure::of(ErrorCode::AdminKeyNotFound, message)
                .hint("hubctl admin-key list shows those that there are"));
        }
        let object = json!({"name": handle});
        context.out.done(&Done::new(&object, handle, false, message))?;
        return Ok(Exit::Done);
    };
    if context.settings.dry_run {
        let what = format!("admin key {handle}");
        return Outcome::would(&found, handle, &what, "revoke").tell(context);
    }
    let used = context.out.times().or_never(found.last_used_at);
    let consequences = format!("a {} key, last used {used}; it stops at once", found.role);
    context.consent.ask(&format!("revoking admin key {handle}"), &consequences).await?;
    match context.hub()?.answer(Call::<DeleteAdminKey>::new(handle, &(), &())).await {
        // The first attempt revoked it, and its answer was lost.
        Err(failure) if failure.parts().after_unknown && failure.exit() == Exit::NotFound => {}
        answer => drop(answer?),
    }
    let words = format!("revoked admin key {handle}");
    context.out.done(&Done::new(&found, handle, true, words))?;
    Ok(Exit::Done)
}
