//! Where a new key goes: into a file, to a command, to standard output, or before a person's eyes.
//!
//! hubctl makes each key itself. A sink holds it before its hash is registered, so a run that is killed
//! at any instant leaves either nothing or a key that the next run registers.

mod command;
mod file;
mod github;
mod slot;
mod spec;

pub(crate) use github::StepFile;
pub(crate) use spec::SinkSpec;

use hub_core::exit::Exit;
use hub_core::key::{Key, KeyKind};
use rand::rngs::SysRng;

use crate::cli::{Format, SinkArgs};
use crate::error::{Failure, Result};
use crate::output::{Out, Reveal};
use crate::settings;
use command::CommandSink;
use file::FileSink;
use github::StepSink;
use slot::Slot;

/// A sink that was checked and is ready to take a key.
#[derive(Debug)]
pub(crate) enum Sink {
    /// A file, or a variable in one.
    File(FileSink),
    /// A command.
    Command(CommandSink),
    /// A file of a step in GitHub Actions.
    Step(StepSink),
    /// Standard output, for the key alone.
    Stdout,
    /// Shown once at a terminal.
    Screen,
}

/// Nobody can tell what a sink holds: keys only go into it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Unreadable;

impl Sink {
    /// Reserves the sink; nothing may be asked of the hub before.
    pub(crate) fn reserve(args: &SinkArgs, out: &Out) -> Result<Self> {
        let names_only = out.format() == Format::Name;
        match &args.sink {
            Some(SinkSpec::Stdout) if names_only => {
                Err(Failure::usage("--sink stdout and -o name cannot share standard output")
                    .hint("give --sink file:PATH, or use -o json"))
            }
            Some(spec) => Self::of(spec, args.allow_open_folder),
            None if out.at_terminal() && !names_only => Ok(Self::Screen),
            None => Err(Failure::input_needed("the new key needs a place to go")
                .hint("give --sink file:PATH, or --sink stdout")),
        }
    }

    /// Reserves the sink that was named.
    pub(crate) fn of(spec: &SinkSpec, allow_open_folder: bool) -> Result<Self> {
        match spec {
            SinkSpec::File(path) => {
                FileSink::reserve(path, Slot::Whole, allow_open_folder).map(Self::File)
            }
            SinkSpec::EnvFile(path, name) => {
                let slot = Slot::Line(name.clone());
                FileSink::reserve(path, slot, allow_open_folder).map(Self::File)
            }
            SinkSpec::Stdout => Ok(Self::Stdout),
            SinkSpec::Command(line) => CommandSink::reserve(line).map(Self::Command),
            SinkSpec::Step(which, name) => {
                StepSink::reserve(*which, name, settings::step_file(*which)).map(Self::Step)
            }
        }
    }

    /// The key that a sink holds, seen without reserving it: looking changes nothing. Where what it
    /// holds is no key, that is the same as none.
    pub(crate) fn peek<K: KeyKind>(spec: &SinkSpec) -> Result<Option<Key<K>>, Unreadable> {
        let (path, slot) = match spec {
            SinkSpec::File(path) => (path, Slot::Whole),
            SinkSpec::EnvFile(path, name) => (path, Slot::Line(name.clone())),
            SinkSpec::Stdout | SinkSpec::Command(_) | SinkSpec::Step(..) => return Err(Unreadable),
        };
        let held = file::peek(path, &slot).and_then(|text| Key::parse(&text).ok());
        Ok(held)
    }

    /// The key of this kind that the sink holds already, where that can be seen.
    pub(crate) fn held<K: KeyKind>(&mut self) -> Result<Option<Key<K>>> {
        let (text, place) = match self {
            Self::File(file) => {
                (file.held().map(|text| text.to_owned().into()), file.path().display().to_string())
            }
            Self::Step(step) => (step.held()?, step.told()),
            Self::Command(_) | Self::Stdout | Self::Screen => return Ok(None),
        };
        let Some(text) = text else { return Ok(None) };
        // An admin key may have any form; one that hubctl made has its prefix.
        let key = Key::parse(&text).ok().filter(|_| text.starts_with(K::PREFIX));
        key.map(Some).ok_or_else(|| {
            Failure::sink(format!("{place}: holds something that is no {}", K::NAME))
                .hint("name another sink, or move this one away")
        })
    }

    /// Whether what it holds can be seen: then an empty one is certainly empty.
    pub(crate) fn is_readable(&self) -> bool {
        matches!(self, Self::File(_) | Self::Step(_))
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
        match self {
            Self::File(file) => file.put(key.expose())?,
            Self::Command(command) => command.put(key.expose())?,
            Self::Step(step) => step.put(key.expose())?,
            Self::Stdout | Self::Screen => {}
        }
        Ok(key)
    }

    /// Takes a key that the hub refused out again, so that the sink is as it was found. A command has
    /// it for good: the next run gives it another.
    pub(crate) fn restore(&mut self) {
        match self {
            Self::File(file) => file.restore(),
            Self::Step(step) => step.restore(),
            Self::Command(_) | Self::Stdout | Self::Screen => {}
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
            Self::File(file) => format!(" → {}", file.told()),
            Self::Command(_) => " → the command".to_owned(),
            Self::Step(step) => format!(" → {}", step.told()),
            Self::Stdout | Self::Screen => String::new(),
        }
    }

    /// The file, if it is one that holds the key alone.
    pub(crate) fn path(&self) -> Option<String> {
        match self {
            Self::File(file) => Some(file.path().display().to_string()),
            Self::Command(_) | Self::Step(_) | Self::Stdout | Self::Screen => None,
        }
    }
}
