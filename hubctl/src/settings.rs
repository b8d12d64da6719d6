//! What holds for this run: flag, then environment, then what a hub on this machine suggests, then
//! the default. The one place that reads the environment and the clock.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::time::Duration;

use hub_core::key::AdminKey;
use hub_core::problem::ErrorCode;
use hub_core::time::Timestamp;
use reqwest::Url;
use zeroize::Zeroizing;

use crate::cli::{FieldPath, Format, Global, TimeStyle, When};
use crate::error::{Failure, Result};
use crate::input;
use crate::sink::StepFile;

/// Where a hub listens unless told otherwise.
const DEFAULT_URL: &str = "http://127.0.0.1:8200";
/// Where a hub that was started in this folder leaves its first admin key.
const LOCAL_ADMIN_KEY: &str = "hub-data/admin.key";

/// The environment variables that hubctl knows; an empty one counts as absent.
#[derive(Default)]
pub(crate) struct Env {
    url: Option<String>,
    admin_key: Option<Zeroizing<String>>,
    admin_key_file: Option<PathBuf>,
    hub_key_file: Option<PathBuf>,
    output: Option<String>,
    no_color: bool,
    force_color: bool,
    dumb: bool,
}

impl Env {
    /// Reads them.
    pub(crate) fn read() -> Self {
        Self {
            url: var("HUBCTL_URL"),
            admin_key: var("HUBCTL_ADMIN_KEY").map(Zeroizing::new),
            admin_key_file: var("HUBCTL_ADMIN_KEY_FILE").map(PathBuf::from),
            hub_key_file: var("HUBCTL_HUB_KEY_FILE").map(PathBuf::from),
            output: var("HUBCTL_OUTPUT"),
            no_color: var("NO_COLOR").is_some(),
            force_color: var("CLICOLOR_FORCE").is_some_and(|value| value != "0"),
            dumb: var("TERM").is_some_and(|value| value == "dumb"),
        }
    }

    /// The output format that the environment asks for.
    pub(crate) fn format(&self) -> Result<Option<Format>> {
        let Some(text) = &self.output else { return Ok(None) };
        clap::ValueEnum::from_str(text, false).map(Some).map_err(|_| {
            Failure::usage("HUBCTL_OUTPUT is not an output format")
                .hint("hubctl help output lists them")
        })
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the one place that resolves settings")]
fn var(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// The file that the runner of GitHub Actions has made for this step.
pub(crate) fn step_file(which: StepFile) -> Option<PathBuf> {
    var(which.variable()).map(PathBuf::from)
}

/// The time now.
#[expect(clippy::disallowed_methods, reason = "this is the clock that everything else takes")]
pub(crate) fn now() -> Timestamp {
    std::time::SystemTime::now().into()
}

/// How output is written.
#[expect(clippy::struct_excessive_bools, reason = "each is a setting of its own")]
#[derive(Debug, Clone)]
pub(crate) struct Style {
    /// The format.
    pub(crate) format: Format,
    /// The fields to write; all when there are none.
    pub(crate) fields: Vec<FieldPath>,
    /// Without the header of tables.
    pub(crate) no_headers: bool,
    /// Whether standard output is a terminal.
    pub(crate) stdout_terminal: bool,
    /// Colours on standard error.
    pub(crate) color: bool,
    /// Times relative to now.
    pub(crate) relative_times: bool,
    /// Show requests.
    pub(crate) verbose: bool,
    /// The terminal cannot move its cursor.
    pub(crate) dumb: bool,
}

impl Style {
    /// What flags and environment come to.
    pub(crate) fn resolve(global: &Global, env: &Env) -> Result<Self> {
        let stdout_terminal = std::io::stdout().is_terminal();
        let asked = match global.output {
            Some(format) => Some(format),
            None => env.format()?,
        };
        let format = if global.quiet { Format::Name } else { asked.unwrap_or(Format::Table) };
        Ok(Self {
            format,
            fields: global.fields.clone(),
            no_headers: global.no_headers,
            stdout_terminal,
            color: colors(global.color, env, std::io::stderr().is_terminal()),
            relative_times: match global.time {
                Some(style) => style == TimeStyle::Relative,
                None => stdout_terminal,
            },
            verbose: global.verbose,
            dumb: env.dumb,
        })
    }
}

/// Flag first, then what people's environments say, then whether anyone would see them.
fn colors(when: When, env: &Env, terminal: bool) -> bool {
    match when {
        When::Always => true,
        When::Never => false,
        When::Auto if env.no_color => false,
        When::Auto if env.force_color => true,
        When::Auto => terminal && !env.dumb,
    }
}

/// Which hub, and how to ask it.
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
    key_file: Option<PathBuf>,
    key: Option<Zeroizing<String>>,
    hub_key_file: Option<PathBuf>,
}

impl Settings {
    /// What flags and environment come to.
    pub(crate) fn resolve(global: &Global, env: Env) -> Result<Self> {
        let (text, origin) = match (&global.url, &env.url) {
            (Some(url), _) => (url.as_str(), "--url"),
            (None, Some(url)) => (url.as_str(), "HUBCTL_URL"),
            (None, None) => (DEFAULT_URL, "the default"),
        };
        let url = hub_url(text, origin)?;
        let (key_file, key) = match (&global.admin_key_file, env.admin_key) {
            (Some(path), _) => (Some(path.clone()), None),
            (None, Some(key)) => (None, Some(key)),
            (None, None) => (env.admin_key_file.or_else(|| local_key(&url)), None),
        };
        Ok(Self {
            url,
            timeout: global.timeout,
            retries: global.retries,
            dry_run: global.dry_run,
            cacert: global.cacert.clone(),
            key_file,
            key,
            hub_key_file: env.hub_key_file,
        })
    }

    /// Whether the admin key comes from standard input, so that nothing else can.
    pub(crate) fn key_from_stdin(&self) -> bool {
        self.key_file.as_deref() == Some(Path::new("-"))
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
        let text = match (&self.key_file, &self.key) {
            (Some(path), _) => input::read_secret(path, "the admin key")?,
            (None, Some(key)) => key.clone(),
            (None, None) => {
                return Err(Failure::of(ErrorCode::AdminKeyMissing, "no admin key was given")
                    .hint("set HUBCTL_ADMIN_KEY_FILE or HUBCTL_ADMIN_KEY, or give --admin-key-file PATH"));
            }
        };
        AdminKey::parse(&text).map_err(|_| {
            Failure::of(ErrorCode::AdminKeyInvalid, "what was given is not an admin key")
                .hint("an admin key starts with lb_admin_")
        })
    }
}

/// A URL that a hub can have. The text is not repeated: it could hold a password.
fn hub_url(text: &str, origin: &str) -> Result<Url> {
    let wrong = |what: &str| {
        Failure::usage(format!("the hub's URL from {origin} {what}"))
            .hint("such as https://hub.example.org or http://127.0.0.1:8200")
    };
    let url: Url = text.parse().map_err(|_| wrong("is not a URL"))?;
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return Err(wrong("must begin with http:// or https://"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(wrong("must not hold a user name or password"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(wrong("must not have a query or fragment"));
    }
    Ok(url)
}

/// Whether the hub is on this machine.
pub(crate) fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

fn local_key(url: &Url) -> Option<PathBuf> {
    let path = PathBuf::from(LOCAL_ADMIN_KEY);
    (is_loopback(url) && path.is_file()).then_some(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_names_a_hub_and_holds_no_secret() {
        for good in ["http://127.0.0.1:8200", "https://hub.example.org/", "http://h/prefix"] {
            assert!(hub_url(good, "--url").is_ok(), "{good}");
        }
        for bad in ["hub", "ftp://h", "http://u:secret@h", "http://h?x=1", "http://h#x", "http://"]
        {
            let Err(failure) = hub_url(bad, "--url") else { panic!("{bad} was taken") };
            assert!(!failure.to_json().contains("secret"));
        }
    }

    #[test]
    fn loopback_is_this_machine() {
        for (url, local) in [
            ("http://127.0.0.1:1", true),
            ("http://[::1]:1", true),
            ("http://localhost", true),
            ("http://10.0.0.1", false),
            ("http://127.0.0.1.example.org", false),
        ] {
            assert_eq!(is_loopback(&url.parse().unwrap()), local, "{url}");
        }
    }

    #[test]
    fn colours_follow_the_conventions() {
        let plain = Env::default;
        assert!(colors(When::Auto, &plain(), true));
        assert!(!colors(When::Auto, &plain(), false));
        assert!(!colors(When::Auto, &Env { no_color: true, force_color: true, ..plain() }, true));
        assert!(colors(When::Auto, &Env { force_color: true, ..plain() }, false));
        assert!(!colors(When::Auto, &Env { dumb: true, ..plain() }, true));
        assert!(colors(When::Always, &Env { no_color: true, ..plain() }, false));
    }
}
