//! A batch of reports in one transaction: who may report, which reports are new, and what they add.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use hub_core::key::KeyHash;
use hub_core::problem::ErrorCode;
use hub_core::redact::{CleanReport, CodeName};
use hub_core::time::Timestamp;
use sha2::{Digest, Sha256};

use super::counters::{COUNTS, DURATIONS, ERRORS, RECEIVED, USAGE};
use super::day_of;
use super::fold::{Fold, Ids};
use super::registry::{Learned, Names, Registry};
use super::tools_a_day::Reported;
use crate::domain::{InstanceKey, Refusal};
use crate::store::Store;
use crate::store::bulk::Bulk;
use crate::store::db::Db;
use crate::store::error::Error;
use crate::store::sightings::Sighting;

/// A report of an instance that proved who it is.
#[derive(Debug, Clone)]
pub(crate) struct NewReport {
    instance: i64,
    hub_key: KeyHash,
    report: Arc<CleanReport>,
    now: Timestamp,
    name: ReportName,
    digest: [u8; 16],
}

/// What became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ReportResult {
    Stored,
    Duplicate,
    Refused(ErrorCode),
}

/// Names a report: its instance, and 16 bytes of a hash, because an id is the caller's free choice.
type ReportName = (i64, [u8; 16]);

impl NewReport {
    /// Hashes the report here and not in the one task that writes all of them.
    pub(crate) fn new(
        instance: i64,
        hub_key: KeyHash,
        report: CleanReport,
        now: Timestamp,
    ) -> Self {
        let hash = Sha256::new()
            .chain_update(instance.to_be_bytes())
            .chain_update(report.id().as_bytes())
            .finalize();
        let (name, digest) = ((instance, first_half(&hash)), first_half(&report.digest()));
        Self { instance, hub_key, report: Arc::new(report), now, name, digest }
    }
}

fn first_half(hash: &[u8]) -> [u8; 16] {
    let mut half = [0; 16];
    half.copy_from_slice(&hash[..16]);
    half
}

impl Store {
    /// Stores the whole batch or nothing of it; one answer a report, in order.
    pub(crate) async fn write_reports(
        &self,
        batch: Arc<[NewReport]>,
    ) -> Result<Vec<ReportResult>, Refusal> {
        let names = Arc::clone(self.names());
        let write = self.write_unlocked("reports", (batch, names), |tx, (batch, names)| {
            Box::pin(async { Ok(tx.write_reports(batch, names).await?) })
        });
        let (results, learned) = write.await?;
        self.names().learn(learned);
        Ok(results)
    }

    /// What would be stored of a report; stores nothing.
    pub(crate) async fn preview_report(
        &self,
        instance: i64,
        report: CleanReport,
    ) -> Result<CleanReport, Refusal> {
        let args = (instance, report, Arc::clone(self.names()));
        let preview = self.write_unlocked("preview", args, |tx, (instance, report, names)| {
            Box::pin(async {
                let mut report = report.clone();
                report.confine(&*tx.present_catalogue(names).await?);
                let mut one = [Reported { instance: *instance, report: &mut report }];
                tx.hold_to_share(&mut one, names).await?;
                Ok(report)
            })
        });
        preview.await
    }
}

/// Notes the digests of those reports that may be counted and were not yet. The key and the
/// suspensions are checked in this very statement.
const CLAIM: Bulk = Bulk::new(
    &["key", "report_hash", "digest", "window_end", "now"],
    "INSERT INTO reports (instance, report_hash, digest, window_end) \
     SELECT k.instance, bulk.report_hash, bulk.digest, bulk.window_end \
     {from,} instance_keys k {look_up} instances i ON i.id = k.instance \
     {look_up} clients c ON c.id = i.client \
     WHERE k.hash = bulk.key AND k.kind = 'hub' \
     AND (k.not_after IS NULL OR k.not_after > bulk.now) \
     AND i.suspended_at IS NULL AND c.status = 'active' \
     ON CONFLICT DO NOTHING RETURNING instance, report_hash",
);

impl Db<'_> {
    async fn write_reports(
        &mut self,
        batch: &[NewReport],
        names: &Names,
    ) -> Result<(Vec<ReportResult>, Learned), Error> {
        let new = self.claim(batch).await?;
        let results = self.results(batch, &new).await?;
        let accepted: Vec<&NewReport> = batch
            .iter()
            .zip(&results)
            .filter(|(_, result)| **result == ReportResult::Stored)
            .map(|(entry, _)| entry)
            .collect();
        let sightings: Vec<Sighting> = accepted
            .iter()
            .map(|entry| Sighting {
                instance: entry.instance,
                hub_key: entry.hub_key,
                now: entry.now,
            })
            .collect();
        self.note_sightings(&sightings).await?;
        let learned = self.count(&accepted, names).await?;
        Ok((results, learned))
    }

    /// The names of those reports that may be counted and were not yet.
    async fn claim(&mut self, batch: &[NewReport]) -> Result<BTreeSet<ReportName>, Error> {
        let mut entries: Vec<&NewReport> = batch.iter().collect();
        entries.sort_by_key(|entry| entry.name);
        let rows: Vec<_> = entries
            .iter()
            .map(|entry| {
                let (name, digest) = (entry.name.1.as_slice(), entry.digest.as_slice());
                let (end, now) = (entry.report.end().unix_ms(), entry.now.unix_ms());
                (entry.hub_key.as_bytes(), name, digest, end, now)
            })
            .collect();
        Ok(self.bulk_rows(&CLAIM, &rows).await?.into_iter().collect())
    }

    /// What became of each: the first of a claimed name is stored, the others are looked into.
    async fn results(
        &mut self,
        batch: &[NewReport],
        new: &BTreeSet<ReportName>,
    ) -> Result<Vec<ReportResult>, Error> {
        let mut stored: HashMap<ReportName, [u8; 16]> = HashMap::new();
        let mut results = Vec::with_capacity(batch.len());
        let mut unclear = Vec::new();
        for (at, entry) in batch.iter().enumerate() {
            results.push(match stored.get(&entry.name) {
                Some(digest) => repeat(*digest, entry),
                None if new.contains(&entry.name) => {
                    stored.insert(entry.name, entry.digest);
                    ReportResult::Stored
                }
                None => {
                    unclear.push(at);
                    ReportResult::Duplicate
                }
            });
        }
        if unclear.is_empty() {
            return Ok(results);
        }
        let entries: Vec<&NewReport> = unclear.iter().map(|at| &batch[*at]).collect();
        let keys: Vec<KeyHash> = entries.iter().map(|entry| entry.hub_key).collect();
        let known = self.known_keys(&keys).await?;
        let known: HashMap<[u8; 32], _> =
            known.into_iter().map(|key| (key.hash().to_bytes(), key)).collect();
        let digests = self.digests(&entries).await?;
        for (at, entry) in unclear.into_iter().zip(entries) {
            let key = known.get(&entry.hub_key.to_bytes());
            let key = key.filter(|key| key.answers(&entry.hub_key, InstanceKey::Hub, entry.now));
            let refusal = key.map(|key| key.holder.instance.standing().suspension());
            results[at] = match (refusal, digests.get(&entry.name)) {
                (None, _) => ReportResult::Refused(ErrorCode::HubKeyInvalid),
                (Some(Some(code)), _) => ReportResult::Refused(code),
                (Some(None), Some(digest)) => repeat(*digest, entry),
                // Deleted and made anew between two statements: the same report again is counted.
                (Some(None), None) => ReportResult::Refused(ErrorCode::DatabaseUnavailable),
            };
        }
        Ok(results)
    }

    async fn digests(
        &mut self,
        entries: &[&NewReport],
    ) -> Result<HashMap<ReportName, [u8; 16]>, Error> {
        let mut of_instance: BTreeMap<i64, Vec<&[u8]>> = BTreeMap::new();
        for entry in entries {
            of_instance.entry(entry.instance).or_default().push(&entry.name.1);
        }
        let mut digests = HashMap::new();
        // One statement an instance: repeats are rare, and each is found by the primary key.
        for (instance, hashes) in of_instance {
            let find = format!(
                "SELECT report_hash, digest FROM reports WHERE report_hash {{key}} \
                 AND instance = {instance}"
            );
            let found: Vec<([u8; 16], [u8; 16])> = self.rows_by(find, &hashes).await?;
            digests.extend(found.into_iter().map(|(hash, digest)| ((instance, hash), digest)));
        }
        Ok(digests)
    }

    /// Adds what the reports count.
    async fn count(&mut self, entries: &[&NewReport], names: &Names) -> Result<Learned, Error> {
        if entries.is_empty() {
            return Ok(Learned::default());
        }
        let catalogue = self.present_catalogue(names).await?;
        let mut reports: Vec<CleanReport> =
            entries.iter().map(|entry| (*entry.report).clone()).collect();
        let mut reported = Vec::with_capacity(reports.len());
        for (entry, report) in entries.iter().zip(&mut reports) {
            report.confine(&catalogue);
            reported.push(Reported { instance: entry.instance, report });
        }
        self.hold_to_share(&mut reported, names).await?;
        let mut learned = Learned::default();
        let ids = self.ids(&reports, names, &mut learned).await?;
        let mut fold = Fold::default();
        for (entry, report) in entries.iter().zip(&reports) {
            fold.add(entry.instance, report, entry.now.unix_ms(), &ids);
            let day = day_of(report.start().unix_ms());
            let used = report.tools().filter_map(|(tool, _)| ids.tools.get(tool.as_str()));
            learned.used.extend(used.map(|tool| (entry.instance, day, *tool)));
        }
        learned.used.retain(|(instance, day, tool)| !names.is_used(*instance, *day, *tool));
        self.add(&fold).await?;
        Ok(learned)
    }

    /// The ids of all names in the reports.
    async fn ids(
        &mut self,
        reports: &[CleanReport],
        names: &Names,
        learned: &mut Learned,
    ) -> Result<Ids, Error> {
        let usages = || reports.iter().flat_map(CleanReport::tools);
        let tools = usages().map(|(tool, _)| tool.as_str()).collect();
        let codes = usages().flat_map(|(_, usage)| usage.errors.keys().map(CodeName::as_str));
        let codes = codes.collect();
        let counts = reports.iter().flat_map(CleanReport::counts);
        let counts = counts.map(|(name, _)| name.as_str()).collect();
        Ok(Ids {
            tools: self.ids_of(Registry::Tools, tools, names, learned).await?,
            codes: self.ids_of(Registry::Codes, codes, names, learned).await?,
            counts: self.ids_of(Registry::Counts, counts, names, learned).await?,
        })
    }

    async fn add(&mut self, fold: &Fold) -> Result<(), Error> {
        self.bulk(&USAGE, &fold.usage()).await?;
        self.bulk(&ERRORS, &fold.errors()).await?;
        self.bulk(&COUNTS, &fold.counts()).await?;
        self.bulk(&DURATIONS, &fold.durations()).await?;
        self.bulk(&RECEIVED, &fold.received()).await
    }
}

fn repeat(stored: [u8; 16], entry: &NewReport) -> ReportResult {
    if stored == entry.digest {
        ReportResult::Duplicate
    } else {
        ReportResult::Refused(ErrorCode::ReportConflict)
    }
}
