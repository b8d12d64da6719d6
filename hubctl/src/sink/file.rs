//! A key in a file, alone or as a variable among others: complete or absent, readable only by its owner,
//! and on disk before it counts.

use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;
use zeroize::Zeroizing;

use super::Sink;
use super::slot::Slot;
use crate::error::{Failure, Result};
use crate::private_file;

/// A file that a key goes into.
#[derive(Debug)]
pub(crate) struct FileSink {
    path: PathBuf,
    folder: PathBuf,
    slot: Slot,
    /// The content of the file when it was reserved; `None` if there was no file.
    before: Option<Before>,
    /// A new file in the folder, which proves that it can be made; the first key uses it up.
    spare: Option<NamedTempFile>,
    /// This run has written the file.
    written: bool,
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
        let refuse = |why: String| Failure::sink(format!("{}: {why}", path.display()));
        if path.file_name().is_none() {
            return Err(refuse("is not the name of a file".to_owned()));
        }
        let folder = private_file::folder_of(path).to_owned();
        let about = fs::metadata(&folder)
            .map_err(|e| refuse(format!("its folder: {e}")).hint("make the folder first"))?;
        let (mode, sticky) = (about.mode(), about.mode() & 0o1000 != 0);
        if mode & 0o022 != 0 && !sticky && !allow_open_folder {
            return Err(refuse(
                "others can write to its folder, and so replace the key".to_owned(),
            )
            .hint("chmod go-w the folder, or give --allow-open-folder"));
        }
        let before = read(path, slot.longest()).map_err(refuse)?;
        let spare = spare(path, &folder).map_err(|e| refuse(format!("cannot be made: {e}")))?;
        let path = path.to_owned();
        Ok(Self { path, folder, slot, before, spare: Some(spare), written: false })
    }

    /// The content of the slot when the file was reserved.
    fn found(&self) -> Option<&str> {
        self.slot.find(&self.before.as_ref()?.content)
    }

    /// The file's mode: an existing file keeps the mode that its owner chose.
    fn mode(&self) -> u32 {
        fs::metadata(&self.path).map_or(0, |about| about.mode() & 0o7777)
    }

    /// Writes the file again with another slot. Unless this run has written the slot, it must still be as
    /// it was when it was reserved: anything new in it is another run's key.
    fn replace(
        &mut self,
        new: impl FnOnce(&[u8]) -> Zeroizing<Vec<u8>>,
        own: bool,
    ) -> std::io::Result<()> {
        // Two runs that change one file do so one after the other.
        let folder = File::open(&self.folder)?;
        folder.lock()?;
        let now = read(&self.path, self.slot.longest()).map_err(std::io::Error::other)?;
        let content = now.as_ref().map_or(&[][..], |now| now.content.as_slice());
        if !own && self.slot.find(content) != self.found() {
            return Err(std::io::Error::other("was changed by somebody else meanwhile"));
        }
        let mut spare = match self.spare.take() {
            Some(spare) => spare,
            None => spare(&self.path, &self.folder)?,
        };
        spare.write_all(&new(content))?;
        if let Some(Before { owner: (user, group), .. }) = &now {
            // Root may be filling the file of a service, which must go on reading it.
            let _ = fchown(spare.as_file(), Some(*user), Some(*group));
        }
        spare.as_file().sync_all()?;
        if now.is_none() {
            spare.persist_noclobber(&self.path)?;
        } else {
            spare.persist(&self.path)?;
        }
        folder.sync_all()
    }
}

impl Sink for FileSink {
    fn held(&mut self) -> Result<Option<Zeroizing<String>>> {
        Ok(self.found().map(|text| text.to_owned().into()))
    }

    fn is_readable(&self) -> bool {
        true
    }

    fn let_go(&mut self) {
        self.spare = None;
    }

    /// Puts a key into the file. When this returns, it is on disk.
    fn put(&mut self, secret: &str) -> Result<()> {
        let slot = self.slot.clone();
        self.replace(|content| slot.with(content, Some(secret)), self.written)
            .map_err(|error| Failure::sink(format!("{}: {error}", self.path.display())))?;
        self.written = true;
        Ok(())
    }

    /// Gives the slot its content from before this run. If that fails, a key stays that no hub knows, and
    /// the next run deals with it.
    fn restore(&mut self) {
        if !std::mem::take(&mut self.written) {
            return;
        }
        let before = self.before.take();
        let _ = match (&before, self.slot.clone()) {
            (None, Slot::Whole) => fs::remove_file(&self.path),
            (Some(before), Slot::Whole) => self.replace(|_| before.content.clone(), true),
            (before, slot) => {
                let held = before.as_ref().and_then(|before| slot.find(&before.content));
                self.replace(|content| slot.with(content, held), true)
            }
        };
        self.before = before;
    }

    fn place(&self) -> String {
        self.path.display().to_string()
    }

    fn told(&self) -> String {
        let (path, mode) = (self.path.display(), self.mode());
        match &self.slot {
            Slot::Whole => format!(" → {path} ({mode:04o}, shown nowhere else)"),
            Slot::Line(name) => {
                format!(" → {path} ({}, {mode:04o}, shown nowhere else)", name.as_str())
            }
        }
    }

    fn path(&self) -> Option<&Path> {
        Some(&self.path)
    }
}

/// A new file beside the sink, which only its owner can read. Its name is always the same, so that a file
/// which a killed run has left is found and replaced; a run that still works holds a lock on it.
fn spare(path: &Path, folder: &Path) -> std::io::Result<NamedTempFile> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let name = format!(".{name}.hubctl");
    let left = folder.join(&name);
    if let Ok(left) = File::open(&left)
        && left.try_lock().is_err()
    {
        return Err(std::io::Error::other("another run is writing it; run this again"));
    }
    match fs::remove_file(&left) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let permissions = fs::Permissions::from_mode(0o600);
    let spare = tempfile::Builder::new()
        .prefix(&name)
        .rand_bytes(0)
        .permissions(permissions)
        .tempfile_in(folder)?;
    spare.as_file().lock()?;
    Ok(spare)
}

/// The content of a slot, read without reserving the file; `None` where it is empty or unreadable.
pub(super) fn peek(path: &Path, slot: &Slot) -> Option<Zeroizing<String>> {
    let before = read(path, slot.longest()).ok()??;
    slot.find(&before.content).map(|text| Zeroizing::new(text.to_owned()))
}

/// The content of the file; `None` if there is no file.
fn read(path: &Path, longest: u64) -> Result<Option<Before>, String> {
    let about = match fs::symlink_metadata(path) {
        Ok(about) => about,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error.to_string()),
    };
    if about.is_symlink() {
        return Err("is a symbolic link".to_owned());
    }
    if !about.is_file() {
        return Err("is not a regular file".to_owned());
    }
    if about.len() > longest {
        return Err("is too long to hold a key".to_owned());
    }
    let content = fs::read(path).map_err(|error| error.to_string())?;
    Ok(Some(Before { content: Zeroizing::new(content), owner: (about.uid(), about.gid()) }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use hub_core::exit::Exit;

    const LICENSE: &str = "lb_inst_00000000000000000000000000000000";

    fn whole(path: &Path, open: bool) -> Result<FileSink> {
        FileSink::reserve(path, Slot::Whole, open)
    }

    fn variable(path: &Path) -> FileSink {
        FileSink::reserve(path, Slot::Line("KEY".parse().unwrap()), false).unwrap()
    }

    fn folder() -> tempfile::TempDir {
        tempfile::tempdir().unwrap()
    }

    fn content(path: &Path) -> String {
        fs::read_to_string(path).unwrap()
    }

    fn files(folder: &Path) -> usize {
        fs::read_dir(folder).unwrap().count()
    }

    #[test]
    fn a_key_is_put_for_its_owner_alone() {
        let folder = folder();
        let path = folder.path().join("key");
        let mut sink = whole(&path, false).unwrap();
        assert!(sink.found().is_none());
        sink.put(LICENSE).unwrap();
        assert_eq!(content(&path), LICENSE);
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        let again = whole(&path, false).unwrap();
        assert_eq!(again.found(), Some(LICENSE));
        drop((sink, again));
        assert_eq!(files(folder.path()), 1, "nothing else is left behind");
    }

    #[test]
    fn a_refused_key_leaves_the_sink_as_it_was() {
        let folder = folder();
        let path = folder.path().join("key");
        let mut sink = whole(&path, false).unwrap();
        sink.put(LICENSE).unwrap();
        sink.restore();
        assert!(!path.exists());
        fs::write(&path, "lb_inst_11111111111111111111111111111111\n").unwrap();
        let mut sink = whole(&path, false).unwrap();
        sink.put(LICENSE).unwrap();
        sink.restore();
        assert_eq!(content(&path), "lb_inst_11111111111111111111111111111111\n");
    }

    #[test]
    fn another_runs_key_is_never_overwritten() {
        let folder = folder();
        let path = folder.path().join("key");
        let mut sink = whole(&path, false).unwrap();
        fs::write(&path, "theirs").unwrap();
        assert_eq!(sink.put(LICENSE).unwrap_err().exit(), Exit::SinkFailed);
        assert_eq!(content(&path), "theirs");
    }

    #[test]
    fn what_is_not_a_safe_place_is_refused() {
        let folder = folder();
        let refused = |path: &Path, open| whole(path, open).unwrap_err().exit();
        let link = folder.path().join("link");
        std::os::unix::fs::symlink("elsewhere", &link).unwrap();
        assert_eq!(refused(&link, true), Exit::SinkFailed);
        assert_eq!(refused(folder.path(), true), Exit::SinkFailed);
        assert_eq!(refused(&folder.path().join("none/key"), true), Exit::SinkFailed);
        let key = folder.path().join("key");
        for (mode, taken) in [(0o777, false), (0o770, false), (0o1777, true), (0o755, true)] {
            fs::set_permissions(folder.path(), fs::Permissions::from_mode(mode)).unwrap();
            assert_eq!(whole(&key, false).is_ok(), taken, "{mode:o}");
            assert!(whole(&key, true).is_ok(), "{mode:o}");
        }
    }

    #[test]
    fn what_a_killed_run_left_is_replaced_and_a_running_one_is_not() {
        let folder = folder();
        let path = folder.path().join("key");
        fs::write(folder.path().join(".key.hubctl"), "half a k").unwrap();
        let mut first = whole(&path, false).unwrap();
        let busy = whole(&path, false).unwrap_err();
        assert_eq!((busy.exit(), busy.exit().retryable()), (Exit::SinkFailed, true));
        assert!(whole(&folder.path().join("other"), false).is_ok());
        first.put(LICENSE).unwrap();
        drop(first);
        assert_eq!((content(&path).as_str(), files(folder.path())), (LICENSE, 1));
    }

    #[test]
    fn a_variable_leaves_the_rest_of_its_file_alone() {
        let folder = folder();
        let path = folder.path().join(".env");
        fs::write(&path, "A=1\nKEY=old\n").unwrap();
        let mut sink = variable(&path);
        assert_eq!(sink.found(), Some("old"));
        // Somebody else's line that comes in between stays.
        fs::write(&path, "A=1\nKEY=old\nB=2\n").unwrap();
        sink.put(LICENSE).unwrap();
        assert_eq!(content(&path), format!("A=1\nKEY={LICENSE}\nB=2\n"));
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        sink.restore();
        assert_eq!(content(&path), "A=1\nKEY=old\nB=2\n");
        let mut late = variable(&path);
        fs::write(&path, "KEY=theirs\n").unwrap();
        assert_eq!(late.put(LICENSE).unwrap_err().exit(), Exit::SinkFailed);
        assert_eq!(content(&path), "KEY=theirs\n");
    }
}
