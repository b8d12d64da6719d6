//! Instances: reads, and the changes that operators make.

use hub_core::api::{EffectiveStatus, Instance};
use hub_core::key::KeyHash;
use hub_core::labels::{Entitlements, LabelPair};
use hub_core::time::Timestamp;
use sqlx::{AssertSqlSafe, QueryBuilder};

use super::bulk::{Column, Value};
use super::error::Error;
use super::telemetry::USAGE_TABLES;
use super::tx::Tx;
use super::{Store, on};
use crate::domain::{Seat, Terms};

/// An instance with its client's status and its newest keys, as the database has it.
#[derive(Debug, Clone, sqlx::FromRow)]
pub(crate) struct InstanceRecord {
    pub(crate) id: i64,
    pub(crate) instance_id: String,
    pub(crate) client: String,
    pub(crate) client_slug: String,
    client_status: String,
    pub(crate) labels: String,
    pub(crate) entitlements: String,
    pub(crate) expires_at: Option<i64>,
    pub(crate) grace_days: i64,
    pub(crate) max_activations: Option<i64>,
    pub(crate) activations: i64,
    pub(crate) suspended_at: Option<i64>,
    pub(crate) suspended_reason: Option<String>,
    created_at: i64,
    updated_at: i64,
    pub(crate) activated_at: Option<i64>,
    pub(crate) last_seen_at: Option<i64>,
    license_hash: Vec<u8>,
    license_issued_at: i64,
    hub_hash: Option<Vec<u8>>,
    hub_issued_at: Option<i64>,
}

/// The columns of an [`InstanceRecord`]; instances are `i`, clients `c`, newest keys `l` and `h`.
macro_rules! record_columns {
    () => {
        "i.id, i.instance_id, i.client, c.slug AS client_slug, c.status AS client_status, i.labels, \
         i.entitlements, i.expires_at, i.grace_days, i.max_activations, i.activations, \
         i.suspended_at, i.suspended_reason, i.created_at, i.updated_at, i.activated_at, \
         i.last_seen_at, l.hash AS license_hash, l.issued_at AS license_issued_at, \
         h.hash AS hub_hash, h.issued_at AS hub_issued_at"
    };
}
pub(super) use record_columns;

/// What they come from, after `instances i`.
///
/// Every instance has a newest license. It is joined as if it might have none so that PostgreSQL looks
/// it up for each instance: a plan that was made while both tables were empty would as soon begin with
/// the licenses, and read all instances for each of them for as long as it is kept.
macro_rules! record_joins {
    () => {
        "JOIN clients c ON c.id = i.client \
         LEFT JOIN instance_keys l ON l.instance = i.id AND l.kind = 'license' AND l.not_after IS NULL \
         LEFT JOIN instance_keys h ON h.instance = i.id AND h.kind = 'hub' AND h.not_after IS NULL"
    };
}
pub(super) use record_joins;

const SELECT: &str = concat!("SELECT ", record_columns!(), " FROM instances i ", record_joins!());
const SELECT_ONE: &str = concat!(
    "SELECT ",
    record_columns!(),
    " FROM instances i ",
    record_joins!(),
    " WHERE i.instance_id = $1"
);

impl InstanceRecord {
    /// What decides whether the instance works.
    pub(crate) fn terms(&self) -> Terms {
        Terms {
            activated: self.activated_at.is_some(),
            suspended: self.suspended_at.is_some(),
            client_suspended: self.client_status == "suspended",
            expires_at: self.expires_at.map(Timestamp::from_unix_ms),
            grace_days: u32::try_from(self.grace_days).unwrap_or(0),
        }
    }

    /// How often it was activated, and how often it may be.
    pub(crate) fn seat(&self) -> Seat {
        Seat { activations: self.activations, max_activations: self.max_activations }
    }

    /// The newest license key's hash.
    pub(crate) fn license_hash(&self) -> Result<KeyHash, Error> {
        KeyHash::from_bytes(&self.license_hash).ok_or_else(|| Error::corrupt("key hash"))
    }

    /// The newest hub key's hash.
    pub(crate) fn hub_hash(&self) -> Result<Option<KeyHash>, Error> {
        let hash = self.hub_hash.as_deref().map(KeyHash::from_bytes);
        hash.map(|hash| hash.ok_or_else(|| Error::corrupt("key hash"))).transpose()
    }

    /// What it entitles to.
    pub(crate) fn entitlements(&self) -> Result<Entitlements, Error> {
        serde_json::from_str(&self.entitlements).map_err(|_| Error::corrupt("entitlements"))
    }

    /// The instance as the API shows it.
    pub(crate) fn to_wire(&self, now: Timestamp) -> Result<Instance, Error> {
        let corrupt = || Error::corrupt("instance");
        let at = Timestamp::from_unix_ms;
        let terms = self.terms();
        let hub_key = self.hub_hash()?.map(|hash| hub_core::api::HubKeyInfo {
            fingerprint: hash.fingerprint(),
            issued_at: at(self.hub_issued_at.unwrap_or_default()),
        });
        let limit = |max| u32::try_from(max).ok().and_then(|max| max.try_into().ok());
        Ok(Instance {
            instance_id: self.instance_id.parse().map_err(|_| corrupt())?,
            client_id: self.client.clone(),
            client_slug: self.client_slug.parse().map_err(|_| corrupt())?,
            status: terms.status(),
            effective_status: terms.effective_status(now),
            license: hub_core::api::LicenseInfo {
                fingerprint: self.license_hash()?.fingerprint(),
                issued_at: at(self.license_issued_at),
                expires_at: self.expires_at.map(at),
                grace_days: terms.grace_days.try_into().map_err(|_| corrupt())?,
                max_activations: self.max_activations.and_then(limit),
                activations: u32::try_from(self.activations).map_err(|_| corrupt())?,
                entitlements: self.entitlements()?,
            },
            hub_key,
            suspension: self.suspended_at.map(|since| hub_core::api::Suspension {
                reason: self.suspended_reason.as_deref().and_then(hub_core::text::ReasonCode::new),
                since: at(since),
            }),
            labels: serde_json::from_str(&self.labels).map_err(|_| corrupt())?,
            created_at: at(self.created_at),
            updated_at: at(self.updated_at),
            activated_at: self.activated_at.map(at),
            last_seen_at: self.last_seen_at.map(at),
        })
    }
}

/// Which instances to list.
#[derive(Debug, Default)]
pub(crate) struct InstanceFilter {
    pub(crate) client: Option<String>,
    pub(crate) status: Option<EffectiveStatus>,
    pub(crate) labels: Vec<LabelPair>,
    pub(crate) text: Option<String>,
    /// Not heard of since.
    pub(crate) silent_since: Option<Timestamp>,
    /// With a license that ends in this time.
    pub(crate) expires: Option<(Timestamp, Timestamp)>,
    pub(crate) after: Option<String>,
}

/// A label as it stands in the compact JSON of a set. The grammar of labels has no character that
/// JSON escapes, and a key follows a quote, so this text is there if and only if the label is.
pub(super) fn label_text(label: &LabelPair) -> String {
    format!(r#""{}":"{}""#, label.key, label.value)
}

/// [`Terms::effective_status`] as SQL, with the time now in the place of `{}`.
fn status_condition(status: EffectiveStatus) -> (&'static str, &'static str) {
    const SUSPENDED: &str = " AND i.suspended_at IS NOT NULL";
    const CLIENT: &str = " AND i.suspended_at IS NULL AND c.status = 'suspended'";
    const WORKS: &str = " AND i.suspended_at IS NULL AND c.status = 'active' AND ";
    match status {
        EffectiveStatus::Suspended => (SUSPENDED, ""),
        EffectiveStatus::ClientSuspended => (CLIENT, ""),
        EffectiveStatus::Expired => (WORKS, "i.expires_at IS NOT NULL AND NOT "),
        EffectiveStatus::Active => (WORKS, "i.activated_at IS NOT NULL AND "),
        EffectiveStatus::Pending => (WORKS, "i.activated_at IS NULL AND "),
    }
}

impl Store {
    /// The instance with this handle.
    pub(crate) async fn instance(&self, id: &str) -> Result<Option<InstanceRecord>, Error> {
        Ok(on!(self.reader(), |db| {
            sqlx::query_as(SELECT_ONE).bind(id).fetch_optional(db).await?
        }))
    }

    /// At most `limit` instances, by handle.
    pub(crate) async fn list_instances(
        &self,
        filter: &InstanceFilter,
        limit: i64,
        now: Timestamp,
    ) -> Result<Vec<InstanceRecord>, Error> {
        Ok(on!(self.reader(), |db| {
            let mut query = QueryBuilder::new(SELECT);
            query.push(" WHERE i.instance_id > ");
            query.push_bind(filter.after.as_deref().unwrap_or_default());
            if let Some(client) = &filter.client {
                query.push(" AND i.client = ").push_bind(client);
            }
            if let Some(status) = filter.status {
                let (standing, dates) = status_condition(status);
                query.push(standing);
                if !dates.is_empty() {
                    query.push(dates).push("(i.expires_at IS NULL OR ").push_bind(now.unix_ms());
                    query.push(" < i.expires_at + i.grace_days * 86400000)");
                }
            }
            for label in &filter.labels {
                query.push(" AND ").push(dialect::FIND).push("(i.labels, ");
                query.push_bind(label_text(label)).push(") > 0");
            }
            if let Some(text) = &filter.text {
                query.push(" AND ").push(dialect::FIND).push("(i.instance_id, ");
                query.push_bind(text.to_lowercase()).push(") > 0");
            }
            if let Some(since) = filter.silent_since {
                query.push(" AND COALESCE(i.last_seen_at, i.created_at) <= ");
                query.push_bind(since.unix_ms());
            }
            if let Some((from, until)) = filter.expires {
                query.push(" AND i.expires_at > ").push_bind(from.unix_ms());
                query.push(" AND i.expires_at <= ").push_bind(until.unix_ms());
            }
            query.push(" ORDER BY i.instance_id LIMIT ").push_bind(limit);
            query.build_query_as().fetch_all(db).await?
        }))
    }
}

/// A new instance, with everything decided.
#[derive(Debug)]
pub(crate) struct InstanceRow<'a> {
    pub(crate) instance_id: &'a str,
    pub(crate) client: &'a str,
    pub(crate) terms: TermsRow,
    /// With a hub key from elsewhere it is active at once.
    pub(crate) activated: bool,
    pub(crate) now: Timestamp,
}

/// What operators set of an instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TermsRow {
    pub(crate) labels: String,
    pub(crate) entitlements: String,
    pub(crate) expires_at: Option<i64>,
    pub(crate) grace_days: i64,
    pub(crate) max_activations: Option<i64>,
}

impl InstanceRecord {
    /// What operators set of it.
    pub(crate) fn terms_row(&self) -> TermsRow {
        TermsRow {
            labels: self.labels.clone(),
            entitlements: self.entitlements.clone(),
            expires_at: self.expires_at,
            grace_days: self.grace_days,
            max_activations: self.max_activations,
        }
    }
}

const INSERT: &str = "INSERT INTO instances (instance_id, client, labels, entitlements, expires_at, \
     grace_days, max_activations, activations, created_at, updated_at, activated_at) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9, $10) \
     ON CONFLICT DO NOTHING RETURNING id";

const UPDATE_TERMS: &str = "UPDATE instances SET labels = $2, entitlements = $3, expires_at = $4, \
     grace_days = $5, max_activations = $6, updated_at = $7 WHERE id = $1";

const SET_SUSPENSION: &str = "UPDATE instances SET suspended_at = $2, suspended_reason = $3, \
     updated_at = $4 WHERE id = $1";

const OF_CLIENT: &str = "SELECT instance_id FROM instances WHERE client = $1 ORDER BY instance_id";

impl Tx {
    /// The instance with this handle.
    pub(crate) async fn instance(&mut self, id: &str) -> Result<Option<InstanceRecord>, Error> {
        Ok(on!(self.db(), |db| sqlx::query_as(SELECT_ONE).bind(id).fetch_optional(db).await?))
    }

    /// Adds an instance; `None` when the handle is taken.
    pub(crate) async fn insert_instance(
        &mut self,
        row: &InstanceRow<'_>,
    ) -> Result<Option<i64>, Error> {
        let now = row.now.unix_ms();
        Ok(on!(self.db(), |db| {
            sqlx::query_scalar(INSERT)
                .bind(row.instance_id)
                .bind(row.client)
                .bind(&row.terms.labels)
                .bind(&row.terms.entitlements)
                .bind(row.terms.expires_at)
                .bind(row.terms.grace_days)
                .bind(row.terms.max_activations)
                .bind(i64::from(row.activated))
                .bind(now)
                .bind(row.activated.then_some(now))
                .fetch_optional(db)
                .await?
        }))
    }

    /// Replaces what operators set.
    pub(crate) async fn set_terms(
        &mut self,
        id: i64,
        terms: &TermsRow,
        now: Timestamp,
    ) -> Result<(), Error> {
        on!(self.db(), |db| {
            sqlx::query(UPDATE_TERMS)
                .bind(id)
                .bind(&terms.labels)
                .bind(&terms.entitlements)
                .bind(terms.expires_at)
                .bind(terms.grace_days)
                .bind(terms.max_activations)
                .bind(now.unix_ms())
                .execute(db)
                .await?;
        });
        Ok(())
    }

    /// Suspends with a reason, or ends the suspension.
    pub(crate) async fn set_suspension(
        &mut self,
        id: i64,
        since: Option<Timestamp>,
        reason: Option<&str>,
        now: Timestamp,
    ) -> Result<(), Error> {
        on!(self.db(), |db| {
            sqlx::query(SET_SUSPENSION)
                .bind(id)
                .bind(since.map(Timestamp::unix_ms))
                .bind(reason)
                .bind(now.unix_ms())
                .execute(db)
                .await?;
        });
        Ok(())
    }

    /// The handles of a client's instances.
    pub(crate) async fn instances_of(&mut self, client: &str) -> Result<Vec<String>, Error> {
        Ok(on!(self.db(), |db| sqlx::query_scalar(OF_CLIENT).bind(client).fetch_all(db).await?))
    }

    /// Deletes instances with their usage; the hashes of their keys stay, ended.
    ///
    /// The rows are locked first and in order, so that whoever counts a report of one of them at the
    /// same time comes either before all of it or after.
    pub(crate) async fn delete_instances(&mut self, handles: &[String]) -> Result<(), Error> {
        const HANDLES: [Column; 1] = [Column::Text("handle")];
        const IDS: [Column; 1] = [Column::Int("id")];
        let rows: Vec<Vec<Value>> =
            handles.iter().map(|handle| vec![handle.as_str().into()]).collect();
        let mut ids: Vec<i64> = Vec::with_capacity(rows.len());
        on!(self.db(), |db| {
            for part in dialect::parts(&HANDLES, &rows) {
                let (these, lock) = (part.one_of(), dialect::LOCK_ROWS);
                let find =
                    format!("SELECT id FROM instances WHERE instance_id {these} ORDER BY id{lock}");
                let find = sqlx::query_scalar_with(AssertSqlSafe(find), part.bind());
                let found: Vec<i64> = find.fetch_all(&mut *db).await?;
                ids.extend(found);
            }
        });
        let ids: Vec<[i64; 1]> = ids.into_iter().map(|id| [id]).collect();
        let mut statements = vec![
            "UPDATE instance_keys SET not_after = 0, instance = NULL WHERE instance".to_owned(),
        ];
        statements.push("DELETE FROM instances WHERE id".to_owned());
        statements.extend(USAGE_TABLES.map(|table| format!("DELETE FROM {table} WHERE instance")));
        for statement in statements {
            on!(self.db(), |db| {
                for part in dialect::parts(&IDS, &ids) {
                    let statement = format!("{statement} {}", part.one_of());
                    let statement = sqlx::query_with(AssertSqlSafe(statement), part.bind());
                    statement.execute(&mut *db).await?;
                }
            });
        }
        Ok(())
    }
}
