//! Where a new key goes: one trait, and a file for each kind of sink.
//!
//! A sink only stores text. The order in which a key is made, stored and registered is the business of
//! `delivery`.

mod command;
mod file;
mod github;
mod shown;
mod slot;

use std::path::Path;

use hub_core::key::{Key, KeyKind};
use zeroize::Zeroizing;

use crate::error::Result;
use crate::folder::Folder;
use crate::settings;
use crate::words::SinkSpec;
use command::CommandSink;
use file::FileSink;
use github::StepSink;
use slot::Slot;

/// A place for one key, checked and reserved.
pub(crate) trait Sink {
    /// The text that it holds already; `None` when it is empty or cannot be read.
    fn held(&mut self) -> Result<Option<Zeroizing<String>>> {
        Ok(None)
    }

    /// Stores a key. When this returns, the key is safe there.
    fn put(&mut self, secret: &str) -> Result<()>;

    /// The same, but the key is safe only once [`Self::folder`] was synced with its file system.
    fn put_unsynced(&mut self, secret: &str) -> Result<()> {
        self.put(secret)
    }

    /// The folder to sync, if keys can be put there unsynced.
    fn folder(&self) -> Option<&Folder> {
        None
    }

    /// Takes out the key that this run has put, so that the sink is as it was found. A command has the
    /// key for good: the next run gives it another.
    fn restore(&mut self) {}

    /// Gives the reservation up, so that another instance can store its key in the same file. A later
    /// `put` reserves it again.
    fn let_go(&mut self) {}

    /// Whether the key appears on standard output.
    fn display(&self) -> Display {
        Display::Hidden
    }

    /// Its name in messages.
    fn place(&self) -> String {
        String::new()
    }

    /// Where the key is, as the end of a sentence; empty where the key itself is shown.
    fn told(&self) -> String {
        String::new()
    }

    /// The file, if the key is in one.
    fn path(&self) -> Option<&Path> {
        None
    }

    /// Whether that file holds nothing but the key.
    fn is_key_file(&self) -> bool {
        false
    }
}

/// Whether a key appears on standard output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Display {
    /// It does not.
    Hidden,
    /// With the words of the result, for a person.
    Once,
    /// Without words, for a script.
    Alone,
}

/// The content of such a sink cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Unreadable;

/// Reserves the sink that was named. With `in_document`, standard output is for one document, which the
/// key will be a member of.
pub(crate) fn reserve(
    spec: &SinkSpec,
    allow_open_folder: bool,
    in_document: bool,
) -> Result<Box<dyn Sink>> {
    Ok(match spec {
        SinkSpec::File(path) => Box::new(FileSink::reserve(path, Slot::Whole, allow_open_folder)?),
        SinkSpec::EnvFile(path, name) => {
            let slot = Slot::Line(name.clone());
            Box::new(FileSink::reserve(path, slot, allow_open_folder)?)
        }
        SinkSpec::Stdout => Box::new(shown::Stdout::reserve(in_document)?),
        SinkSpec::Command(line) => Box::new(CommandSink::reserve(line)?),
        SinkSpec::Step(which, name) => {
            Box::new(StepSink::reserve(*which, name, settings::step_file(*which)?)?)
        }
    })
}

/// Looks whether a sink would be taken, without reserving it.
pub(crate) fn check(spec: &SinkSpec, allow_open_folder: bool) -> Result<()> {
    match spec {
        SinkSpec::File(path) => file::check(path, allow_open_folder),
        other => reserve(other, allow_open_folder, false).map(drop),
    }
}

/// The terminal, which shows a key once.
pub(crate) fn screen() -> Box<dyn Sink> {
    Box::new(shown::Screen)
}

/// The key that a sink holds, read without reserving it: nothing is changed. Text that is no key counts
/// as none.
pub(crate) fn peek<K: KeyKind>(spec: &SinkSpec) -> Result<Option<Key<K>>, Unreadable> {
    let (path, slot) = match spec {
        SinkSpec::File(path) => (path, Slot::Whole),
        SinkSpec::EnvFile(path, name) => (path, Slot::Line(name.clone())),
        SinkSpec::Stdout | SinkSpec::Command(_) | SinkSpec::Step(..) => return Err(Unreadable),
    };
    Ok(file::peek(path, &slot).and_then(|text| Key::parse(&text).ok()))
}
