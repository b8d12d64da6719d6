//! `hubctl plan`

use super::{Context, end, make, saved, show, warn, within};
use crate::cli::PlanArgs;
use crate::error::{Failure, Result};
use crate::fleet::Plan;
use hub_core::exit::Exit;

/// Shows what a file would change, and saves that when told to.
pub(in crate::commands) async fn run(args: PlanArgs, context: &Context<'_>) -> Result<Exit> {
    let plan = make(&args.file, args.how, context).await?;
    let refusal = refused(&plan).or_else(|| within(&plan, args.limits.max_deletes).err());
    let out = args.out.as_ref().filter(|_| !context.settings.dry_run);
    if let (Some(path), None) = (out, &refusal) {
        saved::save(&plan, path)?;
    }
    show(&plan, context)?;
    warn(&plan, context);
    if let Some(failure) = refusal {
        return Err(failure);
    }
    if let Some(path) = out {
        context.out.words(&format!("  next: hubctl apply {}", path.display()));
    }
    Ok(end(plan.changes().next().is_some(), args.limits))
}

/// Why the plan as a whole cannot be carried out: its first failure stands for all of them.
fn refused(plan: &Plan) -> Option<Failure> {
    let others = plan.failures().count().checked_sub(1)?;
    let first = plan.failures().next()?.parts();
    let message = match others {
        0 => first.message.clone(),
        n => format!("{}; and {n} more", first.message),
    };
    let failure = Failure::new(first.exit, "", message);
    Some(failure.with(|parts| {
        parts.code.clone_from(&first.code);
        parts.hint.clone_from(&first.hint);
        parts.status = first.status;
    }))
}
