//! The steps of one object, each a request to the hub.

use std::cell::RefCell;
use std::collections::BTreeMap;

use hub_core::api::{
    DeleteClient, DeleteClientQuery, DeleteInstance, Endpoint, GetCatalogue, GetClient,
    GetInstance, Instance, IssueInstance, NewClient, NewInstance, ReactivateInstance,
    RotateLicense, RotateLicenseRequest, SetCatalogue, SuspendInstance, SuspendRequest,
    UpdateClient, UpdateInstance,
};
use hub_core::exit::Exit;
use hub_core::key::{KeyHash, License};
use hub_core::model::{ClientPatch, ClientStatus, InstancePatch};
use hub_core::problem::ErrorCode;

use super::super::file::FleetSink;
use super::super::planner::{Action, ClientChange, InstanceChange, Item, SeenClient, Step};
use super::sinks;
use crate::client::{Answer, Call, Hub};
use crate::commands::Invocation;
use crate::commands::client::{Registered, register};
use crate::delivery::{Held, sync};
use crate::error::{Failure, Result};
use crate::words::SinkSpec;

/// How steps are carried out.
pub(super) struct Steps<'a, 'h> {
    /// What the command works with.
    pub(super) invocation: &'a Invocation<'h>,
    /// The hub.
    pub(super) hub: &'a Hub<'h>,
    /// Whether a sink may be in a folder that others can write.
    pub(super) allow_open_folder: bool,
    /// Keys that are in their sinks already, by the handle of their instance.
    pub(super) held: RefCell<BTreeMap<String, Held<License>>>,
}

/// How a step ended; without a failure, it was not tried.
pub(super) type StepResult = Result<(), Option<Failure>>;

/// The entity tag of the object that the next step is made for, or none where it does not matter.
type Tag = Option<String>;

/// Whether an object is still what the plan saw.
enum Still {
    /// It is, and has this tag.
    Here(Tag),
    /// It was to be deleted, and is gone.
    Gone,
}

impl Steps<'_, '_> {
    /// Carries out the steps of one object up to the first that fails.
    pub(super) async fn run(&self, items: &[Item]) -> Vec<StepResult> {
        let mut results = Vec::new();
        let mut tag = match self.still(&items[0]).await {
            Ok(Still::Here(tag)) => tag,
            Ok(Still::Gone) => return vec![Ok(())],
            Err(failure) => return vec![Err(Some(failure))],
        };
        for item in items {
            match self.step(item, tag.as_deref()).await {
                Ok(next) => {
                    tag = next;
                    results.push(Ok(()));
                }
                Err(failure) => {
                    results.push(Err(Some(failure)));
                    break;
                }
            }
        }
        results
    }

    /// Looks whether an object is still what the plan saw, and gives its tag: what is changed meanwhile is
    /// changed no more.
    async fn still(&self, item: &Item) -> Result<Still> {
        let (same, tag) = match &item.step {
            Some(Step::Client { seen: Some(seen), .. }) => {
                match self.hub.find::<GetClient>(&item.handle).await? {
                    Some(found) => (SeenClient::of(&found.value) == *seen, found.etag),
                    None => return gone(item),
                }
            }
            Some(Step::Instance { seen: Some(seen), .. }) => {
                match self.hub.find::<GetInstance>(&item.handle).await? {
                    Some(found) => (found.value.settings() == *seen, found.etag),
                    None => return gone(item),
                }
            }
            Some(Step::Catalogue { seen, .. }) => {
                let found = self.hub.answer(Call::<GetCatalogue>::new("", &(), &())).await?;
                (found.value == **seen, found.etag)
            }
            _ => return Ok(Still::Here(None)),
        };
        if same { Ok(Still::Here(tag)) } else { Err(changed(item)) }
    }

    async fn step(&self, item: &Item, tag: Option<&str>) -> Result<Tag> {
        let handle = item.handle.as_str();
        match &item.step {
            Some(Step::Client { change, .. }) => self.client(change, handle, tag).await,
            Some(Step::Instance { change, .. }) => {
                self.instance(change, handle, &item.client, tag).await
            }
            Some(Step::Catalogue { wanted, .. }) => {
                let call = Call::<SetCatalogue> { if_match: tag, ..Call::new("", &(), &**wanted) };
                Ok(self.hub.answer(call).await?.etag)
            }
            None => Err(Failure::new(Exit::Bug, "bug", "this step cannot be carried out")),
        }
    }

    async fn client(&self, change: &ClientChange, slug: &str, tag: Option<&str>) -> Result<Tag> {
        let set = |status| ClientPatch { status: Some(status), ..ClientPatch::default() };
        match change {
            ClientChange::Create(new) => self.create_client(new, slug).await,
            ClientChange::Update(patch) => self.update_client(slug, tag, patch).await,
            ClientChange::Suspend => {
                self.update_client(slug, tag, &set(ClientStatus::Suspended)).await
            }
            ClientChange::Reactivate => {
                self.update_client(slug, tag, &set(ClientStatus::Active)).await
            }
            // Without cascade: an instance that was issued since the plan was made must survive.
            ClientChange::Delete => {
                self.delete::<DeleteClient>(slug, tag, &DeleteClientQuery::default()).await
            }
        }
    }

    async fn instance(
        &self,
        change: &InstanceChange,
        handle: &str,
        client: &str,
        tag: Option<&str>,
    ) -> Result<Tag> {
        match change {
            InstanceChange::Create { new, sink: None } => self.issue(client, new).await,
            InstanceChange::Create { new, sink: Some(sink) } => {
                let held = self.held.borrow_mut().remove(handle);
                self.issue_into(held, sink, client, new).await
            }
            InstanceChange::Update(patch) => self.update_instance(handle, tag, patch).await,
            InstanceChange::Rotate { sink } => self.rotate(handle, tag, sink).await,
            InstanceChange::Suspend => {
                let body = SuspendRequest::default();
                let patched = self.patch::<SuspendInstance>(handle, tag, &body).await;
                self.patched_if(patched, handle, |now| now.suspension.is_some()).await
            }
            InstanceChange::Reactivate => {
                let patched = self.patch::<ReactivateInstance>(handle, tag, &()).await;
                self.patched_if(patched, handle, |now| now.suspension.is_none()).await
            }
            InstanceChange::Delete => self.delete::<DeleteInstance>(handle, tag, &()).await,
        }
    }

    async fn create_client(&self, new: &NewClient, slug: &str) -> Result<Tag> {
        match register(self.invocation, new).await? {
            Registered::New(_) => Ok(None),
            Registered::Existing(found) => {
                let message = format!("client {slug} exists already");
                Err(Failure::of(ErrorCode::ClientExists, message)
                    .existing(&found.value)
                    .hint("somebody created it meanwhile: plan again"))
            }
        }
    }

    async fn update_client(
        &self,
        slug: &str,
        tag: Option<&str>,
        patch: &ClientPatch,
    ) -> Result<Tag> {
        match self.patch::<UpdateClient>(slug, tag, patch).await {
            Err(failure) if may_be_own(&failure) => match self.hub.find::<GetClient>(slug).await? {
                Some(now) if now.value.settings().difference(patch.clone()).is_none() => {
                    Ok(now.etag)
                }
                _ => Err(failure),
            },
            patched => patched,
        }
    }

    async fn update_instance(
        &self,
        handle: &str,
        tag: Option<&str>,
        patch: &InstancePatch,
    ) -> Result<Tag> {
        let patched = self.patch::<UpdateInstance>(handle, tag, patch).await;
        let is_done = |now: &Instance| now.terms().difference(patch.clone()).is_none();
        self.patched_if(patched, handle, is_done).await
    }

    /// The tag after a change of an instance. Where an earlier attempt may have made the change, it is looked
    /// whether it did.
    async fn patched_if(
        &self,
        patched: Result<Tag>,
        handle: &str,
        is_done: impl FnOnce(&Instance) -> bool,
    ) -> Result<Tag> {
        match patched {
            Err(failure) if may_be_own(&failure) => {
                match self.hub.find::<GetInstance>(handle).await? {
                    Some(now) if is_done(&now.value) => Ok(now.etag),
                    _ => Err(failure),
                }
            }
            patched => patched,
        }
    }

    /// Changes fields of an object that still has its tag.
    async fn patch<E>(&self, handle: &str, tag: Option<&str>, body: &E::Body) -> Result<Tag>
    where
        E: Endpoint<Query = ()>,
    {
        let call = Call::<E> { if_match: tag, ..Call::new(handle, &(), body) };
        let Answer { etag, .. } = self.hub.answer(call).await?;
        Ok(etag)
    }

    async fn delete<E>(&self, handle: &str, tag: Option<&str>, query: &E::Query) -> Result<Tag>
    where
        E: Endpoint<Body = ()>,
    {
        let call = Call::<E> { if_match: tag, ..Call::new(handle, query, &()) };
        match self.hub.answer(call).await {
            Err(failure) if failure.exit() == Exit::NotFound => Ok(None),
            answer => answer.map(|_| None),
        }
    }

    /// Issues an instance whose license is in its sink before the hub knows it.
    ///
    /// Nothing is awaited between reserving the sink and holding the key: until then, other instances
    /// that have their keys in the same file would find it reserved.
    async fn issue_into(
        &self,
        held: Option<Held<License>>,
        sink: &FleetSink,
        client: &str,
        new: &NewInstance,
    ) -> Result<Tag> {
        let held = match held {
            Some(held) => held,
            None => sinks::reserve(sink, self.allow_open_folder)?.hold()?,
        };
        let register = async |hash| {
            let new = NewInstance { license_sha256: Some(hash), ..new.clone() };
            self.issue(client, &new).await
        };
        held.register(register).await.map(|delivered| delivered.answer).map_err(|failure| {
            if failure.is(ErrorCode::KeyConflict) {
                return failure.hint(format!(
                    "{} holds a key that the hub knows already, from another instance or from one that was deleted: name another sink, or empty this one",
                    sink.text
                ));
            }
            failure
        })
    }

    /// Puts the keys of new instances into their files, all of them on disk before the first is registered:
    /// syncing them one after the other would take most of the time. One that fails is tried again alone.
    pub(super) fn hold_all<'i>(&self, items: impl Iterator<Item = &'i Item>) {
        let mut held = BTreeMap::new();
        for item in items {
            let Some(Step::Instance {
                change: InstanceChange::Create { sink: Some(sink), .. },
                ..
            }) = &item.step
            else {
                continue;
            };
            if matches!(sink.spec, SinkSpec::File(_))
                && let Ok(delivery) = sinks::reserve(sink, self.allow_open_folder)
                && let Ok(key) = delivery.hold_unsynced()
            {
                held.insert(item.handle.clone(), key);
            }
        }
        if sync(held.values()).is_ok() {
            self.held.replace(held);
        } else {
            held.into_values().for_each(Held::give_up);
        }
    }

    /// Takes the keys that nobody has registered out of their files again.
    pub(super) fn give_up_the_rest(&self) {
        self.held.take().into_values().for_each(Held::give_up);
    }

    async fn issue(&self, client: &str, new: &NewInstance) -> Result<Tag> {
        Ok(self.hub.answer(Call::<IssueInstance>::new(client, &(), new)).await?.etag)
    }

    async fn rotate(&self, handle: &str, tag: Option<&str>, sink: &FleetSink) -> Result<Tag> {
        let register = async |hash: KeyHash| {
            let body = RotateLicenseRequest { license_sha256: Some(hash), overlap_seconds: None };
            let rotated = self.patch::<RotateLicense>(handle, tag, &body).await;
            let is_done = |now: &Instance| now.license.fingerprint == hash.fingerprint();
            self.patched_if(rotated, handle, is_done).await
        };
        let held = sinks::reserve(sink, self.allow_open_folder)?.hold()?;
        Ok(held.register_or_renew(register).await?.answer)
    }
}

/// Whether a refusal may be the trace of an earlier attempt, whose answer was lost.
fn may_be_own(failure: &Failure) -> bool {
    failure.parts().after_unknown && failure.is(ErrorCode::PreconditionFailed)
}

fn gone(item: &Item) -> Result<Still> {
    if item.action() == Action::Delete { Ok(Still::Gone) } else { Err(changed(item)) }
}

fn changed(item: &Item) -> Failure {
    let message = format!("{} was changed since the plan was made", item.what());
    Failure::of(ErrorCode::PreconditionFailed, message).hint("look at it, then plan again")
}
