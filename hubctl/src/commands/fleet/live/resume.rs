//! A saved plan that was killed half-way goes on where it was: what it did already is as it wanted, and no
//! conflict. Everything else that differs from what the plan saw is one.

use std::ops::Range;

use hub_core::api::Instance;
use hub_core::key::Fingerprint;
use hub_core::model::{
    ClientPatch, ClientSettings, ClientStatus, InstanceSettings, Suspension, Terms,
};
use hub_core::name::{InstanceId, Slug};
use hub_core::time::Timestamp;

use super::super::planner::{
    ClientChange, InstanceChange, Item, ItemState, Observed, SeenClient, SinkState, Step,
};
use super::sinks;

/// Marks the steps of one object that are done. False if the object is neither what the plan saw nor what
/// some of its steps make of it.
pub(super) fn go_on(items: &mut [Item], seen: &Observed) -> bool {
    let Some(handle) = items.first().map(|item| item.handle.clone()) else {
        return true;
    };
    match &items[0].step {
        None => false,
        Some(Step::Catalogue { wanted, seen: before }) => {
            let now = seen.catalogue.as_ref();
            if now == Some(&**wanted) {
                items[0].state = ItemState::Applied;
                return true;
            }
            now == Some(&**before)
        }
        Some(Step::Client { .. }) => {
            let slug = handle.parse::<Slug>().ok();
            let now = slug.and_then(|slug| seen.clients.get(&slug).map(SeenClient::of));
            client(items, now.as_ref())
        }
        Some(Step::Instance { .. }) => {
            let id = handle.parse::<InstanceId>().ok();
            let now = id.and_then(|id| seen.instances.get(&id).map(Instance::settings));
            instance(items, now.as_ref())
        }
    }
}

/// Notes that the first steps are done, and what the others find.
fn mark(items: &mut [Item], done: usize, found: impl Fn(&mut Step)) {
    for (at, item) in items.iter_mut().enumerate() {
        if at < done {
            item.state = ItemState::Applied;
        } else if done > 0
            && let Some(step) = &mut item.step
        {
            found(step);
        }
    }
}

fn client(items: &mut [Item], now: Option<&SeenClient>) -> bool {
    let mut wanted: Option<(Option<String>, ClientSettings)> = match &items[0].step {
        Some(Step::Client { seen: Some(seen), .. }) => {
            Some((Some(seen.id.clone()), seen.settings.clone()))
        }
        _ => None,
    };
    let is_now = |wanted: &Option<(Option<String>, ClientSettings)>| match (wanted, now) {
        (None, None) => true,
        (Some((id, settings)), Some(now)) => {
            id.as_ref().is_none_or(|id| *id == now.id)
                && timeless_client(settings) == timeless_client(&now.settings)
        }
        _ => false,
    };
    let mut done = is_now(&wanted).then_some(0);
    for (at, item) in items.iter().enumerate() {
        let Some(Step::Client { change, .. }) = &item.step else { return false };
        wanted = after_client(change, wanted);
        if is_now(&wanted) {
            done = Some(at + 1);
        }
    }
    let Some(done) = done else { return false };
    mark(items, done, |step| {
        if let Step::Client { seen, .. } = step {
            *seen = now.cloned();
        }
    });
    true
}

fn after_client(
    change: &ClientChange,
    before: Option<(Option<String>, ClientSettings)>,
) -> Option<(Option<String>, ClientSettings)> {
    let status = |status| ClientPatch { status: Some(status), ..ClientPatch::default() };
    let patch = match change {
        ClientChange::Create(new) => return Some((None, new.settings())),
        ClientChange::Delete => return None,
        ClientChange::Update(patch) => patch.clone(),
        ClientChange::Suspend => status(ClientStatus::Suspended),
        ClientChange::Reactivate => status(ClientStatus::Active),
    };
    before.map(|(id, settings)| (id, settings.patched(&patch, Timestamp::UNIX_EPOCH)))
}

/// Without the time of the suspension, which no plan knows.
fn timeless_client(settings: &ClientSettings) -> ClientSettings {
    ClientSettings { suspension: timeless(settings.suspension.as_ref()), ..settings.clone() }
}

fn timeless(suspension: Option<&Suspension>) -> Option<Suspension> {
    suspension.map(|s| Suspension { reason: s.reason.clone(), since: Timestamp::UNIX_EPOCH })
}

/// The license of an instance after some steps.
#[derive(Clone, PartialEq, Eq)]
enum License {
    /// This one.
    Is(Fingerprint),
    /// The one that went into a sink which cannot be read.
    Any,
    /// None that the plan made: its sink is empty.
    No,
}

/// What an instance is after some steps.
#[derive(Clone)]
struct Known {
    client: String,
    license: License,
    terms: Terms,
    suspension: Option<Suspension>,
}

fn instance(items: &mut [Item], now: Option<&InstanceSettings>) -> bool {
    let mut wanted = match &items[0].step {
        Some(Step::Instance { seen: Some(seen), .. }) => Some(Known {
            client: seen.client.to_string(),
            license: License::Is(seen.license.clone()),
            terms: seen.terms.clone(),
            suspension: timeless(seen.suspension.as_ref()),
        }),
        _ => None,
    };
    let is_now = |wanted: &Option<Known>| match (wanted, now) {
        (None, None) => true,
        (Some(known), Some(now)) => {
            known.client == now.client.as_str()
                && match &known.license {
                    License::Is(license) => *license == now.license,
                    License::Any => true,
                    License::No => false,
                }
                && known.terms == now.terms
                && known.suspension == timeless(now.suspension.as_ref())
        }
        _ => false,
    };
    let mut done = is_now(&wanted).then_some(0);
    for (at, item) in items.iter().enumerate() {
        let Some(Step::Instance { change, .. }) = &item.step else { return false };
        wanted = after_instance(change, &item.client, wanted);
        if is_now(&wanted) {
            done = Some(at + 1);
        }
    }
    let Some(done) = done else { return false };
    mark(items, done, |step| {
        if let Step::Instance { seen, .. } = step {
            *seen = now.cloned();
        }
    });
    true
}

fn after_instance(change: &InstanceChange, client: &str, before: Option<Known>) -> Option<Known> {
    let held = |sink| match sinks::look(sink) {
        SinkState::Holds(fingerprint) => License::Is(fingerprint),
        SinkState::Empty => License::No,
        SinkState::Unreadable => License::Any,
    };
    match change {
        InstanceChange::Create { new, sink } => Some(Known {
            client: client.to_owned(),
            license: match sink {
                Some(sink) => held(sink),
                None => {
                    new.license_sha256.map_or(License::Any, |hash| License::Is(hash.fingerprint()))
                }
            },
            terms: Terms::default().patched(&new.terms),
            suspension: None,
        }),
        InstanceChange::Delete => None,
        InstanceChange::Update(patch) => {
            before.map(|known| Known { terms: known.terms.patched(patch), ..known })
        }
        // Only a sink that shows the new key proves that it is in place.
        InstanceChange::Rotate { sink } => before.map(|known| match held(sink) {
            License::Is(license) => Known { license: License::Is(license), ..known },
            License::Any | License::No => known,
        }),
        InstanceChange::Suspend => {
            let suspension = Suspension { reason: None, since: Timestamp::UNIX_EPOCH };
            before.map(|known| Known { suspension: Some(suspension), ..known })
        }
        InstanceChange::Reactivate => before.map(|known| Known { suspension: None, ..known }),
    }
}

/// The items of each object, which are carried out one after the other.
pub(super) fn groups(items: &[Item]) -> Vec<Range<usize>> {
    let mut groups: Vec<Range<usize>> = Vec::new();
    for (at, item) in items.iter().enumerate() {
        match groups.last_mut() {
            Some(group) if same_object(&items[group.start], item) => group.end = at + 1,
            _ => groups.push(at..at + 1),
        }
    }
    groups
}

fn same_object(a: &Item, b: &Item) -> bool {
    (a.kind(), &a.handle) == (b.kind(), &b.handle)
}
