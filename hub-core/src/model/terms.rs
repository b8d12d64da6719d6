//! The terms of a license: every field of an instance that operators set.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::bounded::bounded;
use crate::fields::{Fields, FromFields, Patch};
use crate::labels::{Entitlements, Labels};
use crate::time::Timestamp;

bounded!(
    /// The number of days that a license works after its end: 0 to 90.
    GraceDays,
    90,
    "must be a number from 0 to 90"
);
bounded!(
    /// How often a license may be activated: 0 to 1,000,000,000.
    ActivationLimit,
    1_000_000_000,
    "must be a number from 0 to 1000000000"
);

/// The terms of an instance's license.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    /// When the license ends; `None` means never.
    pub expires_at: Option<Timestamp>,
    /// For how many days the license works after its end.
    pub grace_days: GraceDays,
    /// How often the license may be activated; `None` means without limit.
    pub max_activations: Option<ActivationLimit>,
    /// The features that the license includes.
    pub entitlements: Entitlements,
    /// The operator's labels.
    pub labels: Labels,
}

/// A change of [`Terms`]: the body of `PATCH /api/v1/admin/instances/{instance_id}`. A new instance
/// names its terms in the same way, as changes of the default.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct InstancePatch {
    /// When the license ends; `null` means never.
    #[serde(skip_serializing_if = "Patch::is_keep")]
    pub expires_at: Patch<Timestamp>,
    /// For how many days the license works after its end.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "GraceDays")]
    pub grace_days: Option<GraceDays>,
    /// How often the license may be activated; `null` means without limit.
    #[serde(skip_serializing_if = "Patch::is_keep")]
    pub max_activations: Patch<ActivationLimit>,
    /// The complete new set of entitlements.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Entitlements")]
    pub entitlements: Option<Entitlements>,
    /// The complete new set of labels.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Labels")]
    pub labels: Option<Labels>,
}

impl Terms {
    /// These terms with the patch applied.
    #[must_use]
    pub fn patched(&self, patch: &InstancePatch) -> Self {
        Self {
            expires_at: patch.expires_at.apply(self.expires_at),
            grace_days: patch.grace_days.unwrap_or(self.grace_days),
            max_activations: patch.max_activations.apply(self.max_activations),
            entitlements: patch.entitlements.as_ref().unwrap_or(&self.entitlements).clone(),
            labels: patch.labels.as_ref().unwrap_or(&self.labels).clone(),
        }
    }

    /// The part of the patch that would change these terms; `None` when it would change nothing.
    #[must_use]
    pub fn difference(&self, wanted: InstancePatch) -> Option<InstancePatch> {
        let patch = InstancePatch {
            expires_at: wanted.expires_at.unless_set(&self.expires_at),
            grace_days: wanted.grace_days.filter(|days| *days != self.grace_days),
            max_activations: wanted.max_activations.unless_set(&self.max_activations),
            entitlements: wanted.entitlements.filter(|set| *set != self.entitlements),
            labels: wanted.labels.filter(|labels| *labels != self.labels),
        };
        (!patch.is_empty()).then_some(patch)
    }

    /// The wire names of the fields in which these terms differ from `other`.
    #[must_use]
    pub fn changed(&self, other: &Self) -> Vec<&'static str> {
        let fields = [
            ("expires_at", self.expires_at != other.expires_at),
            ("grace_days", self.grace_days != other.grace_days),
            ("max_activations", self.max_activations != other.max_activations),
            ("entitlements", self.entitlements != other.entitlements),
            ("labels", self.labels != other.labels),
        ];
        fields.into_iter().filter(|(_, differs)| *differs).map(|(name, _)| name).collect()
    }
}

impl InstancePatch {
    /// Whether the patch names no field.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Reads the terms of a new instance. Here `null` means the same as absent.
    pub(crate) fn of_new(fields: &mut Fields<'_>) -> Self {
        Self {
            expires_at: fields.optional("expires_at").map_or(Patch::Keep, Patch::Set),
            grace_days: fields.optional("grace_days"),
            max_activations: fields.optional("max_activations").map_or(Patch::Keep, Patch::Set),
            entitlements: fields.optional("entitlements"),
            labels: fields.optional("labels"),
        }
    }
}

impl FromFields for InstancePatch {
    fn from_fields(fields: &mut Fields<'_>) -> Option<Self> {
        Some(Self {
            expires_at: fields.patch("expires_at"),
            grace_days: fields.replace("grace_days"),
            max_activations: fields.patch("max_activations"),
            entitlements: fields.replace("entitlements"),
            labels: fields.replace("labels"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn terms() -> Terms {
        Terms {
            expires_at: Some(Timestamp::UNIX_EPOCH),
            grace_days: 7.try_into().unwrap(),
            max_activations: None,
            entitlements: Entitlements::new(["a".to_owned()]).unwrap(),
            labels: [("env", "prod")]
                .iter()
                .map(|(k, v)| format!("{k}={v}").parse().unwrap())
                .collect(),
        }
    }

    /// For each field, its name and a patch that changes it.
    fn changes() -> [(&'static str, InstancePatch); 5] {
        let patch = InstancePatch::default;
        [
            ("expires_at", InstancePatch { expires_at: Patch::Clear, ..patch() }),
            ("grace_days", InstancePatch { grace_days: Some(GraceDays::default()), ..patch() }),
            (
                "max_activations",
                InstancePatch { max_activations: Patch::Set(3.try_into().unwrap()), ..patch() },
            ),
            (
                "entitlements",
                InstancePatch { entitlements: Some(Entitlements::default()), ..patch() },
            ),
            ("labels", InstancePatch { labels: Some(Labels::default()), ..patch() }),
        ]
    }

    #[test]
    fn each_field_is_patched_named_and_found_different() {
        for (name, patch) in changes() {
            let after = terms().patched(&patch);
            assert_eq!(terms().changed(&after), [name]);
            assert_eq!(terms().difference(patch.clone()), Some(patch.clone()), "{name}");
            assert_eq!(after.difference(patch), None, "{name}");
        }
    }

    #[test]
    fn the_difference_of_a_patch_has_only_the_fields_that_change() {
        let given = InstancePatch {
            expires_at: Patch::Clear,
            grace_days: Some(terms().grace_days),
            max_activations: Patch::Clear,
            entitlements: Some(terms().entitlements),
            labels: Some(terms().labels),
        };
        let left = terms().difference(given).unwrap();
        assert_eq!(left, InstancePatch { expires_at: Patch::Clear, ..InstancePatch::default() });
    }

    #[test]
    fn every_member_of_the_terms_can_be_patched() {
        let serde_json::Value::Object(members) = serde_json::to_value(terms()).unwrap() else {
            panic!("terms are an object")
        };
        let patched = changes().map(|(name, _)| name);
        assert_eq!(members.len(), patched.len());
        assert!(patched.iter().all(|name| members.contains_key(*name)));
    }
}
