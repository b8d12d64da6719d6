//! `hubctl login`: stores a hub's admin key after checking it with the hub.

use std::path::Path;

use hub_core::api::{Identity, Whoami};
use hub_core::exit::Exit;
use hub_core::key::AdminKey;
use hub_core::problem::ErrorCode;
use serde::Serialize;

use super::context::{ContextRow, absolute, exists, tell, warn_of_overrides};
use super::local::Local;
use crate::cli::{Global, LoginArgs};
use crate::client::Hub;
use crate::confirm::at_terminal;
use crate::error::{Failure, Result};
use crate::output::Done;
use crate::prompt;
use crate::settings::{
    Context, ContextFile, Contexts, KeptKey, Origin, Settings, Variable, admin_key, written,
};
use crate::words::{ContextName, Format};

/// Runs it.
pub(super) async fn run(args: &LoginArgs, local: &Local<'_>) -> Result<Exit> {
    let file = ContextFile::own()?;
    let contexts = file.read()?;
    let named = named(args, local)?;
    let known = known(named.as_ref(), local, &contexts)?;
    let settings = settings(known, local, &contexts)?;
    let name = match (named, known) {
        (Some(name), _) => name,
        (None, Some(known)) => known.parse().map_err(Failure::usage)?,
        (None, None) => ContextName::of(&settings.url),
    };
    free_for(&contexts, &name, &settings, &file)?;
    // Before anybody is asked for the key.
    settings.secrets_may_travel()?;
    let key = key(local, written(&settings.url)).await?;
    let settings = settings.with_key(key.clone());
    let identity = verify(&settings, local).await?;
    let listed = keep(args, &name, &settings, key, &file)?;
    told(&listed, &identity, local)
}

/// The name that was given, as the argument or, as for every other command, with `--context`.
fn named(args: &LoginArgs, local: &Local<'_>) -> Result<Option<ContextName>> {
    match (&args.name, &local.global.context) {
        (Some(name), _) => Ok(Some(name.clone())),
        (None, Some(name)) => name.parse().map(Some).map_err(Failure::usage),
        (None, None) => Ok(None),
    }
}

/// The existing context to log in to again: the named one or, without a name and a URL, the current one.
fn known<'a>(
    named: Option<&ContextName>,
    local: &Local<'_>,
    contexts: &'a Contexts,
) -> Result<Option<&'a str>> {
    let entry = |name: &str| contexts.entries.get_key_value(name).map(|(name, _)| name.as_str());
    if let Some(name) = named {
        return Ok(entry(name.as_str()));
    }
    let used = Settings::resolve(local.global, local.env, contexts, Path::new(""), None)?;
    // A URL from a flag or a variable means another hub.
    let used = match used.origins.url {
        Origin::Flag | Origin::Env(_) => None,
        _ => used.context.map(|context| context.value),
    };
    Ok(used.and_then(|name| entry(&name)))
}

/// The settings for the hub, with those of that context.
fn settings(known: Option<&str>, local: &Local<'_>, contexts: &Contexts) -> Result<Settings> {
    let global = Global { context: known.map(str::to_owned), ..local.global.clone() };
    let none = (local.env.without(Variable::Context), Contexts::default());
    let (env, contexts) = match known {
        Some(_) => (local.env, contexts),
        None => (&none.0, &none.1),
    };
    Settings::resolve(&global, env, contexts, Path::new(""), None)
}

/// Fails if the name belongs to another hub: that hub's key would be lost.
fn free_for(
    contexts: &Contexts,
    name: &ContextName,
    settings: &Settings,
    file: &ContextFile,
) -> Result<()> {
    match ContextRow::of(contexts, name.as_str(), file) {
        Some(found) if !found.is_of(&settings.url) => Err(exists(&found)),
        _ => Ok(()),
    }
}

/// The key: from a file, or typed by a person without echo.
async fn key(local: &Local<'_>, url: &str) -> Result<AdminKey> {
    if let Some(path) = &local.global.admin_key_file {
        return admin_key(&prompt::private(path, "the admin key").await?);
    }
    // --yes answers other questions: it is no key.
    if local.no_input || !at_terminal() {
        // Somebody who can be asked may have set the variables for another hub.
        if let Some(text) = local.env.get(Variable::AdminKey)? {
            return admin_key(text);
        }
        if let Some(path) = local.env.get(Variable::AdminKeyFile)? {
            return admin_key(&prompt::private(Path::new(path), "the admin key").await?);
        }
        return Err(Failure::input_needed("the admin key is missing, and nobody can be asked")
            .hint(
                "give --admin-key-file PATH, `-` for standard input, or run this at a terminal",
            ));
    }
    let typed = prompt::secret(&format!("admin key of {url}")).await?;
    if typed.is_empty() {
        return Err(Failure::input_needed("no admin key was typed: nothing was stored"));
    }
    admin_key(&typed)
}

async fn verify(settings: &Settings, local: &Local<'_>) -> Result<Identity> {
    let hub = Hub::new(settings, local.out)?;
    hub.call::<Whoami>("", &(), &()).await.map_err(|failure| {
        if failure.is(ErrorCode::AdminKeyInvalid) {
            return failure.hint("this hub does not accept that key; nothing was stored");
        }
        failure
    })
}

fn keep(
    args: &LoginArgs,
    name: &ContextName,
    settings: &Settings,
    key: AdminKey,
    file: &ContextFile,
) -> Result<ContextRow> {
    let cacert = settings.cacert.as_deref().map(absolute).transpose()?;
    file.change(settings.dry_run, |contexts| {
        free_for(contexts, name, settings, file)?;
        let before = contexts.entries.remove(name.as_str());
        let output = args.default_output.map(Format::name).or(before.and_then(|old| old.output));
        let context = Context {
            url: written(&settings.url).to_owned(),
            admin_key: Some(KeptKey(key)),
            admin_key_file: None,
            cacert,
            output,
            allow_plain_http: settings.plain_http_is_allowed().then_some(true),
        };
        contexts.entries.insert(name.to_string(), context);
        contexts.current = Some(name.to_string());
        ContextRow::get(contexts, name.as_str(), file)
    })
}

#[derive(Serialize)]
struct LoggedIn<'a> {
    #[serde(flatten)]
    context: &'a ContextRow,
    identity: &'a Identity,
}

fn told(listed: &ContextRow, identity: &Identity, local: &Local<'_>) -> Result<Exit> {
    let did = if local.global.dry_run { "would log in" } else { "logged in" };
    let words = format!(
        "{did} to {} as {} ({} key {})   context {}",
        listed.url, identity.name, identity.role, identity.fingerprint, listed.name
    );
    let object = LoggedIn { context: listed, identity };
    tell(local, true, Done::new(&object, &listed.name, true, words))?;
    warn_of_overrides(local, &listed.name, &listed.url);
    Ok(Exit::Done)
}
