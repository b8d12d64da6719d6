//! `hubctl admin-key`

use hub_core::api::{
    AdminKeyInfo, CreateAdminKey, DeleteAdminKey, ListAdminKeys, NewAdminKey, Page,
};
use hub_core::exit::Exit;
use hub_core::key::Admin;
use hub_core::problem::ErrorCode;
use hub_core::time::Timestamp;
use serde::Serialize;
use serde_json::json;

use super::{Invocation, exists};
use crate::cli::{AdminKeyCommand, AdminKeyCreateArgs, AdminKeyRevokeArgs};
use crate::client::{Answer, Call};
use crate::commands::consented::{Change, Found, consented, lately, named};
use crate::commands::targets::Outcome;
use crate::delivery::Delivery;
use crate::error::{Failure, Result};
use crate::output::Done;
use crate::words::End;

/// Runs one of them.
pub(super) async fn run(command: AdminKeyCommand, invocation: &Invocation<'_>) -> Result<Exit> {
    match command {
        AdminKeyCommand::List => {
            invocation.out.list(&list(invocation).await?, "no admin keys")?;
            Ok(Exit::Done)
        }
        AdminKeyCommand::Create(args) => create(args, invocation).await,
        AdminKeyCommand::Revoke(args) => revoke(args, invocation).await,
    }
}

/// All keys: they come in one page.
async fn list(invocation: &Invocation<'_>) -> Result<Vec<AdminKeyInfo>> {
    let page: Page<_> = invocation.hub()?.call::<ListAdminKeys>("", &(), &()).await?;
    Ok(page.items)
}

async fn find(invocation: &Invocation<'_>, name: &str) -> Result<Option<AdminKeyInfo>> {
    Ok(list(invocation).await?.into_iter().find(|key| key.name.as_str() == name))
}

async fn create(args: AdminKeyCreateArgs, invocation: &Invocation<'_>) -> Result<Exit> {
    let delivery = Delivery::<Admin>::reserve(&args.sink, invocation.out)?;
    let expires_at = args.expires_at.map(|end| end.resolve(invocation.out.times().now));
    if let Some(found) = find(invocation, args.name.as_str()).await? {
        return meet(&args, expires_at, &found, &delivery, invocation);
    }
    if invocation.settings.dry_run {
        let object = json!({"name": args.name, "role": args.role, "expires_at": expires_at});
        let handle = args.name.as_str();
        return Outcome::would(&object, handle, &format!("admin key {handle}"), "create")
            .tell(invocation);
    }
    let hub = invocation.hub()?;
    let register = async |hash| {
        let AdminKeyCreateArgs { name, role, .. } = args;
        let new = NewAdminKey { name, role, expires_at, key_sha256: Some(hash) };
        hub.answer(Call::<CreateAdminKey>::new("", &(), &new)).await
    };
    let delivered = delivery.hold()?.register(register).await?;
    let Answer { created, after_unknown, value, .. } = &delivered.answer;
    let info = &value.info;
    let words = format!("created admin key {}   {} {}", info.name, info.role, delivered.told());
    let done = Done::new(info, info.name.as_str(), *created || *after_unknown, words);
    invocation.out.done(&done.reveal(delivered.reveal()))?;
    Ok(Exit::Done)
}

/// Deals with an existing key of that name.
fn meet(
    args: &AdminKeyCreateArgs,
    expires_at: Option<Timestamp>,
    found: &AdminKeyInfo,
    delivery: &Delivery<Admin>,
    invocation: &Invocation<'_>,
) -> Result<Exit> {
    let live = delivery.found().map(|key| key.hash().fingerprint() == found.fingerprint);
    // A span from now on means another moment in each run.
    let same_end = match args.expires_at {
        Some(End::In(_)) => found.expires_at.is_some(),
        _ => found.expires_at == expires_at,
    };
    let same = found.role == args.role && same_end;
    let message = match live {
        Some(true) if same => None,
        Some(true) => {
            Some(format!("admin key {} exists with another role or another end", found.name))
        }
        Some(false) => {
            Some(format!("admin key {} exists, and the sink holds a different key", found.name))
        }
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
    let words = format!("admin key {} is unchanged", found.name);
    if delivery.is_stdout() && invocation.out.format().is_table() {
        invocation.out.words(&words);
        return Ok(Exit::Done);
    }
    let handle = found.name.as_str();
    invocation.out.done(&Done::new(found, handle, false, words))?;
    Ok(Exit::Done)
}

async fn revoke(args: AdminKeyRevokeArgs, invocation: &Invocation<'_>) -> Result<Exit> {
    let change = Revoke { if_exists: args.if_exists, invocation };
    consented(args.targets, &change, invocation).await
}

/// A key that was revoked, or only its name where there was none.
#[derive(Serialize)]
#[serde(untagged)]
enum Subject {
    Key(AdminKeyInfo),
    Absent { name: String },
}

struct Revoke<'a, 'b> {
    if_exists: bool,
    invocation: &'a Invocation<'b>,
}

impl Change for Revoke<'_, '_> {
    type Subject = AdminKeyInfo;
    type Object = Subject;

    async fn look(&self, handle: &str) -> Result<Found<AdminKeyInfo, Subject>> {
        let what = format!("admin key {handle}");
        let Some(found) = find(self.invocation, handle).await? else {
            let message = format!("no {what}");
            if !self.if_exists {
                return Err(Failure::of(ErrorCode::AdminKeyNotFound, message)
                    .hint("hubctl admin-key list shows what there is"));
            }
            let absent = Subject::Absent { name: handle.to_owned() };
            let outcome = Outcome::new(absent, handle, &what, false, "revoked");
            return Ok(Found::Settled(Outcome { words: message, ..outcome }));
        };
        Ok(if self.invocation.settings.dry_run {
            Found::Settled(Outcome::would(Subject::Key(found), handle, &what, "revoke"))
        } else {
            Found::Asked(found)
        })
    }

    fn what(&self, keys: &[&AdminKeyInfo]) -> String {
        let noun = if keys.len() == 1 { "admin key" } else { "admin keys" };
        format!("revoking {noun} {}", named(keys.iter().map(|key| key.name.as_str())))
    }

    async fn consequences(&self, keys: &[&AdminKeyInfo]) -> Result<String> {
        if let [key] = keys {
            let used = self.invocation.out.times().or_never(key.last_used_at);
            return Ok(format!("a {} key, last used {used}; it stops at once", key.role));
        }
        let used = keys.iter().map(|key| key.last_used_at);
        Ok(format!("{}; they stop at once", lately(used, "key", "used", self.invocation)))
    }

    async fn act(&self, handle: &str, key: AdminKeyInfo) -> Result<Outcome<Subject>> {
        let hub = self.invocation.hub()?;
        hub.delete(Call::<DeleteAdminKey>::new(handle, &(), &())).await?;
        let what = format!("admin key {handle}");
        Ok(Outcome::new(Subject::Key(key), handle, &what, true, "revoked"))
    }
}
