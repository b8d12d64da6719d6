//! What a command that asks a hub works with: its settings, its output, who answers, and the hub itself.

use std::cell::OnceCell;
use std::path::Path;

use hub_core::api::{Cursor, Endpoint, Limit, Page};
use hub_core::exit::Exit;
use hub_core::key::LicenseKey;
use zeroize::Zeroizing;

use crate::client::Hub;
use crate::confirm::Consent;
use crate::error::{Failure, Result};
use crate::output::{Out, Row};
use crate::settings::Settings;
use crate::words::Format;
use crate::{input, output};

/// What a command that asks a hub works with.
pub(crate) struct Invocation<'a> {
    /// Where output goes.
    pub(super) out: &'a Out,
    /// Which hub, and how it is asked.
    pub(super) settings: &'a Settings,
    /// Who answers questions.
    pub(super) consent: Consent,
    hub: OnceCell<Hub<'a>>,
}

impl<'a> Invocation<'a> {
    /// With these settings.
    pub(super) fn new(out: &'a Out, settings: &'a Settings, consent: Consent) -> Self {
        Self { out, settings, consent, hub: OnceCell::new() }
    }

    /// The hub. Its client is built on first use.
    pub(super) fn hub(&self) -> Result<&Hub<'a>> {
        if self.hub.get().is_none() {
            let _ = self.hub.set(Hub::new(self.settings, self.out)?);
        }
        self.hub.get().ok_or_else(|| Failure::new(Exit::Bug, "bug", "there is no client"))
    }

    /// Writes a whole list. With one object a line, each page is written before the next one is read.
    pub(super) async fn list<E, T>(
        &self,
        handle: &str,
        most: Option<usize>,
        query: impl Fn(Option<Cursor>, Limit) -> E::Query,
        none: &str,
    ) -> Result<Exit>
    where
        E: Endpoint<Body = (), Reply = Page<T>>,
        T: Row,
    {
        let hub = self.hub()?;
        if self.out.format() == Format::Jsonl {
            hub.pages::<E, T>(handle, most, query, |page| self.out.list(&page, none)).await?;
        } else {
            let rows = hub.all::<E, T>(handle, most, query).await?;
            self.out.list(&rows, none)?;
        }
        Ok(Exit::Done)
    }

    /// Fails if the admin key is read from standard input, which this option wants to read too; says at a
    /// terminal that it is read.
    pub(super) fn stdin_is_free(&self, path: &Path, option: &str) -> Result<()> {
        if path == Path::new("-") && self.settings.key_from_stdin() {
            return Err(Failure::usage(format!(
                "--admin-key-file and {option} cannot both be standard input"
            )));
        }
        output::reads(path);
        Ok(())
    }

    /// Reads a license key; a malformed one is `None`.
    pub(super) async fn license(&self, path: &Path) -> Result<Option<LicenseKey>> {
        output::reads(path);
        let path = path.to_owned();
        let text: Zeroizing<String> =
            input::waiting(move || input::read_secret(&path, "the license")).await?;
        Ok(LicenseKey::parse(&text).ok())
    }
}
