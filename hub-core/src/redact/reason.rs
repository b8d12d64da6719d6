//! Why something in a report is not kept as it was sent, and where it stands.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Why something in a report is not kept as it was sent.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// The hub knows no such member; it is dropped.
    UnknownMember,
    /// A value of another type stands there; it is dropped.
    WrongType,
    /// The catalogue does not list the tool; it is counted under `other`.
    UnlistedTool,
    /// The catalogue does not list the code; it is counted under `OTHER`.
    UnlistedCode,
    /// The catalogue does not list the count; it is counted under `other`.
    UnlistedCount,
    /// A number is out of range or not whole; it is dropped.
    BadNumber,
    /// There are more errors than calls; the errors beyond are dropped.
    Inconsistent,
    /// There are more names than the hub keeps apart; the rest is counted under `other` or `OTHER`.
    OverLimit,
}

impl Reason {
    /// Every reason.
    pub const ALL: [Self; 8] = [
        Self::UnknownMember,
        Self::WrongType,
        Self::UnlistedTool,
        Self::UnlistedCode,
        Self::UnlistedCount,
        Self::BadNumber,
        Self::Inconsistent,
        Self::OverLimit,
    ];

    /// The name on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::UnknownMember => "unknown_member",
            Self::WrongType => "wrong_type",
            Self::UnlistedTool => "unlisted_tool",
            Self::UnlistedCode => "unlisted_code",
            Self::UnlistedCount => "unlisted_count",
            Self::BadNumber => "bad_number",
            Self::Inconsistent => "inconsistent",
            Self::OverLimit => "over_limit",
        }
    }

    /// What was done, for a person.
    #[must_use]
    pub fn meaning(self) -> &'static str {
        match self {
            Self::UnknownMember => "no such member: dropped",
            Self::WrongType => "wrong type: dropped",
            Self::UnlistedTool => "tool not in the catalogue: counted under other",
            Self::UnlistedCode => "code not in the catalogue: counted under OTHER",
            Self::UnlistedCount => "count not in the catalogue: counted under other",
            Self::BadNumber => "number out of range: dropped",
            Self::Inconsistent => "more errors than calls: the errors beyond are dropped",
            Self::OverLimit => "too many names: counted under other",
        }
    }
}

impl std::fmt::Display for Reason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

/// How often each reason applied.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Reasons(BTreeMap<Reason, u64>);

impl Reasons {
    /// Counts a reason `n` times more.
    pub fn add(&mut self, reason: Reason, n: u64) {
        if n > 0 {
            *self.0.entry(reason).or_default() += n;
        }
    }

    /// How often any reason applied.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.0.values().sum()
    }

    /// Whether no reason applied.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Each reason that applied, and how often.
    pub fn iter(&self) -> impl Iterator<Item = (Reason, u64)> {
        self.0.iter().map(|(reason, n)| (*reason, *n))
    }
}

/// A place in a report where something is not kept as it was sent. It is told by known members, listed
/// names and positions alone: `*` stands for a member whose name the hub does not know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Dropped {
    /// The place, as a JSON pointer (RFC 6901).
    pub at: String,
    /// Why.
    pub reason: Reason,
}
