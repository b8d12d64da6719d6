//! Clients.

use std::collections::HashMap;

use hub_core::api::InstanceCounts;
use hub_core::labels::LabelPair;
use hub_core::model::{Client, ClientSettings, ClientStatus};

use super::Store;
use super::bulk::Bulk;
use super::db::Db;
use super::error::Error;
use super::query::Query;
use super::row::{FromRow, Row};

impl FromRow for Client {
    fn from_row(row: &mut Row<'_>) -> Result<Self, Error> {
        Ok(Self {
            id: row.next()?,
            slug: row.next()?,
            settings: ClientSettings {
                name: row.next()?,
                external_ref: row.next()?,
                status: row.next()?,
                labels: row.next()?,
                suspension: row.next()?,
            },
            created_at: row.next()?,
            updated_at: row.next()?,
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

macro_rules! columns {
    () => {
        "id, slug, name, external_ref, status, labels, suspended_at, suspended_reason, created_at, \
         updated_at"
    };
}

const SELECT: &str = concat!("SELECT ", columns!(), " FROM clients");
const SELECT_ONE: &str = concat!("SELECT ", columns!(), " FROM clients WHERE id = $1 OR slug = $2");
const INSERT: &str = "INSERT INTO clients (id, slug, name, external_ref, status, labels, created_at, updated_at) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING";
const UPDATE: &str = "UPDATE clients SET name = $2, external_ref = $3, status = $4, labels = $5, \
                      updated_at = $6, suspended_at = $7, suspended_reason = $8 WHERE id = $1";

/// How many clients are read at once where their names are searched.
const BATCH: i64 = 500;
const DELETE: &str = "DELETE FROM clients WHERE id = $1";

/// Instances by status, as [`hub_core::model::Standing::status`] has them.
macro_rules! counts {
    () => {
        "COUNT(*), COUNT(*) FILTER (WHERE suspended_at IS NULL AND activated_at IS NULL), \
         COUNT(*) FILTER (WHERE suspended_at IS NULL AND activated_at IS NOT NULL), \
         COUNT(*) FILTER (WHERE suspended_at IS NOT NULL)"
    };
}

/// The counts of all instances. Their number is kept, and indexes hold the pending and the suspended ones, so
/// no row is read. (Those are the least that there can be, also while the number is put right.)
pub(super) const COUNT_ALL: &str = "SELECT n, pending, n - pending - suspended, suspended FROM \
     (SELECT {greatest}(t.n, pending + suspended) AS n, pending, suspended FROM instance_total t, \
     (SELECT COUNT(*) AS pending FROM instances WHERE suspended_at IS NULL AND activated_at IS NULL) AS p, \
     (SELECT COUNT(*) AS suspended FROM instances WHERE suspended_at IS NOT NULL) AS s \
     WHERE t.id = 1) AS counted";
/// Whoever adds or deletes instances holds the audit chain, so nobody else waits for this row.
pub(super) static ADD_TO_TOTAL: Bulk =
    Bulk::new(&["more"], "UPDATE instance_total SET n = n + bulk.more {from} WHERE id = 1");
const COUNT_BY_CLIENT: &str =
    concat!("SELECT client, ", counts!(), " FROM instances WHERE client {key} GROUP BY client");

impl FromRow for InstanceCounts {
    fn from_row(row: &mut Row<'_>) -> Result<Self, Error> {
        Ok(Self {
            total: row.next()?,
            pending: row.next()?,
            active: row.next()?,
            suspended: row.next()?,
        })
    }
}

/// A label as it stands in the compact JSON of a set. The grammar of labels has no character that
/// JSON escapes, and a key follows a quote, so this text is there if and only if the label is.
pub(super) fn label_text(label: &LabelPair) -> String {
    format!(r#""{}":"{}""#, label.key, label.value)
}

/// A set as the compact JSON that is stored.
pub(super) fn json(set: &impl serde::Serialize) -> String {
    serde_json::to_string(set).unwrap_or_else(|_| unreachable!("sets of texts are JSON"))
}

/// Whether the handle or the name of a client contains a text without case.
fn names(client: &Client, text: &str) -> bool {
    client.slug.as_str().contains(text)
        || without_case(client.settings.name.as_str()).contains(text)
}

/// A text in lower case, letter by letter: a part of a text becomes a part of it. (A whole word in lower case
/// would end in another sigma than a part of it.)
pub(super) fn without_case(text: &str) -> String {
    let lower = text.chars().flat_map(char::to_lowercase);
    lower.map(|letter| if letter == 'ς' { 'σ' } else { letter }).collect()
}

/// An id is a UUID in lower case; a slug never has that form.
fn as_id(handle: &str) -> String {
    uuid::Uuid::try_parse(handle).map(|id| id.hyphenated().to_string()).unwrap_or_default()
}

impl Db<'_> {
    /// The client with this id or slug.
    pub(crate) async fn client(&mut self, handle: &str) -> Result<Option<Client>, Error> {
        self.find(SELECT_ONE, &[&as_id(handle), &handle]).await
    }

    /// The first clients by slug. Names are compared here: the two databases do not agree on what is the
    /// lower case of a letter.
    async fn list_clients(
        &mut self,
        filter: &ClientFilter,
        limit: i64,
    ) -> Result<Vec<Client>, Error> {
        let after = filter.after.clone().unwrap_or_default();
        let Some(text) = filter.text.as_deref().map(without_case) else {
            return self.clients_after(&after, filter, limit).await;
        };
        let (mut found, mut after) = (Vec::new(), after);
        loop {
            let batch = self.clients_after(&after, filter, BATCH).await?;
            let Some(last) = batch.last() else { break };
            last.slug.as_str().clone_into(&mut after);
            let is_last = (batch.len() as u64) < BATCH.unsigned_abs();
            found.extend(batch.into_iter().filter(|client| names(client, &text)));
            let most = usize::try_from(limit).unwrap_or(usize::MAX);
            if is_last || found.len() >= most {
                found.truncate(most);
                break;
            }
        }
        Ok(found)
    }

    async fn clients_after(
        &mut self,
        after: &str,
        filter: &ClientFilter,
        limit: i64,
    ) -> Result<Vec<Client>, Error> {
        let mut query = Query::new(SELECT);
        query.and("slug > $", after);
        if let Some(status) = filter.status {
            query.and("status = $", status.as_str());
        }
        for label in &filter.labels {
            query.and("{find}(labels, $) > 0", label_text(label));
        }
        query.rows(self, "slug", limit).await
    }

    async fn count_instances(
        &mut self,
        clients: &[String],
    ) -> Result<HashMap<String, InstanceCounts>, Error> {
        let ids: Vec<&str> = clients.iter().map(String::as_str).collect();
        let counted: Vec<(String, InstanceCounts)> = self.rows_by(COUNT_BY_CLIENT, &ids).await?;
        Ok(counted.into_iter().collect())
    }

    /// Adds a client; false when the slug is taken.
    pub(crate) async fn insert_client(&mut self, client: &Client) -> Result<bool, Error> {
        let ClientSettings { name, external_ref, labels, status, .. } = &client.settings;
        let added = self
            .execute(
                INSERT,
                &[
                    &client.id,
                    &client.slug.as_str(),
                    &name.as_str(),
                    &external_ref.as_ref().map(|text| text.as_str().to_owned()),
                    &status.as_str(),
                    &json(labels),
                    &client.created_at.unix_ms(),
                    &client.updated_at.unix_ms(),
                ],
            )
            .await?;
        Ok(added == 1)
    }

    /// Replaces what operators set.
    pub(crate) async fn update_client(&mut self, client: &Client) -> Result<(), Error> {
        let ClientSettings { name, external_ref, labels, status, suspension } = &client.settings;
        let since = suspension.as_ref().map(|suspension| suspension.since.unix_ms());
        let reason = suspension.as_ref().and_then(|suspension| suspension.reason.as_ref());
        self.execute(
            UPDATE,
            &[
                &client.id,
                &name.as_str(),
                &external_ref.as_ref().map(|text| text.as_str().to_owned()),
                &status.as_str(),
                &json(labels),
                &client.updated_at.unix_ms(),
                &since,
                &reason.map(|reason| reason.as_str().to_owned()),
            ],
        )
        .await?;
        Ok(())
    }

    /// Deletes a client that has no instances.
    pub(crate) async fn delete_client(&mut self, id: &str) -> Result<(), Error> {
        self.execute(DELETE, &[&id]).await?;
        Ok(())
    }
}

impl Store {
    /// The client with this id or slug.
    pub(crate) async fn client(&self, handle: &str) -> Result<Option<Client>, Error> {
        self.point(handle.to_owned(), |db, handle| Box::pin(db.client(handle))).await
    }

    /// At most `limit` clients, by slug.
    pub(crate) async fn list_clients(
        &self,
        filter: ClientFilter,
        limit: i64,
    ) -> Result<Vec<Client>, Error> {
        self.scan((filter, limit), |db, (filter, limit)| Box::pin(db.list_clients(filter, *limit)))
            .await
    }

    /// How many instances each of these clients has; a client without any is not there.
    pub(crate) async fn count_instances(
        &self,
        clients: Vec<String>,
    ) -> Result<HashMap<String, InstanceCounts>, Error> {
        self.scan(clients, |db, clients| Box::pin(db.count_instances(clients))).await
    }
}
