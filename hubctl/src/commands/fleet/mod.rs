//! `hubctl plan`, `apply` and `export`: which clients and instances there should be, in one file.
//!
//! - `file`: the fleet file · `planner`: (file, what the hub has) → plan; both are pure
//! - `live`: what asks the hub and fills sinks
//! - `plan`, `apply`, `export`: the commands

mod apply;
mod export;
mod file;
mod live;
mod plan;
mod planner;

pub(super) use apply::run as apply;
pub(super) use export::run as export;
pub(super) use plan::run as plan;

use std::collections::BTreeSet;
use std::path::Path;

use hub_core::exit::Exit;

use super::Invocation;
use crate::cli::{FleetArgs, LimitArgs};
use crate::error::{Failure, Result};
use crate::input;
use crate::output::{write_data, write_words};
use crate::words::Format;
use file::{Fault, Fleet, LONGEST, Syntax};
use planner::{Action, Options, Plan, diff, markdown, words};

/// Reads a file and works out its plan.
async fn make(path: &Path, how: FleetArgs, invocation: &Invocation<'_>) -> Result<Plan> {
    invocation.stdin_is_free(path, "--file")?;
    let fleet = read_fleet(path).await?;
    if how.prune && fleet.name.is_none() {
        return Err(Failure::usage("--prune needs the name of the fleet")
            .hint("add a line to the file: fleet = \"acme-prod\""));
    }
    let options = Options { prune: how.prune, adopt: how.adopt, redeliver: how.redeliver };
    let seen = live::observe(invocation.hub()?, &fleet, options).await?;
    let mut plan = diff(&fleet, &seen, options).map_err(|faults| faulty(path, &faults))?;
    invocation.settings.url.as_str().trim_end_matches('/').clone_into(&mut plan.hub);
    Ok(plan)
}

async fn read_fleet(path: &Path) -> Result<Fleet> {
    let owned = path.to_owned();
    let bytes =
        input::waiting(move || input::read_at_most(&owned, "the fleet file", LONGEST)).await?;
    let text = std::str::from_utf8(&bytes).map_err(|_| {
        Failure::usage(format!("{}: is not UTF-8 text", name(path))).hint("save it as UTF-8")
    })?;
    file::read(text, Syntax::of(path, text)).map_err(|faults| faulty(path, &faults))
}

/// The name of a file in messages.
fn name(path: &Path) -> String {
    if path == Path::new("-") { "stdin".to_owned() } else { path.display().to_string() }
}

/// Every fault of a file, each with its place.
fn faulty(path: &Path, faults: &[Fault]) -> Failure {
    let name = name(path);
    let lines: Vec<_> = faults.iter().map(|f| format!("{name}:{}: {}", f.at, f.message)).collect();
    Failure::usage(lines.join("\n"))
        .hint("hubctl help fleet shows what a fleet file may hold; nothing was changed")
}

/// Shows a plan in the format that was asked for: words for people, rows for line by line formats.
fn show(plan: &Plan, invocation: &Invocation<'_>) -> Result<()> {
    let out = invocation.out;
    match out.format() {
        Format::Table | Format::Wide => write_data(&words(plan)),
        Format::Markdown => write_data(&markdown(plan)),
        Format::Csv | Format::Name | Format::Jsonl => out.list(&plan.items, "no changes"),
        Format::Json | Format::Yaml | Format::Env => out.record(plan, "plan", &[]),
    }
}

/// Writes the warnings of a plan. A document has them already.
fn warn(plan: &Plan, invocation: &Invocation<'_>) {
    if !matches!(invocation.out.format(), Format::Json | Format::Yaml | Format::Env) {
        for warning in &plan.warnings {
            invocation.out.warn(warning);
        }
    }
}

/// Shows the plan to the person who is about to be asked, unless the output has shown it.
fn show_before_question(plan: &Plan, invocation: &Invocation<'_>) {
    let seen = invocation.out.format().is_table() && invocation.out.at_terminal();
    if invocation.consent == crate::confirm::Consent::Person && !seen {
        write_words(&words(plan));
    }
}

/// Refuses a plan that deletes more than it may.
fn within(plan: &Plan, most: Option<usize>) -> Result<()> {
    let deletes: BTreeSet<_> = plan
        .changes()
        .filter(|item| item.action() == Action::Delete)
        .map(|item| (item.kind(), item.handle.as_str()))
        .collect();
    match (deletes.len(), most) {
        (n, Some(most)) if n > most => Err(Failure::new(
            Exit::InputNeeded,
            "too_many_deletes",
            format!("the plan deletes {n}, but only {most} may be deleted: nothing was changed"),
        )
        .hint(format!("check the plan; --max-deletes {n} allows it"))),
        _ => Ok(()),
    }
}

/// The exit code of a run without failures.
fn end(changes: bool, limits: LimitArgs) -> Exit {
    if changes && limits.detailed_exitcode { Exit::ChangesPending } else { Exit::Done }
}
