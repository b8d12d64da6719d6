//! `hubctl client create` and `ensure`.

use hub_core::api::{Client, ClientPatch, CreateClient, GetClient, NewClient, UpdateClient};
use hub_core::exit::Exit;
use hub_core::fields::Patch;
use hub_core::problem::ErrorCode;
use hub_core::text::DisplayName;

use super::{Context, tell, would};
use crate::cli::{ClientCreateArgs, ClientEnsureArgs};
use crate::client::{Answer, Call, Repeat};
use crate::commands::exists;
use crate::commands::targets::Outcome;
use crate::error::{Failure, Result};

/// How often `ensure` looks again when somebody else changes the client at the same time.
const ROUNDS: u32 = 3;

/// `hubctl client create`
pub(super) async fn create(args: ClientCreateArgs, context: &Context<'_>) -> Result<Exit> {
    // The command line asks for one of the two.
    let named = args.slug.as_ref().and_then(|slug| DisplayName::new(slug.as_str()));
    let name = args.fields.name.or(named).ok_or_else(|| Failure::usage("--name is missing"))?;
    let labels = args.fields.labels;
    let new = NewClient {
        name,
        slug: args.slug,
        external_ref: args.fields.external_ref,
        labels: (!labels.is_empty()).then(|| labels.into_iter().collect()),
    };
    if context.settings.dry_run
        && let Some(outcome) = would_create(context, &new).await?
    {
        return outcome.tell(context);
    }
    match register(context, &new).await? {
        Registered::New(client) => tell(context, &client, true, "created"),
        Registered::Existing(client) if args.if_not_exists => {
            tell(context, &client.value, false, "created")
        }
        Registered::Existing(client) => {
            let message = format!("client {} exists already", client.value.slug);
            Err(exists(ErrorCode::ClientExists, message, &client.value))
        }
    }
}

/// What would be created; nothing where there is one with its slug.
async fn would_create<'n>(
    context: &Context<'_>,
    new: &'n NewClient,
) -> Result<Option<Outcome<&'n NewClient>>> {
    let handle = new.slug.as_ref().map(ToString::to_string);
    if let Some(slug) = &handle
        && context.hub()?.find::<GetClient>(slug).await?.is_some()
    {
        return Ok(None);
    }
    let what = handle.as_deref().map_or_else(|| new.name.as_str().to_owned(), str::to_owned);
    Ok(Some(Outcome::would(new, &handle.unwrap_or_default(), &format!("client {what}"), "create")))
}

/// What became of a client that was to be created.
pub(in crate::commands) enum Registered {
    /// It was.
    New(Client),
    /// There is one with its slug.
    Existing(Answer<Client>),
}

/// Creates a client unless there is one with its slug.
pub(in crate::commands) async fn register(
    context: &Context<'_>,
    new: &NewClient,
) -> Result<Registered> {
    let hub = context.hub()?;
    if context.settings.dry_run
        && let Some(slug) = &new.slug
        && let Some(existing) = hub.find::<GetClient>(slug.as_str()).await?
    {
        return Ok(Registered::Existing(existing));
    }
    // Without a slug the hub makes one, and a second time another.
    let repeat = if new.slug.is_some() { Repeat::Safe } else { Repeat::Unsafe };
    let call = Call::<CreateClient> { repeat, ..Call::new("", &(), new) };
    let failure = match hub.answer(call).await {
        Ok(answer) => return Ok(Registered::New(answer.value)),
        Err(failure) => failure,
    };
    let Some(slug) = new.slug.as_ref().filter(|_| failure.is(ErrorCode::ClientExists)) else {
        return Err(failure);
    };
    let Some(existing) = hub.find::<GetClient>(slug.as_str()).await? else { return Err(failure) };
    // A retried request meets what its first attempt made before the answer was lost.
    let own = failure.parts().after_unknown
        && existing.value.name == new.name
        && existing.value.external_ref == new.external_ref;
    Ok(if own { Registered::New(existing.value) } else { Registered::Existing(existing) })
}

/// `hubctl client ensure`
pub(super) async fn ensure(args: ClientEnsureArgs, context: &Context<'_>) -> Result<Exit> {
    let hub = context.hub()?;
    for _ in 0..ROUNDS {
        let found = match hub.find::<GetClient>(args.slug.as_str()).await? {
            Some(found) => found,
            None if context.settings.dry_run => {
                let new = new_client(&args)?;
                let what = format!("client {}", args.slug);
                return Outcome::would(&new, args.slug.as_str(), &what, "create").tell(context);
            }
            None => match register(context, &new_client(&args)?).await? {
                Registered::New(client) => return tell(context, &client, true, "created"),
                Registered::Existing(found) => found,
            },
        };
        let Some(patch) = difference(&args, &found.value) else {
            return tell(context, &found.value, false, "updated");
        };
        if context.settings.dry_run {
            return would(&found.value, "update").tell(context);
        }
        let if_match = found.etag.as_deref();
        let call = Call::<UpdateClient> { if_match, ..Call::new(args.slug.as_str(), &(), &patch) };
        match hub.answer(call).await {
            Ok(answer) => return tell(context, &answer.value, true, "updated"),
            Err(failure) if failure.is(ErrorCode::PreconditionFailed) => {}
            Err(failure) => return Err(failure),
        }
    }
    let message = format!("client {} keeps being changed by somebody else", args.slug);
    Err(Failure::of(ErrorCode::PreconditionFailed, message))
}

fn new_client(args: &ClientEnsureArgs) -> Result<NewClient> {
    let named = args.fields.name.clone().or_else(|| DisplayName::new(args.slug.as_str()));
    let labels = args.fields.labels.clone();
    Ok(NewClient {
        name: named.ok_or_else(|| Failure::usage("--name is missing"))?,
        slug: Some(args.slug.clone()),
        external_ref: args.fields.external_ref.clone(),
        labels: (!labels.is_empty()).then(|| labels.into_iter().collect()),
    })
}

/// What must change for the client to be what was asked for; nothing that was not given.
fn difference(args: &ClientEnsureArgs, is: &Client) -> Option<ClientPatch> {
    let fields = &args.fields;
    let name = fields.name.clone().filter(|name| *name != is.name);
    let labels = (!fields.labels.is_empty())
        .then(|| fields.labels.iter().cloned().collect())
        .filter(|labels| *labels != is.labels);
    let external_ref = match &fields.external_ref {
        Some(reference) if is.external_ref.as_ref() != Some(reference) => {
            Patch::Set(reference.clone())
        }
        _ => Patch::Keep,
    };
    let differs = name.is_some() || labels.is_some() || !external_ref.is_keep();
    differs.then_some(ClientPatch { name, external_ref, labels, status: None })
}
