//! `hubctl apply`

use hub_core::exit::Exit;

use super::{Context, end, execute, make, saved, show, show_before_question, warn, within};
use crate::cli::ApplyArgs;
use crate::confirm::at_terminal;
use crate::error::{Failure, Result};
use crate::fleet::{Plan, told};
use crate::output::write_data;

/// Shows what is to be done, asks, and does it.
pub(in crate::commands) async fn run(args: ApplyArgs, context: &Context<'_>) -> Result<Exit> {
    let mut plan = match (&args.plan, &args.file) {
        (Some(path), _) => saved::load(path, context).await?,
        (None, Some(file)) => make(file, args.how, context).await?,
        (None, None) => return Err(Failure::usage("--file or PLANFILE is missing")),
    };
    let table = context.out.format().is_table();
    if table {
        show(&plan, context)?;
    }
    warn(&plan, context);
    let changes = plan.changes().next().is_some();
    if context.settings.dry_run {
        (plan.changed, plan.dry_run) = (changes, true);
    } else if changes {
        agreed(&plan, &args, context).await?;
        execute::execute(&mut plan, args.allow_open_folder, context).await?;
    }
    if !table {
        show(&plan, context)?;
    } else if changes && !plan.dry_run {
        write_data(&format!("Applied: {}.\n", told(&plan.summary, "")))?;
    }
    let failed = plan.take_failures();
    if failed.is_empty() {
        return Ok(end(changes, args.limits));
    }
    for (handle, failure) in &failed {
        context.out.item_failure(handle, failure);
    }
    Err(partial(failed, &plan))
}

/// Makes sure that this may be done, before any of it is.
async fn agreed(plan: &Plan, args: &ApplyArgs, context: &Context<'_>) -> Result<()> {
    // Who is at a terminal sees what goes.
    let most = args.limits.max_deletes.or((!at_terminal()).then_some(0));
    within(plan, most)?;
    show_before_question(plan, context);
    let what = format!("applying this to {}", plan.hub);
    context.consent.ask(&what, &told(&plan.summary, "to ")).await
}

/// What a run failed with that could not do all of it.
fn partial(failed: Vec<(String, Failure)>, plan: &Plan) -> Failure {
    let (failures, all, skipped) = (failed.len(), plan.items.len(), plan.summary.skipped);
    let failure = Failure::partial(failed, all).with(|parts| {
        if skipped > 0 {
            let needed =
                format!("{failures} of {all} failed, and {skipped} that need them were not tried");
            parts.message = needed;
        }
    });
    let hint = if failure.retryable() {
        "the same command goes on where this one failed"
    } else {
        "the others are done, and the same command leaves them as they are"
    };
    failure.hint(hint)
}
