//! A `--sink` as it is typed.

use std::path::PathBuf;
use std::str::FromStr;

/// Which of a step's files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StepFile {
    /// Outputs of the step.
    Output,
    /// Variables of the steps after it.
    Env,
}

impl StepFile {
    /// The variable in which the runner gives the file's path.
    pub(crate) fn variable(self) -> &'static str {
        match self {
            Self::Output => "GITHUB_OUTPUT",
            Self::Env => "GITHUB_ENV",
        }
    }
}

/// A name that a shell can give to a variable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ShellName(String);

impl ShellName {
    /// The name.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ShellName {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if text.is_empty()
            || text.starts_with(|c: char| c.is_ascii_digit())
            || !text.chars().all(word)
        {
            return Err("must be a variable's name: letters, digits and _".to_owned());
        }
        Ok(Self(text.to_owned()))
    }
}

/// A `--sink` as it was typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum SinkSpec {
    /// `file:PATH`
    File(PathBuf),
    /// `env-file:PATH?var=NAME`
    EnvFile(PathBuf, ShellName),
    /// `stdout`
    Stdout,
    /// `cmd:COMMAND`
    Command(String),
    /// `gha-output:NAME`, `gha-env:NAME`
    Step(StepFile, ShellName),
}

/// The forms that a sink can have.
const EXPECTED: &str = "must be file:PATH, env-file:PATH?var=NAME, stdout, cmd:COMMAND, \
    gha-output:NAME or gha-env:NAME";

impl FromStr for SinkSpec {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || EXPECTED.to_owned();
        if text == "stdout" {
            return Ok(Self::Stdout);
        }
        let (kind, place) = text.split_once(':').ok_or_else(wrong)?;
        if place.is_empty() {
            return Err(wrong());
        }
        match kind {
            "file" => Ok(Self::File(place.into())),
            "env-file" => {
                let (path, name) = place.rsplit_once("?var=").ok_or_else(wrong)?;
                if path.is_empty() {
                    return Err(wrong());
                }
                Ok(Self::EnvFile(path.into(), name.parse()?))
            }
            "cmd" => Ok(Self::Command(place.to_owned())),
            "gha-output" => Ok(Self::Step(StepFile::Output, place.parse()?)),
            "gha-env" => Ok(Self::Step(StepFile::Env, place.parse()?)),
            _ => Err(wrong()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_sink_is_read() {
        let name = |text: &str| text.parse::<ShellName>().unwrap();
        assert_eq!("stdout".parse(), Ok(SinkSpec::Stdout));
        assert_eq!("file:a:b".parse(), Ok(SinkSpec::File("a:b".into())));
        let env_file = SinkSpec::EnvFile("a?b.env".into(), name("KEY"));
        assert_eq!("env-file:a?b.env?var=KEY".parse(), Ok(env_file));
        assert_eq!("cmd:cat > x".parse(), Ok(SinkSpec::Command("cat > x".to_owned())));
        assert_eq!("gha-env:KEY".parse(), Ok(SinkSpec::Step(StepFile::Env, name("KEY"))));
        assert_eq!("gha-output:k".parse(), Ok(SinkSpec::Step(StepFile::Output, name("k"))));
        for wrong in [
            "",
            "file:",
            "file",
            "key.txt",
            "stdout:",
            "env:X",
            "cmd:",
            "env-file:a",
            "env-file:a?var=",
            "env-file:?var=A",
            "gha-env:A-B",
            "gha-output:",
        ] {
            assert!(wrong.parse::<SinkSpec>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn names_are_those_of_shells() {
        assert!("HUB_KEY2".parse::<ShellName>().is_ok());
        for wrong in ["", "2X", "A-B", "A=B", "A B", "Ä"] {
            assert!(wrong.parse::<ShellName>().is_err(), "{wrong}");
        }
    }
}
