//! A `--label` as it is typed: `key=value` sets one, `key-` removes it.

use std::collections::BTreeMap;
use std::str::FromStr;

use hub_core::labels::{LabelPair, Labels};

/// A change of one label; the others stay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum LabelChange {
    /// It gets this value.
    Set(LabelPair),
    /// It goes.
    Remove(String),
}

impl FromStr for LabelChange {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(key) = text.strip_suffix('-').filter(|key| !key.contains('=')) {
            let pair: Result<LabelPair, _> = format!("{key}=").parse();
            return pair.map(|pair| Self::Remove(pair.key)).map_err(|error| error.to_string());
        }
        text.parse().map(Self::Set).map_err(|error: hub_core::labels::MalformedLabel| {
            format!("{error}; or key- to remove it")
        })
    }
}

impl LabelChange {
    /// The labels after these changes, made one after the other.
    pub(crate) fn apply(changes: &[Self], present: &Labels) -> Labels {
        let mut labels: BTreeMap<&str, &str> = present.iter().collect();
        for change in changes {
            match change {
                Self::Set(pair) => drop(labels.insert(&pair.key, &pair.value)),
                Self::Remove(key) => drop(labels.remove(key.as_str())),
            }
        }
        let pair = |(key, value): (&str, &str)| LabelPair { key: key.into(), value: value.into() };
        labels.into_iter().map(pair).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_change_one_by_one() {
        let read = |text: &str| text.parse::<LabelChange>().unwrap();
        let present: Labels =
            ["env=prod", "tier=1"].iter().map(|pair| pair.parse().unwrap()).collect();
        let changes = ["env=test", "tier-", "region=eu", "none-"].map(read);
        let after = LabelChange::apply(&changes, &present);
        assert_eq!(after.iter().collect::<Vec<_>>(), [("env", "test"), ("region", "eu")]);
        assert_eq!(read("a=b-"), LabelChange::Set("a=b-".parse().unwrap()));
        for wrong in ["", "-", "env", "Env=x", "Env-", "a b-"] {
            assert!(wrong.parse::<LabelChange>().is_err(), "{wrong}");
        }
    }
}
