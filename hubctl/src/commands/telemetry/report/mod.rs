//! `hubctl telemetry report`: how the fleet is used, as one page that needs nothing else.

mod charts;
mod page;
mod read;

use std::path::Path;

use hub_core::exit::Exit;

use super::Invocation;
use crate::cli::ReportArgs;
use crate::commands::targets::Outcome;
use crate::error::{Failure, Result};
use crate::output::write_data;
use read::Facts;

/// Runs it.
pub(super) async fn run(args: &ReportArgs, invocation: &Invocation<'_>) -> Result<Exit> {
    let facts = Box::pin(Facts::read(args, invocation)).await?;
    let page = page::render(&facts)?;
    match args.out.as_deref() {
        // A program gets the figures in its format; the page goes into a file.
        None if !invocation.out.format().is_table() => {
            let summary = facts.summary();
            invocation.out.record(&summary, "report", &summary.details())?;
        }
        None => write_data(&page)?,
        Some(path) if path == Path::new("-") => write_data(&page)?,
        Some(path) if invocation.settings.dry_run => {
            let name = path.display().to_string();
            return Outcome::would(&facts.summary(), &name, &name, "write").tell(invocation);
        }
        Some(path) => {
            std::fs::write(path, &page).map_err(|error| {
                Failure::usage(format!("cannot write {}: {error}", path.display()))
            })?;
            let name = path.display().to_string();
            return Outcome::new(facts.summary(), &name, &name, true, "wrote").tell(invocation);
        }
    }
    Ok(Exit::Done)
}
