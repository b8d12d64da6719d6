//! How many instances use a tool: in each hour and each day, and from any hour on.
//!
//! Distinct instances cannot be added up from hours, so they are counted when they come: an instance is new
//! in an hour when the hour is later than the last one that it used the tool in. Only a late report needs
//! to be looked into.

use std::collections::BTreeMap;

use super::ANY_TOOL;
use super::rows::merge;
use crate::store::bulk::Bulk;
use crate::store::db::Db;
use crate::store::error::Error;

static LAST: Bulk = Bulk::new(
    &["instance", "tool"],
    "SELECT l.instance, l.tool, l.hour {from,} last_use l \
     WHERE l.instance = bulk.instance AND l.tool = bulk.tool",
);

/// Returns the hour before, under the lock of the row: another hub may have moved it.
static MOVE: Bulk = Bulk::new(
    &["instance", "tool", "hour"],
    "INSERT INTO last_use (instance, tool, hour) {values} ON CONFLICT (instance, tool) DO UPDATE SET \
     prior = last_use.hour, hour = {greatest}(last_use.hour, excluded.hour) \
     RETURNING instance, tool, hour, prior",
);

/// Which last hours there are.
pub(super) static LAST_HOURS: Bulk = Bulk::new(
    &["tool", "hour", "n"],
    "INSERT INTO last_use_hour (tool, hour, n) {values} \
     ON CONFLICT (tool, hour) DO UPDATE SET n = last_use_hour.n + excluded.n",
);

/// Whether there is usage in the hour, and in its day.
static LATE: Bulk = Bulk::new(
    &["hour", "instance", "tool", "first", "next", "day"],
    "SELECT bulk.hour, bulk.instance, bulk.tool, \
     CAST(CASE WHEN EXISTS (SELECT 1 FROM usage_hour u WHERE u.instance = bulk.instance \
     AND u.hour = bulk.hour AND (bulk.tool = -1 OR u.tool = bulk.tool)) \
     THEN 1 ELSE 0 END AS BIGINT), \
     CAST(CASE WHEN EXISTS (SELECT 1 FROM usage_hour u WHERE u.instance = bulk.instance \
     AND u.hour >= bulk.first AND u.hour < bulk.next AND (bulk.tool = -1 OR u.tool = bulk.tool)) \
     OR EXISTS (SELECT 1 FROM usage_day u WHERE u.instance = bulk.instance \
     AND u.day = bulk.day AND (bulk.tool = -1 OR u.tool = bulk.tool)) \
     THEN 1 ELSE 0 END AS BIGINT) {from}",
);

/// Where a batch brings instances that were not there before.
#[derive(Debug, Default)]
pub(super) struct NewUses {
    /// Hour, tool, and how many instances.
    pub(super) hours: Vec<[i64; 3]>,
    /// Day, tool, and how many instances.
    pub(super) days: Vec<[i64; 3]>,
    /// Tool, last hour, and how many instances more have it.
    last: Vec<[i64; 3]>,
}

impl NewUses {
    /// The rows of [`LAST_HOURS`], in order and each once.
    pub(super) fn last_hours(&mut self) -> &[[i64; 3]] {
        merge(&mut self.last, 2, |sum, row| sum[2] += row[2]);
        self.last.retain(|[.., n]| *n != 0);
        &self.last
    }
}

impl Db<'_> {
    /// Notes uses of a batch that there is no usage of so far: hour, instance and tool, in order and each
    /// once.
    pub(super) async fn note_uses(&mut self, usage: &[[i64; 8]]) -> Result<NewUses, Error> {
        let mut uses: Vec<[i64; 3]> = usage
            .iter()
            .flat_map(|[hour, instance, tool, ..]| {
                [[*instance, *tool, *hour], [*instance, ANY_TOOL, *hour]]
            })
            .collect();
        merge(&mut uses, 3, |_, _| {});
        let pairs: Vec<[i64; 2]> = {
            let mut pairs: Vec<_> = uses.iter().map(|[i, t, _]| [*i, *t]).collect();
            pairs.dedup();
            pairs
        };
        let known: Vec<(i64, i64, i64)> = self.bulk_rows(&LAST, &pairs).await?;
        let known: BTreeMap<[i64; 2], i64> =
            known.into_iter().map(|(instance, tool, hour)| ([instance, tool], hour)).collect();
        let mut moves: BTreeMap<[i64; 2], i64> = BTreeMap::new();
        for [instance, tool, hour] in &uses {
            if known.get(&[*instance, *tool]).is_none_or(|last| hour > last) {
                moves.insert([*instance, *tool], *hour); // in order: the latest stays
            }
        }
        let mut new = NewUses::default();
        let rows: Vec<[i64; 3]> =
            moves.iter().map(|([instance, tool], hour)| [*instance, *tool, *hour]).collect();
        let noted: Vec<(i64, i64, i64, Option<i64>)> = self.bulk_rows(&MOVE, &rows).await?;
        for (instance, tool, hour, prior) in noted {
            if prior == Some(hour) {
                moves.insert([instance, tool], hour); // another hub was there first
                continue;
            }
            new.hours.push([hour, tool, 1]);
            if prior.is_none_or(|prior| day(prior) < day(hour)) {
                new.days.push([day(hour), tool, 1]);
            }
            new.last.push([tool, hour, 1]);
            new.last.extend(prior.map(|prior| [tool, prior, -1]));
        }
        self.note_late_uses(&uses, &known, &moves, &mut new).await?;
        merge(&mut new.hours, 2, |sum, row| sum[2] += row[2]);
        merge(&mut new.days, 2, |sum, row| sum[2] += row[2]);
        Ok(new)
    }

    /// Notes the uses in hours before an instance's last one.
    async fn note_late_uses(
        &mut self,
        uses: &[[i64; 3]],
        known: &BTreeMap<[i64; 2], i64>,
        moves: &BTreeMap<[i64; 2], i64>,
        new: &mut NewUses,
    ) -> Result<(), Error> {
        let is_late = |[instance, tool, hour]: &[i64; 3]| {
            let pair = [*instance, *tool];
            let last = moves.get(&pair).or_else(|| known.get(&pair));
            last.is_none_or(|last| hour < last)
        };
        let late: Vec<[i64; 6]> = uses
            .iter()
            .filter(|one| is_late(one))
            .map(|[instance, tool, hour]| {
                let day = day(*hour);
                [*hour, *instance, *tool, day * 24, (day + 1) * 24, day]
            })
            .collect();
        let found: Vec<(i64, i64, i64, i64, i64)> = self.bulk_rows(&LATE, &late).await?;
        let mut days_of: Vec<[i64; 3]> = Vec::new();
        for (hour, instance, tool, in_hour, in_day) in found {
            if in_hour == 0 {
                new.hours.push([hour, tool, 1]);
            }
            // The batch itself may have a later hour of the same day, which was counted above.
            let moved_to = moves.get(&[instance, tool]).map(|moved| day(*moved));
            let on = [instance, tool, day(hour)];
            if in_day == 0 && moved_to != Some(day(hour)) && !days_of.contains(&on) {
                days_of.push(on);
                new.days.push([day(hour), tool, 1]);
            }
        }
        Ok(())
    }
}

fn day(hour: i64) -> i64 {
    hour.div_euclid(24)
}
