//! One line of a plan: a step, and how far it has got.

use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;

use super::super::file::FleetSink;
use super::action::{Action, ObjectKind};
use super::step::{Parts, Step};
use crate::error::{Described, Failure};
use crate::output::FieldChange;

/// One change to one object.
#[derive(Debug, Deserialize)]
#[serde(try_from = "Document")]
pub(crate) struct Item {
    action: Action,
    kind: ObjectKind,
    /// The object's handle.
    pub(crate) handle: String,
    /// The client that it is or belongs to.
    pub(crate) client: String,
    /// How far it has got.
    pub(crate) state: ItemState,
    /// The object was in no fleet, or in another one, and comes into this.
    pub(crate) adopt: bool,
    /// Each field that gets another value.
    pub(crate) changes: Vec<FieldChange>,
    /// What carries it out; absent where nothing can.
    pub(crate) step: Option<Step>,
    /// Why it cannot be carried out, or failed.
    pub(crate) error: Option<Failure>,
}

/// How far an item has got.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ItemState {
    /// It is to be carried out.
    Planned,
    /// It was carried out.
    Applied,
    /// It was not carried out, or nobody knows.
    Failed,
    /// It was not tried, because something that it needs failed.
    Skipped,
}

impl ItemState {
    /// The name.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Planned => "planned",
            Self::Applied => "applied",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
        }
    }
}

impl Item {
    /// A step for the object with this handle, which is this client or one of its instances.
    pub(crate) fn of(step: Step, handle: &str, client: &str) -> Self {
        let changes = match step.action() {
            Action::Update => FieldChange::all(&step.request(), step.seen().as_ref()),
            _ => Vec::new(),
        };
        Self {
            action: step.action(),
            kind: step.kind(),
            handle: handle.to_owned(),
            client: client.to_owned(),
            state: ItemState::Planned,
            adopt: false,
            changes,
            step: Some(step),
            error: None,
        }
    }

    /// The same, for an object that comes into the fleet, or does not.
    pub(crate) fn adopting(self, adopt: bool) -> Self {
        Self { adopt, ..self }
    }

    /// Something that should be done to an object and cannot be.
    pub(crate) fn refused(
        action: Action,
        (kind, handle): (ObjectKind, &str),
        client: &str,
        failure: Failure,
    ) -> Self {
        Self {
            action,
            kind,
            handle: handle.to_owned(),
            client: client.to_owned(),
            state: ItemState::Failed,
            adopt: false,
            changes: Vec::new(),
            step: None,
            error: Some(failure),
        }
    }

    /// What is done.
    pub(crate) fn action(&self) -> Action {
        self.action
    }

    /// What kind of object it is done to.
    pub(crate) fn kind(&self) -> ObjectKind {
        self.kind
    }

    /// The object, in words.
    pub(crate) fn what(&self) -> String {
        match self.kind {
            // There is only one.
            ObjectKind::Catalogue => "catalogue".to_owned(),
            kind => format!("{} {}", kind.as_str(), self.handle),
        }
    }

    /// Where a new key goes.
    pub(crate) fn sink(&self) -> Option<&FleetSink> {
        self.step.as_ref().and_then(Step::sink)
    }

    /// Notes that it cannot be carried out, or failed.
    pub(crate) fn fail(&mut self, failure: Failure) {
        self.state = ItemState::Failed;
        self.error = Some(failure);
    }
}

/// An item in a document that is read.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    action: Action,
    kind: ObjectKind,
    handle: String,
    client: String,
    status: ItemState,
    #[serde(default)]
    adopt: bool,
    #[serde(default)]
    changes: Vec<FieldChange>,
    seen: Option<Value>,
    request: Option<Value>,
    sink: Option<FleetSink>,
}

impl TryFrom<Document> for Item {
    type Error = String;
    fn try_from(document: Document) -> Result<Self, Self::Error> {
        let Document { action, kind, handle, client, status: state, adopt, changes, .. } = document;
        let Document { seen, request, sink, .. } = document;
        let step = Step::try_from(Parts { kind, action, request, seen, sink })
            .map_err(|wrong| format!("{} {} {handle}: {wrong}", action.as_str(), kind.as_str()))?;
        let step = Some(step);
        Ok(Self { action, kind, handle, client, state, adopt, changes, step, error: None })
    }
}

impl Serialize for Item {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Written {
            action: self.action,
            kind: self.kind,
            handle: &self.handle,
            client: &self.client,
            status: self.state,
            adopt: self.adopt,
            changes: &self.changes,
            seen: self.step.as_ref().and_then(Step::seen),
            request: self.step.as_ref().and_then(Step::request),
            sink: self.sink(),
            error: self.error.as_ref().map(|failure| failure.described(None)),
        }
        .serialize(serializer)
    }
}

/// An item in a document that is written.
#[derive(Serialize)]
struct Written<'a> {
    action: Action,
    kind: ObjectKind,
    handle: &'a str,
    client: &'a str,
    status: ItemState,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    adopt: bool,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    changes: &'a [FieldChange],
    #[serde(skip_serializing_if = "Option::is_none")]
    seen: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    request: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sink: Option<&'a FleetSink>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Described<'a>>,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// A document of each kind of step, as it is written.
    fn documents() -> Vec<Value> {
        let client = json!({"id": "1", "name": "Acme", "external_ref": null, "status": "active",
            "suspension": null, "labels": {}});
        let instance = json!({"client": "acme", "license": "aaaaaaaaaaaa", "expires_at": null,
            "grace_days": 7, "max_activations": null, "entitlements": [], "labels": {},
            "suspension": null});
        let item = |action: &str, kind: &str, more: Value| {
            let mut item = json!({"action": action, "kind": kind, "handle": "acme",
                "client": "acme", "status": "planned"});
            for (name, value) in more.as_object().unwrap() {
                item[name] = value.clone();
            }
            item
        };
        vec![
            item("create", "client", json!({"request": {"name": "Acme", "slug": "acme"}})),
            item(
                "update",
                "client",
                json!({"seen": client, "request": {"external_ref": null},
                "changes": [{"field": "external_ref", "before": "crm:1", "after": null}]}),
            ),
            item("suspend", "client", json!({})),
            item("reactivate", "client", json!({"seen": client})),
            item("delete", "client", json!({"seen": client})),
            item(
                "create",
                "instance",
                json!({"request": {"instance_id": "acme"},
                "sink": "file:a.key"}),
            ),
            item(
                "update",
                "instance",
                json!({"seen": instance, "request": {"grace_days": 3},
                "adopt": true,
                "changes": [{"field": "grace_days", "before": 7, "after": 3}]}),
            ),
            item("rotate", "instance", json!({"seen": instance, "sink": "env-file:.env?var=KEY"})),
            item("suspend", "instance", json!({"seen": instance})),
            item("reactivate", "instance", json!({"seen": instance})),
            item("delete", "instance", json!({"seen": instance})),
        ]
    }

    #[test]
    fn a_document_is_read_and_written_without_a_change() {
        for document in documents() {
            let item: Item = serde_json::from_value(document.clone()).unwrap();
            let step = item.step.as_ref().unwrap();
            assert_eq!((step.action(), step.kind()), (item.action(), item.kind()));
            assert_eq!(serde_json::to_value(&item).unwrap(), document);
        }
    }

    #[test]
    fn a_document_that_was_changed_by_hand_is_refused() {
        let documents = documents();
        let refused = |at: usize, change: Value| {
            let mut document = documents[at].clone();
            for (name, value) in change.as_object().unwrap() {
                document[name] = value.clone();
            }
            serde_json::from_value::<Item>(document).unwrap_err().to_string()
        };
        let told = refused(0, json!({"request": {"name": ""}}));
        assert_eq!(told, "create client acme: the request is not one that the hub takes");
        assert!(refused(1, json!({"request": null})).contains("the request"));
        assert!(
            refused(2, json!({"action": "rotate", "seen": {}})).contains("a client has no license")
        );
        assert!(refused(3, json!({"seen": null})).contains("seen is missing"));
        assert!(refused(4, json!({"seen": {"id": 1}})).contains("malformed"));
        assert!(refused(5, json!({"sink": "nowhere"})).contains("sink must be"));
        assert!(refused(7, json!({"sink": null})).contains("no sink"));
        assert!(refused(10, json!({"more": 1})).contains("unknown field"));
    }
}
