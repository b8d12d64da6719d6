//! Where something in a report is not kept as it was sent.

use std::collections::BTreeMap;

use super::{CleanReport, CodeName, Dropped, Listed, OTHER, Reason};

/// The most places that are told.
const MOST_PLACES: usize = 100;

/// The first 100 places where something in a report is not kept as it was sent.
#[derive(Debug, Clone, Default)]
pub struct Places {
    dropped: Vec<Dropped>,
    /// The first element of `tools` that each pair of a tool and a listed code is counted from.
    pairs: BTreeMap<(u32, u32), usize>,
}

impl Places {
    pub(super) fn note(&mut self, reason: Reason, at: impl FnOnce() -> String) {
        if self.dropped.len() < MOST_PLACES {
            self.dropped.push(Dropped { at: at(), reason });
        }
    }

    /// Remembers the element of `tools` that pairs of this tool are counted from.
    pub(super) fn remember(&mut self, tool: u32, codes: impl Iterator<Item = u32>, at: usize) {
        for code in codes.filter(|code| *code != OTHER) {
            self.pairs.entry((tool, code)).or_insert(at);
        }
    }

    /// Notes the codes that were folded into `OTHER` in what is `kept`, because they are beyond the instance's
    /// share of the day.
    pub fn note_folded(&mut self, kept: &CleanReport, listed: &Listed) {
        let is_kept = |(tool, code): (u32, u32)| {
            let usage = kept.tools().iter().find(|usage| usage.tool == tool);
            usage.is_some_and(|usage| usage.errors.iter().any(|(other, _)| *other == code))
        };
        let folded = self.pairs.iter().filter(|(pair, _)| !is_kept(**pair));
        let mut folded: Vec<_> = folded.map(|((_, code), at)| (*at, *code)).collect();
        folded.sort_unstable();
        for (at, code) in folded {
            self.note(Reason::OverLimit, || code_at(at, code, listed));
        }
    }

    /// The places, in the order in which they were found.
    #[must_use]
    pub fn into_dropped(self) -> Vec<Dropped> {
        self.dropped
    }
}

/// The place of a code in an element of `tools`.
pub(super) fn code_at(at: usize, code: u32, listed: &Listed) -> String {
    let name = listed.codes.name(code).map_or("*", CodeName::as_str);
    format!("/tools/{at}/errors/{name}")
}
