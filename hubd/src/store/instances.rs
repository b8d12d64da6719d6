//! Instances: reads, and the changes that operators make.

use hub_core::api::{EffectiveStatus, InstanceSort};
use hub_core::key::KeyHash;
use hub_core::labels::LabelPair;
use hub_core::model::{ActivationLimit, Instance, IssuedKey, Owner, Suspension, Terms};
use hub_core::name::InstanceId;
use hub_core::time::Timestamp;

use super::Store;
use super::clients::{json, label_text, without_case};
use super::db::Db;
use super::error::Error;
use super::query::Query;
use super::row::{FromRow, Row};
use super::transaction::Tx;

/// An instance, and where it stands in the database.
#[derive(Debug, Clone)]
pub(crate) struct InstanceRow {
    pub(crate) id: i64,
    pub(crate) instance: Instance,
}

impl FromRow for InstanceRow {
    fn from_row(row: &mut Row<'_>) -> Result<Self, Error> {
        Ok(Self { id: row.next()?, instance: row.next()? })
    }
}

impl FromRow for Instance {
    fn from_row(row: &mut Row<'_>) -> Result<Self, Error> {
        Ok(Self {
            instance_id: row.next()?,
            owner: row.next()?,
            terms: row.next()?,
            activations: row.next()?,
            suspension: row.next()?,
            created_at: row.next()?,
            updated_at: row.next()?,
            activated_at: row.next()?,
            last_seen_at: row.next()?,
            license: IssuedKey { hash: row.next()?, issued_at: row.next()? },
            hub_key: hub_key(row.next()?, row.next()?)?,
        })
    }
}

impl FromRow for Owner {
    fn from_row(row: &mut Row<'_>) -> Result<Self, Error> {
        Ok(Self { id: row.next()?, slug: row.next()?, status: row.next()? })
    }
}

impl FromRow for Terms {
    fn from_row(row: &mut Row<'_>) -> Result<Self, Error> {
        Ok(Self {
            labels: row.next()?,
            entitlements: row.next()?,
            expires_at: row.next()?,
            grace_days: row.next()?,
            max_activations: row.next()?,
        })
    }
}

impl FromRow for Option<Suspension> {
    fn from_row(row: &mut Row<'_>) -> Result<Self, Error> {
        let (since, reason) = (row.next::<Option<Timestamp>>()?, row.next()?);
        Ok(since.map(|since| Suspension { reason, since }))
    }
}

fn hub_key(
    hash: Option<KeyHash>,
    issued_at: Option<Timestamp>,
) -> Result<Option<IssuedKey>, Error> {
    match (hash, issued_at) {
        (Some(hash), Some(issued_at)) => Ok(Some(IssuedKey { hash, issued_at })),
        (None, None) => Ok(None),
        _ => Err(Error::corrupt("hub key")),
    }
}

/// The columns of an [`InstanceRow`]; instances are `i`, clients `c`.
macro_rules! columns {
    () => {
        "i.id, i.instance_id, i.client, c.slug, c.status, i.labels, i.entitlements, i.expires_at, \
         i.grace_days, i.max_activations, i.activations, i.suspended_at, i.suspended_reason, \
         i.created_at, i.updated_at, i.activated_at, i.last_seen_at, i.license_hash, \
         i.license_issued_at, i.hub_hash, i.hub_issued_at"
    };
}
pub(super) use columns;

const SELECT: &str =
    concat!("SELECT ", columns!(), " FROM instances i JOIN clients c ON c.id = i.client");
const SELECT_ONE: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM instances i JOIN clients c ON c.id = i.client WHERE i.instance_id = $1"
);

const INSERT: &str = "INSERT INTO instances (instance_id, client, labels, entitlements, expires_at, \
     grace_days, max_activations, activations, created_at, updated_at, activated_at) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9, $10) \
     ON CONFLICT DO NOTHING RETURNING id";

const UPDATE_TERMS: &str = "UPDATE instances SET labels = $2, entitlements = $3, expires_at = $4, \
     grace_days = $5, max_activations = $6, updated_at = $7 WHERE id = $1";

const SET_SUSPENSION: &str = "UPDATE instances SET suspended_at = $2, suspended_reason = $3, \
     updated_at = $4 WHERE id = $1";

const OF_CLIENT: &str = "SELECT instance_id FROM instances WHERE client = $1 ORDER BY instance_id";

const IDS: &str = "SELECT id FROM instances WHERE instance_id {key} ORDER BY id{for_update}";
const END_KEYS: &str =
    "UPDATE instance_keys SET not_after = 0, instance = NULL WHERE instance {key}";
const DELETE: &str = "DELETE FROM instances WHERE id {key}";

/// Which instances to list.
#[derive(Debug, Default)]
pub(crate) struct InstanceFilter {
    pub(crate) client: Option<String>,
    pub(crate) status: Option<EffectiveStatus>,
    pub(crate) labels: Vec<LabelPair>,
    pub(crate) text: Option<String>,
    /// Not heard of since.
    pub(crate) silent_since: Option<Timestamp>,
    /// With a license that ends by then and has not ended yet, its grace included.
    pub(crate) ends_by: Option<Timestamp>,
    pub(crate) sort: InstanceSort,
    pub(crate) after: Option<InstancePlace>,
}

/// Where in a list an instance stands: the time that the list is sorted by, and its handle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct InstancePlace {
    pub(crate) at: Option<Timestamp>,
    pub(crate) handle: String,
}

/// The license works at the time `$`.
const WORKS: &str = "(i.expires_at IS NULL OR $ < i.expires_at + i.grace_days * 86400000)";
/// The license and the grace after it have ended at the time `$`.
const EXPIRED: &str = "i.expires_at IS NOT NULL AND i.expires_at + i.grace_days * 86400000 <= $";

impl InstanceFilter {
    /// [`hub_core::model::Standing::effective_status`] as SQL.
    fn require_status(query: &mut Query<'_>, status: EffectiveStatus, now: Timestamp) {
        let now = now.unix_ms();
        if status == EffectiveStatus::Suspended {
            return query.require("i.suspended_at IS NOT NULL");
        }
        query.require("i.suspended_at IS NULL");
        if status == EffectiveStatus::ClientSuspended {
            return query.require("c.status = 'suspended'");
        }
        query.require("c.status = 'active'");
        match status {
            EffectiveStatus::Expired => query.and(EXPIRED, now),
            EffectiveStatus::Active => {
                query.require("i.activated_at IS NOT NULL");
                query.and(WORKS, now);
            }
            _ => {
                query.require("i.activated_at IS NULL");
                query.and(WORKS, now);
            }
        }
    }

    fn query(&self, now: Timestamp) -> Query<'_> {
        let mut query = Query::new(SELECT);
        if let Some(place) = &self.after {
            self.require_after(&mut query, place);
        }
        if let Some(client) = &self.client {
            query.and("i.client = $", client.as_str());
        }
        if let Some(status) = self.status {
            Self::require_status(&mut query, status, now);
        }
        for label in &self.labels {
            query.and("{find}(i.labels, $) > 0", label_text(label));
        }
        if let Some(text) = &self.text {
            query.and("{find}(i.instance_id, $) > 0", without_case(text));
        }
        if let Some(since) = self.silent_since {
            // What is suspended or was never activated has nothing to say.
            query.require("i.suspended_at IS NULL AND c.status = 'active'");
            query.require("i.activated_at IS NOT NULL");
            query.and("COALESCE(i.last_seen_at, i.created_at) <= $", since.unix_ms());
        }
        if let Some(until) = self.ends_by {
            query.and("i.expires_at <= $", until.unix_ms());
            query.and(WORKS, now.unix_ms());
        }
        query
    }

    /// Whether an index has just the rows of the list, in its order: then a page reads no other rows.
    fn follows_an_index(&self) -> bool {
        let Self { client: _, status, labels, text, silent_since, ends_by, sort, after: _ } = self;
        status.is_none()
            && labels.is_empty()
            && text.is_none()
            && silent_since.is_none()
            && ends_by.is_none()
            && *sort == InstanceSort::InstanceId
    }

    /// The column that the list is sorted by before the handle.
    fn column(&self) -> Option<&'static str> {
        match self.sort {
            InstanceSort::InstanceId => None,
            InstanceSort::ExpiresAt => Some("i.expires_at"),
            InstanceSort::LastSeenAt => Some("i.last_seen_at"),
        }
    }

    fn order(&self) -> String {
        let column = self.column().map(|column| format!("{column} IS NULL, {column}, "));
        format!("{}i.instance_id", column.unwrap_or_default())
    }

    /// What comes after an instance in the order of the list.
    fn require_after<'a>(&self, query: &mut Query<'a>, place: &'a InstancePlace) {
        let handle = place.handle.as_str();
        match (self.column(), place.at) {
            (None, _) => query.and("i.instance_id > $", handle),
            (Some(column), None) => {
                query.require(&format!("{column} IS NULL"));
                query.and("i.instance_id > $", handle);
            }
            (Some(column), Some(at)) => {
                let at = query.arg(at.unix_ms());
                let handle = query.arg(handle);
                query.require(&format!(
                    "({column} > {at} OR ({column} = {at} AND i.instance_id > {handle}) OR {column} IS NULL)"
                ));
            }
        }
    }
}

/// A new instance, with everything decided.
#[derive(Debug)]
pub(crate) struct NewInstanceRow<'a> {
    pub(crate) instance_id: &'a InstanceId,
    pub(crate) client: &'a str,
    pub(crate) terms: &'a Terms,
    /// With a hub key from elsewhere it is active at once.
    pub(crate) activated: bool,
    pub(crate) now: Timestamp,
}

fn limit(terms: &Terms) -> Option<i64> {
    terms.max_activations.map(ActivationLimit::get).map(i64::from)
}

impl Db<'_> {
    /// The instance with this handle.
    pub(crate) async fn instance(&mut self, handle: &str) -> Result<Option<InstanceRow>, Error> {
        self.find(SELECT_ONE, &[&handle]).await
    }

    /// Replaces what operators set.
    pub(crate) async fn set_terms(
        &mut self,
        id: i64,
        terms: &Terms,
        now: Timestamp,
    ) -> Result<(), Error> {
        self.execute(
            UPDATE_TERMS,
            &[
                &id,
                &json(&terms.labels),
                &json(&terms.entitlements),
                &terms.expires_at.map(Timestamp::unix_ms),
                &i64::from(terms.grace_days.get()),
                &limit(terms),
                &now.unix_ms(),
            ],
        )
        .await?;
        Ok(())
    }

    /// Suspends, or ends the suspension.
    pub(crate) async fn set_suspension(
        &mut self,
        id: i64,
        suspension: Option<&Suspension>,
        now: Timestamp,
    ) -> Result<(), Error> {
        let since = suspension.map(|suspension| suspension.since.unix_ms());
        let reason = suspension.and_then(|suspension| suspension.reason.as_ref());
        let reason = reason.map(|reason| reason.as_str().to_owned());
        self.execute(SET_SUSPENSION, &[&id, &since, &reason, &now.unix_ms()]).await?;
        Ok(())
    }

    /// The handles of a client's instances.
    pub(crate) async fn instances_of(&mut self, client: &str) -> Result<Vec<String>, Error> {
        self.rows(OF_CLIENT, &[&client]).await
    }
}

impl Tx<'_> {
    /// Adds an instance; `None` when the handle is taken.
    pub(crate) async fn insert_instance(
        &mut self,
        new: &NewInstanceRow<'_>,
    ) -> Result<Option<i64>, Error> {
        let (terms, now) = (new.terms, new.now.unix_ms());
        let added: Option<i64> = self
            .find(
                INSERT,
                &[
                    &new.instance_id.as_str(),
                    &new.client,
                    &json(&terms.labels),
                    &json(&terms.entitlements),
                    &terms.expires_at.map(Timestamp::unix_ms),
                    &i64::from(terms.grace_days.get()),
                    &limit(terms),
                    &i64::from(new.activated),
                    &now,
                    &new.activated.then_some(now),
                ],
            )
            .await?;
        if added.is_some() {
            self.count_instances(1);
        }
        Ok(added)
    }

    /// Deletes instances with their usage; the hashes of their keys stay, ended.
    ///
    /// The rows are locked first and in order, so that whoever counts a report of one of them at the
    /// same time comes either before all of it or after.
    pub(crate) async fn delete_instances(&mut self, handles: &[&str]) -> Result<(), Error> {
        let ids: Vec<i64> = self.rows_by(IDS, handles).await?;
        self.execute_by(END_KEYS, &ids).await?;
        self.execute_by(DELETE, &ids).await?;
        let deleted = i64::try_from(ids.len()).unwrap_or(i64::MAX);
        self.count_instances(-deleted);
        self.delete_usage(&ids).await
    }
}

impl Store {
    /// The instance with this handle.
    pub(crate) async fn instance(&self, handle: &str) -> Result<Option<InstanceRow>, Error> {
        self.point(handle.to_owned(), |db, handle| Box::pin(db.instance(handle))).await
    }

    /// At most `limit` instances, in the order of the filter.
    pub(crate) async fn list_instances(
        &self,
        filter: InstanceFilter,
        limit: i64,
        now: Timestamp,
    ) -> Result<Vec<InstanceRow>, Error> {
        let rows = if filter.follows_an_index() { limit } else { i64::MAX };
        self.bounded(rows, (filter, limit, now), |db, (filter, limit, now)| {
            Box::pin(async move { filter.query(*now).rows(db, &filter.order(), *limit).await })
        })
        .await
    }
}
