//! What is to go: clients and instances that the file says are absent, or that left it.

use std::collections::BTreeSet;

use hub_core::api::{Client, Instance};
use hub_core::problem::ErrorCode;

use super::Planner;
use crate::error::Failure;
use crate::fleet::action::{Action, Kind};
use crate::fleet::file::Fleet;
use crate::fleet::plan::{Item, stand_of_client, stand_of_instance};
use crate::fleet::wanted;

impl Planner<'_> {
    /// Deletes a client after its instances. Each is an item of its own: nothing goes that was not
    /// seen, and the hub refuses to delete a client that has got another instance meanwhile.
    pub(super) fn delete_client(&mut self, is: &Client) {
        let slug = is.slug.as_str();
        let client = || Item {
            seen: Some(stand_of_client(is)),
            ..Item::new(Action::Delete, Kind::Client, slug, slug)
        };
        if self.refuses(&is.labels, client()) {
            return;
        }
        let seen = self.seen;
        let own: Vec<_> = seen.instances.values().filter(|i| i.client_slug == is.slug).collect();
        if let Some(foreign) = own.iter().find(|instance| self.is_foreign(&instance.labels)) {
            let message = format!(
                "client {slug} cannot go: its instance {} is in fleet {}",
                foreign.instance_id,
                wanted::owner(&foreign.labels).unwrap_or("none")
            );
            let failure = Failure::of(ErrorCode::ClientNotEmpty, message)
                .hint("delete that instance first, or take it over with --adopt");
            return self.fail(client(), failure);
        }
        for instance in own {
            self.delete_instance(instance);
        }
        self.items.push(client());
    }

    pub(super) fn delete_instance(&mut self, is: &Instance) {
        let item = Item::new(
            Action::Delete,
            Kind::Instance,
            is.instance_id.as_str(),
            is.client_slug.as_str(),
        );
        self.items.push(Item { seen: Some(stand_of_instance(is)), ..item });
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
            let Some(is) = seen.clients.get(slug) else { continue };
            let mut own = seen.instances.values().filter(|i| i.client_slug == *slug);
            let unowned = own.find(|i| wanted::owner(&i.labels) != self.fleet);
            match unowned {
                None => self.delete_client(is),
                Some(instance) => {
                    let message = format!(
                        "client {slug} left the file and cannot go: its instance {} is not of this fleet",
                        instance.instance_id
                    );
                    let failure = Failure::of(ErrorCode::ClientNotEmpty, message)
                        .hint("put both into the file, or say state = \"absent\" of the client");
                    let slug = slug.as_str();
                    self.fail(Item::new(Action::Delete, Kind::Client, slug, slug), failure);
                }
            }
        }
    }
}
