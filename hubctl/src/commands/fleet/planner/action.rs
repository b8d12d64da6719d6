//! What can be done, and to what.

use serde::{Deserialize, Serialize};

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

/// What kind of object is changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ObjectKind {
    /// A client.
    Client,
    /// An instance.
    Instance,
    /// The catalogue of names.
    Catalogue,
}

impl ObjectKind {
    /// The name.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Instance => "instance",
            Self::Catalogue => "catalogue",
        }
    }
}
