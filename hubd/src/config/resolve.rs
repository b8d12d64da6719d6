//! Turns arguments and an environment into settings. A variable becomes the flag that it stands for,
//! unless that flag is given. clap itself does not read the environment.

use std::collections::BTreeMap;
use std::ffi::OsString;

use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, CommandFactory, FromArgMatches};
use zeroize::Zeroizing;

use super::{BootstrapKey, Cli, Command, ConfigError, Given, Origin, Settings};

/// The prefix of the hub's variables.
const PREFIX: &str = "HUBD_";
/// The variable that holds the bootstrap key itself.
const ADMIN_KEY: &str = "HUBD_ADMIN_API_KEY";

/// Makes the settings from an environment and arguments, of which the first is the program's name.
///
/// # Errors
/// [`ConfigError`]. [`ConfigError::Usage`] also stands for `--help` and `--version`.
pub fn resolve(
    arguments: impl IntoIterator<Item = OsString>,
    environment: impl IntoIterator<Item = (OsString, OsString)>,
) -> Result<Settings, ConfigError> {
    let command = command();
    let mut arguments: Vec<OsString> = arguments.into_iter().collect();
    let flags = command.clone().try_get_matches_from(&arguments)?;
    let variables = Variables::read(environment, &command)?;
    // Variables become flags directly after the program's name, because a `--` may follow a subcommand.
    let name = arguments.len().min(1);
    for argument in command.get_arguments() {
        let value = variables.value(argument);
        if let Some(value) = value.filter(|_| !is_given(&flags, argument))
            && let Some(flag) = as_flag(&command, argument, value)?
        {
            arguments.insert(name, flag);
        }
    }
    let matches = command.clone().try_get_matches_from(&arguments)?;
    let cli = Cli::from_arg_matches(&matches)?;
    let given = command
        .get_arguments()
        .map(|argument| {
            let origin = match (is_given(&flags, argument), variables.value(argument)) {
                (true, _) => Origin::Flag,
                (false, Some(_)) => Origin::Environment,
                (false, None) => Origin::Default,
            };
            Given { name: flag_of(argument), value: text_of(&matches, argument), origin }
        })
        .collect();
    cli.hub.telemetry.check().map_err(ConfigError::Conflict)?;
    let key = variables.admin_key.as_ref().map(|key| key.as_str());
    Ok(Settings {
        command: cli.command.unwrap_or(Command::Serve),
        log: cli.log,
        log_format: cli.log_format,
        bootstrap_key: BootstrapKey::resolve(key, cli.admin_api_key_file)?,
        server: cli.server,
        tls: cli.tls,
        metrics: cli.metrics,
        store: cli.store.resolve()?,
        certificates: cli.certificates,
        hub: cli.hub,
        given,
    })
}

/// The command line. Each flag works before and after a subcommand, and its help names the variable.
fn command() -> clap::Command {
    Cli::command().mut_args(|argument| {
        let help = argument.get_help().map(ToString::to_string).unwrap_or_default();
        let help = format!("{help} [env: {}]", variable_of(&argument));
        argument.global(true).help(help)
    })
}

/// The variable of a setting: `HUBD_` and the name of its field.
fn variable_of(argument: &Arg) -> String {
    format!("{PREFIX}{}", argument.get_id().as_str().to_ascii_uppercase())
}

/// The flag of a setting, without its dashes.
fn flag_of(argument: &Arg) -> String {
    argument.get_long().unwrap_or_default().to_owned()
}

fn is_given(flags: &ArgMatches, argument: &Arg) -> bool {
    flags.value_source(argument.get_id().as_str()) == Some(ValueSource::CommandLine)
}

/// The effective value, as it was written.
fn text_of(matches: &ArgMatches, argument: &Arg) -> String {
    let raw = matches.get_raw(argument.get_id().as_str()).into_iter().flatten();
    raw.map(|value| value.to_string_lossy()).collect::<Vec<_>>().join(",")
}

/// Turns a variable's value into the flag that the variable stands for; `None` when the value switches
/// the flag off.
fn as_flag(
    command: &clap::Command,
    argument: &Arg,
    value: &str,
) -> Result<Option<OsString>, ConfigError> {
    let flag = flag_of(argument);
    let invalid = |reason: String| ConfigError::InvalidVariable {
        variable: variable_of(argument),
        flag: flag.clone(),
        value: value.to_owned(),
        reason,
    };
    if !argument.get_action().takes_values() {
        let on = switch(value).ok_or_else(|| invalid("must be true or false".to_owned()))?;
        return Ok(on.then(|| format!("--{flag}").into()));
    }
    let text = OsString::from(format!("--{flag}={value}"));
    match command.clone().try_get_matches_from([command.get_name().into(), text.clone()]) {
        Ok(_) => Ok(Some(text)),
        Err(error) => {
            let reason = std::error::Error::source(&error).map(ToString::to_string);
            Err(invalid(reason.unwrap_or_else(|| error.kind().to_string())))
        }
    }
}

/// Whether the value of a variable switches on a flag that takes no value; `None` when it is neither on
/// nor off.
fn switch(value: &str) -> Option<bool> {
    match value.to_ascii_lowercase().as_str() {
        "1" | "true" | "t" | "yes" | "y" | "on" => Some(true),
        "0" | "false" | "f" | "no" | "n" | "off" => Some(false),
        _ => None,
    }
}

/// Whether Kubernetes sets a variable of this name for a service called hubd.
fn is_injected(name: &str) -> bool {
    name == "HUBD_PORT" || ["HUBD_PORT_", "HUBD_SERVICE_"].iter().any(|own| name.starts_with(own))
}

/// The hub's variables in the environment. An empty variable counts as not set.
#[derive(Default)]
struct Variables {
    values: BTreeMap<String, String>,
    admin_key: Option<Zeroizing<String>>,
}

impl Variables {
    fn read(
        environment: impl IntoIterator<Item = (OsString, OsString)>,
        command: &clap::Command,
    ) -> Result<Self, ConfigError> {
        let mut variables = Self::default();
        for (name, value) in environment {
            if !name.as_encoded_bytes().starts_with(PREFIX.as_bytes()) {
                continue;
            }
            let name = name.to_string_lossy().into_owned();
            if is_injected(&name) {
                continue;
            }
            if cfg!(feature = "proof") && name.starts_with("HUBD_PROOF_") {
                continue;
            }
            if name != ADMIN_KEY && !command.get_arguments().any(|known| variable_of(known) == name)
            {
                return Err(ConfigError::UnknownVariable(name));
            }
            let value = value.into_string().map_err(|_| ConfigError::NotText(name.clone()))?;
            if value.is_empty() {
                continue;
            }
            if name == ADMIN_KEY {
                variables.admin_key = Some(Zeroizing::new(value));
            } else {
                variables.values.insert(name, value);
            }
        }
        Ok(variables)
    }

    /// The value of a setting in the environment.
    fn value(&self, argument: &Arg) -> Option<&str> {
        self.values.get(&variable_of(argument)).map(String::as_str)
    }
}

#[cfg(test)]
mod tests;
