//! A key in a file: complete or absent, readable by its owner alone, on disk before it counts.

use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use hub_core::key::{Key, KeyKind};
use tempfile::NamedTempFile;
use zeroize::Zeroizing;

use crate::error::{Failure, Result};

/// No file with a key is longer.
const LONGEST: u64 = 4096;

/// A file that a key goes into.
#[derive(Debug)]
pub(crate) struct FileSink {
    path: PathBuf,
    folder: PathBuf,
    /// What the file held when it was reserved; `None` when there was no file.
    before: Option<Before>,
    /// Proof that the folder takes a new file, used up by the first key.
    spare: Option<NamedTempFile>,
    /// This run has written the file.
    written: bool,
}

struct Before(Zeroizing<Vec<u8>>);

impl std::fmt::Debug for Before {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("<content>")
    }
}

impl FileSink {
    /// Checks the folder and the file, and makes sure that a file can be made there.
    pub(super) fn reserve(path: &Path, allow_open_folder: bool) -> Result<Self> {
        let refuse = |why: String| Failure::sink(format!("{}: {why}", path.display()));
        if path.file_name().is_none() {
            return Err(refuse("is not the name of a file".to_owned()));
        }
        let folder = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
            _ => PathBuf::from("."),
        };
        let about = fs::metadata(&folder).map_err(|e| refuse(format!("its folder: {e}")))?;
        let (mode, sticky) = (about.mode(), about.mode() & 0o1000 != 0);
        if mode & 0o022 != 0 && !sticky && !allow_open_folder {
            return Err(refuse("others can write its folder, and so replace the key".to_owned())
                .hint("chmod go-w the folder, or give --allow-open-folder"));
        }
        let before = read(path).map_err(refuse)?;
        let spare = spare_in(&folder).map_err(|e| refuse(format!("cannot be made: {e}")))?;
        Ok(Self { path: path.to_owned(), folder, before, spare: Some(spare), written: false })
    }

    /// The key that the file held when it was reserved.
    pub(super) fn held<K: KeyKind>(&self) -> Result<Option<Key<K>>> {
        let Some(Before(bytes)) = &self.before else { return Ok(None) };
        let text = std::str::from_utf8(bytes).unwrap_or("\0").trim_end_matches(['\r', '\n']);
        if text.is_empty() {
            return Ok(None);
        }
        // An admin key may have any form; one that hubctl made has its prefix.
        let key = Key::parse(text).ok().filter(|_| text.starts_with(K::PREFIX));
        key.map(Some).ok_or_else(|| {
            let what = format!("{}: holds something that is no {}", self.path.display(), K::NAME);
            Failure::sink(what).hint("name another file, or move this one away")
        })
    }

    /// Who may do what with it: one that was there before keeps what its owner chose.
    pub(super) fn mode(&self) -> u32 {
        fs::metadata(&self.path).map_or(0, |about| about.mode() & 0o7777)
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Puts a key into the file. When this returns, it is on disk.
    pub(super) fn put(&mut self, secret: &str) -> Result<()> {
        // What appeared since the reservation is another run's key, and must not be lost.
        let fresh = self.before.is_none() && !self.written;
        self.replace(secret.as_bytes(), fresh)
            .map_err(|error| Failure::sink(format!("{}: {error}", self.path.display())))?;
        self.written = true;
        Ok(())
    }

    /// Makes the file what it was before this run. A failure leaves a key that no hub knows, which
    /// the next run deals with.
    pub(super) fn restore(&mut self) {
        if !std::mem::take(&mut self.written) {
            return;
        }
        let _ = match self.before.take() {
            None => fs::remove_file(&self.path),
            Some(before) => {
                let restored = self.replace(&before.0, false);
                self.before = Some(before);
                restored
            }
        };
    }

    fn replace(&mut self, content: &[u8], only_if_absent: bool) -> std::io::Result<()> {
        let mut spare = match self.spare.take() {
            Some(spare) => spare,
            None => spare_in(&self.folder)?,
        };
        spare.write_all(content)?;
        spare.as_file().sync_all()?;
        if only_if_absent {
            spare.persist_noclobber(&self.path)?;
        } else {
            spare.persist(&self.path)?;
        }
        File::open(&self.folder)?.sync_all()
    }
}

fn spare_in(folder: &Path) -> std::io::Result<NamedTempFile> {
    tempfile::Builder::new()
        .prefix(".hubctl-")
        .permissions(fs::Permissions::from_mode(0o600))
        .tempfile_in(folder)
}

/// What the file holds; `None` when there is none.
fn read(path: &Path) -> Result<Option<Before>, String> {
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
    if about.len() > LONGEST {
        return Err("holds something that is no key".to_owned());
    }
    fs::read(path).map(|bytes| Some(Before(Zeroizing::new(bytes)))).map_err(|e| e.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use hub_core::exit::Exit;
    use hub_core::key::{Admin, Hub, License};

    const LICENSE: &str = "lb_inst_00000000000000000000000000000000";

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
        let mut sink = FileSink::reserve(&path, false).unwrap();
        assert!(sink.held::<License>().unwrap().is_none());
        sink.put(LICENSE).unwrap();
        assert_eq!(content(&path), LICENSE);
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        let again = FileSink::reserve(&path, false).unwrap();
        assert_eq!(again.held::<License>().unwrap().unwrap().expose(), LICENSE);
        drop((sink, again));
        assert_eq!(files(folder.path()), 1, "nothing else is left behind");
    }

    #[test]
    fn a_refused_key_leaves_the_sink_as_it_was() {
        let folder = folder();
        let path = folder.path().join("key");
        let mut sink = FileSink::reserve(&path, false).unwrap();
        sink.put(LICENSE).unwrap();
        sink.restore();
        assert!(!path.exists());
        fs::write(&path, "lb_inst_11111111111111111111111111111111\n").unwrap();
        let mut sink = FileSink::reserve(&path, false).unwrap();
        sink.put(LICENSE).unwrap();
        sink.restore();
        assert_eq!(content(&path), "lb_inst_11111111111111111111111111111111\n");
    }

    #[test]
    fn another_runs_key_is_never_overwritten() {
        let folder = folder();
        let path = folder.path().join("key");
        let mut sink = FileSink::reserve(&path, false).unwrap();
        fs::write(&path, "theirs").unwrap();
        assert_eq!(sink.put(LICENSE).unwrap_err().exit(), Exit::SinkFailed);
        assert_eq!(content(&path), "theirs");
    }

    #[test]
    fn what_is_not_a_safe_place_is_refused() {
        let folder = folder();
        let refused = |path: &Path, open| FileSink::reserve(path, open).unwrap_err().exit();
        let link = folder.path().join("link");
        std::os::unix::fs::symlink("elsewhere", &link).unwrap();
        assert_eq!(refused(&link, true), Exit::SinkFailed);
        assert_eq!(refused(folder.path(), true), Exit::SinkFailed);
        assert_eq!(refused(&folder.path().join("none/key"), true), Exit::SinkFailed);
        let key = folder.path().join("key");
        for (mode, taken) in [(0o777, false), (0o770, false), (0o1777, true), (0o755, true)] {
            fs::set_permissions(folder.path(), fs::Permissions::from_mode(mode)).unwrap();
            assert_eq!(FileSink::reserve(&key, false).is_ok(), taken, "{mode:o}");
            assert!(FileSink::reserve(&key, true).is_ok(), "{mode:o}");
        }
    }

    #[test]
    fn only_a_key_of_the_right_kind_is_held() {
        let folder = folder();
        let path = folder.path().join("key");
        fs::write(&path, LICENSE).unwrap();
        let sink = FileSink::reserve(&path, false).unwrap();
        assert!(sink.held::<License>().is_ok());
        assert_eq!(sink.held::<Hub>().unwrap_err().exit(), Exit::SinkFailed);
        assert_eq!(sink.held::<Admin>().unwrap_err().exit(), Exit::SinkFailed);
        fs::write(&path, "").unwrap();
        let empty = FileSink::reserve(&path, false).unwrap();
        assert!(empty.held::<License>().unwrap().is_none(), "an empty file is an empty sink");
    }
}
