//! A clean report: everything in a report that the hub may keep. It holds numbers and no text.

use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::{OTHER, Reason, Reasons};
use crate::histogram::Histogram;
use crate::time::Timestamp;

/// The most listed tools in a report; the hub counts the rest under `other`.
pub const MOST_TOOLS: usize = 200;
/// The most listed error codes for a tool in a report; the hub counts the rest under `OTHER`.
pub const MOST_CODES: usize = 50;
/// The most listed counts in a report; the hub counts the rest under `other`.
pub const MOST_COUNTS: usize = 50;
/// The most pairs of a tool and a listed code of an instance in a day; the hub counts further codes
/// under `OTHER`.
pub const MOST_PAIRS: usize = 2_000;

/// Everything in a report that the hub may keep: an id, times, and the numbers of listed names with
/// their counters. Only [`super::redact`] makes a `CleanReport`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CleanReport {
    pub(super) id: Uuid,
    pub(super) start: Timestamp,
    pub(super) end: Timestamp,
    pub(super) catalogue: i64,
    pub(super) content: Content,
    pub(super) reasons: Reasons,
}

/// What a report counts, in the order of the names' numbers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Content {
    tools: Vec<Usage>,
    counts: Vec<(u32, u64)>,
}

/// How a tool was used.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Usage {
    /// The number of the tool.
    pub tool: u32,
    /// How often the tool was called.
    pub calls: u64,
    /// How often the tool failed, by the number of the error code, in ascending order. Together the errors
    /// are at most as many as the calls.
    pub errors: Vec<(u32, u64)>,
    /// How long the calls took.
    pub durations: Histogram,
}

impl Usage {
    /// How often the tool failed.
    #[must_use]
    pub fn failed(&self) -> u64 {
        self.errors.iter().map(|(_, n)| n).sum()
    }

    /// Adds errors with a code. False when there is no room for another code, and they count under
    /// `OTHER`.
    fn fail(&mut self, code: u32, n: u64) -> bool {
        add(&mut self.errors, code, n, MOST_CODES)
    }
}

/// Adds to the counter of a name. False when there is no room for another name, and it counts under
/// [`OTHER`].
fn add(counters: &mut Vec<(u32, u64)>, number: u32, n: u64, most: usize) -> bool {
    let slot = match counters.binary_search_by_key(&number, |(number, _)| *number) {
        Ok(at) => at,
        Err(at) => {
            let other = counters.first().is_some_and(|(first, _)| *first == OTHER);
            if number != OTHER && counters.len() - usize::from(other) == most {
                add(counters, OTHER, n, most);
                return false;
            }
            counters.insert(at, (number, 0));
            at
        }
    };
    counters[slot].1 += n;
    true
}

/// What there was no room for.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct NoRoom {
    /// Whether the tool counts under `other`.
    pub(super) tool: bool,
    /// The codes that count under `OTHER`.
    pub(super) codes: Vec<u32>,
}

impl Content {
    /// Adds a tool's usage.
    pub(super) fn use_tool(&mut self, usage: Usage) -> NoRoom {
        let mut no_room = NoRoom::default();
        let mut tool = usage.tool;
        let at = match self.position(tool) {
            Ok(at) => at,
            Err(at) => {
                let other = self.tools.first().is_some_and(|first| first.tool == OTHER);
                if tool != OTHER && self.tools.len() - usize::from(other) == MOST_TOOLS {
                    no_room.tool = true;
                    tool = OTHER;
                }
                let at = if no_room.tool { self.position(OTHER) } else { Err(at) };
                at.unwrap_or_else(|at| {
                    self.tools.insert(at, Usage { tool, ..Usage::default() });
                    at
                })
            }
        };
        let kept = &mut self.tools[at];
        kept.calls += usage.calls;
        kept.durations.merge(usage.durations);
        for (code, n) in usage.errors {
            if !kept.fail(code, n) {
                no_room.codes.push(code);
            }
        }
        no_room
    }

    fn position(&self, tool: u32) -> Result<usize, usize> {
        self.tools.binary_search_by_key(&tool, |usage| usage.tool)
    }

    /// Adds to a named count. False when there is no room for another count, and it counts under `other`.
    pub(super) fn count(&mut self, name: u32, n: u64) -> bool {
        add(&mut self.counts, name, n, MOST_COUNTS)
    }
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

    /// The version of the catalogue that the names' numbers are from.
    #[must_use]
    pub fn catalogue(&self) -> i64 {
        self.catalogue
    }

    /// Why something was not kept as it was sent, and how often.
    #[must_use]
    pub fn reasons(&self) -> &Reasons {
        &self.reasons
    }

    /// The tools that were used, in the order of their numbers.
    #[must_use]
    pub fn tools(&self) -> &[Usage] {
        &self.content.tools
    }

    /// The named counts, in the order of their numbers.
    #[must_use]
    pub fn counts(&self) -> &[(u32, u64)] {
        &self.content.counts
    }

    /// Whether any listed code is counted.
    #[must_use]
    pub fn has_codes(&self) -> bool {
        self.tools().iter().any(|usage| usage.errors.last().is_some_and(|(code, _)| *code != OTHER))
    }

    /// Counts the codes that `keep` rejects under `OTHER`. The totals do not change.
    pub fn fold_codes(&mut self, mut keep: impl FnMut(u32, u32) -> bool) {
        for usage in &mut self.content.tools {
            let tool = usage.tool;
            for (code, n) in std::mem::take(&mut usage.errors) {
                if code == OTHER || keep(tool, code) {
                    usage.fail(code, n);
                } else {
                    usage.fail(OTHER, n);
                    self.reasons.add(Reason::OverLimit, 1);
                }
            }
        }
    }

    /// SHA-256 of everything in the report except its id. It tells a repeated report from a different
    /// report with the same id, as long as the catalogue does not change.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        let mut bytes = Vec::with_capacity(1024);
        // LEB128, because most numbers are small.
        let mut number = |mut n: u64| {
            while n >= 0x80 {
                bytes.push(n.to_le_bytes()[0] | 0x80);
                n >>= 7;
            }
            bytes.push(n.to_le_bytes()[0]);
        };
        // A number before a list gives its length.
        number(self.start.unix_ms().unsigned_abs());
        number(self.end.unix_ms().unsigned_abs());
        number(self.tools().len() as u64);
        for usage in self.tools() {
            number(usage.tool.into());
            number(usage.calls);
            number(usage.errors.len() as u64);
            for (code, n) in &usage.errors {
                number((*code).into());
                number(*n);
            }
            number(usage.durations.sum());
            number(usage.durations.max());
            number(usage.durations.buckets().len() as u64);
            for (bucket, n) in usage.durations.buckets() {
                number((*bucket).into());
                number(*n);
            }
        }
        for (name, n) in self.counts() {
            number((*name).into());
            number(*n);
        }
        Sha256::digest(&bytes).into()
    }
}
