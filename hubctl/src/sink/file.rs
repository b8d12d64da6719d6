//! A key in a file, alone or as a variable among others: complete or absent, readable only by its owner,
//! and on disk before it counts.

use std::fs::File;
use std::hash::{BuildHasher, RandomState};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, fchown};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::Sink;
use super::slot::Slot;
use crate::error::{Failure, Result};
use crate::folder::{self, Folder};

/// A file that a key goes into.
#[derive(Debug)]
pub(crate) struct FileSink {
    /// As it was typed.
    path: PathBuf,
    folder: Folder,
    name: PathBuf,
    slot: Slot,
    /// The content of the file when it was reserved; `None` if there was no file.
    before: Option<Before>,
    /// A new file in the folder, which proves that it can be made; the first key uses it up.
    spare: Option<File>,
    /// What this run has written, as a hash: a key is not kept twice.
    written: Option<u64>,
    hasher: RandomState,
}

struct Before {
    content: Zeroizing<Vec<u8>>,
    owner: (u32, u32),
}

impl std::fmt::Debug for Before {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("<content>")
    }
}

impl FileSink {
    /// Checks the folder and the file, and makes sure that a file can be made there.
    pub(super) fn reserve(path: &Path, slot: Slot, allow_open_folder: bool) -> Result<Self> {
        let mut sink = Self::look(path, slot, allow_open_folder)?;
        let spare = spare(&sink.folder, &sink.name).map_err(|error| {
            Failure::sink(format!("{}: cannot be made: {error}", path.display()))
        })?;
        sink.spare = Some(spare);
        Ok(sink)
    }

    /// Checks the folder and the file.
    fn look(path: &Path, slot: Slot, allow_open_folder: bool) -> Result<Self> {
        let refuse = |why: String| Failure::sink(format!("{}: {why}", path.display()));
        let Some(name) = path.file_name().map(PathBuf::from) else {
            return Err(refuse("is not the name of a file".to_owned()));
        };
        let folder = Folder::around(path)
            .map_err(|e| refuse(format!("its folder: {e}")).hint("make the folder first"))?;
        if let Some(fault) = folder.fault().filter(|_| !allow_open_folder) {
            return Err(refuse(fault)
                .hint("use a folder of your own (chmod go-w), or give --allow-open-folder"));
        }
        let before = read(&folder, &name, slot.longest()).map_err(|e| {
            refuse(e).hint("a key goes only into a file of your own that nobody else can read")
        })?;
        let path = path.to_owned();
        Ok(Self {
            path,
            folder,
            name,
            slot,
            before,
            spare: None,
            written: None,
            hasher: RandomState::new(),
        })
    }

    /// The content of the slot when the file was reserved.
    fn found(&self) -> Option<&str> {
        self.slot.find(&self.before.as_ref()?.content)
    }

    /// Writes the file again with another slot. Unless this run has written the slot, it must still be as
    /// it was when it was reserved: anything new in it is another run's key.
    fn replace(
        &mut self,
        new: impl FnOnce(&[u8]) -> Zeroizing<Vec<u8>>,
        own: bool,
        sync: bool,
    ) -> io::Result<u64> {
        // Two runs that change one file do so one after the other. A new file for one key needs no lock:
        // whoever comes second finds the name taken.
        let is_new = self.before.is_none() && self.slot == Slot::Whole && !own;
        let _lock = if is_new { None } else { Some(self.folder.lock()?) };
        let now = read(&self.folder, &self.name, self.slot.longest()).map_err(io::Error::other)?;
        let content = now.as_ref().map_or(&[][..], |now| now.content.as_slice());
        if !own && self.slot.find(content) != self.found() {
            return Err(changed());
        }
        let mut file = match self.spare.take() {
            Some(spare) => spare,
            None => spare(&self.folder, &self.name)?,
        };
        let beside = folder::beside(&self.name);
        let content = new(content);
        let put = write(&mut file, &content, now.as_ref(), sync).and_then(|()| match &now {
            None => self.folder.rename_unless_taken(&beside, &self.name),
            Some(_) => self.folder.rename(&beside, &self.name),
        });
        if let Err(error) = put {
            let _ = self.folder.remove(&beside);
            return Err(if folder::is_taken(&error) { changed() } else { error });
        }
        let written = self.hasher.hash_one(&*content);
        if self.hash_now() != Some(written) {
            return Err(changed());
        }
        if sync {
            self.folder.sync()?;
        }
        Ok(written)
    }

    /// The hash of the file as it is now.
    fn hash_now(&self) -> Option<u64> {
        let now = read(&self.folder, &self.name, self.slot.longest()).ok()??;
        Some(self.hasher.hash_one(&*now.content))
    }

    fn put_with(&mut self, secret: &str, sync: bool) -> Result<()> {
        let slot = self.slot.clone();
        let own = self.written.is_some();
        let written = self
            .replace(|content| slot.with(content, Some(secret)), own, sync)
            .map_err(|error| Failure::sink(format!("{}: {error}", self.path.display())))?;
        self.written = Some(written);
        Ok(())
    }
}

/// Looks whether a file would be taken.
pub(super) fn check(path: &Path, allow_open_folder: bool) -> Result<()> {
    FileSink::look(path, Slot::Whole, allow_open_folder).map(drop)
}

/// Fills a new file that is to take the place of another one.
fn write(file: &mut File, content: &[u8], before: Option<&Before>, sync: bool) -> io::Result<()> {
    file.write_all(content)?;
    if let Some(Before { owner: (user, group), .. }) = before
        && *user != folder::caller()
    {
        // Root fills the file of a service, which must go on reading it.
        fchown(&*file, Some(*user), Some(*group))?;
    }
    if sync { file.sync_all() } else { Ok(()) }
}

fn changed() -> io::Error {
    io::Error::other("was changed by somebody else meanwhile")
}

impl Drop for FileSink {
    fn drop(&mut self) {
        self.let_go();
    }
}

impl Sink for FileSink {
    fn held(&mut self) -> Result<Option<Zeroizing<String>>> {
        Ok(self.found().map(|text| text.to_owned().into()))
    }

    fn let_go(&mut self) {
        if self.spare.take().is_some() {
            let _ = self.folder.remove(&folder::beside(&self.name));
        }
    }

    /// Puts a key into the file. When this returns, it is on disk.
    fn put(&mut self, secret: &str) -> Result<()> {
        self.put_with(secret, true)
    }

    fn put_unsynced(&mut self, secret: &str) -> Result<()> {
        self.put_with(secret, false)
    }

    fn folder(&self) -> Option<&Folder> {
        Some(&self.folder)
    }

    /// Gives the slot its content from before this run. If that fails, a key stays that no hub knows, and
    /// the next run deals with it.
    fn restore(&mut self) {
        let Some(written) = self.written.take() else { return };
        let before = self.before.take();
        let _ = match (&before, self.slot.clone()) {
            (None, Slot::Whole) if self.hash_now() == Some(written) => {
                self.folder.remove(&self.name)
            }
            // Another run's file.
            (None, Slot::Whole) => Ok(()),
            (Some(before), Slot::Whole) => {
                self.replace(|_| before.content.clone(), true, true).map(drop)
            }
            (before, slot) => {
                let held = before.as_ref().and_then(|before| slot.find(&before.content));
                self.replace(|content| slot.with(content, held), true, true).map(drop)
            }
        };
        self.before = before;
    }

    fn place(&self) -> String {
        self.path.display().to_string()
    }

    fn told(&self) -> String {
        let path = self.path.display();
        match &self.slot {
            Slot::Whole => format!(" → {path} (0600, shown nowhere else)"),
            Slot::Line(name) => {
                format!(" → {path} ({}, 0600, shown nowhere else)", name.as_str())
            }
        }
    }

    fn path(&self) -> Option<&Path> {
        Some(&self.path)
    }

    fn is_key_file(&self) -> bool {
        self.slot == Slot::Whole
    }
}

/// A new file beside the sink, which only its owner can read. Its name is always the same, so that a file
/// which a killed run has left is found and replaced; a run that still works holds a lock on it.
fn spare(folder: &Folder, name: &Path) -> io::Result<File> {
    let beside = folder::beside(name);
    match folder.open(&beside) {
        Ok(None) => {}
        Ok(Some(left)) if left.metadata().is_ok_and(|about| folder::not_own(&about).is_none()) => {
            // The lock is held until the name is free: whoever has made this file and not locked it yet
            // finds that out.
            if left.try_lock().is_err() || has_no_name(&left)? {
                return Err(busy());
            }
            folder.remove(&beside)?;
        }
        // What is no file of ours, such as a link or a pipe, is no run's.
        Ok(Some(_)) | Err(_) => folder.remove(&beside)?,
    }
    let spare = folder.create(&beside);
    claimed(spare.map_err(|error| if folder::is_taken(&error) { busy() } else { error })?)
}

/// Locks a new file. Until then another run took it for one that was left.
fn claimed(new: File) -> io::Result<File> {
    new.lock()?;
    if has_no_name(&new)? { Err(busy()) } else { Ok(new) }
}

/// Whether somebody has removed the file.
fn has_no_name(file: &File) -> io::Result<bool> {
    Ok(file.metadata()?.nlink() == 0)
}

fn busy() -> io::Error {
    io::Error::other("another run is writing it; run this again")
}

/// The content of a slot, read without reserving the file; `None` where it is empty or no file of ours.
pub(super) fn peek(path: &Path, slot: &Slot) -> Option<Zeroizing<String>> {
    let folder = Folder::around(path).ok()?;
    let before = read(&folder, Path::new(path.file_name()?), slot.longest()).ok()??;
    slot.find(&before.content).map(|text| Zeroizing::new(text.to_owned()))
}

/// The content of the file; `None` if there is no file. What counts is the file that was opened, whatever
/// its name means a moment later.
fn read(folder: &Folder, name: &Path, longest: u64) -> Result<Option<Before>, String> {
    let Some(file) = folder.open(name).map_err(|error| error.to_string())? else {
        return Ok(None);
    };
    let about = file.metadata().map_err(|error| error.to_string())?;
    // Root may fill a service's own file, where nobody but root can have put it.
    let for_service = folder::caller() == 0 && folder.is_roots_own() && about.is_file();
    let fault = if for_service { folder::not_private(&about) } else { folder::not_own(&about) };
    if let Some(fault) = fault {
        return Err(fault);
    }
    if about.len() > longest {
        return Err("is too long to hold a key".to_owned());
    }
    let mut content = Zeroizing::new(Vec::with_capacity(usize::try_from(about.len()).unwrap_or(0)));
    file.take(longest).read_to_end(&mut content).map_err(|error| error.to_string())?;
    Ok(Some(Before { content, owner: (about.uid(), about.gid()) }))
}

#[cfg(test)]
mod tests;
