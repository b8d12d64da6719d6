//! How many pairs of a tool and a code an instance may have in a day: further codes count under `OTHER`, so
//! that no instance can fill the database with every pair that the catalogue allows.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};

use hub_core::redact::{CleanReport, Listed, MOST_PAIRS, OTHER};

use super::hour_of;
use crate::store::db::Db;
use crate::store::error::Error;

/// The pairs of a tool and a code that an instance has used on a day.
pub(super) type UsedPairs = HashMap<(i64, i64), HashSet<(u32, u32)>>;

/// Whether a catalogue has more pairs than an instance may use in a day.
pub(super) fn can_be_too_many(listed: &Listed) -> bool {
    (listed.tools.len() + 1) * listed.codes.len() > MOST_PAIRS
}

impl Db<'_> {
    /// The same report with the codes beyond an instance's share of the day under `OTHER`; `None` when all
    /// codes are within it. `used` is what reports of the same transaction
    /// have used.
    pub(super) async fn within_share(
        &mut self,
        instance: i64,
        report: &CleanReport,
        used: &mut UsedPairs,
    ) -> Result<Option<CleanReport>, Error> {
        const USED: &str = "SELECT DISTINCT tool, code FROM error_hour \
             WHERE instance = $1 AND hour >= $2 AND hour < $3 AND code <> 0";
        if !report.has_codes() {
            return Ok(None);
        }
        let day = hour_of(report.start().unix_ms()).div_euclid(24);
        let used = match used.entry((instance, day)) {
            Entry::Occupied(used) => used.into_mut(),
            Entry::Vacant(unknown) => {
                let found = self.rows(USED, &[&instance, &(day * 24), &((day + 1) * 24)]).await?;
                unknown.insert(found.into_iter().collect())
            }
        };
        let codes = report.tools().iter().flat_map(|usage| {
            usage.errors.iter().map(|(code, _)| (usage.tool, *code)).filter(|(_, c)| *c != OTHER)
        });
        let new = codes.filter(|pair| !used.contains(pair)).count();
        let mut room = MOST_PAIRS.saturating_sub(used.len());
        let mut folded = (new > room).then(|| report.clone());
        let mut keep = |tool, code| {
            if used.contains(&(tool, code)) {
                return true;
            }
            if room == 0 {
                return false;
            }
            room -= 1;
            used.insert((tool, code))
        };
        match &mut folded {
            Some(folded) => folded.fold_codes(keep),
            None => {
                for usage in report.tools() {
                    for (code, _) in usage.errors.iter().filter(|(code, _)| *code != OTHER) {
                        keep(usage.tool, *code);
                    }
                }
            }
        }
        Ok(folded)
    }
}
