//! `hubctl plan`, `apply` and `export`: what clients and instances there should be, in one file.

mod apply;
mod execute;
mod export;
mod observe;
mod plan;
mod rows;
mod saved;
mod sinks;
mod steps;

pub(super) use apply::run as apply;
pub(super) use export::run as export;
pub(super) use plan::run as plan;

use std::collections::BTreeSet;
use std::path::Path;

use hub_core::exit::Exit;

use super::{AT_ONCE, Context};
use crate::cli::{FleetArgs, LimitArgs};
use crate::error::{Failure, Result};
use crate::fleet::{Action, Fault, Fleet, Options, Plan, Syntax, diff, read, words};
use crate::input;
use crate::output::{write_data, write_words};
use crate::words::Format;

/// A fleet of 100,000 instances fits in.
const LONGEST_FILE: u64 = 64 * 1024 * 1024;

/// Reads a file and works out what it would change.
async fn make(file: &Path, how: FleetArgs, context: &Context<'_>) -> Result<Plan> {
    context.stdin_is_free(file, "--file")?;
    let fleet = read_fleet(file).await?;
    if how.prune && fleet.name.is_none() {
        return Err(Failure::usage("--prune needs to know what belongs to the fleet")
            .hint("give the file a line such as: fleet = \"acme-prod\""));
    }
    let options = Options { prune: how.prune, adopt: how.adopt, redeliver: how.redeliver };
    let seen = observe::observe(context.hub()?, &fleet, options).await?;
    let mut plan = diff(&fleet, &seen, options).map_err(|faults| faulty(file, &faults))?;
    context.settings.url.as_str().trim_end_matches('/').clone_into(&mut plan.hub);
    Ok(plan)
}

async fn read_fleet(file: &Path) -> Result<Fleet> {
    let path = file.to_owned();
    let bytes =
        input::waiting(move || input::read_at_most(&path, "the fleet file", LONGEST_FILE)).await?;
    let text = std::str::from_utf8(&bytes).map_err(|_| {
        Failure::usage(format!("{}: is not UTF-8 text", name(file))).hint("save it as UTF-8")
    })?;
    read(text, Syntax::of(file, text)).map_err(|faults| faulty(file, &faults))
}

/// What a file is called in messages.
fn name(file: &Path) -> String {
    if file == Path::new("-") { "stdin".to_owned() } else { file.display().to_string() }
}

/// Tells every fault, each with its place.
fn faulty(file: &Path, faults: &[Fault]) -> Failure {
    let name = name(file);
    let lines: Vec<_> = faults.iter().map(|f| format!("{name}:{}: {}", f.at, f.message)).collect();
    Failure::usage(lines.join("\n"))
        .hint("hubctl plan --help shows what a fleet file may hold; nothing was changed")
}

/// Shows a plan as the format says; words are for people, rows for what works line by line.
fn show(plan: &Plan, context: &Context<'_>) -> Result<()> {
    let out = context.out;
    match out.format() {
        Format::Table | Format::Wide => write_data(&words(plan)),
        Format::Csv | Format::Name | Format::Jsonl => out.list(&plan.items, "no changes"),
        Format::Json | Format::Yaml | Format::Env => out.record(plan, "plan", &[]),
    }
}

/// Tells what needs attention. A document has it already.
fn warn(plan: &Plan, context: &Context<'_>) {
    if !matches!(context.out.format(), Format::Json | Format::Yaml | Format::Env) {
        for warning in &plan.warnings {
            context.out.warn(warning);
        }
    }
}

/// Shows the plan to who is about to be asked, where that is not the output itself.
fn show_before_question(plan: &Plan, context: &Context<'_>) {
    let seen = context.out.format().is_table() && context.out.at_terminal();
    if context.consent == crate::confirm::Consent::Person && !seen {
        write_words(&words(plan));
    }
}

/// Refuses a plan that deletes more than it may.
fn within(plan: &Plan, most: Option<usize>) -> Result<()> {
    let deletes: BTreeSet<_> = plan
        .changes()
        .filter(|item| item.action == Action::Delete)
        .map(|item| (item.kind, item.handle.as_str()))
        .collect();
    match (deletes.len(), most) {
        (n, Some(most)) if n > most => Err(Failure::new(
            Exit::InputNeeded,
            "too_many_deletes",
            format!("the plan deletes {n}, and at most {most} may be deleted: nothing was changed"),
        )
        .hint(format!("look at the plan; --max-deletes {n} allows it"))),
        _ => Ok(()),
    }
}

/// How a run ends that did all it could.
fn end(changes: bool, limits: LimitArgs) -> Exit {
    if changes && limits.detailed_exitcode { Exit::ChangesPending } else { Exit::Done }
}
