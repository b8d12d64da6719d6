//! A plan: the document that `plan` shows and saves and `apply` carries out.

use serde::{Deserialize, Serialize};

use super::action::Action;
use super::item::{Item, ItemState};
use crate::error::Failure;

/// What is to be done to a hub, or was done.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Plan {
    /// Of this document.
    pub(crate) format_version: u32,
    /// The hub that it was made for.
    pub(crate) hub: String,
    /// The fleet that the file names.
    pub(crate) fleet: Option<String>,
    /// In order, those of one object together.
    pub(crate) items: Vec<Item>,
    /// How many there are of each.
    pub(crate) summary: Summary,
    /// Facts that need a person's attention and are no changes.
    pub(crate) warnings: Vec<String>,
    /// Whether any of it was carried out.
    pub(crate) changed: bool,
    /// Nothing was to be done: this is what would be.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) dry_run: bool,
}

/// How many items there are of each action.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Summary {
    /// `create`
    pub(crate) create: usize,
    /// `update`
    pub(crate) update: usize,
    /// `rotate`
    pub(crate) rotate: usize,
    /// `suspend`
    pub(crate) suspend: usize,
    /// `reactivate`
    pub(crate) reactivate: usize,
    /// `delete`
    pub(crate) delete: usize,
    /// Items that cannot be carried out, or failed.
    pub(crate) failed: usize,
    /// Items that were not tried.
    pub(crate) skipped: usize,
}

impl Summary {
    /// Of these items.
    pub(super) fn of(items: &[Item]) -> Self {
        let mut summary = Self::default();
        for item in items {
            *summary.count(item) += 1;
        }
        summary
    }

    fn count(&mut self, item: &Item) -> &mut usize {
        match (item.state, item.action()) {
            (ItemState::Failed, _) => &mut self.failed,
            (ItemState::Skipped, _) => &mut self.skipped,
            (_, Action::Create) => &mut self.create,
            (_, Action::Update) => &mut self.update,
            (_, Action::Rotate) => &mut self.rotate,
            (_, Action::Suspend) => &mut self.suspend,
            (_, Action::Reactivate) => &mut self.reactivate,
            (_, Action::Delete) => &mut self.delete,
        }
    }

    /// The actions that a summary names: three always, the others if they occur.
    pub(crate) fn told(&self) -> impl Iterator<Item = (Action, usize)> {
        let all = [
            (Action::Create, self.create),
            (Action::Update, self.update),
            (Action::Rotate, self.rotate),
            (Action::Suspend, self.suspend),
            (Action::Reactivate, self.reactivate),
            (Action::Delete, self.delete),
        ];
        let always = [Action::Create, Action::Update, Action::Delete];
        all.into_iter().filter(move |(action, n)| *n > 0 || always.contains(action))
    }
}

impl Plan {
    /// Of this program's documents.
    pub(crate) const FORMAT_VERSION: u32 = 1;

    /// A plan of these items, for a hub whose URL the caller fills in.
    pub(crate) fn of(fleet: Option<String>, items: Vec<Item>, warnings: Vec<String>) -> Self {
        let summary = Summary::of(&items);
        Self {
            format_version: Self::FORMAT_VERSION,
            hub: String::new(),
            fleet,
            items,
            summary,
            warnings,
            changed: false,
            dry_run: false,
        }
    }

    /// Counts again, after the states of items have changed.
    pub(crate) fn count(&mut self) {
        self.summary = Summary::of(&self.items);
        self.changed = self.items.iter().any(|item| item.state == ItemState::Applied);
    }

    /// The items that can be carried out.
    pub(crate) fn changes(&self) -> impl Iterator<Item = &Item> {
        self.items.iter().filter(|item| item.state == ItemState::Planned)
    }

    /// Takes out why items cannot be carried out or failed, each with its object's handle.
    pub(crate) fn take_failures(&mut self) -> Vec<(String, Failure)> {
        let failures = self.items.iter_mut();
        failures.filter_map(|item| Some((item.handle.clone(), item.error.take()?))).collect()
    }

    /// Why items cannot be carried out, or failed.
    pub(crate) fn failures(&self) -> impl Iterator<Item = &Failure> {
        self.items.iter().filter_map(|item| item.error.as_ref())
    }
}
