//! `hubctl client create` and `ensure`.

use hub_core::api::{Client, CreateClient, GetClient, NewClient};
use hub_core::exit::Exit;
use hub_core::fields::Field;
use hub_core::labels::Labels;
use hub_core::name::Slug;
use hub_core::problem::ErrorCode;
use serde::Serialize;

use super::change::change;
use super::{Invocation, outcome};
use crate::cli::{ClientCreateArgs, ClientEnsureArgs, ClientFields};
use crate::client::{Answer, Call, Repeat};
use crate::commands::exists;
use crate::commands::targets::{Outcome, each};
use crate::error::{Failure, Result};

/// `hubctl client create`
pub(super) async fn create(args: ClientCreateArgs, invocation: &Invocation<'_>) -> Result<Exit> {
    if args.slugs.is_empty() && !args.stdin {
        return created(None, &args, invocation).await?.tell(invocation);
    }
    each(args.fields.of(&args.slugs, args.stdin)?, false, invocation, async |handle| {
        created(Some(slug(handle)?), &args, invocation).await
    })
    .await
}

/// A client that exists, or one that would be made.
#[derive(Serialize)]
#[serde(untagged)]
enum Subject {
    Client(Client),
    New(NewClient),
}

/// A slug that was read from standard input.
fn slug(text: &str) -> Result<Slug> {
    text.parse().map_err(|_| Failure::usage(format!("a slug {}", Slug::EXPECTED)))
}

async fn created(
    slug: Option<Slug>,
    args: &ClientCreateArgs,
    invocation: &Invocation<'_>,
) -> Result<Outcome<Subject>> {
    let new = args.fields.new_client(slug.as_ref())?;
    if invocation.settings.dry_run && !is_taken(&new, invocation).await? {
        return Ok(would_create(new));
    }
    match register(invocation, &new).await? {
        Registered::New(client) => Ok(outcome(client, true, "created").map(Subject::Client)),
        Registered::Existing(client) if args.if_not_exists => {
            Ok(outcome(client.value, false, "created").map(Subject::Client))
        }
        Registered::Existing(client) => {
            let message = format!("client {} exists already", client.value.slug);
            Err(exists(ErrorCode::ClientExists, message, &client.value))
        }
    }
}

/// Whether a client has the slug already.
async fn is_taken(new: &NewClient, invocation: &Invocation<'_>) -> Result<bool> {
    let Some(slug) = &new.slug else { return Ok(false) };
    Ok(invocation.hub()?.find::<GetClient>(slug.as_str()).await?.is_some())
}

fn would_create(new: NewClient) -> Outcome<Subject> {
    let handle = new.slug.as_ref().map(ToString::to_string);
    let what = handle.as_deref().map_or_else(|| new.name.as_str().to_owned(), str::to_owned);
    let what = format!("client {what}");
    Outcome::would(Subject::New(new), &handle.unwrap_or_default(), &what, "create")
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
    each(args.fields.of(&args.slugs, args.stdin)?, false, invocation, async |handle| {
        ensured(&slug(handle)?, &args.fields, invocation).await
    })
    .await
}

async fn ensured(
    slug: &Slug,
    fields: &ClientFields,
    invocation: &Invocation<'_>,
) -> Result<Outcome<Subject>> {
    let found = match invocation.hub()?.find::<GetClient>(slug.as_str()).await? {
        Some(found) => found,
        None if invocation.settings.dry_run => {
            return Ok(would_create(fields.new_client(Some(slug))?));
        }
        None => match register(invocation, &fields.new_client(Some(slug))?).await? {
            Registered::New(client) => {
                return Ok(outcome(client, true, "created").map(Subject::Client));
            }
            Registered::Existing(found) => found,
        },
    };
    let wanted = |present: &Labels| fields.patch(present);
    Ok(change(slug.as_str(), found, wanted, invocation).await?.map(Subject::Client))
}
