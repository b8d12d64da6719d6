//! What is to be deleted: clients and instances that the file says are absent, or that left it.

use std::collections::BTreeSet;

use hub_core::api::{Client, Instance};
use hub_core::problem::ErrorCode;

use super::super::super::file::Fleet;
use super::super::action::{Action, ObjectKind};
use super::super::item::Item;
use super::super::step::{ClientChange, InstanceChange, Step};
use super::super::wanted;
use super::Planner;
use crate::error::Failure;

impl Planner<'_> {
    /// Deletes a client after its instances. Each instance is an item of its own: nothing is deleted that
    /// the plan did not show, and the hub keeps a client that has got another instance meanwhile.
    pub(super) fn delete_client(&mut self, is: &Client) {
        let slug = is.slug.as_str();
        let object = (ObjectKind::Client, slug);
        if self.refuses(Action::Delete, object, slug, &is.labels) {
            return;
        }
        let seen = self.seen;
        let own: Vec<_> = seen.instances.values().filter(|i| i.client_slug == is.slug).collect();
        if let Some(foreign) = own.iter().find(|instance| self.is_foreign(&instance.labels)) {
            let message = format!(
                "client {slug} cannot be deleted: its instance {} is in fleet {}",
                foreign.instance_id,
                wanted::owner(&foreign.labels).unwrap_or("none")
            );
            let failure = Failure::of(ErrorCode::ClientNotEmpty, message)
                .hint("delete that instance first, or take it over with --adopt");
            return self.items.push(Item::refused(Action::Delete, object, slug, failure));
        }
        for instance in own {
            self.delete_instance(instance);
        }
        self.push_client(slug, Step::of_client(ClientChange::Delete, is));
    }

    pub(super) fn delete_instance(&mut self, is: &Instance) {
        self.push_instance(InstanceChange::Delete, is);
    }

    /// Deletes what is in the fleet and not in the file.
    pub(super) fn prune(&mut self, fleet: &Fleet) {
        let seen = self.seen;
        let named: BTreeSet<_> = fleet
            .clients
            .iter()
            .flat_map(|client| client.instances.iter().map(|instance| &instance.instance_id))
            .collect();
        let clients: BTreeSet<_> = fleet.clients.iter().map(|client| &client.slug).collect();
        for is in seen.instances.values() {
            let own = wanted::owner(&is.labels) == self.fleet;
            if own && !named.contains(&is.instance_id) && !self.going.contains(&is.client_slug) {
                self.delete_instance(is);
            }
        }
        for slug in self.going.clone().into_iter().filter(|slug| !clients.contains(slug)) {
            let Some(is) = seen.clients.get(slug) else {
                continue;
            };
            let mut own = seen.instances.values().filter(|i| i.client_slug == *slug);
            let unowned = own.find(|i| wanted::owner(&i.labels) != self.fleet);
            match unowned {
                None => self.delete_client(is),
                Some(instance) => {
                    let message = format!(
                        "client {slug} is not in the file, and cannot be deleted: its instance {} is not in this fleet",
                        instance.instance_id
                    );
                    let failure = Failure::of(ErrorCode::ClientNotEmpty, message)
                        .hint("put both into the file, or give the client state = \"absent\"");
                    let slug = slug.as_str();
                    let object = (ObjectKind::Client, slug);
                    self.items.push(Item::refused(Action::Delete, object, slug, failure));
                }
            }
        }
    }
}
