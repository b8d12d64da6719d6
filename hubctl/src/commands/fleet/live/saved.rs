//! Plans in files: saved whole, readable only by their owner, and checked before they are carried out.

use std::collections::BTreeSet;
use std::path::Path;

use hub_core::api::Instance;
use hub_core::name::{InstanceId, Slug};
use hub_core::problem::ErrorCode;

use super::super::file::LONGEST;
use super::super::planner::{Item, ItemState, ObjectKind, Observed, Plan, SeenClient, Step};
use super::observe;
use crate::commands::Invocation;
use crate::error::{Failure, Result};
use crate::{input, private_file};

/// Saves a plan. When this returns, it is on disk.
pub(in super::super) fn save(plan: &Plan, path: &Path) -> Result<()> {
    let failed = |error: std::io::Error| {
        Failure::usage(format!("cannot save the plan to {}: {error}", path.display()))
            .hint("name a file in a folder that you can write: --out p.json")
    };
    let text = serde_json::to_string_pretty(plan).unwrap_or_default();
    private_file::replace(path, &[text.as_bytes()]).map_err(failed)
}

/// Reads a plan. Fails unless it was made for this hub, and the hub has not changed since.
pub(in super::super) async fn load(path: &Path, invocation: &Invocation<'_>) -> Result<Plan> {
    invocation.stdin_is_free(path, "PLANFILE")?;
    let file = path.to_owned();
    let bytes = input::waiting(move || input::read_at_most(&file, "the plan", LONGEST)).await?;
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
    let hub = invocation.settings.url.as_str().trim_end_matches('/');
    if plan.hub != hub {
        let message = format!("the plan was made for {}, and this is {hub}", plan.hub);
        return Err(Failure::usage(message).hint("give --url, or make a new plan for this hub"));
    }
    refuse_changed(&plan, invocation).await?;
    Ok(plan)
}

/// Fails if an object that the plan touches is not what the plan saw, before anything is changed.
async fn refuse_changed(plan: &Plan, invocation: &Invocation<'_>) -> Result<()> {
    let of = |kind| plan.items.iter().filter(move |item| item.kind() == kind);
    let malformed = |_| Failure::usage("the plan has a handle that no object can have");
    let slugs: BTreeSet<Slug> = of(ObjectKind::Client)
        .map(|i| i.handle.parse())
        .collect::<Result<_, _>>()
        .map_err(malformed)?;
    let handles: BTreeSet<InstanceId> = of(ObjectKind::Instance)
        .map(|i| i.handle.parse())
        .collect::<Result<_, _>>()
        .map_err(malformed)?;
    let seen = observe::named(invocation.hub()?, &slugs, &handles, plan.fleet.as_deref()).await?;
    let planned = plan.items.iter().filter(|item| item.state == ItemState::Planned);
    let mut changed: Vec<_> =
        planned.filter(|item| is_changed(item, &seen)).map(Item::what).collect();
    changed.dedup();
    let Some(first) = changed.first() else {
        return Ok(());
    };
    let message = match changed.len() - 1 {
        0 => format!("{first} was changed since the plan was made: nothing was done"),
        n => format!("{first} and {n} more were changed since the plan was made: nothing was done"),
    };
    Err(Failure::of(ErrorCode::PreconditionFailed, message).hint("make a new plan and look at it"))
}

/// Whether the object of an item is not what the plan saw.
fn is_changed(item: &Item, seen: &Observed) -> bool {
    match &item.step {
        None => true,
        Some(Step::Client { seen: planned, .. }) => {
            let slug = item.handle.parse::<Slug>().ok();
            let now = slug.and_then(|slug| seen.clients.get(&slug).map(SeenClient::of));
            now != *planned
        }
        Some(Step::Instance { seen: planned, .. }) => {
            let id = item.handle.parse::<InstanceId>().ok();
            let now = id.and_then(|id| seen.instances.get(&id).map(Instance::settings));
            now != *planned
        }
    }
}
