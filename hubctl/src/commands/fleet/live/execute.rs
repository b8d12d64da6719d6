//! Carries a plan out: clients first, then instances, then the clients that are deleted; several of each
//! at once. A failure stops only the items that need what failed.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::ops::Range;

use futures_util::{StreamExt, stream};

use super::super::planner::{Action, Item, ItemState, ObjectKind, Plan};
use super::resume::groups;
use super::sinks;
use super::steps::{StepResult, Steps};
use crate::commands::Invocation;
use crate::error::{Failure, Result};
use crate::output::Progress;

/// Items that have to be finished before the next phase begins.
struct Phase {
    /// The items that are part of it.
    of: fn(&Item) -> bool,
    /// Items whose failure skips the items of the same client.
    needs: fn(&Item) -> bool,
}

const PHASES: [Phase; 3] = [
    Phase { of: |item| is_client(item) && item.action() != Action::Delete, needs: |_| false },
    Phase { of: |item| !is_client(item), needs: is_client },
    // A client is deleted after all of its instances.
    Phase { of: |item| is_client(item) && item.action() == Action::Delete, needs: |_| true },
];

fn is_client(item: &Item) -> bool {
    item.kind() == ObjectKind::Client
}

/// How many objects are worked on at once.
const REQUESTS: usize = 32;
/// How many new keys are synced together. Each keeps its folder open meanwhile.
const TOGETHER: usize = 256;

/// Carries the plan out, and notes in it how each item ended.
pub(in super::super) async fn execute(
    plan: &mut Plan,
    allow_open_folder: bool,
    invocation: &Invocation<'_>,
) -> Result<()> {
    sinks::check(plan, allow_open_folder);
    let groups = groups(&plan.items);
    let run = Run {
        steps: Steps {
            invocation,
            hub: invocation.hub()?,
            allow_open_folder,
            held: RefCell::default(),
        },
        progress: Progress::new(invocation.out, groups.len()),
        hopeless: Cell::new(false),
    };
    for phase in PHASES {
        let of_phase = groups.iter().filter(|group| (phase.of)(&plan.items[group.start]));
        let of_phase: Vec<_> = of_phase.cloned().collect();
        run.phase(&mut plan.items, of_phase, phase.needs).await;
    }
    plan.count();
    Ok(())
}

struct Run<'a, 'h> {
    steps: Steps<'a, 'h>,
    progress: Progress,
    /// The hub cannot be reached, so that every further request would fail too.
    hopeless: Cell<bool>,
}

impl Run<'_, '_> {
    async fn phase(&self, items: &mut [Item], groups: Vec<Range<usize>>, needs: fn(&Item) -> bool) {
        let broken: BTreeSet<String> = items
            .iter()
            .filter(|item| matches!(item.state, ItemState::Failed | ItemState::Skipped))
            .filter(|item| needs(item))
            .map(|item| item.client.clone())
            .collect();
        let present: &[Item] = items;
        let one = async |group: Range<usize>| {
            let results = self.group(&present[group.clone()], &broken).await;
            self.progress.step();
            (group, results)
        };
        let mut done: Vec<_> = Vec::new();
        for some in groups.chunks(TOGETHER) {
            let tried =
                some.iter().filter(|group| !self.is_stuck(&present[(*group).clone()], &broken));
            self.steps.hold_all(tried.map(|group| &present[group.start]));
            let each = stream::iter(some.iter().cloned()).map(one).buffer_unordered(REQUESTS);
            done.extend(each.collect::<Vec<_>>().await);
            self.steps.give_up_the_rest();
        }
        for (group, results) in done {
            for (item, result) in items[group].iter_mut().zip(results) {
                match result {
                    _ if item.state == ItemState::Failed => {}
                    Ok(()) => item.state = ItemState::Applied,
                    Err(Some(failure)) => item.fail(failure),
                    Err(None) => item.state = ItemState::Skipped,
                }
            }
        }
    }

    /// Whether the steps of one object are not to be tried.
    fn is_stuck(&self, items: &[Item], broken: &BTreeSet<String>) -> bool {
        self.hopeless.get()
            || broken.contains(&items[0].client)
            || items.iter().any(|item| item.state == ItemState::Failed)
    }

    /// The steps of one object, up to the first that fails.
    async fn group(&self, items: &[Item], broken: &BTreeSet<String>) -> Vec<StepResult> {
        let mut results: Vec<StepResult> = Vec::new();
        if !self.is_stuck(items, broken) {
            let is_done = |item: &&Item| item.state == ItemState::Applied;
            let done = items.iter().take_while(is_done).count();
            results.resize_with(done, || Ok(()));
            if let Some(rest) = items.get(done..).filter(|rest| !rest.is_empty()) {
                results.extend(self.steps.run(rest).await);
            }
        }
        let hopeless = results.iter().any(|result| {
            let failure = result.as_ref().err().and_then(Option::as_ref);
            failure.is_some_and(Failure::is_general)
        });
        self.hopeless.set(self.hopeless.get() || hopeless);
        results.resize_with(items.len(), || Err(None));
        results
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::planner::{ClientChange, InstanceChange, Step};
    use super::*;

    #[test]
    fn the_steps_of_an_object_stay_together() {
        let client = |change| Item::of(Step::Client { change, seen: None }, "acme", "acme");
        let instance =
            |change, handle| Item::of(Step::Instance { change, seen: None }, handle, "acme");
        let items = [
            client(ClientChange::Reactivate),
            client(ClientChange::Suspend),
            instance(InstanceChange::Reactivate, "acme"),
            instance(InstanceChange::Suspend, "acme-2"),
        ];
        assert_eq!(groups(&items), [0..2, 2..3, 3..4]);
    }
}
