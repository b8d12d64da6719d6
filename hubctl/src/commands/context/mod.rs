//! `hubctl context`

mod add;
mod listed;
mod show;

use hub_core::exit::Exit;
use serde::Serialize;
use serde_json::json;

use super::local::Local;
use crate::cli::{ContextCommand, ContextRemoveArgs};
use crate::error::Result;
use crate::output::{Done, Out};
use crate::settings::{ContextFile, Variable};
pub(super) use add::{absolute, exists};
pub(super) use listed::ContextRow;

/// Runs one of them.
pub(super) async fn run(command: &ContextCommand, local: &Local<'_>) -> Result<Exit> {
    match command {
        ContextCommand::List => list(local.out),
        ContextCommand::Use(args) => make_current(&args.name, local),
        ContextCommand::Show(args) => show::run(args.name.as_deref(), local),
        ContextCommand::Add(args) => add::run(args, local).await,
        ContextCommand::Remove(args) => remove(args, local).await,
    }
}

fn list(out: &Out) -> Result<Exit> {
    let file = ContextFile::own()?;
    let contexts = file.read()?;
    let names = contexts.entries.keys();
    let rows: Vec<_> = names.filter_map(|name| ContextRow::of(&contexts, name, &file)).collect();
    out.list(&rows, "no contexts; hubctl login adds one")?;
    Ok(Exit::Done)
}

fn make_current(name: &str, local: &Local<'_>) -> Result<Exit> {
    let file = ContextFile::own()?;
    let dry_run = local.global.dry_run;
    let (listed, changed) = file.change(dry_run, |contexts| {
        contexts.get(name)?;
        let before = contexts.current.replace(name.to_owned());
        Ok((ContextRow::get(contexts, name, &file)?, before.as_deref() != Some(name)))
    })?;
    let words = if dry_run && changed {
        format!("would use context {name}")
    } else {
        format!("using context {name}   {}", listed.url)
    };
    tell(local, changed, Done::new(&listed, name, changed, words))?;
    warn_of_overrides(local, name, &listed.url);
    Ok(Exit::Done)
}

async fn remove(args: &ContextRemoveArgs, local: &Local<'_>) -> Result<Exit> {
    let (file, name) = (ContextFile::own()?, args.name.as_str());
    let contexts = file.read()?;
    let Some(listed) = ContextRow::of(&contexts, name, &file) else {
        if !args.if_exists {
            return Err(contexts.unknown(name));
        }
        let words = format!("there is no context {name}");
        return tell(local, false, Done::new(&json!({"name": name}), name, false, words));
    };
    if local.global.dry_run {
        let words = format!("would remove context {name}");
        return tell(local, true, Done::new(&listed, name, true, words));
    }
    let consequences = match &listed.fingerprint {
        Some(key) if listed.stored => format!("its admin key {key} is deleted"),
        _ => "it holds no key".to_owned(),
    };
    local.consent.ask(&format!("removing context {name}"), &consequences).await?;
    file.change(false, |contexts| {
        contexts.entries.remove(name);
        contexts.current.take_if(|current| *current == name);
        Ok(())
    })?;
    tell(local, true, Done::new(&listed, name, true, format!("removed context {name}")))
}

/// Writes the result, or what it would be.
pub(super) fn tell<T: Serialize>(
    local: &Local<'_>,
    changed: bool,
    done: Done<'_, T>,
) -> Result<Exit> {
    let done = if changed && local.global.dry_run { done.dry_run(&[]) } else { done };
    local.out.done(&done)?;
    Ok(Exit::Done)
}

/// Warns of variables that override the current context.
pub(super) fn warn_of_overrides(local: &Local<'_>, name: &str, url: &str) {
    for (variable, what, own) in [
        (Variable::Context, "the current context", Some(name)),
        (Variable::Url, "its URL", Some(url)),
        (Variable::AdminKey, "its admin key", None),
        (Variable::AdminKeyFile, "its admin key", None),
    ] {
        if local.env.hint(variable).is_some_and(|value| Some(value) != own) {
            local.out.warn(&format!("{} is set, and overrides {what}", variable.name()));
        }
    }
}
