//! How many distinct tools an instance may have a day: the rest is counted under `other`, so that a
//! client that makes names up cannot fill the database with them.

use std::collections::{BTreeMap, BTreeSet};

use hub_core::redact::{CleanReport, ToolName};

use super::registry::{Names, Registry};
use super::{OTHER, day_of};
use crate::store::db::Db;
use crate::store::error::Error;

/// The most tools of an instance a day, `other` not counted.
const MOST: usize = 1_000;

/// A report of an instance.
pub(super) struct Reported<'a> {
    pub(super) instance: i64,
    pub(super) report: &'a mut CleanReport,
}

impl Reported<'_> {
    fn day(&self) -> i64 {
        day_of(self.report.start().unix_ms())
    }
}

impl Db<'_> {
    /// Counts tools beyond an instance's share of the day under `other`.
    pub(super) async fn hold_to_share(
        &mut self,
        reports: &mut [Reported<'_>],
        names: &Names,
    ) -> Result<(), Error> {
        let new = reports.iter().filter(|one| {
            one.report.tools().any(|(tool, _)| {
                let id = names.id(Registry::Tools, tool.as_str());
                *tool != ToolName::other()
                    && !id.is_some_and(|id| names.is_used(one.instance, one.day(), id))
            })
        });
        let days: BTreeSet<(i64, i64)> = new.map(|one| (one.instance, one.day())).collect();
        if days.is_empty() {
            return Ok(());
        }
        let mut used = self.tools_used(&days).await?;
        for one in reports {
            let Some(used) = used.get_mut(&(one.instance, one.day())) else { continue };
            let mut kept = BTreeSet::new();
            for (tool, _) in one.report.tools().filter(|(tool, _)| **tool != ToolName::other()) {
                if used.contains(tool.as_str()) || used.len() < MOST {
                    used.insert(tool.as_str().to_owned());
                    kept.insert(tool.clone());
                }
            }
            one.report.fold_tools(|tool| kept.contains(tool));
        }
        Ok(())
    }

    /// The tools that each instance has used on each of the days.
    async fn tools_used(
        &mut self,
        days: &BTreeSet<(i64, i64)>,
    ) -> Result<BTreeMap<(i64, i64), BTreeSet<String>>, Error> {
        let first = days.iter().map(|(_, day)| *day).min().unwrap_or(0) * 24;
        let end = days.iter().map(|(_, day)| *day + 1).max().unwrap_or(0) * 24;
        let mut instances: Vec<i64> = days.iter().map(|(instance, _)| *instance).collect();
        instances.dedup();
        let find = format!(
            "SELECT u.instance, u.day, t.name FROM (SELECT DISTINCT instance, hour / 24 AS day, tool \
             FROM usage_hour WHERE instance {{key}} AND hour >= {first} AND hour < {end} \
             AND tool <> {OTHER}) AS u JOIN tools t ON t.id = u.tool"
        );
        let rows: Vec<(i64, i64, String)> = self.rows_by(find, &instances).await?;
        let mut used: BTreeMap<(i64, i64), BTreeSet<String>> =
            days.iter().map(|day| (*day, BTreeSet::new())).collect();
        for (instance, day, tool) in rows {
            if let Some(tools) = used.get_mut(&(instance, day)) {
                tools.insert(tool);
            }
        }
        Ok(used)
    }
}
