//! `hubctl apply`

use hub_core::exit::Exit;

use super::planner::{Item, Plan, told};
use super::{Invocation, end, live, make, show, show_before_question, warn, within};
use crate::cli::ApplyArgs;
use crate::confirm::at_terminal;
use crate::error::{Failure, Result};
use crate::output::write_data;
use crate::words::SinkSpec;

/// Shows what is to be done, asks, and does it.
pub(in crate::commands) async fn run(args: ApplyArgs, invocation: &Invocation<'_>) -> Result<Exit> {
    let mut plan = match (&args.plan, &args.file) {
        (Some(path), _) => live::load(path, invocation).await?,
        (None, Some(file)) => make(file, args.how, invocation).await?,
        (None, None) => return Err(Failure::usage("--file or PLANFILE is missing")),
    };
    let table = invocation.out.format().is_table();
    if table {
        show(&plan, invocation)?;
    }
    warn(&plan, invocation);
    let changes = plan.changes().next().is_some();
    if invocation.settings.dry_run {
        (plan.changed, plan.dry_run) = (changes, true);
    } else if changes {
        no_commands(&plan, &args)?;
        agreed(&plan, &args, invocation).await?;
        live::execute(&mut plan, args.allow_open_folder, invocation).await?;
    }
    if !table {
        show(&plan, invocation)?;
    } else if changes && !plan.dry_run {
        write_data(&format!("Applied: {}.\n", told(&plan.summary, "")))?;
    }
    let failed = plan.take_failures();
    if failed.is_empty() {
        return Ok(end(changes, args.limits));
    }
    for (handle, failure) in &failed {
        invocation.out.item_failure(handle, failure);
    }
    Err(partial(failed, &plan))
}

/// Refuses to run commands that a file names, unless somebody has agreed: a file is easily changed.
fn no_commands(plan: &Plan, args: &ApplyArgs) -> Result<()> {
    let command =
        |item: &&Item| item.sink().is_some_and(|sink| matches!(sink.spec, SinkSpec::Command(_)));
    match plan.changes().find(command) {
        Some(item) if !args.allow_commands => {
            let message = format!("the sink of {} is a command: nothing was changed", item.what());
            Err(Failure::input_needed(message)
                .hint("look at the commands in the plan, then give --allow-commands"))
        }
        _ => Ok(()),
    }
}

/// Makes sure that the whole plan may be carried out, before any of it is.
async fn agreed(plan: &Plan, args: &ApplyArgs, invocation: &Invocation<'_>) -> Result<()> {
    // A person at a terminal sees what is deleted, and needs no limit.
    let most = args.limits.max_deletes.or((!at_terminal()).then_some(0));
    within(plan, most)?;
    show_before_question(plan, invocation);
    let what = format!("applying this to {}", plan.hub);
    invocation.consent.ask(&what, &told(&plan.summary, "to ")).await
}

/// The failure of a run that could not do all of it.
fn partial(failed: Vec<(String, Failure)>, plan: &Plan) -> Failure {
    let (failures, all, skipped) = (failed.len(), plan.items.len(), plan.summary.skipped);
    let failure = Failure::partial(failed, all).with(|parts| {
        if skipped > 0 {
            let needed =
                format!("{failures} of {all} failed, and {skipped} skipped because of them");
            parts.message = needed;
        }
    });
    let hint = if failure.retryable() {
        "the same command goes on where this one failed"
    } else {
        "the others are done; the same command does not change them again"
    };
    failure.hint(hint)
}
