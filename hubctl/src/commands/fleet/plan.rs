//! `hubctl plan`

use super::planner::Plan;
use super::{Invocation, end, live, make, show, warn, within};
use crate::cli::PlanArgs;
use crate::error::{Failure, Result};
use hub_core::exit::Exit;

/// Shows what a file would change, and saves the plan with `--out`.
pub(in crate::commands) async fn run(args: PlanArgs, invocation: &Invocation<'_>) -> Result<Exit> {
    let plan = make(&args.file, args.how, invocation).await?;
    let refusal = refused(&plan).or_else(|| within(&plan, args.limits.max_deletes).err());
    let out = args.out.as_ref().filter(|_| !invocation.settings.dry_run);
    if let (Some(path), None) = (out, &refusal) {
        live::save(&plan, path)?;
    }
    show(&plan, invocation)?;
    warn(&plan, invocation);
    if let Some(failure) = refusal {
        return Err(failure);
    }
    let changes = plan.changes().next().is_some();
    if let Some(path) = out.filter(|_| changes) {
        invocation.out.words(&format!("  next: hubctl apply {}", path.display()));
    }
    Ok(end(changes, args.limits))
}

/// The failure of a plan that cannot be carried out as a whole: its first failure stands for all.
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
