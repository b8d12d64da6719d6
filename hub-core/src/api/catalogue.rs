//! The catalogue on the wire: the names that operators let the hub keep.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::fields::{Field, Fields, FromFields, from_value};
use crate::redact::{CodeName, CountName, ToolName};

/// A name that a catalogue may list.
pub trait ListedName: Field + Ord + AsRef<str> {
    /// The list's place in a catalogue.
    const LIST: &'static str;
    /// The most names in the list.
    const MOST: usize;
    /// The name that no catalogue may list, because unlisted names are counted under it.
    const RESERVED: &'static str;
}

impl ListedName for ToolName {
    const LIST: &'static str = "tools";
    const MOST: usize = 2_000;
    const RESERVED: &'static str = Self::OTHER;
}

impl ListedName for CodeName {
    const LIST: &'static str = "codes";
    const MOST: usize = 1_000;
    const RESERVED: &'static str = Self::OTHER;
}

impl ListedName for CountName {
    const LIST: &'static str = "counts";
    const MOST: usize = 500;
    const RESERVED: &'static str = Self::OTHER;
}

/// The names of tools, error codes and counts that the hub keeps. It counts all others under `other`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Catalogue {
    /// Tools.
    pub tools: BTreeSet<ToolName>,
    /// Error codes.
    pub codes: BTreeSet<CodeName>,
    /// Named counts.
    pub counts: BTreeSet<CountName>,
}

impl FromFields for Catalogue {
    fn from_fields(fields: &mut Fields<'_>) -> Option<Self> {
        let tools = names(fields, "", Presence::Required);
        let codes = names(fields, "", Presence::Required);
        let counts = names(fields, "", Presence::Required);
        Some(Self { tools: tools?, codes: codes?, counts: counts? })
    }
}

/// Some names of each kind.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Names {
    /// Tools.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub tools: BTreeSet<ToolName>,
    /// Error codes.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub codes: BTreeSet<CodeName>,
    /// Named counts.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub counts: BTreeSet<CountName>,
}

impl Names {
    /// How many names there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.tools.len() + self.codes.len() + self.counts.len()
    }

    /// Whether there is no name.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A change of the catalogue. Adding a listed name and removing an unlisted one changes nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct CataloguePatch {
    /// The names to list.
    #[serde(skip_serializing_if = "Names::is_empty")]
    pub add: Names,
    /// The names to list no longer.
    #[serde(skip_serializing_if = "Names::is_empty")]
    pub remove: Names,
}

impl FromFields for CataloguePatch {
    fn from_fields(fields: &mut Fields<'_>) -> Option<Self> {
        let add = part(fields, "add");
        let remove = part(fields, "remove");
        let (add, remove) = (add?, remove?);
        let both = !add.tools.is_disjoint(&remove.tools)
            || !add.codes.is_disjoint(&remove.codes)
            || !add.counts.is_disjoint(&remove.counts);
        if both {
            fields.fault("remove", "must not hold a name that add holds too");
        }
        Some(Self { add, remove })
    }
}

fn part(fields: &mut Fields<'_>, name: &'static str) -> Option<Names> {
    fields.object(name, |fields| {
        let tools = names(fields, name, Presence::Optional);
        let codes = names(fields, name, Presence::Optional);
        let counts = names(fields, name, Presence::Optional);
        Some(Names { tools: tools?, codes: codes?, counts: counts? })
    })
}

/// Whether a list must be given.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Presence {
    Required,
    Optional,
}

/// A list of names. Each wrong one is a fault of its own, told by its place and not by its text.
fn names<N: ListedName>(
    fields: &mut Fields<'_>,
    within: &str,
    presence: Presence,
) -> Option<BTreeSet<N>> {
    let place =
        if within.is_empty() { N::LIST.to_owned() } else { format!("{within}.{}", N::LIST) };
    let Some(items) = fields.list(N::LIST, &place) else {
        return match presence {
            Presence::Required => {
                fields.fault_at(place, "is required");
                None
            }
            Presence::Optional => Some(BTreeSet::new()),
        };
    };
    let items = items?;
    if items.len() > N::MOST {
        fields.fault_at(place, format!("must hold at most {} names", N::MOST));
        return None;
    }
    let mut names = BTreeSet::new();
    let mut wrong = false;
    for (at, item) in items.iter().enumerate() {
        let expected = match from_value::<N>(item) {
            Some(name) if name.as_ref() != N::RESERVED => {
                names.insert(name);
                continue;
            }
            Some(_) => "is reserved for names that are not listed",
            None => N::EXPECTED,
        };
        wrong = true;
        fields.fault_at(format!("{place}[{at}]"), expected);
    }
    (!wrong).then_some(names)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fields::{Fault, Unknown, from_json};

    fn faults<T: FromFields + std::fmt::Debug>(body: &str) -> Vec<String> {
        match from_json::<T>(body.as_bytes(), Unknown::Named) {
            Err(Fault::Fields(errors)) => errors.into_iter().map(|error| error.field).collect(),
            other => panic!("{body}: {other:?}"),
        }
    }

    #[test]
    fn every_wrong_name_is_told_by_its_place() {
        let body =
            r#"{"tools": ["a.b", "A B", 3, "other"], "codes": "X", "counts": ["a", "OTHER"]}"#;
        let told = faults::<Catalogue>(body);
        assert_eq!(told, ["tools[1]", "tools[2]", "tools[3]", "codes", "counts[1]"]);
        assert_eq!(faults::<Catalogue>(r#"{"tools": []}"#), ["codes", "counts"]);
        let body = r#"{"add": {"tools": ["A"], "x": []}, "remove": {"codes": [1]}}"#;
        assert_eq!(faults::<CataloguePatch>(body), ["add.tools[0]", "add.x", "remove.codes[0]"]);
        assert_eq!(faults::<CataloguePatch>(r#"{"add": [], "remove": {}}"#), ["add"]);
        let both = r#"{"add": {"tools": ["a"]}, "remove": {"tools": ["a"]}}"#;
        assert_eq!(faults::<CataloguePatch>(both), ["remove"]);
    }

    #[test]
    fn a_patch_may_be_empty_and_a_list_has_a_limit() {
        let empty = from_json::<CataloguePatch>(b"{}", Unknown::Named).unwrap();
        assert_eq!(empty, CataloguePatch::default());
        let many: Vec<String> = (0..=500).map(|n| format!("c{n}")).collect();
        let body = serde_json::json!({"tools": [], "codes": [], "counts": many});
        assert_eq!(faults::<Catalogue>(&body.to_string()), ["counts"]);
    }
}
