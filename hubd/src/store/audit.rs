//! The audit chain in the database.

use hub_core::api::{Action, AuditEvent, AuditVerdict};
use hub_core::time::{Range, Timestamp};

use super::Store;
use super::bulk::{Bulk, Filled, Part};
use super::db::Db;
use super::error::Error;
use super::query::Query;
use super::row::{FromRow, Row};
use crate::domain::{Head, Link};

impl FromRow for Head {
    fn from_row(row: &mut Row<'_>) -> Result<Self, Error> {
        Ok(Self { seq: row.next()?, hash: row.next()? })
    }
}

impl FromRow for Link {
    fn from_row(row: &mut Row<'_>) -> Result<Self, Error> {
        Ok(Self {
            seq: row.next()?,
            at: row.next()?,
            actor: row.next()?,
            action: row.next()?,
            target: row.next()?,
            detail: row.next()?,
            request_id: row.next()?,
            prev_hash: row.next()?,
            hash: row.next()?,
        })
    }
}

/// The event as the API shows it.
fn to_wire(link: Link) -> Result<AuditEvent, Error> {
    Ok(AuditEvent {
        seq: link.seq,
        at: Timestamp::from_unix_ms(link.at),
        actor: link.actor,
        action: link.action,
        target: link.target,
        detail: serde_json::from_str(&link.detail).map_err(|_| Error::corrupt("audit detail"))?,
        request_id: link.request_id,
        hash: hex::encode(link.hash),
    })
}

const LOCK_HEAD: &str = "SELECT seq, hash FROM audit_head WHERE id = 1{for_update}";

static APPEND: Bulk = Bulk::new(
    &["seq", "at", "actor", "action", "target", "detail", "request_id", "prev_hash", "hash"],
    "INSERT INTO audit_events \
     (seq, at, actor, action, target, detail, request_id, prev_hash, hash) \
     {values}",
);

static MOVE_HEAD: Bulk = Bulk::new(
    &["seq", "hash"],
    "UPDATE audit_head SET seq = bulk.seq, hash = bulk.hash {from} WHERE audit_head.id = 1",
);

/// The columns of a [`Link`].
macro_rules! columns {
    () => {
        "seq, at, actor, action, target, detail, request_id, prev_hash, hash"
    };
}

const SELECT: &str = concat!("SELECT ", columns!(), " FROM audit_events");

/// Of one target: within each 1024 events the index finds them by it.
const SELECT_OF_TARGET: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM (WITH RECURSIVE part (n) AS (SELECT MAX(seq) / 1024 FROM audit_events \
     UNION ALL SELECT n - 1 FROM part WHERE n > 0) SELECT n FROM part) AS part \
     {look_up} audit_events ON seq / 1024 = part.n"
);

const SELECT_AFTER: &str =
    concat!("SELECT ", columns!(), " FROM audit_events WHERE seq > $1 ORDER BY seq LIMIT 1000");

const HASH: &str = "SELECT hash FROM audit_events WHERE seq = $1";

const NAME: &str = "SELECT name FROM database_identity WHERE id = 1";

/// One statement, so that both come from one state of the database.
const TAIL: &str = "SELECT seq, hash, (SELECT COALESCE(MAX(seq), 0) FROM audit_events) \
                    FROM audit_head WHERE id = 1";

/// The chain's head, locked until the end of the transaction.
pub(super) async fn lock_head(db: &mut Db<'_>) -> Result<Head, Error> {
    db.one(LOCK_HEAD, &[]).await
}

/// Writes events behind the head and the new head, after what `before` has.
pub(super) async fn append(
    db: &mut Db<'_>,
    links: &[Link],
    head: &Head,
    before: &[&dyn Part],
) -> Result<(), Error> {
    let rows: Vec<_> = links
        .iter()
        .map(|link| {
            (
                link.seq,
                link.at,
                link.actor.as_str(),
                link.action.as_str(),
                link.target.as_str(),
                link.detail.as_str(),
                link.request_id.as_str(),
                link.prev_hash.as_slice(),
                link.hash.as_slice(),
            )
        })
        .collect();
    let head = [(head.seq, head.hash.as_slice())];
    let last: [&dyn Part; 2] = [&Filled(&APPEND, &rows), &Filled(&MOVE_HEAD, &head)];
    db.bulks(&[before, &last].concat()).await
}

/// Which events to list.
#[derive(Debug)]
pub(crate) struct AuditFilter {
    pub(crate) range: Range,
    pub(crate) actor: Option<String>,
    pub(crate) action: Option<Action>,
    pub(crate) target: Option<String>,
    pub(crate) before: Option<i64>,
}

impl Db<'_> {
    async fn list_audit(
        &mut self,
        filter: &AuditFilter,
        limit: i64,
    ) -> Result<Vec<AuditEvent>, Error> {
        let of_target = filter.target.is_some();
        let mut query = Query::new(if of_target { SELECT_OF_TARGET } else { SELECT });
        query.and("seq < $", filter.before.unwrap_or(i64::MAX));
        query.and("at >= $", filter.range.since.unix_ms());
        if let Some(until) = filter.range.until {
            query.and("at < $", until.unix_ms());
        }
        if let Some(actor) = &filter.actor {
            query.and("actor = $", actor.as_str());
        }
        if let Some(action) = filter.action {
            query.and("action = $", action.as_str());
        }
        if let Some(target) = &filter.target {
            query.and("target = $", target.as_str());
        }
        let links: Vec<Link> = query.rows(self, "seq DESC", limit).await?;
        links.into_iter().map(to_wire).collect()
    }

    /// Recomputes the chain from its first event.
    pub(super) async fn verify_audit(&mut self) -> Result<AuditVerdict, Error> {
        self.verify_audit_from(Head::START).await
    }

    /// Recomputes the chain behind an event that is known to be in it.
    async fn verify_audit_from(&mut self, known: Head) -> Result<AuditVerdict, Error> {
        let from_start = known == Head::START;
        let (mut reached, mut events) = (known, 0);
        let mut last_read = if from_start { i64::MIN } else { known.seq };
        loop {
            let links: Vec<Link> = self.rows(SELECT_AFTER, &[&last_read]).await?;
            for link in &links {
                events += 1;
                last_read = link.seq;
                if let Err(broken) = reached.follow(link) {
                    return Ok(verdict(&reached, events, Some(broken)));
                }
            }
            if !links.is_empty() {
                continue;
            }
            let (head, last): (Head, i64) = self.one(TAIL, &[]).await?;
            if last > reached.seq && head.seq >= last {
                continue; // events came in meanwhile
            }
            let broken = (head != reached).then_some(reached.seq + 1);
            return Ok(verdict(&reached, events, broken));
        }
    }
}

fn verdict(reached: &Head, events: u64, first_broken: Option<i64>) -> AuditVerdict {
    let head = (reached.seq > 0).then(|| hex::encode(reached.hash));
    AuditVerdict { ok: first_broken.is_none(), events, head, first_broken }
}

impl Store {
    /// At most `limit` events, newest first.
    pub(crate) async fn list_audit(
        &self,
        filter: AuditFilter,
        limit: i64,
    ) -> Result<Vec<AuditEvent>, Error> {
        self.scan((filter, limit), |db, (filter, limit)| Box::pin(db.list_audit(filter, *limit)))
            .await
    }

    /// The last event's number and hash.
    pub(crate) async fn audit_head(&self) -> Result<Head, Error> {
        let (head, _): (Head, i64) = self.point((), |db, ()| Box::pin(db.one(TAIL, &[]))).await?;
        Ok(head)
    }

    /// The hash of an event.
    pub(crate) async fn audit_hash(&self, seq: i64) -> Result<Option<[u8; 32]>, Error> {
        self.point(seq, |db, seq| Box::pin(async move { db.find(HASH, &[seq]).await })).await
    }

    /// The name that the database got when it was made.
    pub(crate) async fn database_name(&self) -> Result<String, Error> {
        self.point((), |db, ()| Box::pin(db.one(NAME, &[]))).await
    }

    /// Recomputes the whole chain, a thousand rows at a time, and compares it with the head.
    pub(crate) async fn verify_audit(&self) -> Result<AuditVerdict, Error> {
        self.scan((), |db, ()| Box::pin(db.verify_audit())).await
    }

    /// Recomputes the chain behind an event that is known to be in it.
    pub(crate) async fn verify_audit_from(&self, known: Head) -> Result<AuditVerdict, Error> {
        self.scan(known, |db, known| Box::pin(db.verify_audit_from(*known))).await
    }
}
