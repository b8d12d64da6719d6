//! Plans in files: saved whole and for their owner alone, and checked before they are carried out.

use std::collections::BTreeSet;
use std::path::Path;

use hub_core::name::{InstanceId, Slug};
use hub_core::problem::ErrorCode;

use super::{Context, LONGEST_FILE, observe};
use crate::error::{Failure, Result};
use crate::fleet::{Item, Kind, Observed, Plan, Status, stand_of_client, stand_of_instance};
use crate::{input, private_file};

/// Saves a plan. When this returns, it is on disk.
pub(super) fn save(plan: &Plan, path: &Path) -> Result<()> {
    let failed = |error: std::io::Error| {
        Failure::usage(format!("cannot save the plan to {}: {error}", path.display()))
            .hint("name a file in a folder that you can write: --out p.json")
    };
    let text = serde_json::to_string_pretty(plan).unwrap_or_default();
    private_file::replace(path, &[text.as_bytes()]).map_err(failed)
}

/// Reads a plan that is for this hub, and that the hub is still as it was for.
pub(super) async fn load(path: &Path, context: &Context<'_>) -> Result<Plan> {
    context.stdin_is_free(path, "PLANFILE")?;
    let file = path.to_owned();
    let bytes =
        input::waiting(move || input::read_at_most(&file, "the plan", LONGEST_FILE)).await?;
    let plan: Plan = serde_json::from_slice(&bytes).map_err(|error| {
        Failure::usage(format!("{} is not a saved plan: {error}", path.display()))
            .hint("hubctl plan -f FILE --out PLANFILE makes one; a fleet file is given with -f")
    })?;
    let version = plan.format_version;
    if version != Plan::FORMAT_VERSION {
        let message =
            format!("{} has format {version}, which this hubctl does not know", path.display());
        return Err(Failure::usage(message).hint("make a new plan"));
    }
    let hub = context.settings.url.as_str().trim_end_matches('/');
    if plan.hub != hub {
        let message = format!("the plan was made for {}, and this is {hub}", plan.hub);
        return Err(Failure::usage(message).hint("give --url, or make a new plan for this hub"));
    }
    refuse_changed(&plan, context).await?;
    Ok(plan)
}

/// Fails if anything that the plan touches is not what the plan saw, before anything is done.
async fn refuse_changed(plan: &Plan, context: &Context<'_>) -> Result<()> {
    let of = |kind| plan.items.iter().filter(move |item| item.kind == kind);
    let malformed = |_| Failure::usage("the plan names something by what is no handle");
    let slugs: BTreeSet<Slug> =
        of(Kind::Client).map(|i| i.handle.parse()).collect::<Result<_, _>>().map_err(malformed)?;
    let handles: BTreeSet<InstanceId> = of(Kind::Instance)
        .map(|i| i.handle.parse())
        .collect::<Result<_, _>>()
        .map_err(malformed)?;
    let seen = observe::named(context.hub()?, &slugs, &handles, plan.fleet.as_deref()).await?;
    let planned = plan.items.iter().filter(|item| item.status == Status::Planned);
    let mut changed: Vec<_> =
        planned.filter(|item| is_changed(item, &seen)).map(Item::what).collect();
    changed.dedup();
    let Some(first) = changed.first() else { return Ok(()) };
    let message = match changed.len() - 1 {
        0 => format!("{first} was changed since the plan was made: nothing was done"),
        n => format!("{first} and {n} more were changed since the plan was made: nothing was done"),
    };
    Err(Failure::of(ErrorCode::PreconditionFailed, message).hint("make a new plan and look at it"))
}

fn is_changed(item: &Item, seen: &Observed) -> bool {
    let now = match item.kind {
        Kind::Client => item
            .handle
            .parse()
            .ok()
            .and_then(|slug: Slug| seen.clients.get(&slug).map(stand_of_client)),
        Kind::Instance => item
            .handle
            .parse()
            .ok()
            .and_then(|id: InstanceId| seen.instances.get(&id).map(stand_of_instance)),
    };
    now != item.seen
}
