//! A context as it is listed.

use std::path::{Path, PathBuf};

use hub_core::key::Fingerprint;
use reqwest::Url;
use serde::Serialize;

use crate::error::Result;
use crate::input;
use crate::output::{Column, Row, Times, column};
use crate::settings::{ContextFile, Contexts, admin_key, same_hub, written};

/// A context as it is listed.
#[derive(Debug, Serialize)]
pub(crate) struct ContextRow {
    pub(crate) name: String,
    pub(crate) url: String,
    pub(crate) current: bool,
    /// The file that its key is in.
    key_from: Option<PathBuf>,
    pub(super) fingerprint: Option<Fingerprint>,
    cacert: Option<PathBuf>,
    output: Option<String>,
    /// Its key is in the file of contexts itself.
    #[serde(skip)]
    pub(super) stored: bool,
}

impl ContextRow {
    /// The context of this name.
    pub(crate) fn get(contexts: &Contexts, name: &str, file: &ContextFile) -> Result<Self> {
        Self::of(contexts, name, file).ok_or_else(|| contexts.unknown(name))
    }

    /// The context of this name, if there is one.
    pub(crate) fn of(contexts: &Contexts, name: &str, file: &ContextFile) -> Option<Self> {
        let context = contexts.entries.get(name)?;
        let stored = context.admin_key.is_some();
        let key_from =
            if stored { Some(file.path().to_owned()) } else { context.admin_key_file.clone() };
        let fingerprint = match &context.admin_key {
            Some(key) => Some(key.0.hash().fingerprint()),
            None => context.admin_key_file.as_deref().and_then(fingerprint_in),
        };
        Some(Self {
            name: name.to_owned(),
            // One that could hold a password is not shown.
            url: context
                .hub(name)
                .map_or_else(|_| "invalid".to_owned(), |url| written(&url).to_owned()),
            current: contexts.current.as_deref() == Some(name),
            key_from,
            fingerprint,
            cacert: context.cacert.clone(),
            output: context.output.clone(),
            stored,
        })
    }

    /// Whether it is for the hub at this URL.
    pub(crate) fn is_of(&self, url: &Url) -> bool {
        self.url.parse().is_ok_and(|own| same_hub(&own, url))
    }
}

/// The fingerprint of the key in a file, where it can be had.
fn fingerprint_in(path: &Path) -> Option<Fingerprint> {
    let text = path.is_file().then(|| input::read_secret(path, "the admin key"))?.ok()?;
    Some(admin_key(&text).ok()?.hash().fingerprint())
}

impl Row for ContextRow {
    const COLUMNS: &'static [Column] = &[
        column("NAME", 0),
        column("CURRENT", 0),
        column("URL", 0),
        column("FINGERPRINT", 1),
        column("KEY FROM", 2),
    ];

    fn handle(&self) -> String {
        self.name.clone()
    }

    fn cells(&self, _: &Times) -> Vec<String> {
        let current = if self.current { "*" } else { "" };
        let fingerprint = self.fingerprint.as_ref().map(ToString::to_string);
        let from = self.key_from.as_deref().map(|path| path.display().to_string());
        vec![
            self.name.clone(),
            current.to_owned(),
            self.url.clone(),
            fingerprint.unwrap_or_default(),
            from.unwrap_or_default(),
        ]
    }
}
