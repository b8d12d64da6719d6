//! The audit chain: each row's hash covers the hash before it and the row.

use std::collections::BTreeMap;

use hub_core::api::{Action, AuditEvent, AuditVerdict};
use hub_core::time::{Range, Timestamp};
use sha2::{Digest, Sha256};
use sqlx::{AssertSqlSafe, QueryBuilder};

use super::bulk::{Column, Value};
use super::error::Error;
use super::tx::Tx;
use super::{Store, on};

/// The last event's number and hash. All zero before the first event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Head {
    seq: i64,
    hash: [u8; 32],
}

/// A change, before it has its place in the chain.
#[derive(Debug, Clone)]
pub(crate) struct Event {
    pub(crate) at: Timestamp,
    pub(crate) actor: String,
    pub(crate) action: Action,
    pub(crate) target: String,
    pub(crate) detail: BTreeMap<&'static str, String>,
    pub(crate) request_id: String,
}

impl Event {
    /// Adds a code, a fingerprint or a number; never a secret, an address or free text.
    pub(crate) fn with(mut self, name: &'static str, code: impl std::fmt::Display) -> Self {
        self.detail.insert(name, format!("{code}"));
        self
    }
}

/// An event in its place.
#[derive(Debug, sqlx::FromRow)]
pub(super) struct Row {
    seq: i64,
    at: i64,
    actor: String,
    action: String,
    target: String,
    detail: String,
    request_id: String,
    prev_hash: Vec<u8>,
    hash: Vec<u8>,
}

impl Row {
    /// SHA-256 of the hash before and the row as a JSON array.
    fn chained(&self, prev: &[u8]) -> [u8; 32] {
        let canonical = serde_json::json!([
            self.seq,
            self.at,
            self.actor,
            self.action,
            self.target,
            self.detail,
            self.request_id
        ]);
        Sha256::new().chain_update(prev).chain_update(canonical.to_string()).finalize().into()
    }

    fn into_event(self) -> AuditEvent {
        AuditEvent {
            seq: self.seq,
            at: Timestamp::from_unix_ms(self.at),
            actor: self.actor,
            action: self.action,
            target: self.target,
            detail: serde_json::from_str(&self.detail).unwrap_or_default(),
            request_id: self.request_id,
            hash: hex::encode(self.hash),
        }
    }
}

impl Head {
    pub(super) fn read(seq: i64, hash: &[u8]) -> Result<Self, Error> {
        let hash = hash.try_into().map_err(|_| Error::corrupt("audit head"))?;
        Ok(Self { seq, hash })
    }

    /// Gives the events their places and moves on.
    pub(super) fn chain(&mut self, events: Vec<Event>) -> Vec<Row> {
        let mut rows = Vec::with_capacity(events.len());
        for event in events {
            let mut row = Row {
                seq: self.seq + 1,
                at: event.at.unix_ms(),
                actor: event.actor,
                action: event.action.as_str().to_owned(),
                target: event.target,
                detail: serde_json::json!(event.detail).to_string(),
                request_id: event.request_id,
                prev_hash: self.hash.to_vec(),
                hash: Vec::new(),
            };
            let hash = row.chained(&self.hash);
            row.hash = hash.to_vec();
            *self = Self { seq: row.seq, hash };
            rows.push(row);
        }
        rows
    }
}

const COLUMNS: [Column; 9] = [
    Column::Int("seq"),
    Column::Int("at"),
    Column::Text("actor"),
    Column::Text("action"),
    Column::Text("target"),
    Column::Text("detail"),
    Column::Text("request_id"),
    Column::Bytes("prev_hash"),
    Column::Bytes("hash"),
];

const MOVE_HEAD: &str = "UPDATE audit_head SET seq = $1, hash = $2 WHERE id = 1";

const SELECT: &str = "SELECT seq, at, actor, action, target, detail, request_id, prev_hash, hash \
                      FROM audit_events";

const SELECT_AFTER: &str = "SELECT seq, at, actor, action, target, detail, request_id, prev_hash, hash \
     FROM audit_events WHERE seq > $1 ORDER BY seq LIMIT 1000";

/// One statement, so that both come from one state of the database.
const TAIL: &str = "SELECT seq, hash, (SELECT COALESCE(MAX(seq), 0) FROM audit_events) \
                    FROM audit_head WHERE id = 1";

impl Tx {
    pub(super) async fn append_audit(&mut self, rows: &[Row], head: Head) -> Result<(), Error> {
        let values: Vec<Vec<Value>> = rows
            .iter()
            .map(|row| {
                vec![
                    row.seq.into(),
                    row.at.into(),
                    row.actor.as_str().into(),
                    row.action.as_str().into(),
                    row.target.as_str().into(),
                    row.detail.as_str().into(),
                    row.request_id.as_str().into(),
                    row.prev_hash.as_slice().into(),
                    row.hash.as_slice().into(),
                ]
            })
            .collect();
        on!(self.db(), |db| {
            for part in dialect::parts(&COLUMNS, &values) {
                let insert = format!(
                    "INSERT INTO audit_events (seq, at, actor, action, target, detail, \
                     request_id, prev_hash, hash) SELECT seq, at, actor, action, target, detail, \
                     request_id, prev_hash, hash FROM {}",
                    part.source()
                );
                let insert = sqlx::query_with(AssertSqlSafe(insert), part.bind());
                insert.execute(&mut *db).await?;
            }
            sqlx::query(MOVE_HEAD).bind(head.seq).bind(head.hash.to_vec()).execute(db).await?;
        });
        Ok(())
    }
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

impl Store {
    /// At most `limit` events, newest first.
    pub(crate) async fn list_audit(
        &self,
        filter: &AuditFilter,
        limit: i64,
    ) -> Result<Vec<AuditEvent>, Error> {
        let rows: Vec<Row> = on!(self.reader(), |db| {
            let mut query = QueryBuilder::new(SELECT);
            query.push(" WHERE seq < ").push_bind(filter.before.unwrap_or(i64::MAX));
            query.push(" AND at >= ").push_bind(filter.range.since.unix_ms());
            if let Some(until) = filter.range.until {
                query.push(" AND at < ").push_bind(until.unix_ms());
            }
            if let Some(actor) = &filter.actor {
                query.push(" AND actor = ").push_bind(actor);
            }
            if let Some(action) = filter.action {
                query.push(" AND action = ").push_bind(action.as_str());
            }
            if let Some(target) = &filter.target {
                query.push(" AND target = ").push_bind(target);
            }
            query.push(" ORDER BY seq DESC LIMIT ").push_bind(limit);
            query.build_query_as().fetch_all(db).await?
        });
        Ok(rows.into_iter().map(Row::into_event).collect())
    }

    /// The last event's number and hash, in hex digits.
    pub(crate) async fn audit_head(&self) -> Result<(i64, String), Error> {
        let (seq, hash, _): (i64, Vec<u8>, i64) =
            on!(self.reader(), |db| sqlx::query_as(TAIL).fetch_one(db).await?);
        Ok((seq, hex::encode(hash)))
    }

    /// Recomputes the whole chain, a thousand rows at a time, and compares it with the head.
    pub(crate) async fn verify_audit(&self) -> Result<AuditVerdict, Error> {
        let mut reached = Head { seq: 0, hash: [0; 32] };
        let mut events = 0;
        let mut last_read = i64::MIN;
        loop {
            let rows: Vec<Row> = on!(self.reader(), |db| {
                sqlx::query_as(SELECT_AFTER).bind(last_read).fetch_all(db).await?
            });
            for row in &rows {
                events += 1;
                last_read = row.seq;
                let fits = row.seq == reached.seq + 1
                    && row.prev_hash == reached.hash
                    && row.hash == row.chained(&reached.hash);
                if !fits {
                    let broken = row.seq.min(reached.seq + 1);
                    return Ok(reached.verdict(events, Some(broken)));
                }
                reached = Head { seq: row.seq, hash: row.chained(&reached.hash) };
            }
            if !rows.is_empty() {
                continue;
            }
            let (seq, hash, last): (i64, Vec<u8>, i64) =
                on!(self.reader(), |db| sqlx::query_as(TAIL).fetch_one(db).await?);
            if last > reached.seq && seq >= last {
                continue; // events came in meanwhile
            }
            let head = Head::read(seq, &hash)?;
            let broken = (head != reached).then_some(reached.seq + 1);
            return Ok(reached.verdict(events, broken));
        }
    }
}

impl Head {
    fn verdict(&self, events: u64, first_broken: Option<i64>) -> AuditVerdict {
        let head = (self.seq > 0).then(|| hex::encode(self.hash));
        AuditVerdict { ok: first_broken.is_none(), events, head, first_broken }
    }
}
