//! A clean report: everything in a report that the hub may keep, and nothing else.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Serialize, Serializer};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::{CodeName, CountName, ToolName};
use crate::api::StoredReport;
use crate::histogram::Histogram;
use crate::time::Timestamp;

/// The most tools in a report; the hub counts the rest under `other`.
pub const MOST_TOOLS: usize = 200;
/// The most error codes for a tool in a report; the hub counts the rest under `OTHER`.
pub const MOST_CODES: usize = 50;
/// The most named counts in a report; the hub counts the rest under `other`.
pub const MOST_COUNTS: usize = 50;

/// Everything in a report that the hub may keep: an id, times, integers and checked names. Only
/// [`super::redact`] makes a `CleanReport`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CleanReport {
    pub(super) id: Uuid,
    pub(super) start: Timestamp,
    pub(super) end: Timestamp,
    pub(super) content: Content,
    pub(super) redacted: u64,
}

/// What a report counts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Content {
    tools: BTreeMap<ToolName, Usage>,
    counts: BTreeMap<CountName, u64>,
}

/// How a tool was used.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Usage {
    /// How often the tool was called.
    pub calls: u64,
    /// How often the tool failed, by error code.
    pub errors: BTreeMap<CodeName, u64>,
    /// How long the calls took.
    pub durations: Histogram,
}

impl Usage {
    /// Adds errors with a code; beyond [`MOST_CODES`] they count under `OTHER`.
    pub(super) fn fail(&mut self, code: CodeName, n: u64) {
        *slot(&mut self.errors, code, CodeName::other, MOST_CODES) += n;
    }

    fn merge(&mut self, other: Self) {
        self.calls += other.calls;
        self.durations.merge(&other.durations);
        for (code, n) in other.errors {
            self.fail(code, n);
        }
    }
}

impl Content {
    /// Adds a tool's usage; beyond [`MOST_TOOLS`] it counts under `other`.
    pub(super) fn use_tool(&mut self, tool: ToolName, usage: Usage) {
        slot(&mut self.tools, tool, ToolName::other, MOST_TOOLS).merge(usage);
    }

    /// Adds to a named count; beyond [`MOST_COUNTS`] it counts under `other`.
    pub(super) fn count(&mut self, name: CountName, n: u64) {
        *slot(&mut self.counts, name, CountName::other, MOST_COUNTS) += n;
    }
}

/// The entry of a name, or the entry of `other` when the map has no room for another name.
fn slot<N: Ord, V: Default>(
    map: &mut BTreeMap<N, V>,
    name: N,
    other: fn() -> N,
    most: usize,
) -> &mut V {
    let other = other();
    let named = map.len() - usize::from(map.contains_key(&other));
    let room = named < most || map.contains_key(&name);
    map.entry(if room { name } else { other }).or_default()
}

impl CleanReport {
    /// The id that the caller gave the report.
    #[must_use]
    pub fn id(&self) -> Uuid {
        self.id
    }

    /// When the window starts. Counters are added to the hour of this time.
    #[must_use]
    pub fn start(&self) -> Timestamp {
        self.start
    }

    /// When the window ends.
    #[must_use]
    pub fn end(&self) -> Timestamp {
        self.end
    }

    /// The number of members, names, elements and numbers that were dropped.
    #[must_use]
    pub fn redacted(&self) -> u64 {
        self.redacted
    }

    /// The tools that were used.
    pub fn tools(&self) -> impl Iterator<Item = (&ToolName, &Usage)> {
        self.content.tools.iter()
    }

    /// The named counts.
    pub fn counts(&self) -> impl Iterator<Item = (&CountName, u64)> {
        self.content.counts.iter().map(|(name, n)| (name, *n))
    }

    /// Counts the tools that `keep` rejects under `other`. The totals do not change.
    pub fn fold_tools(&mut self, keep: impl Fn(&ToolName) -> bool) {
        let other = ToolName::other();
        let all_kept = self.content.tools.keys().all(|tool| *tool == other || keep(tool));
        if all_kept {
            return;
        }
        let mut folded = BTreeMap::<ToolName, Usage>::new();
        for (tool, usage) in std::mem::take(&mut self.content.tools) {
            let kept = tool == other || keep(&tool);
            folded.entry(if kept { tool } else { other.clone() }).or_default().merge(usage);
        }
        self.content.tools = folded;
    }

    /// Counts tools outside the catalogue under `other`. An empty catalogue admits every name.
    pub fn confine(&mut self, catalogue: &BTreeSet<ToolName>) {
        if !catalogue.is_empty() {
            self.fold_tools(|tool| catalogue.contains(tool));
        }
    }

    /// SHA-256 of everything in the report except its id. It tells a repeated report from a different
    /// report with the same id.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        let mut hash = Sha256::new();
        let number = |hash: &mut Sha256, n: u64| hash.update(n.to_be_bytes());
        // No name contains a zero byte, so a zero ends each name; a number before a list gives its
        // length.
        hash.update(self.start.unix_ms().to_be_bytes());
        hash.update(self.end.unix_ms().to_be_bytes());
        number(&mut hash, self.content.tools.len() as u64);
        for (tool, usage) in &self.content.tools {
            hash.update(tool.as_str());
            hash.update([0]);
            number(&mut hash, usage.calls);
            number(&mut hash, usage.errors.len() as u64);
            for (code, n) in &usage.errors {
                hash.update(code.as_str());
                hash.update([0]);
                number(&mut hash, *n);
            }
            number(&mut hash, usage.durations.sum());
            number(&mut hash, usage.durations.max());
            number(&mut hash, usage.durations.buckets().count() as u64);
            for (bucket, n) in usage.durations.buckets() {
                number(&mut hash, bucket.into());
                number(&mut hash, n);
            }
        }
        for (name, n) in &self.content.counts {
            hash.update(name.as_str());
            hash.update([0]);
            number(&mut hash, *n);
        }
        hash.finalize().into()
    }
}

impl Serialize for CleanReport {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        StoredReport::from(self).serialize(serializer)
    }
}
