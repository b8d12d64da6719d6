//! Plans in files: saved whole, readable only by their owner, and checked before they are carried out.

use std::collections::BTreeSet;
use std::path::Path;

use hub_core::api::GetCatalogue;
use hub_core::name::{InstanceId, Slug};
use hub_core::problem::ErrorCode;

use super::super::file::LONGEST;
use super::super::planner::{ObjectKind, Plan};
use super::observe;
use super::resume::{go_on, groups};
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
    let mut plan: Plan = serde_json::from_slice(&bytes).map_err(|error| {
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
    refuse_changed(&mut plan, invocation).await?;
    Ok(plan)
}

/// Fails if an object that the plan touches is not what the plan saw, nor what a killed run of the plan has
/// made of it, before anything is changed.
async fn refuse_changed(plan: &mut Plan, invocation: &Invocation<'_>) -> Result<()> {
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
    let hub = invocation.hub()?;
    let mut seen = observe::named(hub, &slugs, &handles, plan.fleet.as_deref()).await?;
    if of(ObjectKind::Catalogue).next().is_some() {
        seen.catalogue = Some(hub.call::<GetCatalogue>("", &(), &()).await?);
    }
    let mut changed = Vec::new();
    for group in groups(&plan.items) {
        let items = &mut plan.items[group];
        if !go_on(items, &seen) {
            changed.push(items[0].what());
        }
    }
    let Some(first) = changed.first() else {
        return Ok(());
    };
    let message = match changed.len() - 1 {
        0 => format!("{first} was changed since the plan was made: nothing was done"),
        n => format!("{first} and {n} more were changed since the plan was made: nothing was done"),
    };
    Err(Failure::of(ErrorCode::PreconditionFailed, message).hint("make a new plan and look at it"))
}
