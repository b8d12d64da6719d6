//! Activations, a whole batch in one transaction.
//!
//! A batch reads its licenses under the write lock, decides each request in turn on the state that the
//! one before left, and writes each row once.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use hub_core::api::Action;
use hub_core::key::KeyHash;
use hub_core::labels::Entitlements;
use hub_core::name::InstanceId;
use hub_core::problem::ErrorCode;
use hub_core::time::Timestamp;
use tokio_util::task::TaskTracker;

use super::{Batch, Batcher, Batching};
use crate::domain::{
    Activation, ActivationRequest, ENDED, Event, InstanceKey, NewKey, OpenKey, Refusal,
    retire_for_activation,
};
use crate::limits::Rates;
use crate::store::{Activated, Error, KnownKey, LicenseRow, Store, Tx, Way};

/// A request to activate.
#[derive(Debug, Clone)]
pub(crate) struct ActivationRequested {
    pub(crate) license: KeyHash,
    pub(crate) instance_id: Option<InstanceId>,
    pub(crate) hub_key: KeyHash,
    /// The caller made the hub key.
    pub(crate) callers_key: bool,
    pub(crate) request_id: String,
    pub(crate) now: Timestamp,
}

/// An activation that is on disk, and what its caller is told.
#[derive(Debug, Clone)]
pub(crate) struct Granted {
    pub(crate) instance_id: InstanceId,
    pub(crate) client: String,
    pub(crate) reactivated: bool,
    pub(crate) activated_at: Timestamp,
    pub(crate) expires_at: Option<Timestamp>,
    /// The end of the grace period.
    pub(crate) ends_at: Option<Timestamp>,
    pub(crate) in_grace: bool,
    pub(crate) entitlements: Entitlements,
}

type Outcome = Result<Granted, Refusal>;

/// How batches of activations share the database.
const WAY: Way = Way::Batch;

/// The sending side of the batching task.
pub(crate) struct Activations {
    batches: Batcher<ActivationRequested, Outcome>,
}

/// What decides besides the database.
struct Rules {
    /// For how long the hub key before a new one works on.
    overlap: Duration,
    /// How often each license activates.
    rates: Rates<i64>,
}

impl Activations {
    /// Starts the batching task in `tasks`. The hub key before a new one works on for `overlap`.
    pub(crate) fn start(
        store: Store,
        overlap: Duration,
        rates: Rates<i64>,
        queue: usize,
        tasks: &TaskTracker,
    ) -> Self {
        let rules = Arc::new(Rules { overlap, rates });
        let at_once = store.batches_at_once(WAY);
        let batching = Batching { at_once, ..Batching::new("activations", queue) };
        let batches = Batcher::start(tasks, batching, move |requests: Batch<_>| {
            let (store, args) = (store.clone(), (requests, Arc::clone(&rules)));
            async move {
                let write = store.transact(WAY, "activations", args, |tx, (requests, rules)| {
                    Box::pin(async { Ok(decide_all(tx, requests, rules).await?) })
                });
                write.await
            }
        });
        Self { batches }
    }

    /// Whether the next request would be refused.
    pub(crate) fn is_full(&self) -> bool {
        self.batches.is_full()
    }

    /// Whether so many wait that strangers should not.
    pub(crate) fn is_busy(&self) -> bool {
        self.batches.is_busy()
    }

    /// Activates; the answer is on disk.
    pub(crate) async fn activate(&self, request: ActivationRequested) -> Result<Granted, Refusal> {
        self.batches.submit(request).await?
    }
}

/// Decides the requests in turn, and writes what that comes to.
async fn decide_all(
    tx: &mut Tx<'_>,
    requests: &[ActivationRequested],
    rules: &Rules,
) -> Result<Vec<Outcome>, Error> {
    let mut hashes: Vec<KeyHash> = requests.iter().map(|request| request.license).collect();
    hashes.sort_unstable_by_key(KeyHash::to_bytes);
    hashes.dedup();
    let known = tx.known_keys::<LicenseRow>(&hashes).await?;
    let mut states = States::read(tx, &known).await?;
    let given = requests.iter().filter(|request| request.callers_key);
    let given: Vec<KeyHash> = given.map(|request| request.hub_key).collect();
    let taken = tx.known_hashes(&given).await?;
    let mut taken: HashSet<[u8; 32]> = taken.iter().map(KeyHash::to_bytes).collect();

    let keys: HashMap<&[u8], &KnownKey<LicenseRow>> =
        known.iter().map(|key| (key.hash().as_bytes(), key)).collect();
    let mut outcomes = Vec::with_capacity(requests.len());
    for request in requests {
        let key = keys.get(request.license.as_bytes());
        let key =
            key.filter(|key| key.answers(&request.license, InstanceKey::License, request.now));
        let state = key.and_then(|key| states.0.get_mut(&key.holder.id));
        let Some(state) = state else {
            outcomes.push(Err(ErrorCode::LicenseInvalid.into()));
            continue;
        };
        let key_taken = taken.contains(&request.hub_key.to_bytes());
        let decided = state.decide(request, key_taken, rules).map(|(granted, event)| {
            if let Some(event) = event {
                tx.audit(event);
                taken.insert(request.hub_key.to_bytes());
            }
            granted
        });
        outcomes.push(decided);
    }
    states.write(tx).await?;
    Ok(outcomes)
}

/// The instances that a batch is about, by their rows.
struct States(BTreeMap<i64, State>);

/// An instance while its batch is being decided.
struct State {
    row: LicenseRow,
    /// The hub keys that were not ended, as the batch leaves them so far.
    open: Vec<OpenKey>,
    /// The same as the database has them.
    stored: Vec<OpenKey>,
    /// The newest one is the last, and there is one after each activation.
    added: Vec<NewKey>,
}

impl States {
    async fn read(tx: &mut Tx<'_>, known: &[KnownKey<LicenseRow>]) -> Result<Self, Error> {
        let mut states = BTreeMap::new();
        for key in known {
            states.entry(key.holder.id).or_insert_with(|| State {
                row: key.holder.clone(),
                open: Vec::new(),
                stored: Vec::new(),
                added: Vec::new(),
            });
        }
        let ids: Vec<i64> = states.keys().copied().collect();
        for (instance, key) in tx.open_keys(&ids, InstanceKey::Hub).await? {
            if let Some(state) = states.get_mut(&instance) {
                state.stored.push(key);
                state.open.push(key);
            }
        }
        Ok(Self(states))
    }

    async fn write(&self, tx: &mut Tx<'_>) -> Result<(), Error> {
        let mut ends = Vec::new();
        let mut done = Activated::default();
        for state in self.0.values() {
            let mut unused = Vec::new();
            for (key, end) in state.ends() {
                if end == ENDED && !key.used {
                    unused.push(key.hash);
                } else {
                    ends.push((key.hash, end));
                }
            }
            let Some((newest, others)) = state.added.split_last() else {
                continue; // nothing ends without a new key
            };
            match unused.pop() {
                Some(old) => done.replaced.push((old, newest)),
                None => done.added.push(*newest),
            }
            done.forgotten.extend(unused);
            done.added.extend(others.iter().filter(|key| key.not_after != Some(ENDED)));
            done.licenses.push((&state.row, newest));
        }
        // The old newest keys end first: there is one newest key at any time.
        tx.end_keys(&ends).await?;
        tx.note_activations(&done).await
    }
}

impl State {
    fn decide(
        &mut self,
        request: &ActivationRequested,
        key_taken: bool,
        rules: &Rules,
    ) -> Result<(Granted, Option<Event>), Refusal> {
        let asked = ActivationRequest {
            instance_id: request.instance_id.as_ref(),
            hub_key: request.hub_key,
            callers_key: request.callers_key,
            key_taken,
        };
        let (row, license) = (&self.row, &self.row.license);
        let live: Vec<OpenKey> =
            self.open.iter().filter(|key| key.is_live(request.now)).copied().collect();
        let decided = Activation::decide(license, &live, &asked, request.now)?;
        let reactivated = license.standing.activated;
        let granted = Granted {
            instance_id: license.instance_id.clone(),
            client: row.client.clone(),
            reactivated,
            activated_at: row.activated_at.unwrap_or(request.now),
            expires_at: license.standing.expires_at,
            ends_at: license.standing.works_until(),
            in_grace: license.standing.in_grace(request.now),
            entitlements: row.entitlements.clone(),
        };
        let Activation::New { counted } = decided else {
            return Ok((granted, None));
        };
        rules.rates.spend(&row.id).map_err(|wait| {
            Refusal::limited("this license activates too often: wait, then try again", wait)
        })?;
        let event = Event {
            at: request.now,
            actor: format!("instance:{}", license.instance_id),
            action: Action::InstanceActivate,
            target: license.instance_id.to_string(),
            detail: BTreeMap::new(),
            request_id: request.request_id.clone(),
        }
        .with("license", request.license.fingerprint())
        .with("hub_key", request.hub_key.fingerprint())
        .with("reactivated", reactivated);
        self.grant(request, live, counted, rules.overlap);
        Ok((granted, Some(event)))
    }

    fn grant(
        &mut self,
        request: &ActivationRequested,
        mut live: Vec<OpenKey>,
        counted: bool,
        overlap: Duration,
    ) {
        retire_for_activation(&mut live, request.now.after(overlap));
        for added in &mut self.added {
            let kept = live.iter().find(|key| key.hash.as_bytes() == added.hash.as_bytes());
            added.not_after = kept.map_or(Some(ENDED), |key| key.not_after);
        }
        live.retain(|key| key.not_after != Some(ENDED));
        live.push(OpenKey { hash: request.hub_key, not_after: None, used: false });
        self.open = live;
        self.added.push(NewKey {
            instance: self.row.id,
            kind: InstanceKey::Hub,
            hash: request.hub_key,
            issued_at: request.now,
            not_after: None,
        });
        if counted {
            self.row.license.activations += 1;
        }
        if self.row.activated_at.is_none() {
            self.row.activated_at = Some(request.now);
            self.row.license.standing.activated = true;
        }
    }

    /// Those keys that the database has with another end, and their end.
    fn ends(&self) -> impl Iterator<Item = (OpenKey, Timestamp)> {
        self.stored.iter().filter_map(|stored| {
            let now = self.open.iter().find(|key| key.hash.as_bytes() == stored.hash.as_bytes());
            let end = now.map_or(Some(ENDED), |key| key.not_after);
            end.filter(|_| end != stored.not_after).map(|end| (*stored, end))
        })
    }
}
