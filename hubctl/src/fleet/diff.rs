//! (file, what the hub has, options) → plan. Pure.

mod going;

use std::collections::{BTreeMap, BTreeSet};

use hub_core::api::{Client, ClientStatus, Instance, InstanceStatus};
use hub_core::exit::Exit;
use hub_core::key::Fingerprint;
use hub_core::labels::Labels;
use hub_core::name::{InstanceId, Slug};
use hub_core::problem::ErrorCode;
use serde_json::Value;

use super::action::{Action, Kind};
use super::file::{ClientEntry, Fleet, InstanceEntry, State};
use super::plan::{Item, Plan, stand_of_client, stand_of_instance};
use super::tree::Fault;
use super::wanted;
use crate::error::Failure;

/// What there is: everything that the file names, everything of its fleet, and every instance of a
/// client that is to go.
#[derive(Debug, Default)]
pub(crate) struct Observed {
    /// By slug.
    pub(crate) clients: BTreeMap<Slug, Client>,
    /// By handle.
    pub(crate) instances: BTreeMap<InstanceId, Instance>,
    /// What the sinks of instances hold, of those that can be read.
    pub(crate) sinks: BTreeMap<InstanceId, SinkState>,
}

/// What a sink holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum SinkState {
    /// A key with this fingerprint.
    Holds(Fingerprint),
    /// No key.
    Empty,
    /// Nobody can tell: keys only go into it.
    Unreadable,
}

/// How far a plan may go.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Options {
    /// Delete what is in the fleet and not in the file.
    pub(crate) prune: bool,
    /// Take over what is in another fleet.
    pub(crate) adopt: bool,
    /// Make a new key where the sink does not have the one that counts.
    pub(crate) redeliver: bool,
}

/// The clients that are to go, with all their instances.
pub(crate) fn doomed<'a>(
    fleet: &Fleet,
    clients: impl Iterator<Item = &'a Client>,
    options: Options,
) -> Vec<&'a Client> {
    let states: BTreeMap<_, _> = fleet.clients.iter().map(|e| (&e.slug, e.state)).collect();
    let goes = |client: &&Client| match states.get(&client.slug) {
        Some(state) => *state == State::Absent,
        None => options.prune && fleet.name.as_deref() == wanted::owner(&client.labels),
    };
    clients.filter(goes).collect()
}

/// What is to be done. Fails with what the file should have said.
pub(crate) fn diff(fleet: &Fleet, seen: &Observed, options: Options) -> Result<Plan, Vec<Fault>> {
    let going = doomed(fleet, seen.clients.values(), options);
    let mut planner = Planner {
        fleet: fleet.name.as_deref(),
        seen,
        options,
        going: going.iter().map(|client| &client.slug).collect(),
        items: Vec::new(),
        warnings: Vec::new(),
        faults: Vec::new(),
    };
    for entry in &fleet.clients {
        planner.client(entry);
    }
    if options.prune {
        planner.prune(fleet);
    }
    if planner.faults.is_empty() {
        Ok(Plan::of(fleet.name.clone(), planner.items, planner.warnings))
    } else {
        Err(planner.faults)
    }
}

struct Planner<'a> {
    fleet: Option<&'a str>,
    seen: &'a Observed,
    options: Options,
    going: BTreeSet<&'a Slug>,
    items: Vec<Item>,
    warnings: Vec<String>,
    faults: Vec<Fault>,
}

impl<'a> Planner<'a> {
    fn client(&mut self, entry: &'a ClientEntry) {
        let is = self.seen.clients.get(&entry.slug);
        match (entry.state, is) {
            (State::Absent, Some(is)) => return self.delete_client(is),
            (State::Absent, None) => return,
            (state, None) => self.create_client(entry, state),
            (state, Some(is)) => self.change_client(entry, state, is),
        }
        for instance in &entry.instances {
            self.instance(&entry.slug, instance);
        }
    }

    fn create_client(&mut self, entry: &ClientEntry, state: State) {
        let item =
            || Item::new(Action::Create, Kind::Client, entry.slug.as_str(), entry.slug.as_str());
        let request = wanted::new_client(entry, self.fleet).map(|new| wanted::json(&new));
        self.items.push(Item { request, ..item() });
        if state == State::Suspended {
            self.items.push(Item { action: Action::Suspend, ..item() });
        }
    }

    fn change_client(&mut self, entry: &ClientEntry, state: State, is: &Client) {
        let slug = entry.slug.as_str();
        let item = |action| Item {
            seen: Some(stand_of_client(is)),
            ..Item::new(action, Kind::Client, slug, slug)
        };
        if let Some(patch) = wanted::client_patch(entry, self.fleet, is)
            && !self.update(item(Action::Update), wanted::json(&patch), &is.labels)
        {
            return;
        }
        match (state, is.status) {
            (State::Suspended, ClientStatus::Active) => self.items.push(item(Action::Suspend)),
            (State::Active, ClientStatus::Suspended) => self.items.push(item(Action::Reactivate)),
            _ => {}
        }
    }

    fn instance(&mut self, client: &Slug, entry: &InstanceEntry) {
        let (id, slug) = (entry.instance_id.as_str(), client.as_str());
        let item = |action| Item::new(action, Kind::Instance, id, slug);
        match (entry.state, self.seen.instances.get(&entry.instance_id)) {
            (State::Absent, Some(is)) if is.client_slug == *client => {
                if !self.refuses(&is.labels, item(Action::Delete)) {
                    self.delete_instance(is);
                }
            }
            (State::Absent, _) => {}
            (state, None) => self.create_instance(client, entry, state),
            (_, Some(is)) if is.client_slug != *client => {
                let message =
                    format!("instance {id} exists, and belongs to client {}", is.client_slug);
                let failure = Failure::of(ErrorCode::InstanceExists, message)
                    .hint("choose another handle, or put it under that client in the file");
                self.fail(item(Action::Create), failure);
            }
            (state, Some(is)) => self.change_instance(entry, state, is),
        }
    }

    fn create_instance(&mut self, client: &Slug, entry: &InstanceEntry, state: State) {
        if entry.sink.is_none() && entry.license_sha256.is_none() {
            let message = format!(
                "instance {} is new: it needs a sink for its license key, or license_sha256",
                entry.instance_id
            );
            return self.faults.push(Fault { at: entry.at, message });
        }
        let item =
            |action| Item::new(action, Kind::Instance, entry.instance_id.as_str(), client.as_str());
        let request = Some(wanted::json(&wanted::new_instance(entry, self.fleet)));
        let sink = entry.sink.as_ref().map(|sink| sink.text.clone());
        self.items.push(Item { request, sink, ..item(Action::Create) });
        if state == State::Suspended {
            self.items.push(item(Action::Suspend));
        }
    }

    fn change_instance(&mut self, entry: &InstanceEntry, state: State, is: &Instance) {
        let item = |action| Item {
            seen: Some(stand_of_instance(is)),
            ..Item::new(action, Kind::Instance, is.instance_id.as_str(), is.client_slug.as_str())
        };
        if let Some(patch) = wanted::instance_patch(entry, self.fleet, is)
            && !self.update(item(Action::Update), wanted::json(&patch), &is.labels)
        {
            return;
        }
        if self.lacks_its_key(entry, is) {
            let sink = entry.sink.as_ref().map(|sink| sink.text.clone());
            self.items.push(Item { sink, ..item(Action::Rotate) });
        }
        match (state, is.status) {
            (State::Suspended, InstanceStatus::Pending | InstanceStatus::Active) => {
                self.items.push(item(Action::Suspend));
            }
            (State::Active, InstanceStatus::Suspended) => {
                self.items.push(item(Action::Reactivate));
            }
            _ => {}
        }
    }

    /// Notes what is changed of an object with these labels; whether it may be.
    fn update(&mut self, item: Item, request: Value, labels: &Labels) -> bool {
        if let Some(failure) = self.foreign(labels, &item) {
            self.fail(item, failure);
            return false;
        }
        let changes = wanted::changes(&request, item.seen.as_ref().unwrap_or(&Value::Null));
        let adopt = self.adopts(labels);
        self.items.push(Item { request: Some(request), changes, adopt, ..item });
        true
    }

    /// Whether to make a new key for a sink that does not have the one that counts; warns where that
    /// was not asked for.
    fn lacks_its_key(&mut self, entry: &InstanceEntry, is: &Instance) -> bool {
        let id = &entry.instance_id;
        if entry.license_sha256.is_some_and(|hash| hash.fingerprint() != is.license.fingerprint) {
            self.warnings.push(format!("{id} has another license than license_sha256 says"));
        }
        let Some(sink) = &entry.sink else { return false };
        let what = match self.seen.sinks.get(id) {
            Some(SinkState::Holds(fingerprint)) if *fingerprint == is.license.fingerprint => {
                return false;
            }
            Some(SinkState::Holds(_)) => "holds another key than its license",
            Some(SinkState::Empty) => "does not hold its license",
            None | Some(SinkState::Unreadable) => return self.options.redeliver,
        };
        if !self.options.redeliver {
            let sink = &sink.text;
            self.warnings
                .push(format!("{id} exists, and {sink} {what}: --redeliver makes a new one"));
        }
        self.options.redeliver
    }

    /// Whether something is in another fleet than the file's, and may not be taken over.
    fn is_foreign(&self, labels: &Labels) -> bool {
        let owner = wanted::owner(labels);
        self.fleet.is_some() && owner.is_some() && owner != self.fleet && !self.options.adopt
    }

    /// Whether a change brings something into the fleet.
    fn adopts(&self, labels: &Labels) -> bool {
        self.fleet.is_some() && wanted::owner(labels) != self.fleet
    }

    /// Why something cannot be changed, if it is in another fleet.
    fn foreign(&self, labels: &Labels, item: &Item) -> Option<Failure> {
        let owner = wanted::owner(labels).filter(|_| self.is_foreign(labels))?;
        let message = format!("{} is in fleet {owner}", item.what());
        let failure = Failure::new(Exit::Conflict, "other_fleet", message);
        Some(failure.hint("--adopt takes it over; or leave it out of this file"))
    }

    /// Notes that something cannot be deleted, if it is in another fleet.
    fn refuses(&mut self, labels: &Labels, item: Item) -> bool {
        let failure = self.foreign(labels, &item);
        failure.map(|failure| self.fail(item, failure)).is_some()
    }

    fn fail(&mut self, mut item: Item, failure: Failure) {
        item.fail(failure);
        self.items.push(item);
    }
}

#[cfg(test)]
mod tests;
