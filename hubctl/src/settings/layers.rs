//! The layers that a setting can come from, and the choice between them.

use std::path::{Path, PathBuf};
use std::time::Duration;

use reqwest::Url;
use zeroize::Zeroizing;

use super::context::{Context, Contexts};
use super::env::{self, Env, Variable};
use super::origin::{Origin, Sourced};
use super::url::{hub_url, is_loopback};
use super::{DEFAULT_RETRIES, DEFAULT_TIMEOUT, DEFAULT_URL, KeySource};
use crate::cli::{Global, duration};
use crate::error::Result;
use crate::words::Format;

/// All the layers of a run.
pub(super) struct Layers<'a> {
    global: &'a Global,
    env: &'a Env,
    file: &'a Path,
    context: Option<Chosen<'a>>,
}

/// The context in use, and what chose it.
struct Chosen<'a> {
    name: &'a str,
    context: &'a Context,
    origin: Origin,
}

/// A format, and whether it is only what a context prefers.
pub(super) struct Output {
    pub(super) format: Sourced<Format>,
    pub(super) preferred: Option<Format>,
}

impl<'a> Layers<'a> {
    /// Chooses the context: flag, then environment, then the one that is current.
    pub(super) fn new(
        global: &'a Global,
        env: &'a Env,
        contexts: &'a Contexts,
        file: &'a Path,
    ) -> Result<Self> {
        let current =
            || contexts.current.as_deref().map(|name| (name, Origin::Current(file.to_owned())));
        let variable = Variable::Context;
        let named = if let Some(name) = global.context.as_deref() {
            Some((name, Origin::Flag))
        } else {
            env.get(variable)?.map(|name| (name, Origin::Env(variable))).or_else(current)
        };
        let context = match named {
            Some((name, origin)) => Some(Chosen { name, context: contexts.get(name)?, origin }),
            None => None,
        };
        Ok(Self { global, env, file, context })
    }

    /// The first layer that has a value: flag, variable, context.
    fn pick<T>(
        &self,
        flag: Option<T>,
        variable: Variable,
        parse: impl Fn(&str) -> Result<T, String>,
        context: Option<T>,
    ) -> Result<Option<Sourced<T>>> {
        if let Some(value) = flag {
            return Ok(Some(Sourced { value, origin: Origin::Flag }));
        }
        if let Some(value) = self.env.parsed(variable, parse)? {
            return Ok(Some(Sourced { value, origin: Origin::Env(variable) }));
        }
        Ok(context.map(|value| Sourced { value, origin: self.context_origin() }))
    }

    fn context_origin(&self) -> Origin {
        let name = self.context.as_ref().map_or("", |chosen| chosen.name).to_owned();
        Origin::Context { name, file: self.file.to_owned() }
    }

    fn of_context<T>(&self, value: impl Fn(&Context) -> Option<T>) -> Option<T> {
        self.context.as_ref().and_then(|chosen| value(chosen.context))
    }

    pub(super) fn chosen(&self) -> Option<Sourced<String>> {
        let chosen = self.context.as_ref()?;
        Some(Sourced { value: chosen.name.to_owned(), origin: chosen.origin.clone() })
    }

    pub(super) fn url(&self) -> Result<Sourced<Url>> {
        let known = |text: &str| Ok(text.to_owned());
        let context = self.of_context(|context| Some(context.url.clone()));
        let text = self.pick(self.global.url.clone(), Variable::Url, known, context)?;
        let text = text.unwrap_or_else(|| Sourced::default(DEFAULT_URL.to_owned()));
        let from = match &text.origin {
            Origin::Flag => "--url".to_owned(),
            Origin::Env(variable) => variable.name().to_owned(),
            Origin::Context { name, .. } => format!("context {name}"),
            other => other.to_string(),
        };
        Ok(Sourced { value: hub_url(&text.value, &from)?, origin: text.origin })
    }

    /// Whether what the context knows is for the hub at this URL.
    pub(super) fn trusted(&self, url: &Sourced<Url>) -> Result<bool> {
        let Some(chosen) = &self.context else {
            return Ok(false);
        };
        // A wrong URL of a context is an error only if that URL is used.
        let own = matches!(url.origin, Origin::Context { .. });
        if own {
            chosen.context.hub(chosen.name)?;
        }
        Ok(own || chosen.context.is_of(&url.value))
    }

    pub(super) fn admin_key(
        &self,
        trusted: bool,
        url: &Url,
        local: Option<PathBuf>,
    ) -> (Option<KeySource>, Origin) {
        if let Some(path) = &self.global.admin_key_file {
            return (Some(KeySource::File(path.clone())), Origin::Flag);
        }
        for variable in [Variable::AdminKey, Variable::AdminKeyFile] {
            let source = match self.env.get(variable) {
                Ok(None) => continue,
                // What is wrong with it matters once a key is needed.
                Err(_) => KeySource::Unreadable(variable),
                Ok(Some(path)) if variable == Variable::AdminKeyFile => {
                    KeySource::File(PathBuf::from(path))
                }
                Ok(Some(text)) => KeySource::Text(Zeroizing::new(text.to_owned())),
            };
            return (Some(source), Origin::Env(variable));
        }
        if let Some(source) = self.of_context(key_of).filter(|_| trusted) {
            return (Some(source), self.context_origin());
        }
        match local.filter(|_| is_loopback(url)) {
            Some(path) => (Some(KeySource::File(path.clone())), Origin::LocalHub(path)),
            None => (None, Origin::Default),
        }
    }

    /// The context whose key is left out, since it is for another hub.
    pub(super) fn withheld(&self, trusted: bool) -> Option<String> {
        let chosen = self.context.as_ref()?;
        (!trusted && chosen.context.has_key()).then(|| chosen.name.to_owned())
    }

    pub(super) fn timeout(&self) -> Result<Sourced<Duration>> {
        let found = self.pick(self.global.timeout, Variable::Timeout, duration, None)?;
        Ok(found.unwrap_or_else(|| Sourced::default(DEFAULT_TIMEOUT)))
    }

    pub(super) fn retries(&self) -> Result<Sourced<u32>> {
        let number = |text: &str| text.parse().map_err(|_| "must be a whole number".to_owned());
        let found = self.pick(self.global.retries, Variable::Retries, number, None)?;
        Ok(found.unwrap_or_else(|| Sourced::default(DEFAULT_RETRIES)))
    }

    pub(super) fn cacert(&self, trusted: bool) -> Result<Sourced<Option<PathBuf>>> {
        let path = |text: &str| Ok(PathBuf::from(text));
        let context = self.of_context(|context| context.cacert.clone()).filter(|_| trusted);
        let found = self.pick(self.global.cacert.clone(), Variable::Cacert, path, context)?;
        let some = |found: Sourced<_>| Sourced { value: Some(found.value), origin: found.origin };
        Ok(found.map_or_else(|| Sourced::default(None), some))
    }

    pub(super) fn output(&self) -> Result<Output> {
        let flag = if self.global.quiet { Some(Format::Name) } else { self.global.output };
        let context = self.of_context(|context| context.output.as_deref().map(env::format));
        let context = context.transpose().map_err(|what| {
            crate::error::Failure::usage(format!("output of {} {what}", self.context_origin()))
        })?;
        let found = self.pick(flag, Variable::Output, env::format, context)?;
        let preferred = match &found {
            Some(Sourced { value, origin: Origin::Context { .. } }) => Some(*value),
            _ => None,
        };
        let format = found.unwrap_or_else(|| Sourced::default(Format::Table));
        Ok(Output { format, preferred })
    }

    pub(super) fn no_input(&self) -> Sourced<bool> {
        let variable = Variable::NoInput;
        match self.global.no_input {
            true => Sourced { value: true, origin: Origin::Flag },
            false if self.env.is_set(variable) => {
                Sourced { value: self.env.is_on(variable), origin: Origin::Env(variable) }
            }
            false => Sourced::default(false),
        }
    }

    /// Whether keys may be sent unencrypted to another machine.
    pub(super) fn allow_plain_http(&self, trusted: bool) -> Sourced<bool> {
        let variable = Variable::AllowPlainHttp;
        let by_context = self.of_context(|c| c.allow_plain_http).filter(|_| trusted);
        match (self.global.allow_plain_http, by_context) {
            (true, _) => Sourced { value: true, origin: Origin::Flag },
            (false, _) if self.env.is_set(variable) => {
                Sourced { value: self.env.says_yes(variable), origin: Origin::Env(variable) }
            }
            (false, Some(value)) => Sourced { value, origin: self.context_origin() },
            (false, None) => Sourced::default(false),
        }
    }

    /// The variable that names the proxy for this URL.
    pub(super) fn proxy(&self, url: &Url) -> Option<Variable> {
        let own = match url.scheme() {
            "https" => Variable::HttpsProxy,
            _ => Variable::HttpProxy,
        };
        let mut candidates = [own, Variable::AllProxy].into_iter();
        candidates.find(|v| !is_loopback(url) && self.env.is_set(*v))
    }

    /// Warnings for somebody who names a context: the variables that override it.
    pub(super) fn warnings(&self) -> Vec<String> {
        let Some(Chosen { name, context, origin: Origin::Flag }) = &self.context else {
            return Vec::new();
        };
        let flags = self.global;
        let key = context.has_key() && flags.admin_key_file.is_none();
        let url = flags.url.is_none() && self.env.hint(Variable::Url) != Some(context.url.as_str());
        let overridden = [
            (Variable::Url, "url", url),
            (Variable::AdminKey, "admin key", key),
            (Variable::AdminKeyFile, "admin key", key),
            (Variable::Cacert, "cacert", context.cacert.is_some() && flags.cacert.is_none()),
            (Variable::Output, "output", context.output.is_some() && flags.output.is_none()),
        ];
        let said = overridden
            .iter()
            .filter(|(variable, _, matters)| *matters && self.env.is_set(*variable));
        said.map(|(variable, what, _)| {
            format!("{} overrides the {what} of context {name}", variable.name())
        })
        .collect()
    }
}

fn key_of(context: &Context) -> Option<KeySource> {
    let key = context.admin_key.as_ref().map(|key| KeySource::Key(key.0.clone()));
    key.or_else(|| context.admin_key_file.clone().map(KeySource::File))
}
