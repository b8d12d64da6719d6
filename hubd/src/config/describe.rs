//! The output of `hubd config`.

use std::fmt;

use hub_core::key::AdminKey;

use super::{Origin, Settings};

impl Settings {
    /// One line for each setting: its name, its value and where the value comes from. Secrets are
    /// masked.
    #[must_use]
    pub fn describe(&self, bootstrap_key: Option<&AdminKey>) -> String {
        let width = self.given.iter().map(|given| given.name.len()).max().unwrap_or(0);
        let lines = self.given.iter().map(|given| {
            let value = match given.name.as_str() {
                "database" => self.store.url.to_string(),
                _ => given.value.clone(),
            };
            format!("{:width$}  {value}  ({})\n", given.name, given.origin)
        });
        let key = bootstrap_key.map(|key| {
            let fingerprint = key.hash().fingerprint();
            format!("{:width$}  <fingerprint {fingerprint}>\n", "admin-api-key")
        });
        lines.chain(key).collect()
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Flag => "flag",
            Self::Environment => "environment",
            Self::Default => "default",
        })
    }
}
