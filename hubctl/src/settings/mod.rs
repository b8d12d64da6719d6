//! The settings of this run: flag, then environment, then the context, then a hub on this machine, then
//! the default. This is the one place that reads the environment and the clock.
//!
//! A context's key and certificates are for that context's hub. If a flag or a variable names another
//! URL, they are not used: a key is never sent to a hub that it does not belong to.

mod context;
mod context_file;
mod env;
mod layers;
mod origin;
mod style;
mod url;

use std::path::{Path, PathBuf};
use std::time::Duration;

use hub_core::key::AdminKey;
use hub_core::problem::ErrorCode;
use hub_core::time::Timestamp;
use reqwest::Url;
use zeroize::Zeroizing;

use crate::cli::Global;
use crate::error::{Failure, Result};
use crate::input;
use crate::words::Format;

pub(crate) use context::{Context, Contexts, KeptKey};
pub(crate) use context_file::ContextFile;
pub(crate) use env::{Env, Variable, step_file};
use layers::Layers;
pub(crate) use origin::{Origin, Sourced};
pub(crate) use style::Style;
pub(crate) use url::{hub_url, is_loopback, same_hub, written};

/// Where a hub listens unless told otherwise.
pub(crate) const DEFAULT_URL: &str = "http://127.0.0.1:8200";
/// Longest time for a request with all its retries, unless told otherwise.
pub(crate) const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);
/// How often a request is tried again, unless told otherwise.
pub(crate) const DEFAULT_RETRIES: u32 = 3;
/// Where a hub that was started in this folder leaves its first admin key.
const LOCAL_ADMIN_KEY: &str = "hub-data/admin.key";

/// The time now.
#[expect(clippy::disallowed_methods, reason = "this is the clock that everything else takes")]
pub(crate) fn now() -> Timestamp {
    std::time::SystemTime::now().into()
}

/// Where the admin key comes from.
#[derive(Debug, Clone)]
pub(crate) enum KeySource {
    /// From a file, or from standard input.
    File(PathBuf),
    /// From a variable.
    Text(Zeroizing<String>),
    /// From a context, or from a prompt.
    Key(AdminKey),
}

/// Which hub is used, and how.
pub(crate) struct Settings {
    /// Its base URL, without a slash at the end.
    pub(crate) url: Url,
    /// Longest time for a request with all its retries.
    pub(crate) timeout: Duration,
    /// How often a request is tried again.
    pub(crate) retries: u32,
    /// Say what would be done, and do nothing.
    pub(crate) dry_run: bool,
    /// Certificates to trust besides the system's.
    pub(crate) cacert: Option<PathBuf>,
    /// Never ask.
    pub(crate) no_input: bool,
    /// The context in use.
    pub(crate) context: Option<Sourced<String>>,
    /// The format that the context prefers, where nothing else names one.
    pub(crate) preferred: Option<Format>,
    /// The variable that names a proxy which requests go through.
    pub(crate) proxy: Option<Variable>,
    /// Where each of these comes from.
    pub(crate) origins: Origins,
    /// Warnings about them.
    pub(crate) warnings: Vec<String>,
    key: Option<KeySource>,
    /// The context whose key is not used, since it is for another hub.
    withheld: Option<String>,
    hub_key_file: Option<PathBuf>,
}

/// Where each setting comes from.
#[derive(Debug)]
pub(crate) struct Origins {
    pub(crate) url: Origin,
    pub(crate) admin_key: Origin,
    pub(crate) timeout: Origin,
    pub(crate) retries: Origin,
    pub(crate) cacert: Origin,
    pub(crate) output: Sourced<Format>,
    pub(crate) no_input: Origin,
    pub(crate) hub_key_file: Origin,
}

impl Settings {
    /// Resolves flags, environment, the user's contexts and this folder.
    pub(crate) fn load(global: &Global, env: &Env) -> Result<Self> {
        let file = ContextFile::own();
        let contexts = file.as_ref().map_or_else(|_| Ok(Contexts::default()), ContextFile::read)?;
        let path = file.map(|file| file.path().to_owned()).unwrap_or_default();
        let local = PathBuf::from(LOCAL_ADMIN_KEY);
        let local = local.is_file().then_some(local);
        Self::resolve(global, env, &contexts, &path, local)
    }

    /// The same, from values that were read before.
    pub(crate) fn resolve(
        global: &Global,
        env: &Env,
        contexts: &Contexts,
        file: &Path,
        local: Option<PathBuf>,
    ) -> Result<Self> {
        let layers = Layers::new(global, env, contexts, file)?;
        let url = layers.url()?;
        let trusted = layers.trusted(&url)?;
        let (key, key_origin) = layers.admin_key(trusted, &url.value, local);
        let timeout = layers.timeout()?;
        let retries = layers.retries()?;
        let cacert = layers.cacert(trusted)?;
        let output = layers.output()?;
        let no_input = layers.no_input();
        let hub_key_file = env.get(Variable::HubKeyFile).map(PathBuf::from);
        let hub_key_origin = match hub_key_file {
            Some(_) => Origin::Env(Variable::HubKeyFile),
            None => Origin::Default,
        };
        Ok(Self {
            proxy: layers.proxy(&url.value),
            warnings: layers.warnings(),
            preferred: output.preferred,
            withheld: layers.withheld(trusted),
            context: layers.chosen(),
            url: url.value,
            timeout: timeout.value,
            retries: retries.value,
            dry_run: global.dry_run,
            cacert: cacert.value,
            no_input: no_input.value,
            key,
            hub_key_file,
            origins: Origins {
                url: url.origin,
                admin_key: key_origin,
                timeout: timeout.origin,
                retries: retries.origin,
                cacert: cacert.origin,
                output: output.format,
                no_input: no_input.origin,
                hub_key_file: hub_key_origin,
            },
        })
    }

    /// The same, with this admin key.
    pub(crate) fn with_key(self, key: AdminKey) -> Self {
        Self { key: Some(KeySource::Key(key)), ..self }
    }

    /// The same, for one attempt that takes no longer than this.
    pub(crate) fn once_within(self, timeout: Duration) -> Self {
        Self { timeout, retries: 0, ..self }
    }

    /// Whether the admin key comes from standard input, so that nothing else can.
    pub(crate) fn key_from_stdin(&self) -> bool {
        matches!(&self.key, Some(KeySource::File(path)) if path == Path::new("-"))
    }

    /// Where the admin key comes from.
    pub(crate) fn key_source(&self) -> Option<&KeySource> {
        self.key.as_ref()
    }

    /// Where an instance's hub key is: what the command line says, then the environment.
    pub(crate) fn hub_key_file(&self, given: Option<PathBuf>) -> Result<PathBuf> {
        given.or_else(|| self.hub_key_file.clone()).ok_or_else(|| {
            Failure::of(ErrorCode::HubKeyMissing, "no hub key was given")
                .hint("give --hub-key-file PATH, or set HUBCTL_HUB_KEY_FILE")
        })
    }

    /// The admin key, read from wherever it is.
    pub(crate) fn admin_key(&self) -> Result<AdminKey> {
        match &self.key {
            Some(KeySource::File(path)) => admin_key(&input::read_secret(path, "the admin key")?),
            Some(KeySource::Text(text)) => admin_key(text),
            Some(KeySource::Key(key)) => Ok(key.clone()),
            None => Err(self.no_key()),
        }
    }

    fn no_key(&self) -> Failure {
        let failure = Failure::of(ErrorCode::AdminKeyMissing, "no admin key was given");
        match &self.withheld {
            Some(name) => failure.hint(format!(
                "the key of context {name} is not sent to {}, which is another hub: give \
                 --admin-key-file PATH, or leave the URL to the context",
                written(&self.url)
            )),
            None => failure.hint(
                "run hubctl login, set HUBCTL_ADMIN_KEY_FILE or HUBCTL_ADMIN_KEY, or give \
                 --admin-key-file PATH",
            ),
        }
    }
}

/// Reads a text as an admin key.
pub(crate) fn admin_key(text: &str) -> Result<AdminKey> {
    AdminKey::parse(text).map_err(|_| {
        Failure::of(ErrorCode::AdminKeyInvalid, "the text that was given is not an admin key")
            .hint("an admin key starts with lb_admin_")
    })
}

#[cfg(test)]
mod tests;
