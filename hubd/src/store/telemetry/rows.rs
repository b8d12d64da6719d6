//! What a report adds, as rows of integers, and the rows of many reports merged: each row is written once a
//! batch, in order, so that hubs which write the same rows do not deadlock.

use std::borrow::Cow;
use std::collections::BTreeMap;

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
        let tools = report.tools();
        let codes = tools.iter().map(|usage| usage.errors.len()).sum();
        let buckets = tools.iter().map(|usage| usage.durations.buckets().len()).sum();
        let mut rows = Self {
            usage: Vec::with_capacity(tools.len()),
            errors: Vec::with_capacity(codes),
            counts: Vec::with_capacity(report.counts().len()),
            durations: Vec::with_capacity(buckets),
        };
        for usage in tools {
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

    /// The rows of many, in order and each once.
    pub(super) fn merged(all: &[Cow<'_, Self>]) -> Self {
        let (mut rows, mut durations) = (Self::default(), Distributions::default());
        for one in all {
            rows.usage.extend_from_slice(&one.usage);
            rows.errors.extend_from_slice(&one.errors);
            rows.counts.extend_from_slice(&one.counts);
            durations.add(&one.durations);
        }
        merge(&mut rows.usage, 3, |sum, row| {
            (3..7).for_each(|at| sum[at] += row[at]);
            sum[7] = sum[7].max(row[7]);
        });
        merge(&mut rows.errors, 4, |sum, row| sum[4] += row[4]);
        merge(&mut rows.counts, 3, |sum, row| {
            sum[3] += row[3];
            sum[4] = sum[4].max(row[4]);
        });
        rows.durations = durations.into_rows();
        rows
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
}

/// Distributions by time and tool. Reports have most of a batch's rows here and few tools, so they are added
/// up by index and not sorted.
#[derive(Default)]
struct Distributions(BTreeMap<[i64; 2], Vec<i64>>);

impl Distributions {
    /// Adds rows of which those of a tool stand together.
    fn add(&mut self, rows: &[[i64; 4]]) {
        for tool in rows.chunk_by(|a, b| a[..2] == b[..2]) {
            let sums = self.0.entry([tool[0][0], tool[0][1]]).or_default();
            for [_, _, bucket, n] in tool {
                let at = usize::try_from(*bucket).unwrap_or_default();
                if sums.len() <= at {
                    sums.resize(at + 1, 0);
                }
                sums[at] += n;
            }
        }
    }

    fn into_rows(self) -> Vec<[i64; 4]> {
        let mut rows = Vec::new();
        for ([time, tool], sums) in self.0 {
            let counted = (0..).zip(sums).filter(|(_, n)| *n > 0);
            rows.extend(counted.map(|(bucket, n)| [time, tool, bucket, n]));
        }
        rows
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

    #[test]
    fn distributions_are_added_up_in_order() {
        let mut sums = Distributions::default();
        sums.add(&[[7, 2, 0, 1], [7, 2, 300, 1], [7, 3, 5, 2]]);
        sums.add(&[[7, 1, 9, 4], [7, 2, 300, 2]]);
        let rows = [[7, 1, 9, 4], [7, 2, 0, 1], [7, 2, 300, 3], [7, 3, 5, 2]];
        assert_eq!(sums.into_rows(), rows);
    }
}
