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

use hub_core::exit::Exit;
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
use env::unreadable;
pub(crate) use env::{Env, Variable, state_folder, step_file};
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
    /// From a variable whose value is no text.
    Unreadable(Variable),
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
    /// Keys may be sent unencrypted to another machine.
    allow_plain_http: bool,
    key: Option<KeySource>,
    /// The context whose key is not used, since it is for another hub.
    withheld: Option<String>,
    hub_key_file: Option<Result<PathBuf, Variable>>,
}

/// Which settings a command needs; what is not needed is not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Needs {
    /// The hub, and the admin key.
    Admin,
    /// The hub alone: whoever asks it shows another key, or none.
    Hub,
    /// All there are, to show them.
    All,
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
    pub(crate) allow_plain_http: Origin,
    pub(crate) hub_key_file: Origin,
}

impl Settings {
    /// Resolves flags, environment, the user's contexts and this folder. Contexts are read only where one
    /// is named, or where a URL or a key that is needed is missing.
    pub(crate) fn load(global: &Global, env: &Env, needs: Needs) -> Result<Self> {
        let is_set = |variable| env.is_set(variable);
        let named = global.context.is_some() || is_set(Variable::Context);
        let has_url = global.url.is_some() || is_set(Variable::Url);
        let has_key = global.admin_key_file.is_some()
            || is_set(Variable::AdminKey)
            || is_set(Variable::AdminKeyFile);
        let complete = match needs {
            Needs::Admin => has_url && has_key,
            Needs::Hub => has_url,
            Needs::All => false,
        };
        let file = if complete && !named { None } else { ContextFile::own().ok() };
        let contexts = file.as_ref().map_or_else(|| Ok(Contexts::default()), ContextFile::read)?;
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
        let allow_plain_http = layers.allow_plain_http(trusted);
        let variable = Variable::HubKeyFile;
        let hub_key_file = match env.get(variable) {
            Ok(path) => path.map(|path| Ok(PathBuf::from(path))),
            Err(_) => Some(Err(variable)),
        };
        let hub_key_origin =
            if hub_key_file.is_some() { Origin::Env(variable) } else { Origin::Default };
        Ok(Self {
            proxy: layers.proxy(&url.value),
            allow_plain_http: allow_plain_http.value,
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
                allow_plain_http: allow_plain_http.origin,
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
        match (given, &self.hub_key_file) {
            (Some(path), _) => Ok(path),
            (None, Some(Ok(path))) => Ok(path.clone()),
            (None, Some(Err(variable))) => Err(unreadable(*variable)),
            (None, None) => Err(Failure::of(ErrorCode::HubKeyMissing, "no hub key was given")
                .hint("give --hub-key-file PATH, or set HUBCTL_HUB_KEY_FILE")),
        }
    }

    /// Fails if a key would travel unencrypted to another machine, also by way of a proxy.
    pub(crate) fn secrets_may_travel(&self) -> Result<()> {
        if self.url.scheme() != "http" || is_loopback(&self.url) || self.allow_plain_http {
            return Ok(());
        }
        let way = self.proxy.map(|proxy| format!(" through the proxy of {}", proxy.name()));
        let (url, way) = (written(&self.url), way.unwrap_or_default());
        let message = format!("a key would travel unencrypted to {url}{way}: nothing was sent");
        Err(Failure::new(Exit::InputNeeded, "plain_http", message)
            .hint("use an https URL, or give --allow-plain-http where nobody can listen"))
    }

    /// Whether [`Self::secrets_may_travel`] only because somebody allowed it.
    pub(crate) fn plain_http_is_allowed(&self) -> bool {
        self.allow_plain_http
    }

    /// The admin key, read from wherever it is but standard input: see [`Self::key_from_stdin`].
    pub(crate) fn admin_key(&self) -> Result<AdminKey> {
        match &self.key {
            Some(KeySource::File(path)) => admin_key(&input::read_private(path, "the admin key")?),
            Some(KeySource::Text(text)) => admin_key(text),
            Some(KeySource::Key(key)) => Ok(key.clone()),
            Some(KeySource::Unreadable(variable)) => Err(unreadable(*variable)),
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
