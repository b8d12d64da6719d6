//! The steps that a plan is made of: each has all that carrying it out takes.
//!
//! There is no secret in a step. A key is made when it is put into its sink, and for a key that exists
//! already the file has only the hash.

use hub_core::api::{Catalogue, Client, Instance, NewClient, NewInstance};
use hub_core::fields::{FromFields, Unknown, from_json};
use hub_core::model::{ClientPatch, ClientSettings, InstancePatch, InstanceSettings};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::super::file::FleetSink;
use super::action::{Action, ObjectKind};

/// One step, for one object.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    /// For a client.
    Client {
        /// The change.
        change: ClientChange,
        /// The client when the plan was made; absent where it did not exist.
        seen: Option<SeenClient>,
    },
    /// For an instance.
    Instance {
        /// The change.
        change: InstanceChange,
        /// The instance when the plan was made; absent where it did not exist.
        seen: Option<InstanceSettings>,
    },
    /// For the catalogue.
    Catalogue {
        /// As it should be.
        wanted: Box<Catalogue>,
        /// As it was when the plan was made.
        seen: Box<Catalogue>,
    },
}

/// A change of a client.
#[derive(Debug, Clone)]
pub(crate) enum ClientChange {
    /// It is created.
    Create(NewClient),
    /// Fields of it are changed.
    Update(ClientPatch),
    /// It is suspended.
    Suspend,
    /// Its suspension is ended.
    Reactivate,
    /// It is deleted.
    Delete,
}

/// A change of an instance.
#[derive(Debug, Clone)]
pub(crate) enum InstanceChange {
    /// It is issued.
    Create {
        /// The instance, without the hash of a key that goes into the sink.
        new: Box<NewInstance>,
        /// Where its new license key goes.
        sink: Option<FleetSink>,
    },
    /// Fields of it are changed.
    Update(Box<InstancePatch>),
    /// It gets a new license key.
    Rotate {
        /// Where that goes.
        sink: FleetSink,
    },
    /// It is suspended.
    Suspend,
    /// Its suspension is ended.
    Reactivate,
    /// It is deleted.
    Delete,
}

/// What a plan relies on of a client.
///
/// Lists carry no entity tags, and one request for each client only to learn its tag would make planning
/// slow. So a plan keeps what the tag is made from. Whoever carries it out gets the object, compares it
/// with this, and changes it only if it still has the tag that came with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SeenClient {
    /// Its id: a client that was deleted and created again is another one.
    pub(crate) id: String,
    /// What operators set.
    #[serde(flatten)]
    pub(crate) settings: ClientSettings,
}

impl SeenClient {
    /// This client.
    pub(crate) fn of(client: &Client) -> Self {
        Self { id: client.id.clone(), settings: client.settings() }
    }
}

impl Step {
    /// A change of this client.
    pub(super) fn of_client(change: ClientChange, is: &Client) -> Self {
        Self::Client { change, seen: Some(SeenClient::of(is)) }
    }

    /// A change of this instance.
    pub(super) fn of_instance(change: InstanceChange, is: &Instance) -> Self {
        Self::Instance { change, seen: Some(is.settings()) }
    }

    /// What it does.
    pub(crate) fn action(&self) -> Action {
        match self {
            Self::Client { change, .. } => match change {
                ClientChange::Create(_) => Action::Create,
                ClientChange::Update(_) => Action::Update,
                ClientChange::Suspend => Action::Suspend,
                ClientChange::Reactivate => Action::Reactivate,
                ClientChange::Delete => Action::Delete,
            },
            Self::Instance { change, .. } => match change {
                InstanceChange::Create { .. } => Action::Create,
                InstanceChange::Update(_) => Action::Update,
                InstanceChange::Rotate { .. } => Action::Rotate,
                InstanceChange::Suspend => Action::Suspend,
                InstanceChange::Reactivate => Action::Reactivate,
                InstanceChange::Delete => Action::Delete,
            },
            Self::Catalogue { .. } => Action::Update,
        }
    }

    /// What kind of object it changes.
    pub(crate) fn kind(&self) -> ObjectKind {
        match self {
            Self::Client { .. } => ObjectKind::Client,
            Self::Instance { .. } => ObjectKind::Instance,
            Self::Catalogue { .. } => ObjectKind::Catalogue,
        }
    }

    /// Where a new key goes.
    pub(crate) fn sink(&self) -> Option<&FleetSink> {
        match self {
            Self::Instance { change: InstanceChange::Create { sink, .. }, .. } => sink.as_ref(),
            Self::Instance { change: InstanceChange::Rotate { sink }, .. } => Some(sink),
            _ => None,
        }
    }

    /// The request that it sends, as a document shows it.
    pub(super) fn request(&self) -> Option<Value> {
        match self {
            Self::Client { change: ClientChange::Create(new), .. } => json(new),
            Self::Client { change: ClientChange::Update(patch), .. } => json(patch),
            Self::Instance { change: InstanceChange::Create { new, .. }, .. } => json(new),
            Self::Instance { change: InstanceChange::Update(patch), .. } => json(patch),
            Self::Catalogue { wanted, .. } => json(wanted),
            _ => None,
        }
    }

    /// The object when the plan was made, as a document shows it.
    pub(super) fn seen(&self) -> Option<Value> {
        match self {
            Self::Client { seen, .. } => seen.as_ref().and_then(json),
            Self::Instance { seen, .. } => seen.as_ref().and_then(json),
            Self::Catalogue { seen, .. } => json(seen),
        }
    }
}

/// A step as documents have it, in parts.
pub(super) struct Parts {
    pub(super) kind: ObjectKind,
    pub(super) action: Action,
    pub(super) request: Option<Value>,
    pub(super) seen: Option<Value>,
    pub(super) sink: Option<FleetSink>,
}

impl TryFrom<Parts> for Step {
    type Error = &'static str;
    fn try_from(parts: Parts) -> Result<Self, Self::Error> {
        let Parts { kind, action, request, seen, sink } = parts;
        // A new object may be suspended at once; every other change is of an object that was seen.
        if seen.is_none() && !matches!(action, Action::Create | Action::Suspend) {
            return Err("the object that was seen is missing");
        }
        let request = request.as_ref();
        match kind {
            ObjectKind::Client => {
                let change = match action {
                    Action::Create => ClientChange::Create(read(request)?),
                    Action::Update => ClientChange::Update(read(request)?),
                    Action::Suspend => ClientChange::Suspend,
                    Action::Reactivate => ClientChange::Reactivate,
                    Action::Delete => ClientChange::Delete,
                    Action::Rotate => return Err("a client has no license"),
                };
                Ok(Self::Client { change, seen: known(seen)? })
            }
            ObjectKind::Instance => {
                let change = match action {
                    Action::Create => {
                        InstanceChange::Create { new: Box::new(read(request)?), sink }
                    }
                    Action::Update => InstanceChange::Update(Box::new(read(request)?)),
                    Action::Rotate => InstanceChange::Rotate { sink: sink.ok_or("no sink")? },
                    Action::Suspend => InstanceChange::Suspend,
                    Action::Reactivate => InstanceChange::Reactivate,
                    Action::Delete => InstanceChange::Delete,
                };
                Ok(Self::Instance { change, seen: known(seen)? })
            }
            ObjectKind::Catalogue if action == Action::Update => {
                let seen = known(seen)?.ok_or("the catalogue that was seen is missing")?;
                Ok(Self::Catalogue { wanted: Box::new(read(request)?), seen: Box::new(seen) })
            }
            ObjectKind::Catalogue => Err("the catalogue can only be updated"),
        }
    }
}

/// As JSON. The types of the API always can be.
fn json(value: &impl Serialize) -> Option<Value> {
    serde_json::to_value(value).ok()
}

fn read<T: FromFields>(request: Option<&Value>) -> Result<T, &'static str> {
    let text = request.ok_or("the request is missing")?.to_string();
    from_json(text.as_bytes(), Unknown::Named)
        .map_err(|_| "the request is not one that the hub takes")
}

fn known<T: DeserializeOwned>(seen: Option<Value>) -> Result<Option<T>, &'static str> {
    seen.map(serde_json::from_value)
        .transpose()
        .map_err(|_| "the object that was seen is malformed")
}
