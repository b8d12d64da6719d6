//! (file, what the hub has, options) → plan. Pure.

mod going;

use std::collections::{BTreeMap, BTreeSet};

use hub_core::api::{Catalogue, Client, Instance};
use hub_core::exit::Exit;
use hub_core::key::Fingerprint;
use hub_core::labels::Labels;
use hub_core::model::{ClientStatus, InstanceStatus};
use hub_core::name::{InstanceId, Slug};
use hub_core::problem::ErrorCode;

use super::super::file::{
    CatalogueEntry, ClientEntry, Fault, Fleet, FleetSink, InstanceEntry, State,
};
use super::action::{Action, ObjectKind};
use super::item::Item;
use super::plan::Plan;
use super::step::{ClientChange, InstanceChange, Step};
use super::wanted;
use crate::error::Failure;

/// What the hub has: everything that the file names, everything of its fleet, and every instance of a
/// client that is to be deleted.
#[derive(Debug, Default)]
pub(crate) struct Observed {
    /// By slug.
    pub(crate) clients: BTreeMap<Slug, Client>,
    /// By handle.
    pub(crate) instances: BTreeMap<InstanceId, Instance>,
    /// What the sinks of instances hold.
    pub(crate) sinks: BTreeMap<InstanceId, SinkState>,
    /// The names that the hub keeps, where it matters.
    pub(crate) catalogue: Option<Catalogue>,
}

/// What a sink holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum SinkState {
    /// A key with this fingerprint.
    Holds(Fingerprint),
    /// No key.
    Empty,
    /// Unknown: its content cannot be read.
    Unreadable,
}

/// How far a plan may go.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Options {
    /// Delete what is in the fleet and not in the file.
    pub(crate) prune: bool,
    /// Take over what is in another fleet.
    pub(crate) adopt: bool,
    /// Make a new key where the sink does not hold the live one.
    pub(crate) redeliver: bool,
}

/// The clients that are to be deleted, with all their instances.
pub(crate) fn doomed<'a>(
    fleet: &Fleet,
    clients: impl Iterator<Item = &'a Client>,
    options: Options,
) -> Vec<&'a Client> {
    let states: BTreeMap<_, _> = fleet.clients.iter().map(|e| (&e.slug, e.state)).collect();
    let goes = |client: &&Client| match states.get(&client.slug) {
        Some(state) => *state == Some(State::Absent),
        None => options.prune && fleet.name.as_deref() == wanted::owner(&client.labels),
    };
    clients.filter(goes).collect()
}

/// Works out the plan. Fails with what is missing in the file.
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
    if let (Some(entry), Some(is)) = (&fleet.catalogue, &seen.catalogue) {
        planner.catalogue(entry, is);
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
    fn catalogue(&mut self, entry: &CatalogueEntry, is: &Catalogue) {
        let wanted = entry.over(is);
        if wanted != *is {
            let (wanted, seen) = (Box::new(wanted), Box::new(is.clone()));
            let name = ObjectKind::Catalogue.as_str();
            self.items.push(Item::of(Step::Catalogue { wanted, seen }, name, name));
        }
    }

    fn client(&mut self, entry: &'a ClientEntry) {
        let is = self.seen.clients.get(&entry.slug);
        match (entry.state, is) {
            (Some(State::Absent), Some(is)) => return self.delete_client(is),
            (Some(State::Absent), None) => return,
            (state, None) => self.create_client(entry, state),
            (state, Some(is)) => self.change_client(entry, state, is),
        }
        for instance in &entry.instances {
            self.instance(&entry.slug, instance);
        }
    }

    fn create_client(&mut self, entry: &ClientEntry, state: Option<State>) {
        let slug = entry.slug.as_str();
        let Some(new) = wanted::new_client(entry, self.fleet) else {
            let failure = Failure::usage(format!("client {slug} is new: it needs a name"));
            let object = (ObjectKind::Client, slug);
            return self.items.push(Item::refused(Action::Create, object, slug, failure));
        };
        self.push_client(slug, Step::Client { change: ClientChange::Create(new), seen: None });
        if state == Some(State::Suspended) {
            self.push_client(slug, Step::Client { change: ClientChange::Suspend, seen: None });
        }
    }

    fn change_client(&mut self, entry: &ClientEntry, state: Option<State>, is: &Client) {
        let slug = entry.slug.as_str();
        if let Some(patch) = wanted::client_patch(entry, self.fleet, is) {
            let object = (ObjectKind::Client, slug);
            if self.refuses(Action::Update, object, slug, &is.labels) {
                return;
            }
            let step = Step::of_client(ClientChange::Update(patch), is);
            let adopt = self.adopts(&is.labels);
            self.items.push(Item::of(step, slug, slug).adopting(adopt));
        }
        let change = match (state, is.status) {
            (Some(State::Suspended), ClientStatus::Active) => ClientChange::Suspend,
            (Some(State::Active), ClientStatus::Suspended) => ClientChange::Reactivate,
            _ => return,
        };
        self.push_client(slug, Step::of_client(change, is));
    }

    fn push_client(&mut self, slug: &str, step: Step) {
        self.items.push(Item::of(step, slug, slug));
    }

    fn instance(&mut self, client: &Slug, entry: &InstanceEntry) {
        let (id, slug) = (entry.instance_id.as_str(), client.as_str());
        let object = (ObjectKind::Instance, id);
        match (entry.state, self.seen.instances.get(&entry.instance_id)) {
            (Some(State::Absent), Some(is)) if is.client_slug == *client => {
                if !self.refuses(Action::Delete, object, slug, &is.labels) {
                    self.delete_instance(is);
                }
            }
            (Some(State::Absent), _) => {}
            (state, None) => self.create_instance(client, entry, state),
            (_, Some(is)) if is.client_slug != *client => {
                let message =
                    format!("instance {id} exists, and belongs to client {}", is.client_slug);
                let failure = Failure::of(ErrorCode::InstanceExists, message)
                    .hint("choose another handle, or put it under that client in the file");
                self.items.push(Item::refused(Action::Create, object, slug, failure));
            }
            (state, Some(is)) => self.change_instance(entry, state, is),
        }
    }

    fn create_instance(&mut self, client: &Slug, entry: &InstanceEntry, state: Option<State>) {
        if entry.sink.is_none() && entry.license_sha256.is_none() {
            let message = format!(
                "instance {} is new: it needs a sink for its license key, or license_sha256",
                entry.instance_id
            );
            return self.faults.push(Fault { at: entry.at, message });
        }
        if let (Some(sink), Some(SinkState::Holds(_))) =
            (&entry.sink, self.seen.sinks.get(&entry.instance_id))
        {
            let (id, sink) = (&entry.instance_id, &sink.text);
            self.warnings.push(format!("{id} is made with the key that {sink} holds already"));
        }
        let (id, slug) = (entry.instance_id.as_str(), client.as_str());
        let new = wanted::new_instance(entry, self.fleet).into();
        let change = InstanceChange::Create { new, sink: entry.sink.clone() };
        self.items.push(Item::of(Step::Instance { change, seen: None }, id, slug));
        if state == Some(State::Suspended) {
            let step = Step::Instance { change: InstanceChange::Suspend, seen: None };
            self.items.push(Item::of(step, id, slug));
        }
    }

    fn change_instance(&mut self, entry: &InstanceEntry, state: Option<State>, is: &Instance) {
        if let Some(patch) = wanted::instance_patch(entry, self.fleet, is) {
            let (id, slug) = (is.instance_id.as_str(), is.client_slug.as_str());
            if self.refuses(Action::Update, (ObjectKind::Instance, id), slug, &is.labels) {
                return;
            }
            let adopt = self.adopts(&is.labels);
            let step = Step::of_instance(InstanceChange::Update(patch.into()), is);
            self.items.push(Item::of(step, id, slug).adopting(adopt));
        }
        if let Some(sink) = self.lacking_sink(entry, is) {
            self.push_instance(InstanceChange::Rotate { sink: sink.clone() }, is);
        }
        let change = match (state, is.status) {
            (Some(State::Suspended), InstanceStatus::Pending | InstanceStatus::Active) => {
                InstanceChange::Suspend
            }
            (Some(State::Active), InstanceStatus::Suspended) => InstanceChange::Reactivate,
            _ => return,
        };
        self.push_instance(change, is);
    }

    fn push_instance(&mut self, change: InstanceChange, is: &Instance) {
        let step = Step::of_instance(change, is);
        self.items.push(Item::of(step, is.instance_id.as_str(), is.client_slug.as_str()));
    }

    /// The sink for a new key, where it does not hold the live one; warns where no new key was asked for.
    fn lacking_sink<'e>(
        &mut self,
        entry: &'e InstanceEntry,
        is: &Instance,
    ) -> Option<&'e FleetSink> {
        let id = &entry.instance_id;
        if entry.license_sha256.is_some_and(|hash| hash.fingerprint() != is.license.fingerprint) {
            self.warnings.push(format!("{id} has another license than license_sha256 says"));
        }
        let sink = entry.sink.as_ref()?;
        let lack = match self.seen.sinks.get(id) {
            Some(SinkState::Holds(fingerprint)) if *fingerprint == is.license.fingerprint => {
                return None;
            }
            Some(SinkState::Holds(_)) => Some("holds another key than its license"),
            Some(SinkState::Empty) => Some("does not hold its license"),
            None | Some(SinkState::Unreadable) => None,
        };
        if let Some(lack) = lack.filter(|_| !self.options.redeliver) {
            let sink = &sink.text;
            self.warnings
                .push(format!("{id} exists, and {sink} {lack}: --redeliver makes a new one"));
        }
        self.options.redeliver.then_some(sink)
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

    /// Whether an object is in another fleet and may not be changed; notes why.
    fn refuses(
        &mut self,
        action: Action,
        (kind, handle): (ObjectKind, &str),
        client: &str,
        labels: &Labels,
    ) -> bool {
        let Some(owner) = wanted::owner(labels).filter(|_| self.is_foreign(labels)) else {
            return false;
        };
        let message = format!("{} {handle} is in fleet {owner}", kind.as_str());
        let failure = Failure::new(Exit::Conflict, "other_fleet", message)
            .hint("--adopt takes it over; otherwise remove it from this file");
        self.items.push(Item::refused(action, (kind, handle), client, failure));
        true
    }
}

#[cfg(test)]
mod tests;
