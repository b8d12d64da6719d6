//! What a report writes: that it came, and what it counts, summed over its batch.

use std::time::Duration;

use hub_core::redact::{CleanReport, redact};
use hub_tests::workload::{listed, report_body};
use rusqlite::{Connection, TransactionBehavior, params};

use super::{BATCH, Cost, File, batch, hash, measure};

const CLAIM: &str = "INSERT OR IGNORE INTO reports (instance, report_hash, digest, version, day) \
     SELECT k.instance, ?2, ?3, 1, ?4 / 86400000 FROM instance_keys k \
     CROSS JOIN instances i ON i.id = k.instance CROSS JOIN clients c ON c.id = i.client \
     WHERE k.hash = ?1 AND k.kind = 'hub' AND (k.not_after IS NULL OR k.not_after > ?5) \
     AND i.suspended_at IS NULL AND c.status = 'active'";
const USAGE: &str = "INSERT INTO usage_hour VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
/// Where there is usage already, as mostly.
const MORE_USAGE: &str = "UPDATE usage_hour SET \
     calls = MIN(calls + ?4, 1 << 50), errors = MIN(errors + ?5, 1 << 50), \
     dur_n = MIN(dur_n + ?6, 1 << 50), dur_sum_us = MIN(dur_sum_us + ?7, 1 << 50), \
     dur_max_us = MAX(dur_max_us, ?8) WHERE hour = ?1 AND instance = ?2 AND tool = ?3";
const ERRORS: &str = "INSERT INTO error_hour VALUES (?1, ?2, ?3, ?4, ?5) \
     ON CONFLICT (hour, instance, tool, code) DO UPDATE SET n = MIN(n + excluded.n, 1 << 50)";
const COUNTS: &str = "INSERT INTO count_hour VALUES (?1, ?2, ?3, ?4, ?5) \
     ON CONFLICT (hour, instance, name) DO UPDATE SET \
     sum_n = MIN(sum_n + excluded.sum_n, 1 << 50), max_n = MAX(max_n, excluded.max_n)";
const DURATIONS: &str = "INSERT INTO duration_hour VALUES (?1, ?2, ?3, ?4) \
     ON CONFLICT (hour, tool, bucket) DO UPDATE SET n = MIN(n + excluded.n, 1 << 50)";
const FLEET: &str = "INSERT INTO fleet_hour VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 0) \
     ON CONFLICT (hour, tool) DO UPDATE SET calls = MIN(calls + excluded.calls, 1 << 62), \
     errors = MIN(errors + excluded.errors, 1 << 62), dur_n = MIN(dur_n + excluded.dur_n, 1 << 62), \
     dur_sum_us = MIN(dur_sum_us + excluded.dur_sum_us, 1 << 62), \
     dur_max_us = MAX(dur_max_us, excluded.dur_max_us)";
const RECEIVED: &str = "INSERT INTO report_hour VALUES (?1, ?2) \
     ON CONFLICT (hour) DO UPDATE SET n = MIN(n + excluded.n, 1 << 50)";

/// What every report counts, without its hour and instance.
struct Counted {
    usage: Vec<[i64; 6]>,
    errors: Vec<[i64; 3]>,
    counts: Vec<[i64; 3]>,
    /// Tool, bucket, and how many in the whole batch.
    durations: Vec<[i64; 3]>,
}

impl Counted {
    fn of(report: &CleanReport) -> Self {
        let int = |n: u64| i64::try_from(n).expect("a small number");
        let (mut usage, mut errors, mut durations) = (Vec::new(), Vec::new(), Vec::new());
        for used in report.tools() {
            let (tool, failed, times) = (i64::from(used.tool), used.failed(), &used.durations);
            let sums = [used.calls, failed, times.n(), times.sum(), times.max()].map(int);
            usage.push([tool, sums[0], sums[1], sums[2], sums[3], sums[4]]);
            errors.extend(used.errors.iter().map(|(code, n)| [tool, i64::from(*code), int(*n)]));
            let buckets = times.buckets().iter();
            durations
                .extend(buckets.map(|(bucket, n)| [tool, i64::from(*bucket), int(*n) * BATCH]));
        }
        let counts = report.counts().iter().map(|(name, n)| [i64::from(*name), int(*n), int(*n)]);
        Self { usage, errors, counts: counts.collect(), durations }
    }
}

impl File {
    pub(crate) fn reports(&self, lasting: Duration) -> Cost {
        let now = hub_tests::clock::now();
        let report = redact(report_body().as_bytes(), &listed(), now).expect("a report of our own");
        let counted = Counted::of(&report);
        let mut db = self.db.borrow_mut();
        let prepare = |turn| {
            let named = |instance| (instance, hash("used", instance), hash("report", turn));
            batch(turn).into_iter().map(named).collect::<Vec<_>>()
        };
        measure(lasting, BATCH, prepare, |batch| {
            commit(&mut db, &batch, &counted, now.unix_ms()).expect("a batch is written");
        })
    }
}

fn commit(
    db: &mut Connection,
    batch: &[(i64, [u8; 32], [u8; 32])],
    counted: &Counted,
    now: i64,
) -> rusqlite::Result<()> {
    let hour = now / 3_600_000;
    let tx = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut claim = tx.prepare_cached(CLAIM)?;
    for (_, hub_key, name) in batch {
        let half = &name[..16];
        let claimed = claim.execute(params![hub_key, half, half, now, now])?;
        assert_eq!(claimed, 1, "a new report of a known key");
    }
    let (mut usage, mut more) = (tx.prepare_cached(USAGE)?, tx.prepare_cached(MORE_USAGE)?);
    let (mut errors, mut counts) = (tx.prepare_cached(ERRORS)?, tx.prepare_cached(COUNTS)?);
    for (instance, ..) in batch {
        for [tool, calls, failed, n, sum, max] in &counted.usage {
            let row = params![hour, instance, tool, calls, failed, n, sum, max];
            if more.execute(row)? == 0 {
                usage.execute(row)?;
            }
        }
    }
    for (instance, ..) in batch {
        for [tool, code, n] in &counted.errors {
            errors.execute(params![hour, instance, tool, code, n])?;
        }
    }
    for (instance, ..) in batch {
        for [name, sum, max] in &counted.counts {
            counts.execute(params![hour, instance, name, sum, max])?;
        }
    }
    let by_day = FLEET.replace("hour", "day");
    for (statement, at) in [(FLEET, hour), (by_day.as_str(), hour / 24)] {
        let mut fleet = tx.prepare_cached(statement)?;
        for [tool, calls, failed, n, sum, max] in &counted.usage {
            let [calls, failed, n, sum] = [calls, failed, n, sum].map(|one| one * BATCH);
            fleet.execute(params![at, tool, calls, failed, n, sum, max])?;
        }
    }
    let mut durations = tx.prepare_cached(DURATIONS)?;
    for [tool, bucket, n] in &counted.durations {
        durations.execute(params![hour, tool, bucket, n])?;
    }
    tx.prepare_cached(RECEIVED)?.execute(params![hour, BATCH])?;
    drop((claim, usage, more, errors, counts, durations));
    tx.commit()
}
