//! The file of contexts: only its owner can read it, and it is never half written.
//!
//! It holds keys in plain text, so a mode that lets others read it is refused. A symbolic link is
//! followed, because some people keep their settings elsewhere; the mode that counts is the target's.

use std::fs::{self, DirBuilder, File};
use std::io::{ErrorKind, Read};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::context::Contexts;
use super::env::config_folder;
use crate::error::{Failure, Result};
use crate::input::BOM;
use crate::interrupt;
use crate::{folder, private_file};

/// The first lines of the file.
const HEAD: &str =
    "# Written by hubctl; comments are not kept. Holds keys: only its owner may read it.\n\n";

/// A file of contexts is far shorter than this.
const LONGEST: u64 = 1024 * 1024;

/// Where contexts are kept.
#[derive(Debug, Clone)]
pub(crate) struct ContextFile {
    path: PathBuf,
}

impl ContextFile {
    /// The file of the user who runs this.
    pub(crate) fn own() -> Result<Self> {
        Ok(Self { path: config_folder()?.join("contexts.toml") })
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Reads it; where there is none, there are no contexts.
    pub(crate) fn read(&self) -> Result<Contexts> {
        let unreadable = |error: std::io::Error| self.failed("cannot be read", &error);
        let file = match File::open(&self.path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Contexts::default()),
            Err(error) => return Err(unreadable(error)),
        };
        let about = file.metadata().map_err(unreadable)?;
        let shown = self.path.display();
        if about.mode() & 0o077 != 0 {
            let mode = about.mode() & 0o7777;
            let message = format!("{shown} holds keys and its mode is {mode:04o}");
            return Err(Failure::usage(message).hint(format!("chmod 600 {shown}")));
        }
        if about.uid() != folder::caller() {
            let message = format!("{shown} belongs to another user (uid {})", about.uid());
            return Err(Failure::usage(message)
                .hint("its owner decides which hub your keys go to: set HOME or XDG_CONFIG_HOME"));
        }
        let mut bytes = Zeroizing::new(Vec::new());
        file.take(LONGEST).read_to_end(&mut bytes).map_err(unreadable)?;
        let text = std::str::from_utf8(&bytes)
            .map_err(|_| Failure::usage(format!("{shown} is not UTF-8")))?;
        let text = text.strip_prefix(BOM).unwrap_or(text);
        toml::from_str(text).map_err(|error| self.malformed(text, &error))
    }

    /// Reads it, changes the contexts and writes it, while no other hubctl does the same. A dry run
    /// writes nothing.
    pub(crate) fn change<T>(
        &self,
        dry_run: bool,
        change: impl FnOnce(&mut Contexts) -> Result<T>,
    ) -> Result<T> {
        if dry_run {
            return change(&mut self.read()?);
        }
        let failed = |error: &std::io::Error| self.failed("cannot be written", error);
        let folder = self.folder();
        let private = DirBuilder::new().recursive(true).mode(0o700).create(folder);
        private.map_err(|error| failed(&error))?;
        let lock = File::open(folder).map_err(|error| failed(&error))?;
        interrupt::lock(&lock).map_err(|error| failed(&error))?;
        let mut contexts = self.read()?;
        let changed = change(&mut contexts)?;
        self.write(&contexts)?;
        Ok(changed)
    }

    fn write(&self, contexts: &Contexts) -> Result<()> {
        let text = toml::to_string(contexts).map(Zeroizing::new);
        let text = text.map_err(|_| Failure::usage("the contexts cannot be written as TOML"))?;
        self.replace(&text).map_err(|error| self.failed("cannot be written", &error))
    }

    fn replace(&self, text: &str) -> std::io::Result<()> {
        // The file that a link leads to, so that the link stays one.
        let path = fs::canonicalize(&self.path).unwrap_or_else(|_| self.path.clone());
        private_file::replace(&path, &[HEAD.as_bytes(), text.as_bytes()])
    }

    fn folder(&self) -> &Path {
        folder::of(&self.path)
    }

    fn failed(&self, what: &str, error: &std::io::Error) -> Failure {
        Failure::usage(format!("{} {what}: {error}", self.path.display()))
    }

    /// Says where the file is wrong, without quoting it: the text may be a key.
    fn malformed(&self, text: &str, error: &toml::de::Error) -> Failure {
        let at = error.span().map_or(0, |span| span.start);
        let line = text.bytes().take(at).filter(|b| *b == b'\n').count() + 1;
        let what = error.message().split(['`', '"', '\'', ':', '\n']).next().unwrap_or_default();
        let what = what.trim().trim_end_matches(", expected");
        let shown = self.path.display();
        Failure::usage(format!("{shown}, line {line}: {what}")).hint(
            "each context has a table [context.NAME] with url, and admin_key or admin_key_file, \
             cacert, output, allow_plain_http",
        )
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::settings::context::{Context, KeptKey};
    use hub_core::exit::Exit;
    use hub_core::key::AdminKey;

    const KEY: &str = "lb_admin_00000000000000000000000000000000";

    fn file() -> (tempfile::TempDir, ContextFile) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("hubctl/contexts.toml");
        (folder, ContextFile { path })
    }

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().mode() & 0o7777
    }

    fn add(file: &ContextFile, name: &str) {
        let context = Context {
            url: "https://h".to_owned(),
            admin_key: Some(KeptKey(AdminKey::parse(KEY).unwrap())),
            admin_key_file: None,
            cacert: None,
            output: None,
            allow_plain_http: None,
        };
        file.change(false, |contexts| {
            contexts.entries.insert(name.to_owned(), context);
            Ok(())
        })
        .unwrap();
    }

    #[test]
    fn it_is_for_its_owner_alone() {
        let (_folder, file) = file();
        assert!(file.read().unwrap().entries.is_empty(), "none is no failure");
        add(&file, "prod");
        assert_eq!((mode(file.path()), mode(file.folder())), (0o600, 0o700));
        let read = file.read().unwrap();
        assert_eq!(read.entries["prod"].admin_key.as_ref().unwrap().0.expose(), KEY);
        assert_eq!(fs::read_dir(file.folder()).unwrap().count(), 1, "nothing else is left behind");
        for wide in [0o640, 0o604, 0o620, 0o601] {
            fs::set_permissions(file.path(), fs::Permissions::from_mode(wide)).unwrap();
            let refused = file.read().unwrap_err();
            assert_eq!(refused.exit(), Exit::Usage, "{wide:o}");
            let hint = refused.parts().hint.clone().unwrap();
            assert_eq!(hint, format!("chmod 600 {}", file.path().display()));
            assert!(file.change(false, |_| Ok(())).is_err(), "nor is it written");
        }
    }

    #[test]
    fn a_link_stays_a_link() {
        let (folder, file) = file();
        add(&file, "prod");
        let elsewhere = folder.path().join("kept.toml");
        fs::rename(file.path(), &elsewhere).unwrap();
        std::os::unix::fs::symlink(&elsewhere, file.path()).unwrap();
        add(&file, "test");
        assert!(fs::symlink_metadata(file.path()).unwrap().is_symlink());
        assert!(fs::read_to_string(&elsewhere).unwrap().contains("[context.test]"));
        fs::set_permissions(&elsewhere, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(file.read().is_err());
    }

    #[test]
    fn what_is_wrong_is_told_without_what_stands_there() {
        let (_folder, file) = file();
        add(&file, "prod");
        let secret = "bootstrap-keys-may-have-any-form-0001";
        for wrong in [
            format!("context.prod = '{secret}'"),
            format!("\n[context.prod]\nurl = 1\nadmin_key = '{secret}'"),
            format!("[context.prod]\nurl = 'https://h'\n'{secret}' = 1"),
            format!("[context.prod]\nurl = 'https://h'\nadmin_key = '{secret} x'"),
            format!("[context.prod]\nadmin_key = {secret}"),
        ] {
            fs::write(file.path(), &wrong).unwrap();
            let failure = file.read().unwrap_err();
            assert!(!failure.to_json().contains("bootstrap-keys"), "{}", failure.to_json());
            assert!(failure.parts().message.contains(", line "), "{}", failure.to_json());
        }
    }
}
