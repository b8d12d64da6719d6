//! Clients.

use std::collections::HashMap;

use hub_core::api::{Client, ClientStatus, InstanceCounts};
use hub_core::labels::LabelPair;
use hub_core::time::Timestamp;
use sqlx::{AssertSqlSafe, QueryBuilder};

use super::bulk::{Column, Value};
use super::error::Error;
use super::instances::label_text;
use super::tx::Tx;
use super::{Store, on};

/// A client as the database has it.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub(crate) struct ClientRecord {
    pub(crate) id: String,
    pub(crate) slug: String,
    pub(crate) name: String,
    pub(crate) external_ref: Option<String>,
    pub(crate) status: String,
    pub(crate) labels: String,
    pub(crate) created_at: i64,
    pub(crate) updated_at: i64,
}

impl ClientRecord {
    /// The client as the API shows it.
    pub(crate) fn to_wire(&self, instances: InstanceCounts) -> Result<Client, Error> {
        let corrupt = || Error::corrupt("client");
        let external_ref = self.external_ref.as_deref();
        Ok(Client {
            id: self.id.clone(),
            slug: self.slug.parse().map_err(|_| corrupt())?,
            name: self.name.parse().map_err(|_| corrupt())?,
            external_ref: external_ref.map(str::parse).transpose().map_err(|_| corrupt())?,
            status: self.status.parse().map_err(|_| corrupt())?,
            labels: serde_json::from_str(&self.labels).map_err(|_| corrupt())?,
            created_at: Timestamp::from_unix_ms(self.created_at),
            updated_at: Timestamp::from_unix_ms(self.updated_at),
            instances,
        })
    }
}

/// Which clients to list.
#[derive(Debug, Default)]
pub(crate) struct ClientFilter {
    pub(crate) status: Option<ClientStatus>,
    pub(crate) labels: Vec<LabelPair>,
    pub(crate) text: Option<String>,
    pub(crate) after: Option<String>,
}

const SELECT: &str =
    "SELECT id, slug, name, external_ref, status, labels, created_at, updated_at FROM clients";
const SELECT_ONE: &str = "SELECT id, slug, name, external_ref, status, labels, created_at, updated_at FROM clients \
     WHERE id = $1 OR slug = $2";
const INSERT: &str = "INSERT INTO clients (id, slug, name, external_ref, status, labels, created_at, updated_at) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING";
const UPDATE: &str = "UPDATE clients SET name = $2, external_ref = $3, status = $4, labels = $5, \
                      updated_at = $6 WHERE id = $1";
const DELETE: &str = "DELETE FROM clients WHERE id = $1";

/// Instances by status, as [`crate::domain::Terms::status`] has them.
pub(super) const COUNTS: &str = "COUNT(*), \
     COUNT(*) FILTER (WHERE suspended_at IS NULL AND activated_at IS NULL), \
     COUNT(*) FILTER (WHERE suspended_at IS NULL AND activated_at IS NOT NULL), \
     COUNT(*) FILTER (WHERE suspended_at IS NOT NULL)";

pub(super) type CountsRow = (i64, i64, i64, i64);

pub(super) fn counts((total, pending, active, suspended): CountsRow) -> InstanceCounts {
    InstanceCounts {
        total: total.unsigned_abs(),
        pending: pending.unsigned_abs(),
        active: active.unsigned_abs(),
        suspended: suspended.unsigned_abs(),
    }
}

/// An id is a UUID in lower case; a slug never has that form.
fn as_id(handle: &str) -> String {
    uuid::Uuid::try_parse(handle).map(|id| id.hyphenated().to_string()).unwrap_or_default()
}

impl Store {
    /// The client with this id or slug.
    pub(crate) async fn client(&self, handle: &str) -> Result<Option<ClientRecord>, Error> {
        Ok(on!(self.reader(), |db| {
            sqlx::query_as(SELECT_ONE).bind(as_id(handle)).bind(handle).fetch_optional(db).await?
        }))
    }

    /// At most `limit` clients, by slug.
    pub(crate) async fn list_clients(
        &self,
        filter: &ClientFilter,
        limit: i64,
    ) -> Result<Vec<ClientRecord>, Error> {
        Ok(on!(self.reader(), |db| {
            let mut query = QueryBuilder::new(SELECT);
            query.push(" WHERE slug > ");
            query.push_bind(filter.after.as_deref().unwrap_or_default());
            if let Some(status) = filter.status {
                query.push(" AND status = ").push_bind(status.as_str());
            }
            for label in &filter.labels {
                query.push(" AND ").push(dialect::FIND).push("(labels, ");
                query.push_bind(label_text(label)).push(") > 0");
            }
            if let Some(text) = &filter.text {
                query.push(" AND ").push(dialect::FIND).push("(slug || ' ' || lower(name), ");
                query.push_bind(text.to_lowercase()).push(") > 0");
            }
            query.push(" ORDER BY slug LIMIT ").push_bind(limit);
            query.build_query_as().fetch_all(db).await?
        }))
    }

    /// How many instances each of these clients has; a client without any is not there.
    pub(crate) async fn count_instances(
        &self,
        clients: &[&str],
    ) -> Result<HashMap<String, InstanceCounts>, Error> {
        const IDS: [Column; 1] = [Column::Text("id")];
        let rows: Vec<Vec<Value>> = clients.iter().map(|id| vec![(*id).into()]).collect();
        let mut counted: Vec<(String, i64, i64, i64, i64)> = Vec::with_capacity(rows.len());
        on!(self.reader(), |db| {
            for part in dialect::parts(&IDS, &rows) {
                let query = format!(
                    "SELECT client, {COUNTS} FROM instances WHERE client {} GROUP BY client",
                    part.one_of()
                );
                let query = sqlx::query_as_with(AssertSqlSafe(query), part.bind());
                counted.extend(query.fetch_all(db).await?);
            }
        });
        let named = counted.into_iter().map(|(id, t, p, a, s)| (id, counts((t, p, a, s))));
        Ok(named.collect())
    }
}

impl Tx {
    /// The client with this id or slug.
    pub(crate) async fn client(&mut self, handle: &str) -> Result<Option<ClientRecord>, Error> {
        Ok(on!(self.db(), |db| {
            sqlx::query_as(SELECT_ONE).bind(as_id(handle)).bind(handle).fetch_optional(db).await?
        }))
    }

    /// Adds a client; false when the slug is taken.
    pub(crate) async fn insert_client(&mut self, row: &ClientRecord) -> Result<bool, Error> {
        let added = on!(self.db(), |db| {
            sqlx::query(INSERT)
                .bind(&row.id)
                .bind(&row.slug)
                .bind(&row.name)
                .bind(&row.external_ref)
                .bind(&row.status)
                .bind(&row.labels)
                .bind(row.created_at)
                .bind(row.updated_at)
                .execute(db)
                .await?
                .rows_affected()
        });
        Ok(added == 1)
    }

    /// Replaces what operators set.
    pub(crate) async fn update_client(&mut self, row: &ClientRecord) -> Result<(), Error> {
        on!(self.db(), |db| {
            sqlx::query(UPDATE)
                .bind(&row.id)
                .bind(&row.name)
                .bind(&row.external_ref)
                .bind(&row.status)
                .bind(&row.labels)
                .bind(row.updated_at)
                .execute(db)
                .await?;
        });
        Ok(())
    }

    /// Deletes a client that has no instances.
    pub(crate) async fn delete_client(&mut self, id: &str) -> Result<(), Error> {
        on!(self.db(), |db| {
            sqlx::query(DELETE).bind(id).execute(db).await?;
        });
        Ok(())
    }
}
