//! One object's steps, each a request to the hub.

use hub_core::api::{
    ClientPatch, ClientStatus, DeleteClient, DeleteClientQuery, DeleteInstance, Endpoint,
    GetClient, GetInstance, IssueInstance, NewClient, NewInstance, ReactivateInstance,
    RotateLicense, RotateLicenseRequest, SuspendInstance, SuspendRequest, UpdateClient,
    UpdateInstance,
};
use hub_core::exit::Exit;
use hub_core::fields::{FromFields, Unknown, from_json};
use hub_core::key::KeyHash;
use hub_core::problem::ErrorCode;
use serde_json::Value;

use super::{Context, sinks};
use crate::client::{Answer, Call, Hub};
use crate::commands::client::{Registered, register};
use crate::error::{Failure, Result};
use crate::fleet::{Action, Item, Kind, is_so, stand_of_client, stand_of_instance};

/// How steps are carried out.
pub(super) struct Steps<'a, 'h> {
    /// What the command works with.
    pub(super) context: &'a Context<'h>,
    /// The hub.
    pub(super) hub: &'a Hub<'h>,
    /// Whether a sink may be in a folder that others can write.
    pub(super) allow_open_folder: bool,
}

/// The state of an object that the next step is made for: a tag, or none where it does not matter.
type Tag = Option<String>;

/// What became of an object since the plan was made.
enum Still {
    /// Nothing: it has this tag.
    Here(Tag),
    /// It was to go, and is gone.
    Gone,
}

impl Steps<'_, '_> {
    /// Carries out the steps of one object up to the first that fails.
    pub(super) async fn run(&self, items: &[Item]) -> Vec<Result<(), Option<Failure>>> {
        let mut outcomes = Vec::new();
        let mut tag = match self.still(&items[0]).await {
            Ok(Still::Here(tag)) => tag,
            Ok(Still::Gone) => return vec![Ok(())],
            Err(failure) => return vec![Err(Some(failure))],
        };
        for item in items {
            match self.step(item, tag.as_deref()).await {
                Ok(next) => {
                    tag = next;
                    outcomes.push(Ok(()));
                }
                Err(failure) => {
                    outcomes.push(Err(Some(failure)));
                    break;
                }
            }
        }
        outcomes
    }

    /// The tag of an object that is still what the plan saw. Rotating and suspending take no tag: for
    /// these this look is all there is.
    async fn still(&self, item: &Item) -> Result<Still> {
        let Some(seen) = &item.seen else { return Ok(Still::Here(None)) };
        match self.stand(item).await? {
            Some((present, tag)) if present == *seen => Ok(Still::Here(tag)),
            None if item.action == Action::Delete => Ok(Still::Gone),
            _ => Err(changed(item)),
        }
    }

    async fn stand(&self, item: &Item) -> Result<Option<(Value, Tag)>> {
        let handle = &item.handle;
        Ok(match item.kind {
            Kind::Client => {
                let found = self.hub.find::<GetClient>(handle).await?;
                found.map(|answer| (stand_of_client(&answer.value), answer.etag))
            }
            Kind::Instance => {
                let found = self.hub.find::<GetInstance>(handle).await?;
                found.map(|answer| (stand_of_instance(&answer.value), answer.etag))
            }
        })
    }

    async fn step(&self, item: &Item, tag: Option<&str>) -> Result<Tag> {
        match (item.kind, item.action) {
            (Kind::Client, Action::Create) => self.create_client(item).await,
            (Kind::Client, Action::Update) => {
                self.patch::<UpdateClient>(item, tag, &request(item)?).await
            }
            (Kind::Client, Action::Suspend) => {
                self.set_status(item, tag, ClientStatus::Suspended).await
            }
            (Kind::Client, Action::Reactivate) => {
                self.set_status(item, tag, ClientStatus::Active).await
            }
            (Kind::Client, Action::Delete) => {
                // Its instances went before it: one that has come since must not go unseen.
                self.delete::<DeleteClient>(item, tag, &DeleteClientQuery::default()).await
            }
            (Kind::Client, Action::Rotate) => Err(Failure::usage("a client has no license")),
            (Kind::Instance, Action::Create) => self.create_instance(item).await,
            (Kind::Instance, Action::Update) => {
                self.patch::<UpdateInstance>(item, tag, &request(item)?).await
            }
            (Kind::Instance, Action::Rotate) => self.rotate(item).await,
            (Kind::Instance, Action::Suspend) => {
                let body = SuspendRequest::default();
                let call = Call::<SuspendInstance>::new(&item.handle, &(), &body);
                Ok(self.hub.answer(call).await?.etag)
            }
            (Kind::Instance, Action::Reactivate) => {
                let call = Call::<ReactivateInstance>::new(&item.handle, &(), &());
                Ok(self.hub.answer(call).await?.etag)
            }
            (Kind::Instance, Action::Delete) => self.delete::<DeleteInstance>(item, tag, &()).await,
        }
    }

    async fn create_client(&self, item: &Item) -> Result<Tag> {
        let new: NewClient = request(item)?;
        match register(self.context, &new).await? {
            Registered::New(_) => Ok(None),
            Registered::Existing(found) => {
                let message = format!("client {} exists already", item.handle);
                Err(Failure::of(ErrorCode::ClientExists, message)
                    .existing(&found.value)
                    .hint("somebody made it meanwhile: plan again"))
            }
        }
    }

    async fn set_status(
        &self,
        item: &Item,
        tag: Option<&str>,
        status: ClientStatus,
    ) -> Result<Tag> {
        let patch = ClientPatch { status: Some(status), ..ClientPatch::default() };
        self.patch::<UpdateClient>(item, tag, &patch).await
    }

    /// Changes fields of an object that still has its tag.
    async fn patch<E>(&self, item: &Item, tag: Option<&str>, body: &E::Body) -> Result<Tag>
    where
        E: Endpoint<Query = ()>,
        E::Body: serde::Serialize,
    {
        let call = Call::<E> { if_match: tag, ..Call::new(&item.handle, &(), body) };
        match self.hub.answer(call).await {
            Ok(Answer { etag, .. }) => Ok(etag),
            // The first attempt changed it, and its answer was lost.
            Err(failure)
                if failure.parts().after_unknown && failure.is(ErrorCode::PreconditionFailed) =>
            {
                let wanted = serde_json::to_value(body).unwrap_or_default();
                match self.stand(item).await? {
                    Some((present, tag)) if is_so(&wanted, &present) => Ok(tag),
                    _ => Err(failure),
                }
            }
            Err(failure) => Err(failure),
        }
    }

    async fn delete<E>(&self, item: &Item, tag: Option<&str>, query: &E::Query) -> Result<Tag>
    where
        E: Endpoint<Body = ()>,
    {
        let call = Call::<E> { if_match: tag, ..Call::new(&item.handle, query, &()) };
        match self.hub.answer(call).await {
            Err(failure) if failure.exit() == Exit::NotFound => Ok(None),
            answer => answer.map(|_| None),
        }
    }

    /// Issues an instance whose license is in its sink before the hub knows it.
    ///
    /// Nothing is awaited between reserving a sink and holding the key: until then, other instances that
    /// have their keys in the same file would find it reserved.
    async fn create_instance(&self, item: &Item) -> Result<Tag> {
        let new: NewInstance = request(item)?;
        let Some(text) = &item.sink else { return self.issue(item, &new).await };
        let held = sinks::reserve(text, self.allow_open_folder)?.hold()?;
        let register =
            async |hash| self.issue(item, &NewInstance { license_sha256: Some(hash), ..new }).await;
        held.register(register).await.map(|delivered| delivered.answer).map_err(|failure| {
            if failure.is(ErrorCode::KeyConflict) {
                return failure.hint(format!(
                    "{text} holds a key that the hub knows already, from another instance or from one that was deleted: name another sink, or empty this one"
                ));
            }
            failure
        })
    }

    async fn issue(&self, item: &Item, new: &NewInstance) -> Result<Tag> {
        Ok(self.hub.answer(Call::<IssueInstance>::new(&item.client, &(), new)).await?.etag)
    }

    async fn rotate(&self, item: &Item) -> Result<Tag> {
        let text = item.sink.as_deref().unwrap_or_default();
        let register = async |hash: KeyHash| {
            let body = RotateLicenseRequest { license_sha256: Some(hash), overlap_seconds: None };
            self.hub.call::<RotateLicense>(&item.handle, &(), &body).await
        };
        let held = sinks::reserve(text, self.allow_open_folder)?.hold()?;
        held.register_or_renew(register).await?;
        // The license is part of what the tag is made from, and no answer here has the new tag.
        Ok(None)
    }
}

/// What an item asks for.
fn request<T: FromFields>(item: &Item) -> Result<T> {
    let text = item.request.as_ref().map(Value::to_string).unwrap_or_default();
    from_json(text.as_bytes(), Unknown::Named).map_err(|_| {
        Failure::usage("the plan's request for it is not one that the hub takes")
            .hint("make a new plan, and do not change it")
    })
}

fn changed(item: &Item) -> Failure {
    let message = format!("{} was changed since the plan was made", item.what());
    Failure::of(ErrorCode::PreconditionFailed, message).hint("look at it, then plan again")
}
