//! Carrying out a plan: clients first, then instances, then the clients that go; of each several at
//! once. What fails stops only what needs it.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::ops::Range;

use futures_util::{StreamExt, stream};

use super::steps::Steps;
use super::{AT_ONCE, Context, sinks};
use crate::error::{Failure, Result};
use crate::fleet::{Action, Item, Kind, Plan, Status};
use crate::output::Progress;

/// What became of one item.
type Outcome = Result<(), Option<Failure>>;

/// What has to be over before the next begins.
struct Phase {
    /// The items that are part of it.
    of: fn(&Item) -> bool,
    /// The items without which those of the same client are not tried.
    needs: fn(&Item) -> bool,
}

const PHASES: [Phase; 3] = [
    Phase { of: |item| is_client(item) && item.action != Action::Delete, needs: |_| false },
    Phase { of: |item| !is_client(item), needs: is_client },
    // A client goes after all of its instances.
    Phase { of: |item| is_client(item) && item.action == Action::Delete, needs: |_| true },
];

fn is_client(item: &Item) -> bool {
    item.kind == Kind::Client
}

/// Does what the plan says, and notes in it what became of each item.
pub(super) async fn execute(
    plan: &mut Plan,
    allow_open_folder: bool,
    context: &Context<'_>,
) -> Result<()> {
    sinks::check(plan, allow_open_folder);
    let groups = groups(&plan.items);
    let run = Run {
        steps: Steps { context, hub: context.hub()?, allow_open_folder },
        progress: Progress::new(context.out, groups.len()),
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

/// The items of each object, which are carried out one after the other.
fn groups(items: &[Item]) -> Vec<Range<usize>> {
    let mut groups: Vec<Range<usize>> = Vec::new();
    for (at, item) in items.iter().enumerate() {
        match groups.last_mut() {
            Some(group) if same_object(&items[group.start], item) => group.end = at + 1,
            _ => groups.push(at..at + 1),
        }
    }
    groups
}

fn same_object(a: &Item, b: &Item) -> bool {
    (a.kind, &a.handle) == (b.kind, &b.handle)
}

struct Run<'a, 'h> {
    steps: Steps<'a, 'h>,
    progress: Progress,
    /// Whatever is asked next fails in the same way.
    hopeless: Cell<bool>,
}

impl Run<'_, '_> {
    async fn phase(&self, items: &mut [Item], groups: Vec<Range<usize>>, needs: fn(&Item) -> bool) {
        let broken: BTreeSet<String> = items
            .iter()
            .filter(|item| matches!(item.status, Status::Failed | Status::Skipped))
            .filter(|item| needs(item))
            .map(|item| item.client.clone())
            .collect();
        let present: &[Item] = items;
        let one = async |group: Range<usize>| {
            let outcomes = self.group(&present[group.clone()], &broken).await;
            self.progress.step();
            (group, outcomes)
        };
        let done: Vec<_> = stream::iter(groups).map(one).buffer_unordered(AT_ONCE).collect().await;
        for (group, outcomes) in done {
            for (item, outcome) in items[group].iter_mut().zip(outcomes) {
                match outcome {
                    _ if item.status == Status::Failed => {}
                    Ok(()) => item.status = Status::Applied,
                    Err(Some(failure)) => item.fail(failure),
                    Err(None) => item.status = Status::Skipped,
                }
            }
        }
    }

    /// The steps of one object, up to the first that fails.
    async fn group(&self, items: &[Item], broken: &BTreeSet<String>) -> Vec<Outcome> {
        let mut outcomes: Vec<Outcome> = Vec::new();
        let stuck = self.hopeless.get()
            || broken.contains(&items[0].client)
            || items.iter().any(|item| item.status == Status::Failed);
        if !stuck {
            outcomes = self.steps.run(items).await;
        }
        let hopeless = outcomes.iter().any(|outcome| {
            let failure = outcome.as_ref().err().and_then(Option::as_ref);
            failure.is_some_and(Failure::is_general)
        });
        self.hopeless.set(self.hopeless.get() || hopeless);
        outcomes.resize_with(items.len(), || Err(None));
        outcomes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_steps_of_an_object_stay_together() {
        let item = |action, kind, handle: &str| Item::new(action, kind, handle, "acme");
        let items = [
            item(Action::Create, Kind::Client, "acme"),
            item(Action::Suspend, Kind::Client, "acme"),
            item(Action::Create, Kind::Instance, "acme"),
            item(Action::Create, Kind::Instance, "acme-2"),
        ];
        assert_eq!(groups(&items), [0..2, 2..3, 3..4]);
    }
}
