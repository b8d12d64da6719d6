//! Contexts: the hubs that a user works with, each with its URL, admin key and other settings.

use std::collections::BTreeMap;
use std::path::PathBuf;

use hub_core::exit::Exit;
use hub_core::key::AdminKey;
use reqwest::Url;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use zeroize::Zeroizing;

use super::url::{hub_url, same_hub};
use crate::closest::closest;
use crate::error::{Failure, Result};

/// An admin key in the file of contexts: the only place where a key is serialized.
#[derive(Debug)]
pub(crate) struct KeptKey(pub(crate) AdminKey);

impl Serialize for KeptKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.expose())
    }
}

impl<'de> Deserialize<'de> for KeptKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Zeroizing::new(String::deserialize(deserializer)?);
        AdminKey::parse(&text).map(Self).map_err(de::Error::custom)
    }
}

/// One hub in the file.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Context {
    /// Where the hub is.
    pub(crate) url: String,
    /// The admin key itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) admin_key: Option<KeptKey>,
    /// Where the admin key is, if it is not here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) admin_key_file: Option<PathBuf>,
    /// Certificates to trust besides the system's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cacert: Option<PathBuf>,
    /// How results are written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) output: Option<String>,
    /// Keys may be sent unencrypted to this hub.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) allow_plain_http: Option<bool>,
}

impl Context {
    /// The hub's URL.
    pub(crate) fn hub(&self, name: &str) -> Result<Url> {
        hub_url(&self.url, &format!("context {name}"))
    }

    /// Whether it has an admin key, in itself or in a file.
    pub(crate) fn has_key(&self) -> bool {
        self.admin_key.is_some() || self.admin_key_file.is_some()
    }

    /// Whether it is for the hub at this URL.
    pub(crate) fn is_of(&self, url: &Url) -> bool {
        self.url.parse().is_ok_and(|own| same_hub(&own, url))
    }
}

/// All contexts, and the current one.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Contexts {
    /// The name of the current one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) current: Option<String>,
    /// Each by its name.
    #[serde(default, rename = "context", skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) entries: BTreeMap<String, Context>,
}

impl Contexts {
    /// The context of this name.
    pub(crate) fn get(&self, name: &str) -> Result<&Context> {
        self.entries.get(name).ok_or_else(|| self.unknown(name))
    }

    /// The failure that there is no such context, with a similar name.
    pub(crate) fn unknown(&self, name: &str) -> Failure {
        let hint = match closest(name, self.entries.keys().map(String::as_str)) {
            Some(known) => format!("did you mean {known}?"),
            None if self.entries.is_empty() => format!("hubctl login {name} adds it"),
            None => "hubctl context list shows what there is".to_owned(),
        };
        Failure::new(Exit::NotFound, "context_not_found", format!("no context {name}")).hint(hint)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_there_is_told_with_what_is() {
        let contexts: Contexts = toml::from_str("[context.prod]\nurl = 'https://h'").unwrap();
        let hint = |name| contexts.unknown(name).parts().hint.clone().unwrap();
        assert_eq!(hint("prd"), "did you mean prod?");
        assert!(hint("elsewhere").contains("context list"));
        assert_eq!(contexts.get("prd").unwrap_err().exit(), Exit::NotFound);
    }
}
