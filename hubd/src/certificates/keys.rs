//! The folder of signing keys: a file for each key, in PKCS#8 (PEM), as `openssl genpkey -algorithm
//! ed25519` writes it. The last key by file name signs; all keys verify.

use std::fs::{self, DirBuilder, File};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

use hub_core::certificate::Jwk;
use hub_core::time::Timestamp;
use rand::TryRng;
use rand::rngs::SysRng;
use ring::signature::{Ed25519KeyPair, KeyPair};
use rustls_pki_types::PrivatePkcs8KeyDer;
use rustls_pki_types::pem::PemObject;
use zeroize::Zeroizing;

/// What comes before the 32 secret bytes in the PKCS#8 of an Ed25519 key (RFC 8410 §7).
const PKCS8_PREFIX: [u8; 16] =
    [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];

/// Why the keys cannot be used. The text is for the operator.
#[derive(Debug, thiserror::Error)]
pub(crate) enum KeyFault {
    #[error("cannot use the certificate keys in {path}: {source}")]
    Folder { path: PathBuf, source: io::Error },
    #[error("{0} is not an Ed25519 key in PKCS#8 (PEM)")]
    NotAKey(PathBuf),
    #[error("others than its owner may use {0}: run `chmod 600` on it")]
    Open(PathBuf),
}

/// A key that signs.
pub(super) struct SigningKey {
    pub(super) jwk: Jwk,
    pub(super) pair: Ed25519KeyPair,
}

/// Reads all keys of the folder, the oldest first.
pub(super) fn read_all(folder: &Path) -> Result<Vec<SigningKey>, KeyFault> {
    let fail = |source| KeyFault::Folder { path: folder.to_owned(), source };
    let mut paths = Vec::new();
    match fs::read_dir(folder) {
        Ok(entries) => {
            for entry in entries {
                let path = entry.map_err(fail)?.path();
                if path.extension().is_some_and(|extension| extension == "pem") {
                    paths.push(path);
                }
            }
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(fail(error)),
    }
    paths.sort();
    paths.iter().map(|path| read(path)).collect()
}

fn read(path: &Path) -> Result<SigningKey, KeyFault> {
    let fail = |source| KeyFault::Folder { path: path.to_owned(), source };
    // The group may read: so are secrets mounted in a container.
    if fs::metadata(path).map_err(fail)?.permissions().mode() & 0o037 != 0 {
        return Err(KeyFault::Open(path.to_owned()));
    }
    let pem = Zeroizing::new(fs::read(path).map_err(fail)?);
    let malformed = || KeyFault::NotAKey(path.to_owned());
    let key = PrivatePkcs8KeyDer::from_pem_slice(&pem).map_err(|_| malformed())?;
    let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(key.secret_pkcs8_der());
    let pair = pair.map_err(|_| malformed())?;
    Ok(SigningKey { jwk: Jwk::of(pair.public_key().as_ref()), pair })
}

/// Adds a new key to the folder, which is made when it does not exist. The file appears as a whole.
pub(crate) fn add_key(folder: &Path, now: Timestamp) -> Result<PathBuf, KeyFault> {
    // Digits alone, so that names order by time.
    let digits: String = now.to_string().chars().filter(char::is_ascii_digit).collect();
    let path = folder.join(format!("{digits}.pem"));
    write(folder, &path).map_err(|source| KeyFault::Folder { path: path.clone(), source })?;
    Ok(path)
}

fn write(folder: &Path, path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let mut pkcs8 = Zeroizing::new([0; 48]);
    pkcs8[..16].copy_from_slice(&PKCS8_PREFIX);
    SysRng.try_fill_bytes(&mut pkcs8[16..]).map_err(io::Error::other)?;
    let text = Zeroizing::new(base64::Engine::encode(
        &base64::engine::general_purpose::STANDARD,
        &pkcs8[..],
    ));
    // A temporary file has mode 0600 from its first moment.
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    writeln!(file, "-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----", *text)?;
    file.as_file().sync_all()?;
    file.persist_noclobber(path)?;
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_key_is_read_again_and_is_its_owners() {
        let folder = tempfile::tempdir().unwrap();
        let keys = folder.path().join("keys");
        assert!(read_all(&keys).unwrap().is_empty());
        let first = add_key(&keys, Timestamp::UNIX_EPOCH).unwrap();
        let second = add_key(&keys, Timestamp::from_unix_ms(1)).unwrap();
        assert!(first < second);
        assert_eq!(fs::metadata(&first).unwrap().permissions().mode() & 0o777, 0o600);
        let read = read_all(&keys).unwrap();
        assert_eq!(read.len(), 2);
        assert_ne!(read[0].jwk, read[1].jwk);
        fs::set_permissions(&first, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(matches!(read_all(&keys), Err(KeyFault::Open(path)) if path == first));
        fs::set_permissions(&first, fs::Permissions::from_mode(0o440)).unwrap();
        assert!(read_all(&keys).is_ok());
        fs::write(&second, "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----").unwrap();
        assert!(matches!(read_all(&keys), Err(KeyFault::NotAKey(path)) if path == second));
    }
}
