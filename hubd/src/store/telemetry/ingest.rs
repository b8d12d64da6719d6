//! A batch of reports in one transaction: who may report, which reports are new, and what they add.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Deref;
use std::sync::Arc;

use hub_core::key::KeyHash;
use hub_core::problem::ErrorCode;
use hub_core::redact::{CleanReport, Listed, Reason, Reasons};
use hub_core::time::Timestamp;
use sha2::{Digest, Sha256};

use super::counters::{COUNTS, DURATIONS, ERRORS, FLEET, MORE_USAGE, Period, RECEIVED, USAGE};
use super::fleet::FleetRows;
use super::last_use::LAST_HOURS;
use super::pairs::{UsedPairs, can_be_too_many};
use super::rows::{Rows, merge};
use super::{HORIZON, day_of, hour_of};
use crate::domain::{InstanceKey, Refusal};
use crate::store::Store;
use crate::store::bulk::{Bulk, Filled};
use crate::store::db::Db;
use crate::store::error::Error;
use crate::store::reporter::Reporter;
use crate::store::sightings::Sighting;
use crate::store::transaction::Way;

/// A report of an instance that proved who it is, with the rows that it adds.
#[derive(Debug, Clone)]
pub(crate) struct NewReport(Arc<Prepared>);

#[derive(Debug)]
struct Prepared {
    by: Sighting,
    /// Whether the sighting is to be noted.
    is_news: bool,
    /// The version of the catalogue that its numbers are of.
    catalogue: i64,
    start: Timestamp,
    end: Timestamp,
    rows: Rows,
    /// The whole report, if its codes must be held to the instance's share of a day.
    limited: Option<CleanReport>,
    name: ReportName,
    digest: [u8; 16],
}

/// The outcome of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ReportResult {
    /// It is counted, with this many codes beyond the instance's share of the day under `OTHER`.
    Stored { over_limit: u64 },
    /// It was counted before.
    Duplicate,
    /// The catalogue has changed since the report was read by it; nothing was done.
    Stale,
    /// It is not counted.
    Refused(ErrorCode),
}

/// Names a report: its instance, and 16 bytes of a hash, because an id is the caller's free choice.
type ReportName = (i64, [u8; 16]);

impl NewReport {
    /// How batches of reports share the database.
    pub(crate) const WAY: Way = Way::InTurn;

    /// Does here, in the request's own task, what the one writer need not do. `is_news` if the use of the
    /// key is still to be noted.
    pub(crate) fn new(by: Sighting, is_news: bool, report: CleanReport, listed: &Listed) -> Self {
        let instance = by.instance;
        let hash = Sha256::new()
            .chain_update(instance.to_be_bytes())
            .chain_update(report.id().as_bytes())
            .finalize();
        let (name, digest) = ((instance, first_half(&hash)), first_half(&report.digest()));
        let rows = Rows::of(instance, &report);
        let (catalogue, start, end) = (report.catalogue(), report.start(), report.end());
        // Otherwise it goes here, and not in the thread of the writer.
        let limited = (can_be_too_many(listed) && report.has_codes()).then_some(report);
        let prepared = Prepared { by, is_news, catalogue, start, end, rows, limited, name, digest };
        Self(Arc::new(prepared))
    }

    /// How many rows it writes.
    pub(crate) fn rows(&self) -> usize {
        // One more says that it was counted.
        self.0.rows.len() + 1
    }
}

impl Prepared {
    fn repeat(&self, stored: &StoredDigest) -> ReportResult {
        // Numbers of another version cannot be compared.
        if stored.version != self.catalogue || stored.digest == self.digest {
            ReportResult::Duplicate
        } else {
            ReportResult::Refused(ErrorCode::ReportConflict)
        }
    }
}

fn first_half(hash: &[u8]) -> [u8; 16] {
    let mut half = [0; 16];
    half.copy_from_slice(&hash[..16]);
    half
}

#[derive(Debug, Clone, Copy)]
struct StoredDigest {
    digest: [u8; 16],
    version: i64,
}

impl Store {
    /// Stores the whole batch or nothing of it; one answer a report, in order.
    pub(crate) async fn write_reports(
        &self,
        batch: impl Deref<Target = [NewReport]> + Send + Sync + 'static,
    ) -> Result<Vec<ReportResult>, Refusal> {
        let write = self.transact(NewReport::WAY, "reports", batch, |tx, batch| {
            Box::pin(async { Ok(tx.write_reports(batch).await?) })
        });
        write.await
    }

    /// What would be stored of a report: the report, with codes beyond the instance's share of the day under
    /// `OTHER`. Stores nothing.
    pub(crate) async fn preview_report(
        &self,
        instance: i64,
        report: CleanReport,
        listed: &Listed,
    ) -> Result<CleanReport, Error> {
        if !can_be_too_many(listed) {
            return Ok(report);
        }
        let preview = self.scan((instance, report), |db, (instance, report)| {
            Box::pin(async {
                let folded = db.within_share(*instance, report, &mut UsedPairs::new()).await?;
                Ok(folded.unwrap_or_else(|| report.clone()))
            })
        });
        preview.await
    }
}

/// The catalogue's version, and the day from which there are hours.
const STATE: &str = "SELECT c.version, h.day FROM catalogue c, telemetry_horizon h \
     WHERE c.id = 1 AND h.id = 1";

/// Notes the digests of those reports that may be counted and were not yet. The key and the
/// suspensions are checked in this very statement, and the instances cannot go before it is done.
static CLAIM: Bulk = Bulk::new(
    &["key", "report_hash", "digest", "version", "day", "now"],
    "INSERT{or_ignore} INTO reports (instance, report_hash, digest, version, day) \
     SELECT k.instance, bulk.report_hash, bulk.digest, bulk.version, bulk.day \
     {from,} instance_keys k {look_up} instances i ON i.id = k.instance \
     {look_up} clients c ON c.id = i.client \
     WHERE k.hash = bulk.key AND k.kind = 'hub' \
     AND (k.not_after IS NULL OR k.not_after > bulk.now) \
     AND i.suspended_at IS NULL AND c.status = 'active'{keep_instances} \
     ON CONFLICT DO NOTHING",
);

/// The columns of a [`ReportName`].
const NAME: &str = "instance, report_hash";

impl Db<'_> {
    async fn write_reports(&mut self, batch: &[NewReport]) -> Result<Vec<ReportResult>, Error> {
        let (version, horizon): (i64, i64) = self.one(STATE, &[]).await?;
        let current: Vec<&Prepared> = batch
            .iter()
            .map(|entry| &*entry.0)
            .filter(|entry| entry.catalogue == version)
            .collect();
        let new = self.claim(&current).await?;
        let mut results = self.results(&current, &new).await?;
        let accepted: Vec<(usize, &Prepared)> = current
            .iter()
            .enumerate()
            .filter(|(at, _)| matches!(results[*at], ReportResult::Stored { .. }))
            .map(|(at, entry)| (at, *entry))
            .collect();
        if !accepted.is_empty() {
            let news = accepted.iter().filter(|(_, entry)| entry.is_news);
            let news: Vec<Sighting> = news.map(|(_, entry)| entry.by).collect();
            self.note_sightings(&news).await?;
            self.count(&accepted, horizon, &mut results).await?;
        }
        let mut results = results.into_iter();
        let answers = batch.iter().map(|entry| {
            let is_current = entry.0.catalogue == version;
            is_current.then(|| results.next()).flatten().unwrap_or(ReportResult::Stale)
        });
        Ok(answers.collect())
    }

    /// The names of those reports that may be counted and were not yet.
    async fn claim(&mut self, batch: &[&Prepared]) -> Result<BTreeSet<ReportName>, Error> {
        let mut entries = batch.to_vec();
        entries.sort_by_key(|entry| entry.name);
        let rows: Vec<_> = entries
            .iter()
            .map(|entry| {
                let (name, digest) = (entry.name.1.as_slice(), entry.digest.as_slice());
                let version = entry.catalogue;
                let (day, now) = (day_of(entry.end.unix_ms()), entry.by.now.unix_ms());
                (entry.by.hub_key.as_bytes(), name, digest, version, day, now)
            })
            .collect();
        let name_of = |at: usize| entries[at].name;
        Ok(self.bulk_new(&CLAIM, &rows, NAME, name_of).await?.into_iter().collect())
    }

    /// The outcome of each: the first of a claimed name is stored, the others are looked into.
    async fn results(
        &mut self,
        batch: &[&Prepared],
        new: &BTreeSet<ReportName>,
    ) -> Result<Vec<ReportResult>, Error> {
        let mut stored: HashMap<ReportName, StoredDigest> = HashMap::new();
        let mut results = Vec::with_capacity(batch.len());
        let mut unclear = Vec::new();
        for (at, entry) in batch.iter().enumerate() {
            results.push(match stored.get(&entry.name) {
                Some(digest) => entry.repeat(digest),
                None if new.contains(&entry.name) => {
                    let version = entry.catalogue;
                    stored.insert(entry.name, StoredDigest { digest: entry.digest, version });
                    ReportResult::Stored { over_limit: 0 }
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
        let entries: Vec<&Prepared> = unclear.iter().map(|at| batch[*at]).collect();
        let keys: Vec<KeyHash> = entries.iter().map(|entry| entry.by.hub_key).collect();
        let known = self.known_keys::<Reporter>(&keys).await?;
        let known: HashMap<[u8; 32], _> =
            known.into_iter().map(|key| (key.hash().to_bytes(), key)).collect();
        let digests = self.digests(&entries).await?;
        for (at, entry) in unclear.into_iter().zip(entries) {
            let key = known.get(&entry.by.hub_key.to_bytes());
            let key =
                key.filter(|key| key.answers(&entry.by.hub_key, InstanceKey::Hub, entry.by.now));
            let refusal = key.map(|key| key.holder.suspension);
            results[at] = match (refusal, digests.get(&entry.name)) {
                (None, _) => ReportResult::Refused(ErrorCode::HubKeyInvalid),
                (Some(Some(code)), _) => ReportResult::Refused(code),
                (Some(None), Some(digest)) => entry.repeat(digest),
                // Deleted and made anew between two statements: the same report again is counted.
                (Some(None), None) => ReportResult::Refused(ErrorCode::DatabaseUnavailable),
            };
        }
        Ok(results)
    }

    async fn digests(
        &mut self,
        entries: &[&Prepared],
    ) -> Result<HashMap<ReportName, StoredDigest>, Error> {
        let mut of_instance: BTreeMap<i64, Vec<&[u8]>> = BTreeMap::new();
        for entry in entries {
            of_instance.entry(entry.by.instance).or_default().push(&entry.name.1);
        }
        let mut digests = HashMap::new();
        // One statement an instance: repeats are rare, and each is found by the primary key.
        for (instance, hashes) in of_instance {
            let find = format!(
                "SELECT report_hash, digest, version FROM reports WHERE report_hash {{key}} \
                 AND instance = {instance}"
            );
            let found: Vec<([u8; 16], [u8; 16], i64)> = self.rows_by(find, &hashes).await?;
            digests.extend(found.into_iter().map(|(hash, digest, version)| {
                ((instance, hash), StoredDigest { digest, version })
            }));
        }
        Ok(digests)
    }

    /// Adds what the reports count. Hours before the horizon are gone: their reports, which come when a clock
    /// was ahead, are added to the days.
    async fn count(
        &mut self,
        accepted: &[(usize, &Prepared)],
        mut horizon: i64,
        results: &mut [ReportResult],
    ) -> Result<(), Error> {
        let first = accepted.iter().map(|(_, entry)| day_of(entry.start.unix_ms())).min();
        if first.is_some_and(|first| first <= horizon) {
            horizon = self.one(HORIZON, &[]).await?;
        }
        let (mut on_time, mut late) = (Vec::new(), Vec::new());
        let mut received = Vec::with_capacity(accepted.len());
        let mut pairs = UsedPairs::new();
        for (at, entry) in accepted {
            received.push([hour_of(entry.by.now.unix_ms()), 1]);
            let is_late = day_of(entry.start.unix_ms()) < horizon;
            let mut rows = Cow::Borrowed(&entry.rows);
            if let Some(sent) = &entry.limited
                && let Some(report) = self.within_share(entry.by.instance, sent, &mut pairs).await?
            {
                let over_limit = folded_codes(report.reasons(), sent.reasons());
                results[*at] = ReportResult::Stored { over_limit };
                rows = Cow::Owned(Rows::of(entry.by.instance, &report));
            }
            if is_late { &mut late } else { &mut on_time }.push(rows);
        }
        merge(&mut received, 1, |sum, row| sum[1] += row[1]);
        let (mut rows, late) = (Rows::merged(&on_time), Rows::merged(&late));
        // Mostly an instance has used the tool in this hour before, and that was noted.
        let first_uses = self.bulk_missed(&MORE_USAGE, &rows.usage).await?;
        // Late hours are before all others, so these rows are in order too.
        let mut new = self.note_uses(&[&*late.usage, &*first_uses].concat()).await?;
        new.hours.retain(|[hour, ..]| hour.div_euclid(24) >= horizon);
        let mut by_day = [&*late.usage, &*rows.usage].concat();
        for [time, ..] in &mut by_day {
            *time = time.div_euclid(24);
        }
        let fleet = FleetRows::of(&rows.usage, &by_day, &new);
        rows.usage = first_uses;
        let late = Rows::merged(&[Cow::Owned(late.by_day())]);
        // Rows that every batch writes come last, so that hubs hold each other up the least.
        self.bulks(&[
            &Filled(USAGE.of(Period::Hour), &rows.usage),
            &Filled(ERRORS.of(Period::Hour), &rows.errors),
            &Filled(COUNTS.of(Period::Hour), &rows.counts),
            &Filled(DURATIONS.of(Period::Hour), &rows.durations),
            &Filled(USAGE.of(Period::Day), &late.usage),
            &Filled(ERRORS.of(Period::Day), &late.errors),
            &Filled(COUNTS.of(Period::Day), &late.counts),
            &Filled(DURATIONS.of(Period::Day), &late.durations),
            &Filled(&LAST_HOURS, new.last_hours()),
            &Filled(FLEET.of(Period::Hour), &fleet.hours),
            &Filled(FLEET.of(Period::Day), &fleet.days),
            &Filled(&RECEIVED, &received),
        ])
        .await
    }
}

fn folded_codes(folded: &Reasons, sent: &Reasons) -> u64 {
    let over = |reasons: &Reasons| {
        reasons.iter().find(|(reason, _)| *reason == Reason::OverLimit).map_or(0, |(_, n)| n)
    };
    over(folded) - over(sent)
}
