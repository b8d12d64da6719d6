//! The hot writes: activations and first sightings, a whole batch in one transaction.
//!
//! The batch reads what its items are about under the write lock, decides each in turn on what the
//! ones before it left, and writes each row once.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use hub_core::api::Action;
use hub_core::key::KeyHash;
use hub_core::problem::ErrorCode;
use hub_core::time::Timestamp;
use sqlx::AssertSqlSafe;

use super::audit::Event;
use super::bulk::{Column, Value};
use super::error::Error;
use super::instances::InstanceRecord;
use super::keys::{Kind, NewKey};
use super::lookup::KnownKeys;
use super::sightings::Sighting;
use super::tx::{Tx, transact};
use super::{Store, on};
use crate::domain::{
    Activation, ActivationRequest, ENDED, OpenKey, Refusal, retire_for_activation,
};

/// One item of a batch.
#[derive(Debug, Clone)]
pub(crate) enum HotWrite {
    Activate(ActivationWish),
    Saw(Sighting),
}

/// A request to activate.
#[derive(Debug, Clone)]
pub(crate) struct ActivationWish {
    pub(crate) license: KeyHash,
    pub(crate) instance_id: Option<String>,
    pub(crate) hub_key: KeyHash,
    /// The caller made the hub key.
    pub(crate) callers_key: bool,
    pub(crate) request_id: String,
    pub(crate) now: Timestamp,
    /// For how long the key before goes on working.
    pub(crate) overlap: Duration,
}

/// What became of an item.
#[derive(Debug, Clone)]
pub(crate) enum HotWritten {
    Activated(Box<ActivationResult>),
    Refused(ErrorCode),
    Saw,
}

/// A granted activation.
#[derive(Debug, Clone)]
pub(crate) struct ActivationResult {
    /// The instance as it was before.
    pub(crate) instance: InstanceRecord,
    pub(crate) reactivated: bool,
    pub(crate) activated_at: Timestamp,
}

impl Store {
    /// Does the whole batch or nothing of it; one answer an item, in order.
    pub(crate) async fn write_hot(&self, batch: &[HotWrite]) -> Result<Vec<HotWritten>, Refusal> {
        transact!(self, "hot batch", |tx| tx.hot_batch(batch))
    }
}

/// An instance while its batch is being decided.
struct Pending {
    record: InstanceRecord,
    /// The hub keys that work.
    live: Vec<OpenKey>,
    /// The hub keys that the database has, with when they end there.
    stored: Vec<OpenKey>,
    added: Vec<NewKey>,
    changed: bool,
}

impl Tx {
    async fn hot_batch(&mut self, batch: &[HotWrite]) -> Result<Vec<HotWritten>, Refusal> {
        let (mut wishes, mut sightings) = (Vec::new(), Vec::new());
        for item in batch {
            match item {
                HotWrite::Activate(wish) => wishes.push(wish),
                HotWrite::Saw(sighting) => sightings.push(sighting.clone()),
            }
        }
        self.note_sightings(&sightings).await?;
        let mut activated = self.activate(&wishes).await?.into_iter();
        let answers = batch.iter().map(|item| match item {
            HotWrite::Activate(_) => {
                activated.next().unwrap_or(HotWritten::Refused(ErrorCode::Internal))
            }
            HotWrite::Saw(_) => HotWritten::Saw,
        });
        Ok(answers.collect())
    }

    async fn activate(&mut self, wishes: &[&ActivationWish]) -> Result<Vec<HotWritten>, Error> {
        let Some(now) = wishes.iter().map(|wish| wish.now).min() else {
            return Ok(Vec::new());
        };
        let licenses: Vec<KeyHash> = wishes.iter().map(|wish| wish.license).collect();
        let known = self.known_keys(&licenses).await?;
        let mut instances = self.pending_instances(wishes, &known, now).await?;
        let given: Vec<KeyHash> =
            wishes.iter().filter(|wish| wish.callers_key).map(|wish| wish.hub_key).collect();
        let taken = self.known_hashes(&given).await?;
        let mut taken: HashSet<Vec<u8>> =
            taken.iter().map(|hash| hash.as_bytes().to_vec()).collect();

        let mut answers = Vec::with_capacity(wishes.len());
        for wish in wishes {
            let key = known.live(&wish.license, Kind::License, wish.now);
            let pending = key.and_then(|key| instances.get_mut(&key.instance.id));
            let Some(pending) = pending else {
                answers.push(HotWritten::Refused(ErrorCode::LicenseInvalid));
                continue;
            };
            let key_taken = taken.contains(wish.hub_key.as_bytes());
            answers.push(match pending.decide(wish, key_taken) {
                Ok((result, event)) => {
                    if let Some(event) = event {
                        self.audit(event);
                        taken.insert(wish.hub_key.as_bytes().to_vec());
                    }
                    HotWritten::Activated(Box::new(result))
                }
                Err(code) => HotWritten::Refused(code),
            });
        }
        self.write_pending(instances.values()).await?;
        Ok(answers)
    }

    async fn pending_instances(
        &mut self,
        wishes: &[&ActivationWish],
        known: &KnownKeys,
        now: Timestamp,
    ) -> Result<BTreeMap<i64, Pending>, Error> {
        let mut instances = BTreeMap::new();
        for wish in wishes {
            if let Some(key) = known.live(&wish.license, Kind::License, wish.now) {
                instances.entry(key.instance.id).or_insert_with(|| Pending {
                    record: key.instance.clone(),
                    live: Vec::new(),
                    stored: Vec::new(),
                    added: Vec::new(),
                    changed: false,
                });
            }
        }
        let ids: Vec<i64> = instances.keys().copied().collect();
        for (instance, key) in self.open_keys(&ids, Kind::Hub).await? {
            if let Some(pending) = instances.get_mut(&instance) {
                pending.stored.push(key);
                pending.live.extend(key.is_live(now).then_some(key));
            }
        }
        Ok(instances)
    }

    async fn write_pending(
        &mut self,
        instances: impl Iterator<Item = &Pending>,
    ) -> Result<(), Error> {
        const COLUMNS: [Column; 3] =
            [Column::Int("id"), Column::Int("activations"), Column::Int("activated_at")];
        let (mut ends, mut keys, mut rows) = (Vec::new(), Vec::new(), Vec::new());
        for pending in instances.filter(|pending| pending.changed) {
            ends.extend(pending.ends());
            keys.extend(pending.added.iter().copied());
            let record = &pending.record;
            let row: Vec<Value> =
                vec![record.id.into(), record.activations.into(), record.activated_at.into()];
            rows.push(row);
        }
        if rows.is_empty() {
            return Ok(());
        }
        // The old newest keys end first: there is one newest key at any time.
        self.end_keys(&ends).await?;
        self.insert_keys(&keys).await?;
        on!(self.db(), |db| {
            for part in dialect::parts(&COLUMNS, &rows) {
                let update = format!(
                    "UPDATE instances SET activations = bulk.activations, \
                     activated_at = bulk.activated_at FROM {} WHERE instances.id = bulk.id",
                    part.source()
                );
                let update = sqlx::query_with(AssertSqlSafe(update), part.bind());
                update.execute(&mut *db).await?;
            }
        });
        Ok(())
    }
}

impl Pending {
    fn decide(
        &mut self,
        wish: &ActivationWish,
        key_taken: bool,
    ) -> Result<(ActivationResult, Option<Event>), ErrorCode> {
        let request = ActivationRequest {
            instance_id: wish.instance_id.as_deref(),
            hub_key: wish.hub_key,
            callers_key: wish.callers_key,
            key_taken,
        };
        let record = &self.record;
        let (terms, seat) = (record.terms(), record.seat());
        let holder = &record.instance_id;
        let granted = Activation::decide(holder, &terms, &seat, &self.live, &request, wish.now)?;
        let result = ActivationResult {
            instance: record.clone(),
            reactivated: terms.activated,
            activated_at: record.activated_at.map_or(wish.now, Timestamp::from_unix_ms),
        };
        let Activation::New { counted } = granted else {
            return Ok((result, None));
        };
        let event = Event {
            at: wish.now,
            actor: format!("instance:{holder}"),
            action: Action::InstanceActivate,
            target: holder.clone(),
            detail: BTreeMap::new(),
            request_id: wish.request_id.clone(),
        }
        .with("license", wish.license.fingerprint())
        .with("hub_key", wish.hub_key.fingerprint())
        .with("reactivated", terms.activated);
        self.grant(wish, counted);
        Ok((result, Some(event)))
    }

    fn grant(&mut self, wish: &ActivationWish, counted: bool) {
        retire_for_activation(&mut self.live, wish.now.after(wish.overlap));
        for added in &mut self.added {
            added.not_after = self
                .live
                .iter()
                .find(|key| key.hash == added.hash)
                .map_or(added.not_after, |key| key.not_after);
        }
        self.live.retain(|key| key.not_after != Some(ENDED));
        self.live.push(OpenKey { hash: wish.hub_key, not_after: None, used: false });
        self.added.push(NewKey {
            instance: self.record.id,
            kind: Kind::Hub,
            hash: wish.hub_key,
            issued_at: wish.now,
            not_after: None,
        });
        self.record.activations += i64::from(counted);
        self.record.activated_at.get_or_insert(wish.now.unix_ms());
        self.changed = true;
    }

    /// When those keys end that the database has with another end.
    fn ends(&self) -> impl Iterator<Item = (KeyHash, Timestamp)> {
        self.stored.iter().filter_map(|stored| {
            let now = self.live.iter().find(|key| key.hash == stored.hash);
            let end = now.map_or(Some(ENDED), |key| key.not_after);
            end.filter(|_| end != stored.not_after).map(|end| (stored.hash, end))
        })
    }
}
