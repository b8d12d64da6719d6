//! `hubctl telemetry catalogue`

use std::collections::BTreeSet;
use std::path::Path;

use hub_core::api::{Catalogue, GetCatalogue, SetCatalogue, ToolNames};
use hub_core::exit::Exit;
use hub_core::fields::Field;
use hub_core::redact::ToolName;

use super::Invocation;
use crate::cli::CatalogueSetArgs;
use crate::commands::targets::Outcome;
use crate::error::{Failure, Result};
use crate::input;
use crate::output::{CatalogueRow, Done};
use crate::words::Format;

/// `hubctl telemetry catalogue get`
pub(super) async fn get(invocation: &Invocation<'_>) -> Result<Exit> {
    let catalogue = invocation.hub()?.call::<GetCatalogue>("", &(), &()).await?;
    if invocation.out.format() == Format::Json {
        invocation.out.document(&catalogue)?;
        return Ok(Exit::Done);
    }
    let rows: Vec<CatalogueRow> = catalogue.tools.0.into_iter().map(CatalogueRow).collect();
    invocation.out.list(&rows, "the catalogue is empty: every tool name is kept")?;
    Ok(Exit::Done)
}

/// `hubctl telemetry catalogue set`
pub(super) async fn set(args: CatalogueSetArgs, invocation: &Invocation<'_>) -> Result<Exit> {
    let tools = match args.file {
        Some(path) => {
            invocation.stdin_is_free(&path, "--file")?;
            input::waiting(move || read(&path)).await?
        }
        None => args.tools.into_iter().collect(),
    };
    let hub = invocation.hub()?;
    let wanted = Catalogue { tools: ToolNames(tools) };
    let changed = hub.call::<GetCatalogue>("", &(), &()).await? != wanted;
    if changed && invocation.settings.dry_run {
        return Outcome::would(&wanted, "catalogue", "the catalogue", "set").tell(invocation);
    }
    let now = if changed { hub.call::<SetCatalogue>("", &(), &wanted).await? } else { wanted };
    let words = match now.tools.0.len() {
        _ if !changed => "the catalogue is unchanged".to_owned(),
        0 => "cleared the catalogue: every tool name is kept".to_owned(),
        1 => "set the catalogue to 1 tool".to_owned(),
        n => format!("set the catalogue to {n} tools"),
    };
    let handle = "catalogue";
    invocation.out.done(&Done::new(&now, handle, changed, words))?;
    Ok(Exit::Done)
}

/// The names in a file. An empty file is more likely a mistake than a wish.
fn read(path: &Path) -> Result<BTreeSet<ToolName>> {
    let names = names(&input::read_bytes(path, "the names")?)?;
    if names.is_empty() {
        return Err(Failure::usage("--file holds no names")
            .hint("--clear removes all names, and the hub then keeps every tool name"));
    }
    Ok(names)
}

/// One name a line. A wrong one is reported by its line alone: it could be a secret.
fn names(text: &[u8]) -> Result<BTreeSet<ToolName>> {
    let text =
        std::str::from_utf8(text).map_err(|_| Failure::usage("--file must be text in UTF-8"))?;
    let lines = text.lines().map(str::trim).enumerate().filter(|(_, line)| !line.is_empty());
    lines
        .map(|(at, line)| {
            let wrong = || format!("line {} of --file {}", at + 1, ToolName::EXPECTED);
            ToolName::clean(line).ok_or_else(|| Failure::usage(wrong()))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_has_one_name_a_line() {
        let read = names(b"browser.navigate\r\n\n  db.query  \ndb.query\n").unwrap();
        let read: Vec<_> = read.iter().map(ToolName::as_str).collect();
        assert_eq!(read, ["browser.navigate", "db.query"]);
        assert!(names(b"\n \n").unwrap().is_empty());
    }

    #[test]
    fn a_wrong_line_is_told_and_not_quoted() {
        for wrong in ["ok\nHunter Two\n", "ok\n\u{1b}[31m", "ok\nghp_hunter"] {
            let json = names(wrong.as_bytes()).unwrap_err().to_json();
            assert!(json.contains("line 2 of --file must be"), "{json}");
            assert!(!json.to_lowercase().contains("hunter"), "{json}");
        }
        assert!(names(b"\xff").is_err());
    }
}
