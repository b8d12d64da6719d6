//! `hubctl telemetry catalogue`

use std::collections::BTreeSet;
use std::path::Path;

use hub_core::api::{
    Catalogue, CataloguePatch, GetCatalogue, ListedName, Names, SetCatalogue, UpdateCatalogue,
};
use hub_core::exit::Exit;
use hub_core::fields::from_value;
use serde_json::Value;

use super::Invocation;
use super::preview::read_catalogue;
use crate::cli::{CatalogueAddArgs, CatalogueSetArgs, ListedNames};
use crate::commands::document;
use crate::commands::targets::Outcome;
use crate::confirm::Consent;
use crate::error::{Failure, Result};
use crate::output::{CatalogueRow, Done, FieldChange, counted};
use crate::words::Format;
use crate::{input, prompt};

/// `hubctl telemetry catalogue get`
pub(super) async fn get(invocation: &Invocation<'_>) -> Result<Exit> {
    let catalogue = invocation.hub()?.call::<GetCatalogue>("", &(), &()).await?;
    if invocation.out.format() == Format::Json {
        invocation.out.document(&catalogue)?;
        return Ok(Exit::Done);
    }
    let row = |kind, name: String| CatalogueRow { kind, name };
    let Catalogue { tools, codes, counts } = catalogue;
    let rows: Vec<CatalogueRow> = tools
        .iter()
        .map(|name| row("tool", name.to_string()))
        .chain(codes.iter().map(|name| row("code", name.to_string())))
        .chain(counts.iter().map(|name| row("count", name.to_string())))
        .collect();
    invocation.out.list(&rows, "the catalogue is empty: the hub counts, and keeps no name")?;
    Ok(Exit::Done)
}

/// `hubctl telemetry catalogue set`
pub(super) async fn set(args: CatalogueSetArgs, invocation: &Invocation<'_>) -> Result<Exit> {
    let wanted = match args.file {
        Some(path) => {
            invocation.stdin_is_free(&path, "--file")?;
            input::waiting(move || read_catalogue(&path, "--file")).await?
        }
        None if args.clear => Catalogue::default(),
        None => {
            let Names { tools, codes, counts } = given(args.names)?;
            Catalogue { tools, codes, counts }
        }
    };
    let hub = invocation.hub()?;
    let now = hub.call::<GetCatalogue>("", &(), &()).await?;
    if now == wanted {
        return tell(&now, false, "", invocation);
    }
    if invocation.settings.dry_run {
        return would(&now, &wanted, invocation);
    }
    let set = hub.call::<SetCatalogue>("", &(), &wanted).await?;
    tell(&set, true, "set", invocation)
}

/// `hubctl telemetry catalogue add`
pub(super) async fn add(args: CatalogueAddArgs, invocation: &Invocation<'_>) -> Result<Exit> {
    let add = match args.from {
        None => given(args.names)?,
        Some(path) => {
            invocation.stdin_is_free(&path, "--from")?;
            let report = input::waiting(move || input::read_bytes(&path, "the report")).await?;
            let known = invocation.hub()?.call::<GetCatalogue>("", &(), &()).await?;
            ask_about(unlisted(&report, &known)?, invocation).await?
        }
    };
    change(CataloguePatch { add, ..CataloguePatch::default() }, "added to", invocation).await
}

/// `hubctl telemetry catalogue remove`
pub(super) async fn remove(names: ListedNames, invocation: &Invocation<'_>) -> Result<Exit> {
    let remove = given(names)?;
    change(CataloguePatch { remove, ..CataloguePatch::default() }, "removed from", invocation).await
}

async fn change(patch: CataloguePatch, did: &str, invocation: &Invocation<'_>) -> Result<Exit> {
    let hub = invocation.hub()?;
    let before = hub.call::<GetCatalogue>("", &(), &()).await?;
    let wanted = Catalogue {
        tools: patched(&before.tools, &patch.add.tools, &patch.remove.tools),
        codes: patched(&before.codes, &patch.add.codes, &patch.remove.codes),
        counts: patched(&before.counts, &patch.add.counts, &patch.remove.counts),
    };
    let names = patch.add.len() + patch.remove.len();
    if wanted == before {
        return tell(&before, false, "", invocation);
    }
    if invocation.settings.dry_run {
        return would(&before, &wanted, invocation);
    }
    let now = hub.call::<UpdateCatalogue>("", &(), &patch).await?;
    let did = format!("{} {did} the catalogue, which now lists", counted(names as u64, "name"));
    let words = format!("{did} {}", sizes(&now));
    invocation.out.done(&Done::new(&now, "catalogue", true, words))?;
    Ok(Exit::Done)
}

/// Tells what would change, field by field.
fn would(before: &Catalogue, wanted: &Catalogue, invocation: &Invocation<'_>) -> Result<Exit> {
    let changes = FieldChange::all(wanted, Some(&document(before)));
    Outcome::would(wanted, "catalogue", "the catalogue", "update")
        .changing(changes)
        .tell(invocation)
}

fn patched<N: ListedName + Clone>(
    old: &BTreeSet<N>,
    add: &BTreeSet<N>,
    remove: &BTreeSet<N>,
) -> BTreeSet<N> {
    old.union(add).filter(|name| !remove.contains(*name)).cloned().collect()
}

fn tell(
    catalogue: &Catalogue,
    changed: bool,
    did: &str,
    invocation: &Invocation<'_>,
) -> Result<Exit> {
    let words = if changed {
        format!("{did} the catalogue to {}", sizes(catalogue))
    } else {
        "the catalogue is unchanged".to_owned()
    };
    invocation.out.done(&Done::new(catalogue, "catalogue", changed, words))?;
    Ok(Exit::Done)
}

fn sizes(Catalogue { tools, codes, counts }: &Catalogue) -> String {
    let [tools, codes, counts] =
        [(tools.len(), "tool"), (codes.len(), "code"), (counts.len(), "count")]
            .map(|(n, what)| counted(n as u64, what));
    format!("{tools}, {codes} and {counts}")
}

fn given(names: ListedNames) -> Result<Names> {
    let ListedNames { tools, codes, counts } = names;
    // The name of a file fits the grammar of tools.
    if let Some(file) = tools.iter().map(ToString::to_string).find(|name| is_json_file(name)) {
        return Err(Failure::usage(format!("{file} is a file and not the name of a tool"))
            .hint("set --file takes a catalogue from a file, add --from the names of a report"));
    }
    let names = Names {
        tools: tools.into_iter().collect(),
        codes: codes.into_iter().collect(),
        counts: counts.into_iter().collect(),
    };
    if names.is_empty() {
        return Err(Failure::usage("no name was given")
            .hint("give tools as arguments, codes with --code and counts with --count"));
    }
    Ok(names)
}

fn is_json_file(name: &str) -> bool {
    let path = Path::new(name);
    path.extension().is_some_and(|extension| extension == "json") && path.is_file()
}

/// The names in a report that fit their grammar and that the catalogue does not list.
fn unlisted(report: &[u8], known: &Catalogue) -> Result<Names> {
    let report: Value = serde_json::from_slice(report)
        .ok()
        .filter(Value::is_object)
        .ok_or_else(|| Failure::usage("--from must hold a report: one JSON object in UTF-8"))?;
    let tools = report["tools"].as_array().into_iter().flatten();
    let codes = tools.clone().filter_map(|tool| tool["errors"].as_object());
    let codes = codes.flat_map(|errors| errors.keys().cloned().map(Value::String));
    let counts = report["counts"].as_object().into_iter().flatten();
    Ok(Names {
        tools: new(tools.filter_map(|tool| tool.get("name").cloned()), &known.tools),
        codes: new(codes, &known.codes),
        counts: new(counts.map(|(name, _)| Value::String(name.clone())), &known.counts),
    })
}

fn new<N: ListedName>(found: impl Iterator<Item = Value>, known: &BTreeSet<N>) -> BTreeSet<N> {
    let names = found.filter_map(|value| from_value::<N>(&value));
    names.filter(|name| name.as_ref() != N::RESERVED && !known.contains(name)).collect()
}

/// Asks about each name. With `--yes` all are taken; with nobody to ask none, and that is said.
async fn ask_about(found: Names, invocation: &Invocation<'_>) -> Result<Names> {
    if found.is_empty() || invocation.consent == Consent::Given || invocation.settings.dry_run {
        return Ok(found);
    }
    invocation.consent.needed("each name of the report")?;
    Ok(Names {
        tools: wanted(found.tools, "tool").await?,
        codes: wanted(found.codes, "code").await?,
        counts: wanted(found.counts, "count").await?,
    })
}

async fn wanted<N: ListedName>(found: BTreeSet<N>, kind: &str) -> Result<BTreeSet<N>> {
    let mut wanted = BTreeSet::new();
    for name in found {
        let answer = prompt::line(&format!("list the {kind} {}? [y/N]", name.as_ref())).await?;
        if ["y", "yes"].contains(&answer.trim().to_ascii_lowercase().as_str()) {
            wanted.insert(name);
        }
    }
    Ok(wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_unlisted_names_of_a_report_are_found() {
        let report = br#"{"tools": [{"name": "a.b", "errors": {"E1": 1, "bad code": 2}},
            {"name": "John Smith"}, {"name": "other"}, 7], "counts": {"agents": 1, "x": 2}}"#;
        let known = Catalogue { counts: ["x".parse().unwrap()].into(), ..Catalogue::default() };
        let found = unlisted(report, &known).unwrap();
        let texts = serde_json::to_value(&found).unwrap();
        let expected = serde_json::json!({"tools": ["a.b"], "codes": ["E1"], "counts": ["agents"]});
        assert_eq!(texts, expected);
        assert!(unlisted(b"[]", &known).is_err());
    }
}
