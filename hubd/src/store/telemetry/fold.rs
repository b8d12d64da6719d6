//! What a batch of reports adds, summed in memory: each row is written once a batch, in order, so that
//! hubs which write the same rows do not deadlock.

use std::collections::{BTreeMap, HashMap};

use hub_core::redact::CleanReport;

use super::counters::CEILING;
use super::{OTHER, hour_of, int};

/// The ids of the names in a batch.
#[derive(Debug)]
pub(super) struct Ids {
    pub(super) tools: HashMap<String, i64>,
    pub(super) codes: HashMap<String, i64>,
    pub(super) counts: HashMap<String, i64>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Usage {
    calls: i64,
    errors: i64,
    n: i64,
    sum: i64,
    max: i64,
}

/// The rows that a batch adds to.
#[derive(Debug, Default)]
pub(super) struct Fold {
    usage: BTreeMap<(i64, i64, i64), Usage>,
    errors: BTreeMap<(i64, i64, i64, i64), i64>,
    counts: BTreeMap<(i64, i64, i64), (i64, i64)>,
    durations: BTreeMap<(i64, i64, i64), i64>,
    received: BTreeMap<i64, i64>,
}

fn capped(n: u64) -> i64 {
    int(n).min(CEILING)
}

impl Fold {
    /// Adds a report of an instance that came in at `received`, in Unix milliseconds.
    pub(super) fn add(&mut self, instance: i64, report: &CleanReport, received: i64, ids: &Ids) {
        let hour = hour_of(report.start().unix_ms());
        *self.received.entry(hour_of(received)).or_default() += 1;
        for (name, usage) in report.tools() {
            let tool = ids.tools.get(name.as_str()).copied().unwrap_or(OTHER);
            let sums = self.usage.entry((hour, instance, tool)).or_default();
            sums.calls += capped(usage.calls);
            sums.errors += capped(usage.errors.values().sum());
            sums.n += capped(usage.durations.n());
            sums.sum += capped(usage.durations.sum());
            sums.max = sums.max.max(int(usage.durations.max()));
            #[cfg(feature = "proof")]
            if hub_core::proof::leak() == Some(hub_core::proof::Leak::Stored) {
                sums.calls += 1;
            }
            for (code, n) in &usage.errors {
                let code = ids.codes.get(code.as_str()).copied().unwrap_or(OTHER);
                *self.errors.entry((hour, instance, tool, code)).or_default() += capped(*n);
            }
            for (bucket, n) in usage.durations.buckets() {
                *self.durations.entry((hour, tool, bucket.into())).or_default() += capped(n);
            }
        }
        for (name, n) in report.counts() {
            let name = ids.counts.get(name.as_str()).copied().unwrap_or(OTHER);
            let (sum, max) = self.counts.entry((hour, instance, name)).or_default();
            *sum += capped(n);
            *max = int(n).max(*max);
        }
    }

    pub(super) fn usage(&self) -> Vec<[i64; 8]> {
        let rows = self.usage.iter();
        rows.map(|((h, i, t), u)| [*h, *i, *t, u.calls, u.errors, u.n, u.sum, u.max]).collect()
    }

    pub(super) fn errors(&self) -> Vec<[i64; 5]> {
        self.errors.iter().map(|((h, i, t, c), n)| [*h, *i, *t, *c, *n]).collect()
    }

    pub(super) fn counts(&self) -> Vec<[i64; 5]> {
        self.counts.iter().map(|((h, i, c), (sum, max))| [*h, *i, *c, *sum, *max]).collect()
    }

    pub(super) fn durations(&self) -> Vec<[i64; 4]> {
        self.durations.iter().map(|((h, t, b), n)| [*h, *t, *b, *n]).collect()
    }

    pub(super) fn received(&self) -> Vec<[i64; 2]> {
        self.received.iter().map(|(hour, n)| [*hour, *n]).collect()
    }
}
