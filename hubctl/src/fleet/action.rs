//! What can be done, to what, and what became of it.

use serde::{Deserialize, Serialize};

use super::plan::Item;

/// What is done to an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Action {
    /// It is made.
    Create,
    /// Fields of it are changed.
    Update,
    /// It gets a new license key.
    Rotate,
    /// It is suspended.
    Suspend,
    /// Its suspension is ended.
    Reactivate,
    /// It is deleted.
    Delete,
}

impl Action {
    /// The name.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Rotate => "rotate",
            Self::Suspend => "suspend",
            Self::Reactivate => "reactivate",
            Self::Delete => "delete",
        }
    }

    /// The name once it is done.
    pub(crate) fn done(self) -> &'static str {
        match self {
            Self::Create => "created",
            Self::Update => "updated",
            Self::Rotate => "rotated",
            Self::Suspend => "suspended",
            Self::Reactivate => "reactivated",
            Self::Delete => "deleted",
        }
    }

    /// The sign at the head of its line.
    pub(crate) fn sign(self) -> char {
        match self {
            Self::Create => '+',
            Self::Update => '~',
            Self::Rotate => '↻',
            Self::Suspend => '⏸',
            Self::Reactivate => '▶',
            Self::Delete => '-',
        }
    }
}

/// What is changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    /// A client.
    Client,
    /// An instance.
    Instance,
}

impl Kind {
    /// The name.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Instance => "instance",
        }
    }
}

/// What became of an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Status {
    /// It is to be done.
    Planned,
    /// It was done.
    Applied,
    /// It was not, or it is not known whether it was.
    Failed,
    /// It was not tried, because what it needs failed.
    Skipped,
}

impl Status {
    /// The name.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Planned => "planned",
            Self::Applied => "applied",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
        }
    }
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
    /// Those that cannot be done, or failed.
    pub(crate) failed: usize,
    /// Those that were not tried.
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
        match (item.status, item.action) {
            (Status::Failed, _) => &mut self.failed,
            (Status::Skipped, _) => &mut self.skipped,
            (_, Action::Create) => &mut self.create,
            (_, Action::Update) => &mut self.update,
            (_, Action::Rotate) => &mut self.rotate,
            (_, Action::Suspend) => &mut self.suspend,
            (_, Action::Reactivate) => &mut self.reactivate,
            (_, Action::Delete) => &mut self.delete,
        }
    }

    /// The actions that a line about them names: three always, the others where there are any.
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
