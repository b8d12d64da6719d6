//! The environment: one table of every variable that hubctl reads. Help is made from it.

use std::path::PathBuf;

use clap::ValueEnum;
use hub_core::exit::Exit;
use zeroize::Zeroizing;

use crate::error::{Failure, Result};
use crate::words::{Format, StepFile};

macro_rules! variables {
    ($($name:ident $text:literal $meaning:literal;)+) => {
        /// An environment variable that hubctl reads.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Variable { $(#[doc = $meaning] $name,)+ }

        impl Variable {
            /// All of them.
            pub(crate) const ALL: &[Self] = &[$(Self::$name,)+];

            /// Its name.
            pub(crate) fn name(self) -> &'static str {
                match self { $(Self::$name => $text,)+ }
            }

            /// What it does, for a person.
            pub(crate) fn meaning(self) -> &'static str {
                match self { $(Self::$name => $meaning,)+ }
            }
        }
    };
}

variables! {
    Url "HUBCTL_URL" "the hub's URL; --url";
    AdminKey "HUBCTL_ADMIN_KEY" "the admin key itself";
    AdminKeyFile "HUBCTL_ADMIN_KEY_FILE" "file with the admin key; --admin-key-file";
    HubKeyFile "HUBCTL_HUB_KEY_FILE" "file with an instance's hub key; --hub-key-file";
    Context "HUBCTL_CONTEXT" "the context to use instead of the current one; --context";
    Output "HUBCTL_OUTPUT" "output format; --output";
    Timeout "HUBCTL_TIMEOUT" "time limit for a request with all its retries; --timeout";
    Retries "HUBCTL_RETRIES" "number of retries of a request; --retries";
    Cacert "HUBCTL_CACERT" "file with more certificates to trust; --cacert";
    AllowPlainHttp "HUBCTL_ALLOW_PLAIN_HTTP" "1: send keys over http to other machines; --allow-plain-http";
    NoInput "HUBCTL_NO_INPUT" "1: never ask; --no-input";
    Complete "HUBCTL_COMPLETE" "set by the script of hubctl completion";
    ConfigHome "XDG_CONFIG_HOME" "the folder of hubctl/contexts.toml, by default ~/.config";
    StateHome "XDG_STATE_HOME" "the folder of hubctl/audit-heads.json, by default ~/.local/state";
    NoColor "NO_COLOR" "set to any value: no colours";
    ForceColor "CLICOLOR_FORCE" "1: colours also when piped";
    Term "TERM" "dumb: no colours";
    HttpsProxy "HTTPS_PROXY" "proxy for https; never used for a hub on this machine";
    HttpProxy "HTTP_PROXY" "proxy for http; never used for a hub on this machine";
    AllProxy "ALL_PROXY" "proxy for both";
    NoProxy "NO_PROXY" "hosts to reach without a proxy";
    GithubOutput "GITHUB_OUTPUT" "the file of a GitHub Actions step that --sink gha-output: writes to";
    GithubEnv "GITHUB_ENV" "the file of a GitHub Actions step that --sink gha-env: writes to";
}

/// The values of the variables; an empty one counts as absent.
pub(crate) struct Env(Vec<(Variable, Held)>);

/// A variable that is set.
#[derive(Clone)]
enum Held {
    Text(Zeroizing<String>),
    /// It is not UTF-8. That is told when the variable is needed: it is set, and its user relies on it.
    Unreadable,
}

impl Env {
    /// Reads them all.
    pub(crate) fn read() -> Self {
        let set = |&variable: &Variable| Some((variable, value(variable)?));
        Self(Variable::ALL.iter().filter_map(set).collect())
    }

    /// The value of a variable that is needed.
    pub(crate) fn get(&self, variable: Variable) -> Result<Option<&str>> {
        match self.held(variable) {
            None => Ok(None),
            Some(Held::Text(text)) => Ok(Some(text)),
            Some(Held::Unreadable) => Err(unreadable(variable)),
        }
    }

    /// The value of a variable that only changes how something looks.
    pub(crate) fn hint(&self, variable: Variable) -> Option<&str> {
        match self.held(variable)? {
            Held::Text(text) => Some(text),
            Held::Unreadable => Some(""),
        }
    }

    /// Whether a variable is set, to whatever.
    pub(crate) fn is_set(&self, variable: Variable) -> bool {
        self.held(variable).is_some()
    }

    fn held(&self, variable: Variable) -> Option<&Held> {
        self.0.iter().find(|(known, _)| *known == variable).map(|(_, held)| held)
    }

    /// The same, as if a variable were not set.
    pub(crate) fn without(&self, variable: Variable) -> Self {
        Self(self.0.iter().filter(|(known, _)| *known != variable).cloned().collect())
    }

    /// The parsed value of a variable.
    pub(crate) fn parsed<T>(
        &self,
        variable: Variable,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Result<Option<T>> {
        // The text is not repeated: it may be a key that was put into the wrong variable.
        let wrong = |expected| Failure::usage(format!("{} {expected}", variable.name()));
        self.get(variable)?.map(parse).transpose().map_err(wrong)
    }

    /// Whether a variable is switched on.
    pub(crate) fn is_on(&self, variable: Variable) -> bool {
        self.hint(variable).is_some_and(|value| !matches!(value, "0" | "false" | "no" | "off"))
    }

    /// Whether a variable clearly says yes: what is unclear allows nothing.
    pub(crate) fn says_yes(&self, variable: Variable) -> bool {
        matches!(self.hint(variable), Some("1" | "true" | "yes" | "on"))
    }

    /// The output format that the environment asks for.
    pub(crate) fn format(&self) -> Result<Option<Format>> {
        self.parsed(Variable::Output, format)
    }
}

/// The failure that a variable is set to what is no text.
pub(super) fn unreadable(variable: Variable) -> Failure {
    Failure::usage(format!("{} is not UTF-8", variable.name()))
        .hint("set it to text in UTF-8, or unset it")
}

/// A format by its name.
pub(super) fn format(text: &str) -> Result<Format, String> {
    Format::from_str(text, false).map_err(|_| {
        let names: Vec<_> = Format::value_variants().iter().map(|format| format.name()).collect();
        format!("is not an output format: {}", names.join(", "))
    })
}

/// This is the one place that reads the environment.
fn value(variable: Variable) -> Option<Held> {
    let read = |name: &str| {
        let value = std::env::var_os(name).filter(|value| !value.is_empty())?;
        Some(value.into_string().map_or(Held::Unreadable, |text| Held::Text(text.into())))
    };
    let name = variable.name();
    // The variables of proxies are written in either case, as everywhere.
    let proxy = name.ends_with("_PROXY");
    read(name).or_else(|| proxy.then(|| read(&name.to_ascii_lowercase())).flatten())
}

/// The file that the runner of GitHub Actions has made for this step.
pub(crate) fn step_file(which: StepFile) -> Result<Option<PathBuf>> {
    let variable = match which {
        StepFile::Output => Variable::GithubOutput,
        StepFile::Env => Variable::GithubEnv,
    };
    let read = Env(value(variable).map(|held| (variable, held)).into_iter().collect());
    Ok(read.get(variable)?.map(PathBuf::from))
}

/// The folder that hubctl keeps its own files in.
pub(super) fn config_folder() -> Result<PathBuf> {
    use etcetera::BaseStrategy;
    let folders = etcetera::base_strategy::Xdg::new().map_err(|_| {
        Failure::new(Exit::Usage, "no_home", "there is no home folder for contexts")
            .hint("set HOME or XDG_CONFIG_HOME")
    })?;
    Ok(folders.config_dir().join("hubctl"))
}

/// The folder that hubctl keeps what it has seen in; none where there is no home.
pub(crate) fn state_folder() -> Option<PathBuf> {
    use etcetera::BaseStrategy;
    let folders = etcetera::base_strategy::Xdg::new().ok()?;
    Some(folders.state_dir()?.join("hubctl"))
}

#[cfg(test)]
pub(crate) fn env_of(set: &[(Variable, &str)]) -> Env {
    let own = |&(variable, value): &(Variable, &str)| {
        (variable, Held::Text(Zeroizing::new(value.to_owned())))
    };
    Env(set.iter().map(own).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_value_is_told_without_repeating_it() {
        let env = env_of(&[(Variable::Output, "hunter2")]);
        let Err(failure) = env.format() else { panic!("it was taken") };
        assert!(failure.to_json().contains("HUBCTL_OUTPUT is not an output format: table, "));
        assert!(!failure.to_json().contains("hunter2"));
        assert_eq!(env_of(&[(Variable::Output, "json")]).format().unwrap(), Some(Format::Json));
    }

    #[test]
    fn what_cannot_be_read_is_not_taken_for_absent() {
        let env = Env(vec![(Variable::Url, Held::Unreadable)]);
        assert!(env.get(Variable::Url).is_err() && env.is_set(Variable::Url));
        assert!(env.get(Variable::AdminKey).unwrap().is_none());
    }

    #[test]
    fn a_switch_is_off_where_it_says_so() {
        let on = |value| env_of(&[(Variable::NoInput, value)]).is_on(Variable::NoInput);
        assert!(on("1") && on("true") && !on("0") && !on("false"));
        assert!(!env_of(&[]).is_on(Variable::NoInput) && !on("off") && on("maybe"));
        let yes = |value| env_of(&[(Variable::AllowPlainHttp, value)]);
        let yes = |value| yes(value).says_yes(Variable::AllowPlainHttp);
        assert!(yes("1") && yes("true") && !yes("0") && !yes("off") && !yes("maybe"));
    }

    #[test]
    fn every_variable_is_told_once() {
        for (at, variable) in Variable::ALL.iter().enumerate() {
            assert!(!variable.meaning().is_empty());
            let twice = Variable::ALL[..at].iter().any(|other| other.name() == variable.name());
            assert!(!twice, "{variable:?}");
        }
    }
}
