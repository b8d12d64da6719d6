//! What an activation reads and writes.

use hub_core::key::KeyHash;
use hub_core::labels::Entitlements;
use hub_core::model::{ClientStatus, Standing};
use hub_core::time::Timestamp;

use super::bulk::{Bulk, Filled};
use super::error::Error;
use super::keys::{ADD_KEYS, Holder, REPLACE, key_rows, known, replaced_rows};
use super::row::{FromRow, Row};
use super::transaction::Tx;
use crate::domain::{License, NewKey};

/// A license, and what its holder is told of it.
#[derive(Debug, Clone)]
pub(crate) struct LicenseRow {
    /// The instance's row.
    pub(crate) id: i64,
    /// The client's id.
    pub(crate) client: String,
    pub(crate) license: License,
    pub(crate) entitlements: Entitlements,
    pub(crate) activated_at: Option<Timestamp>,
}

impl FromRow for LicenseRow {
    fn from_row(row: &mut Row<'_>) -> Result<Self, Error> {
        let (id, instance_id, client) = row.next()?;
        let client_suspended = row.next::<ClientStatus>()? == ClientStatus::Suspended;
        let suspended = row.next::<Option<Timestamp>>()?.is_some();
        let (expires_at, grace_days) = row.next()?;
        let (max_activations, activations) = row.next()?;
        let (entitlements, activated_at) = row.next::<(_, Option<Timestamp>)>()?;
        let activated = activated_at.is_some();
        let standing = Standing { activated, suspended, client_suspended, expires_at, grace_days };
        let license = License { instance_id, standing, activations, max_activations };
        Ok(Self { id, client, license, entitlements, activated_at })
    }
}

impl Holder for LicenseRow {
    const KNOWN: &'static str = known!(
        "i.id, i.instance_id, i.client, c.status, i.suspended_at, i.expires_at, i.grace_days, \
         i.max_activations, i.activations, i.entitlements, i.activated_at"
    );
}

static ACTIVATED: Bulk = Bulk::new(
    &["id", "activations", "activated_at", "hub_hash", "hub_issued_at"],
    "UPDATE instances SET activations = bulk.activations, activated_at = bulk.activated_at, \
     hub_hash = bulk.hub_hash, hub_issued_at = bulk.hub_issued_at {from} \
     WHERE instances.id = bulk.id",
);

/// What activations come to.
#[derive(Debug, Default)]
pub(crate) struct Activated<'a> {
    /// Keys that nobody used and no new key takes the place of.
    pub(crate) forgotten: Vec<KeyHash>,
    /// Keys that nobody used, each with the new one in its place.
    pub(crate) replaced: Vec<(KeyHash, &'a NewKey)>,
    pub(crate) added: Vec<NewKey>,
    /// Each license with its newest hub key.
    pub(crate) licenses: Vec<(&'a LicenseRow, &'a NewKey)>,
}

impl Tx<'_> {
    /// Notes activations, and with each license its newest hub key, how often it was activated, and since
    /// when; writes their events.
    pub(crate) async fn note_activations(&mut self, done: &Activated<'_>) -> Result<(), Error> {
        let rows = done.licenses.iter().map(|(row, key)| {
            let activations = i64::from(row.license.activations);
            let activated_at = row.activated_at.map(Timestamp::unix_ms);
            (row.id, activations, activated_at, key.hash.as_bytes(), key.issued_at.unix_ms())
        });
        let rows: Vec<_> = rows.collect();
        self.forget_keys(&done.forgotten).await?;
        self.write_with_noted(&[
            &Filled(&REPLACE, &replaced_rows(&done.replaced)),
            &Filled(&ADD_KEYS, &key_rows(&done.added)),
            &Filled(&ACTIVATED, &rows),
        ])
        .await
    }
}
