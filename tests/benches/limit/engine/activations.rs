//! What an activation reads and writes: its hub key replaces the one before, which nobody used, and it leaves an
//! audit event.

use std::collections::HashMap;
use std::hint::black_box;
use std::time::Duration;

use rusqlite::{Connection, TransactionBehavior, params};

use super::{BATCH, Cost, File, batch, hash, measure};

const HEAD: &str = "SELECT seq, hash FROM audit_head WHERE id = 1";
const LICENSE: &str = "SELECT k.not_after, i.id, i.instance_id, i.client, c.status, i.entitlements, \
     i.expires_at, i.grace_days, i.max_activations, i.activations, i.suspended_at, i.activated_at \
     FROM instance_keys k JOIN instances i ON i.id = k.instance JOIN clients c ON c.id = i.client \
     WHERE k.hash = ?1 AND k.kind = 'license'";
const OPEN_KEYS: &str = "SELECT hash, not_after, first_used_at FROM instance_keys \
     WHERE instance = ?1 AND kind = 'hub'";
const REPLACE_KEY: &str = "UPDATE instance_keys SET hash = ?2, not_after = ?3 WHERE hash = ?1";
const ACTIVATED: &str = "UPDATE instances SET activations = ?2, activated_at = ?3, hub_hash = ?4, \
     hub_issued_at = ?3 WHERE id = ?1";
const EVENT: &str = "INSERT INTO audit_events (seq, at, actor, action, target, detail, request_id, \
     prev_hash, hash) VALUES (?1, ?2, ?3, 'instance.activate', ?4, ?5, ?6, ?7, ?8)";
const MOVE_HEAD: &str = "UPDATE audit_head SET seq = ?1, hash = ?2 WHERE id = 1";

/// An activation with everything that the hub computes for it.
struct Activation {
    instance: i64,
    license: [u8; 32],
    old: [u8; 32],
    new: [u8; 32],
    actor: String,
    target: String,
    detail: String,
    request_id: String,
    seq: i64,
    prev_hash: [u8; 32],
    hash: [u8; 32],
}

impl File {
    pub(crate) fn activations(&self, lasting: Duration) -> Cost {
        let mut db = self.db.borrow_mut();
        let mut times = HashMap::new();
        let now = hub_tests::clock::now().unix_ms();
        let prepare = |turn| prepared(turn, &mut times);
        measure(lasting, BATCH, prepare, |batch| {
            commit(&mut db, &batch, now).expect("a batch is written");
        })
    }
}

/// `times` tells how often each instance was activated before.
fn prepared(turn: i64, times: &mut HashMap<i64, i64>) -> Vec<Activation> {
    let activation = |(seq, instance): (i64, i64)| {
        let times = times.entry(instance).or_default();
        let before = *times;
        *times += 1;
        Activation {
            instance,
            license: hash("license", instance),
            old: hash(&format!("hub {before}"), instance),
            new: hash(&format!("hub {}", before + 1), instance),
            actor: format!("instance:bench-{instance}"),
            target: format!("bench-{instance}"),
            detail: r#"{"hub_key":"0123456789ab","license":"0123456789ab","reactivated":"true"}"#
                .to_owned(),
            request_id: format!("0191d6a0-0000-7000-8000-{seq:012x}"),
            seq,
            prev_hash: hash("event", seq - 1),
            hash: hash("event", seq),
        }
    };
    (turn * BATCH + 1..).zip(batch(turn)).map(activation).collect()
}

fn commit(db: &mut Connection, batch: &[Activation], now: i64) -> rusqlite::Result<()> {
    let tx = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let head: (i64, [u8; 32]) =
        tx.prepare_cached(HEAD)?.query_row([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    black_box(head);
    let (mut license, mut open) = (tx.prepare_cached(LICENSE)?, tx.prepare_cached(OPEN_KEYS)?);
    for one in batch {
        license.query_row([one.license], |row| {
            let numbers = [0, 6, 7, 8, 9, 10, 11].map(|column| row.get(column));
            let numbers = numbers.map(Result::<Option<i64>, _>::unwrap_or_default);
            let texts: [String; 4] = [row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?];
            black_box((row.get::<_, i64>(1)?, numbers, texts));
            Ok(())
        })?;
        let mut keys = open.query([one.instance])?;
        while let Some(row) = keys.next()? {
            let key: ([u8; 32], Option<i64>, Option<i64>) = (row.get(0)?, row.get(1)?, row.get(2)?);
            black_box(key);
        }
    }
    let mut replace = tx.prepare_cached(REPLACE_KEY)?;
    for one in batch {
        replace.execute(params![one.old, one.new, None::<i64>])?;
    }
    let (mut activated, mut event) = (tx.prepare_cached(ACTIVATED)?, tx.prepare_cached(EVENT)?);
    for one in batch {
        activated.execute(params![one.instance, 1, now, one.new])?;
        event.execute(params![
            one.seq,
            now,
            one.actor,
            one.target,
            one.detail,
            one.request_id,
            one.prev_hash,
            one.hash
        ])?;
    }
    if let Some(last) = batch.last() {
        tx.prepare_cached(MOVE_HEAD)?.execute(params![last.seq, last.hash])?;
    }
    drop((license, open, replace, activated, event));
    tx.commit()
}
