//! What a report adds, as rows of integers, and the rows of many reports merged: each row is written once a
//! batch, in order, so that hubs which write the same rows do not deadlock.

use hub_core::redact::CleanReport;

use super::counters::CEILING;
use super::{hour_of, int};

/// Rows of the tables of counters, each with its time first.
#[derive(Debug, Clone, Default)]
pub(super) struct Rows {
    /// Time, instance, tool, and calls, errors, number, sum and maximum of durations.
    pub(super) usage: Vec<[i64; 8]>,
    /// Time, instance, tool, code, and how often.
    pub(super) errors: Vec<[i64; 5]>,
    /// Time, instance, name, and sum and maximum.
    pub(super) counts: Vec<[i64; 5]>,
    /// Time, tool, bucket, and how many.
    pub(super) durations: Vec<[i64; 4]>,
}

fn capped(n: u64) -> i64 {
    int(n).min(CEILING)
}

impl Rows {
    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.usage.len() + self.errors.len() + self.counts.len() + self.durations.len()
    }

    /// The rows of a report, by its hour.
    pub(super) fn of(instance: i64, report: &CleanReport) -> Self {
        let hour = hour_of(report.start().unix_ms());
        let mut rows = Self::default();
        for usage in report.tools() {
            let (tool, durations) = (i64::from(usage.tool), &usage.durations);
            let (calls, errors) = (capped(usage.calls), capped(usage.failed()));
            #[cfg(feature = "proof")]
            let calls = calls + super::leak();
            rows.usage.push([
                hour,
                instance,
                tool,
                calls,
                errors,
                capped(durations.n()),
                capped(durations.sum()),
                int(durations.max()),
            ]);
            let codes = usage.errors.iter();
            rows.errors.extend(
                codes.map(|(code, n)| [hour, instance, tool, i64::from(*code), capped(*n)]),
            );
            let buckets = durations.buckets().iter();
            rows.durations
                .extend(buckets.map(|(bucket, n)| [hour, tool, i64::from(*bucket), capped(*n)]));
        }
        let counts = report.counts().iter();
        rows.counts.extend(
            counts.map(|(name, n)| [hour, instance, i64::from(*name), capped(*n), capped(*n)]),
        );
        rows
    }

    pub(super) fn is_empty(&self) -> bool {
        self.usage.is_empty() && self.counts.is_empty()
    }

    pub(super) fn extend(&mut self, other: &Self) {
        self.usage.extend_from_slice(&other.usage);
        self.errors.extend_from_slice(&other.errors);
        self.counts.extend_from_slice(&other.counts);
        self.durations.extend_from_slice(&other.durations);
    }

    /// The rows by day instead of by hour.
    pub(super) fn by_day(mut self) -> Self {
        let day = |time: &mut i64| *time = time.div_euclid(24);
        self.usage.iter_mut().for_each(|row| day(&mut row[0]));
        self.errors.iter_mut().for_each(|row| day(&mut row[0]));
        self.counts.iter_mut().for_each(|row| day(&mut row[0]));
        self.durations.iter_mut().for_each(|row| day(&mut row[0]));
        self
    }

    /// Puts the rows in order, each once.
    pub(super) fn merge(&mut self) {
        merge(&mut self.usage, 3, |sum, row| {
            (3..7).for_each(|at| sum[at] += row[at]);
            sum[7] = sum[7].max(row[7]);
        });
        merge(&mut self.errors, 4, |sum, row| sum[4] += row[4]);
        merge(&mut self.counts, 3, |sum, row| {
            sum[3] += row[3];
            sum[4] = sum[4].max(row[4]);
        });
        merge(&mut self.durations, 3, |sum, row| sum[3] += row[3]);
    }
}

/// Sorts rows by the first `key` columns and adds up those that have the same. The rows of each report are
/// in order, and a stable sort makes use of that.
pub(super) fn merge<const N: usize>(
    rows: &mut Vec<[i64; N]>,
    key: usize,
    add: impl Fn(&mut [i64; N], &[i64; N]),
) {
    rows.sort_by(|a, b| a[..key].cmp(&b[..key]));
    rows.dedup_by(|row, sum| {
        let same = row[..key] == sum[..key];
        if same {
            add(sum, row);
        }
        same
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_with_one_key_become_one_row() {
        let mut rows = vec![[2, 1, 5], [1, 9, 1], [2, 1, 7], [2, 0, 1]];
        merge(&mut rows, 2, |sum, row| sum[2] += row[2]);
        assert_eq!(rows, [[1, 9, 1], [2, 0, 1], [2, 1, 12]]);
    }
}
