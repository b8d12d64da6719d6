//! `hubctl client create` and `ensure`.

use hub_core::api::{Client, CreateClient, GetClient, NewClient};
use hub_core::exit::Exit;
use hub_core::labels::Labels;
use hub_core::problem::ErrorCode;

use super::change::change;
use super::{Invocation, tell};
use crate::cli::{ClientCreateArgs, ClientEnsureArgs};
use crate::client::{Answer, Call, Repeat};
use crate::commands::exists;
use crate::commands::targets::Outcome;
use crate::error::Result;

/// `hubctl client create`
pub(super) async fn create(args: ClientCreateArgs, invocation: &Invocation<'_>) -> Result<Exit> {
    let new = args.fields.new_client(args.slug.as_ref())?;
    if invocation.settings.dry_run
        && let Some(outcome) = would_create(invocation, &new).await?
    {
        return outcome.tell(invocation);
    }
    match register(invocation, &new).await? {
        Registered::New(client) => tell(invocation, &client, true, "created"),
        Registered::Existing(client) if args.if_not_exists => {
            tell(invocation, &client.value, false, "created")
        }
        Registered::Existing(client) => {
            let message = format!("client {} exists already", client.value.slug);
            Err(exists(ErrorCode::ClientExists, message, &client.value))
        }
    }
}

/// What would be created; `None` where a client has the slug already.
async fn would_create<'n>(
    invocation: &Invocation<'_>,
    new: &'n NewClient,
) -> Result<Option<Outcome<&'n NewClient>>> {
    let handle = new.slug.as_ref().map(ToString::to_string);
    if let Some(slug) = &handle
        && invocation.hub()?.find::<GetClient>(slug).await?.is_some()
    {
        return Ok(None);
    }
    let what = handle.as_deref().map_or_else(|| new.name.as_str().to_owned(), str::to_owned);
    Ok(Some(Outcome::would(new, &handle.unwrap_or_default(), &format!("client {what}"), "create")))
}

/// The result of creating a client.
pub(in crate::commands) enum Registered {
    /// It was created.
    New(Client),
    /// A client has its slug already.
    Existing(Answer<Client>),
}

/// Creates a client unless one has its slug already.
pub(in crate::commands) async fn register(
    invocation: &Invocation<'_>,
    new: &NewClient,
) -> Result<Registered> {
    let hub = invocation.hub()?;
    if invocation.settings.dry_run
        && let Some(slug) = &new.slug
        && let Some(existing) = hub.find::<GetClient>(slug.as_str()).await?
    {
        return Ok(Registered::Existing(existing));
    }
    // Without a slug the hub makes one: sent twice, the request would create two clients.
    let repeat = if new.slug.is_some() { Repeat::Safe } else { Repeat::Unsafe };
    let call = Call::<CreateClient> { repeat, ..Call::new("", &(), new) };
    let failure = match hub.answer(call).await {
        Ok(answer) => return Ok(Registered::New(answer.value)),
        Err(failure) => failure,
    };
    let Some(slug) = new.slug.as_ref().filter(|_| failure.is(ErrorCode::ClientExists)) else {
        return Err(failure);
    };
    let Some(existing) = hub.find::<GetClient>(slug.as_str()).await? else {
        return Err(failure);
    };
    // A retried request finds the client that its first attempt made before the answer was lost.
    let own = failure.parts().after_unknown
        && existing.value.name == new.name
        && existing.value.external_ref == new.external_ref;
    Ok(if own { Registered::New(existing.value) } else { Registered::Existing(existing) })
}

/// `hubctl client ensure`
pub(super) async fn ensure(args: ClientEnsureArgs, invocation: &Invocation<'_>) -> Result<Exit> {
    let handle = args.slug.as_str();
    let found = match invocation.hub()?.find::<GetClient>(handle).await? {
        Some(found) => found,
        None if invocation.settings.dry_run => {
            let new = args.fields.new_client(Some(&args.slug))?;
            let what = format!("client {}", args.slug);
            return Outcome::would(&new, handle, &what, "create").tell(invocation);
        }
        None => match register(invocation, &args.fields.new_client(Some(&args.slug))?).await? {
            Registered::New(client) => return tell(invocation, &client, true, "created"),
            Registered::Existing(found) => found,
        },
    };
    let wanted = |present: &Labels| args.fields.patch(present);
    change(handle, found, wanted, invocation).await?.tell(invocation)
}
