//! Where a new key goes: into a file, to standard output, or before a person's eyes.
//!
//! hubctl makes each key itself. A file holds it before its hash is registered, so a run that is
//! killed at any instant leaves either nothing or a key that the next run registers.

mod file;

use std::path::PathBuf;
use std::str::FromStr;

use hub_core::exit::Exit;
use hub_core::key::{Key, KeyKind};
use rand::rngs::SysRng;

use crate::cli::{Format, SinkArgs};
use crate::error::{Failure, Result};
use crate::output::{Out, Reveal};
use file::FileSink;

/// A `--sink` as given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum SinkSpec {
    /// `file:PATH`
    File(PathBuf),
    /// `stdout`
    Stdout,
}

impl FromStr for SinkSpec {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once(':') {
            Some(("file", path)) if !path.is_empty() => Ok(Self::File(PathBuf::from(path))),
            None if text == "stdout" => Ok(Self::Stdout),
            _ => Err("must be file:PATH or stdout".to_owned()),
        }
    }
}

/// A sink that was checked and is ready to take a key.
#[derive(Debug)]
pub(crate) enum Sink {
    /// A file.
    File(FileSink),
    /// Standard output, for the key alone.
    Stdout,
    /// Shown once at a terminal.
    Screen,
}

impl Sink {
    /// Reserves the sink; nothing may be asked of the hub before.
    pub(crate) fn reserve(args: &SinkArgs, out: &Out) -> Result<Self> {
        let names_only = out.format() == Format::Name;
        match &args.sink {
            Some(SinkSpec::File(path)) => {
                FileSink::reserve(path, args.allow_open_folder).map(Self::File)
            }
            Some(SinkSpec::Stdout) if names_only => {
                Err(Failure::usage("--sink stdout and -o name cannot share standard output")
                    .hint("give --sink file:PATH, or use -o json"))
            }
            Some(SinkSpec::Stdout) => Ok(Self::Stdout),
            None if out.at_terminal() && !names_only => Ok(Self::Screen),
            None => Err(Failure::input_needed("the new key needs a place to go")
                .hint("give --sink file:PATH, or --sink stdout")),
        }
    }

    /// The key of this kind that the sink holds already.
    pub(crate) fn held<K: KeyKind>(&self) -> Result<Option<Key<K>>> {
        match self {
            Self::File(file) => file.held(),
            Self::Stdout | Self::Screen => Ok(None),
        }
    }

    /// Makes a key and puts it into a sink that can hold it.
    pub(crate) fn fresh<K: KeyKind>(&mut self) -> Result<Key<K>> {
        let key = Key::generate(&mut SysRng).map_err(|error| {
            Failure::new(
                Exit::Bug,
                "no_randomness",
                format!("the system has no randomness: {error}"),
            )
        })?;
        if let Self::File(file) = self {
            file.put(key.expose())?;
        }
        Ok(key)
    }

    /// Takes a key that the hub refused out again, so that the sink is as it was found.
    pub(crate) fn restore(&mut self) {
        if let Self::File(file) = self {
            file.restore();
        }
    }

    /// The key, where the sink is standard output.
    pub(crate) fn reveal<'a, K: KeyKind>(
        &self,
        field: &'static str,
        key: &'a Key<K>,
    ) -> Option<Reveal<'a>> {
        let alone = matches!(self, Self::Stdout);
        let shown = alone || matches!(self, Self::Screen);
        shown.then(|| Reveal { field, secret: key.expose(), alone })
    }

    /// Whether standard output is for a key alone, so that words do not belong there.
    pub(crate) fn is_stdout(&self) -> bool {
        matches!(self, Self::Stdout)
    }

    /// Where the key is, in the words of a result; empty where it is seen.
    pub(crate) fn told(&self) -> String {
        match self {
            Self::File(file) => {
                format!(" → {} ({:04o}, shown nowhere else)", file.path().display(), file.mode())
            }
            Self::Stdout | Self::Screen => String::new(),
        }
    }

    /// The file, if it is one.
    pub(crate) fn path(&self) -> Option<String> {
        match self {
            Self::File(file) => Some(file.path().display().to_string()),
            Self::Stdout | Self::Screen => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sink_is_a_file_or_standard_output() {
        assert_eq!("stdout".parse(), Ok(SinkSpec::Stdout));
        assert_eq!("file:a:b".parse(), Ok(SinkSpec::File("a:b".into())));
        for wrong in ["", "file:", "file", "key.txt", "stdout:", "env:X"] {
            assert!(wrong.parse::<SinkSpec>().is_err(), "{wrong}");
        }
    }
}
