//! `hubctl context add`

use std::path::{Path, PathBuf};

use hub_core::exit::Exit;

use super::{ContextRow, tell};
use crate::cli::{ContextAddArgs, Global};
use crate::commands::local::Local;
use crate::error::{Failure, Result};
use crate::output::Done;
use crate::prompt;
use crate::settings::{Context, ContextFile, KeptKey, admin_key, hub_url, written};
use crate::words::Format;

/// Adds a context without asking its hub for anything.
pub(super) async fn run(args: &ContextAddArgs, local: &Local<'_>) -> Result<Exit> {
    let context = given(args, local.global).await?;
    let (file, name) = (ContextFile::own()?, args.name.as_str());
    let (listed, changed) = file.change(local.global.dry_run, |contexts| {
        if let Some(found) = ContextRow::of(contexts, name, &file) {
            return if args.if_not_exists { Ok((found, false)) } else { Err(exists(&found)) };
        }
        contexts.entries.insert(name.to_owned(), context);
        contexts.current.get_or_insert_with(|| name.to_owned());
        Ok((ContextRow::get(contexts, name, &file)?, true))
    })?;
    let words = match (changed, local.global.dry_run, listed.current) {
        (false, ..) => format!("context {name} exists already"),
        (true, true, _) => format!("would add context {name}"),
        (true, false, true) => format!("added context {name}   now the current one"),
        (true, false, false) => format!("added context {name}"),
    };
    let done = Done::new(&listed, name, changed, words);
    let used = listed.current || !changed;
    tell(local, changed, if used { done } else { done.next(format!("hubctl context use {name}")) })
}

/// The context that the options describe.
async fn given(args: &ContextAddArgs, global: &Global) -> Result<Context> {
    let url = global
        .url
        .as_deref()
        .ok_or_else(|| Failure::usage("the context needs the hub's URL").hint("give --url URL"))?;
    let mut context = Context {
        url: written(&hub_url(url, "--url")?).to_owned(),
        admin_key: None,
        admin_key_file: None,
        cacert: global.cacert.as_deref().map(absolute).transpose()?,
        output: args.default_output.map(Format::name),
        allow_plain_http: global.allow_plain_http.then_some(true),
    };
    match global.admin_key_file.as_deref() {
        // Standard input cannot be read again later.
        Some(path) if path == Path::new("-") => {
            let text = prompt::secret_from_stdin("the admin key").await?;
            context.admin_key = Some(KeptKey(admin_key(&text)?));
        }
        Some(path) => context.admin_key_file = Some(absolute(path)?),
        None => {}
    }
    Ok(context)
}

/// The failure that a context of that name exists.
pub(crate) fn exists(found: &ContextRow) -> Failure {
    let message = format!("context {} exists already, of {}", found.name, found.url);
    Failure::new(Exit::Conflict, "context_exists", message)
        .existing(found)
        .hint("choose another name, or remove it with: hubctl context remove")
}

/// A path that means the same in every folder.
pub(crate) fn absolute(path: &Path) -> Result<PathBuf> {
    std::path::absolute(path)
        .map_err(|error| Failure::usage(format!("{}: {error}", path.display())))
}
