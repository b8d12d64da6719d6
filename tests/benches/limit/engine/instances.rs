//! Instances, each with a license key, the hub key that works, and one in overlap; and a list of them.

use std::hint::black_box;
use std::time::Duration;

use rusqlite::{Connection, Row, params};

use super::{Cost, File, INSTANCES, hash, measure};

/// As the hub lists them.
const LIST: &str = "SELECT i.id, i.instance_id, i.client, c.slug, c.status, i.labels, \
     i.entitlements, i.expires_at, i.grace_days, i.max_activations, i.activations, i.suspended_at, \
     i.suspended_reason, i.created_at, i.updated_at, i.activated_at, i.last_seen_at, \
     i.license_hash, i.license_issued_at, i.hub_hash, i.hub_issued_at \
     FROM instances i JOIN clients c ON c.id = i.client WHERE i.instance_id > ?1 ORDER BY i.instance_id LIMIT 51";

pub(super) fn fill(db: &Connection) -> rusqlite::Result<()> {
    db.execute_batch("BEGIN")?;
    let now = hub_tests::clock::now().unix_ms();
    db.execute(
        "INSERT INTO clients (id, slug, name, status, labels, created_at, updated_at) \
         VALUES ('0191d6a0-0000-7000-8000-000000000000', 'bench', 'Bench', 'active', '{}', ?1, ?1)",
        [now],
    )?;
    let mut instance = db.prepare(
        "INSERT INTO instances (id, instance_id, client, labels, entitlements, grace_days, \
         activations, created_at, updated_at, activated_at, last_seen_at, license_hash, \
         license_issued_at, hub_hash, hub_issued_at) VALUES \
         (?1, ?2, '0191d6a0-0000-7000-8000-000000000000', '{}', '[]', 0, 1, ?3, ?3, ?3, ?3, ?4, ?3, ?5, ?3)",
    )?;
    let mut key = db.prepare(
        "INSERT INTO instance_keys (hash, instance, kind, not_after, first_used_at) \
         VALUES (?1, ?2, ?3, ?4, ?5)",
    )?;
    for n in 0..INSTANCES {
        let later = now + 86_400_000;
        let (license, hub) = (hash("license", n), hash("hub 0", n));
        instance.execute(params![n, format!("bench-{n}"), now, license, hub])?;
        key.execute(params![license, n, "license", None::<i64>, None::<i64>])?;
        key.execute(params![hash("used", n), n, "hub", later, now])?;
        key.execute(params![hub, n, "hub", None::<i64>, None::<i64>])?;
    }
    db.execute_batch("COMMIT")
}

impl File {
    /// A page of 50 instances, with the one that tells of a next page.
    pub(crate) fn list(&self, lasting: Duration) -> Cost {
        let db = self.db.borrow();
        let mut list = db.prepare(LIST).expect("a statement");
        measure(
            lasting,
            1,
            |turn| format!("bench-{}", turn % INSTANCES),
            |after| {
                let rows = list.query_map([after], read).expect("a list");
                for row in rows {
                    black_box(row.expect("a row"));
                }
            },
        )
    }
}

struct Texts {
    _instance_id: String,
    _client: String,
    _slug: String,
    _status: String,
    _labels: String,
    _entitlements: String,
    _suspended_reason: Option<String>,
}

struct Numbers {
    _id: i64,
    _terms: [Option<i64>; 5],
    _times: [Option<i64>; 6],
}

struct Hashes {
    _license: [u8; 32],
    _hub: Option<[u8; 32]>,
}

fn read(row: &Row<'_>) -> rusqlite::Result<(Numbers, Texts, Hashes)> {
    let texts = Texts {
        _instance_id: row.get(1)?,
        _client: row.get(2)?,
        _slug: row.get(3)?,
        _status: row.get(4)?,
        _labels: row.get(5)?,
        _entitlements: row.get(6)?,
        _suspended_reason: row.get(12)?,
    };
    let numbers = Numbers {
        _id: row.get(0)?,
        _terms: [row.get(7)?, row.get(8)?, row.get(9)?, row.get(10)?, row.get(11)?],
        _times: [13, 14, 15, 16, 18, 20].map(|column| row.get(column).unwrap_or_default()),
    };
    Ok((numbers, texts, Hashes { _license: row.get(17)?, _hub: row.get(19)? }))
}
