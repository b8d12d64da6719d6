//! Distributions of durations: log-linear, with 16 buckets to an octave, and integers only.
//!
//! Each value below 16 has a bucket of its own; above 16, each octave is cut into 16 buckets of equal
//! width. All distributions have the same buckets, so two are merged by adding them bucket by bucket.
//! An estimate differs from the true value by at most [`RELATIVE_ERROR`].

/// The worst relative error of an estimate: a bucket reaches from `a` to `17/16 a` at most, and
/// `2ab / (a + b)` is off by `(b - a) / (a + b)` at either end.
pub const RELATIVE_ERROR: f64 = 1.0 / 33.0;

/// The number of buckets to an octave, as a power of two.
const BITS: u32 = 4;

/// As many buckets as the durations of one tool in a report mostly fall into.
const USUAL: usize = 16;

/// The bucket of a value in microseconds.
#[must_use]
#[expect(clippy::cast_possible_truncation, reason = "60 octaves of 16 buckets fit")]
pub const fn bucket(us: u64) -> u16 {
    if us < 1 << BITS {
        return us as u16;
    }
    let shift = us.ilog2() - BITS;
    (((shift as u64) << BITS) + (us >> shift)) as u16
}

/// The least value of a bucket, and the least value of the next bucket.
#[must_use]
pub fn bounds(bucket: u16) -> (u64, u64) {
    let bucket = u64::from(bucket);
    let shift = (bucket >> BITS).saturating_sub(1).min(58);
    let low = (bucket - (shift << BITS)) << shift;
    (low, low + (1 << shift))
}

/// The value that stands for a bucket: the harmonic mean of its bounds.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "an estimate, with far more error than that")]
pub fn estimate(bucket: u16) -> f64 {
    match bounds(bucket) {
        (low, high) if high - low == 1 => low as f64,
        (low, high) => 2.0 * low as f64 * high as f64 / (low + high) as f64,
    }
}

/// The count of each bucket, with the number, sum and maximum of all values.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Histogram {
    n: u64,
    sum: u64,
    max: u64,
    buckets: Vec<(u16, u64)>,
}

impl Histogram {
    /// Adds a value in microseconds.
    pub fn add(&mut self, us: u64) {
        self.n += 1;
        self.sum = self.sum.saturating_add(us);
        self.max = self.max.max(us);
        self.add_to(bucket(us), 1);
    }

    /// Adds another distribution.
    pub fn merge(&mut self, other: Self) {
        if self.n == 0 {
            *self = other;
            return;
        }
        self.n += other.n;
        self.sum = self.sum.saturating_add(other.sum);
        self.max = self.max.max(other.max);
        for (bucket, n) in other.buckets() {
            self.add_to(*bucket, *n);
        }
    }

    fn add_to(&mut self, bucket: u16, n: u64) {
        match self.buckets.binary_search_by_key(&bucket, |(bucket, _)| *bucket) {
            Ok(at) => self.buckets[at].1 += n,
            Err(at) => {
                if self.buckets.is_empty() {
                    self.buckets.reserve(USUAL);
                }
                self.buckets.insert(at, (bucket, n));
            }
        }
    }

    /// How many values there are.
    #[must_use]
    pub fn n(&self) -> u64 {
        self.n
    }

    /// The sum of the values in microseconds.
    #[must_use]
    pub fn sum(&self) -> u64 {
        self.sum
    }

    /// The greatest value in microseconds; 0 when there are no values.
    #[must_use]
    pub fn max(&self) -> u64 {
        self.max
    }

    /// The buckets that are not empty, in ascending order, with their counts.
    #[must_use]
    pub fn buckets(&self) -> &[(u16, u64)] {
        &self.buckets
    }
}

/// Estimates the quantile `q` in microseconds. The buckets must be in ascending order; `None` when there
/// are no values.
#[must_use]
pub fn quantile(buckets: &[(u16, u64)], q: f64) -> Option<f64> {
    let total: u64 = buckets.iter().map(|(_, n)| n).sum();
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a rank between 1 and the total"
    )]
    let rank = ((total as f64 * q).ceil() as u64).max(1);
    let mut seen = 0;
    let found = buckets.iter().find(|(_, n)| {
        seen += n;
        seen >= rank
    });
    found.map(|(bucket, _)| estimate(*bucket))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_lies_in_its_bucket_and_buckets_have_no_gaps() {
        let mut values: Vec<u64> = (0..5_000).collect();
        values.extend((4..37).flat_map(|e| [(1 << e) - 1, 1 << e, (1 << e) + 1, (1 << e) * 3 / 2]));
        values.push(86_400_000_000);
        for value in values {
            let (low, high) = bounds(bucket(value));
            assert!((low..high).contains(&value), "{value}: {low}..{high}");
        }
        for index in 0..600 {
            assert_eq!(bounds(index).1, bounds(index + 1).0, "{index}");
        }
    }

    #[test]
    #[expect(clippy::cast_precision_loss, reason = "a comparison within a bound")]
    fn an_estimate_keeps_its_error_bound() {
        for value in (1..200_000_u64).chain((20..37).map(|e| (1 << e) + 12_345)) {
            let error = (estimate(bucket(value)) - value as f64).abs() / value as f64;
            assert!(error <= RELATIVE_ERROR + 1e-12, "{value}: {error}");
        }
    }

    #[test]
    fn quantiles_are_ranks() {
        let mut histogram = Histogram::default();
        for value in 1..=10 {
            histogram.add(value);
        }
        let buckets = histogram.buckets().to_vec();
        assert_eq!(quantile(&buckets, 0.5), Some(5.0));
        assert_eq!(quantile(&buckets, 0.99), Some(10.0));
        assert_eq!(quantile(&buckets, 0.0), Some(1.0));
        assert_eq!(quantile(&[], 0.5), None);
        assert_eq!((histogram.n(), histogram.sum(), histogram.max()), (10, 55, 10));
    }
}
