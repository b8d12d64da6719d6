//! A histogram of atomic counters.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Counts of values up to each bound, and of those above the last.
#[derive(Debug)]
pub(super) struct Histogram<const N: usize> {
    bounds: [u64; N],
    counts: [AtomicU64; N],
    above: AtomicU64,
    sum: AtomicU64,
}

/// What a histogram holds: for each bound the number of values up to it, then the number of all values
/// and their sum.
pub(super) struct Distribution {
    pub(super) up_to: Vec<(u64, u64)>,
    pub(super) count: u64,
    pub(super) sum: u64,
}

impl<const N: usize> Histogram<N> {
    pub(super) const fn new(bounds: [u64; N]) -> Self {
        Self {
            bounds,
            counts: [const { AtomicU64::new(0) }; N],
            above: AtomicU64::new(0),
            sum: AtomicU64::new(0),
        }
    }

    pub(super) fn observe(&self, value: u64) {
        let at = self.bounds.iter().position(|bound| value <= *bound);
        at.map_or(&self.above, |at| &self.counts[at]).fetch_add(1, Relaxed);
        self.sum.fetch_add(value, Relaxed);
    }

    pub(super) fn read(&self) -> Distribution {
        let mut count = 0;
        let up_to = self.bounds.iter().zip(&self.counts).map(|(bound, n)| {
            count += n.load(Relaxed);
            (*bound, count)
        });
        let up_to = up_to.collect();
        Distribution { up_to, count: count + self.above.load(Relaxed), sum: self.sum.load(Relaxed) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_counted_up_to_their_bound() {
        let histogram = Histogram::new([1, 10]);
        for value in [0, 1, 2, 10, 11, 100] {
            histogram.observe(value);
        }
        let read = histogram.read();
        assert_eq!(read.up_to, [(1, 2), (10, 4)]);
        assert_eq!((read.count, read.sum), (6, 124));
    }
}
