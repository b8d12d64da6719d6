//! Sums over the whole fleet, which name no instance: kept as reports come in, and put right when instances
//! are deleted.

use std::collections::BTreeMap;

use super::ANY_TOOL;
use super::last_use::NewUses;

/// Rows of the fleet's tables: time, tool, the values of `usage`, and how many instances are new.
fn sums(usage: &[[i64; 8]], new: &[[i64; 3]]) -> Vec<[i64; 8]> {
    let mut sums: BTreeMap<[i64; 2], [i64; 6]> = BTreeMap::new();
    for [at, _, tool, calls, errors, n, total, max] in usage {
        for tool in [*tool, ANY_TOOL] {
            let sum = sums.entry([*at, tool]).or_default();
            for (sum, value) in sum.iter_mut().zip([calls, errors, n, total]) {
                *sum = sum.saturating_add(*value);
            }
            sum[4] = sum[4].max(*max);
        }
    }
    for [at, tool, instances] in new {
        sums.entry([*at, *tool]).or_default()[5] += instances;
    }
    let mut rows = Vec::with_capacity(sums.len());
    for ([at, tool], [calls, errors, n, total, max, instances]) in sums {
        rows.push([at, tool, calls, errors, n, total, max, instances]);
    }
    rows
}

/// The rows of the fleet by hour and by day.
pub(super) struct FleetRows {
    pub(super) hours: Vec<[i64; 8]>,
    pub(super) days: Vec<[i64; 8]>,
}

impl FleetRows {
    /// Of the usage of a batch by hour, and of all of it by day.
    pub(super) fn of(by_hour: &[[i64; 8]], by_day: &[[i64; 8]], new: &NewUses) -> Self {
        Self { hours: sums(by_hour, &new.hours), days: sums(by_day, &new.days) }
    }
}
