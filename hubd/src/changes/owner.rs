//! The first owner key: the hub makes one at its first start, or the operator sets one; and the way back
//! for an operator who has none.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};

use hub_core::api::{Action, Role};
use hub_core::key::{AdminKey, KeyHash};
use hub_core::problem::ErrorCode;
use zeroize::Zeroizing;

use super::{Author, given_or_new};
use crate::domain::Refusal;
use crate::store::{AdminKeyRow, Store, Tx};

/// The name of a key that the operator sets.
const BOOTSTRAP: &str = "bootstrap";
/// The name of a key that the hub makes.
const OWNER: &str = "owner";

/// The owner key after start-up.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum OwnerKey {
    /// Owner keys already exist.
    Present,
    /// The operator's key is registered.
    Set,
    /// A new key was written to the key file.
    Written,
    /// The key that was in the key file is registered.
    Adopted,
    /// No owner key works that has no end, and the key in the key file cannot be one.
    Missing(&'static str),
}

/// What start-up found.
#[derive(Debug)]
pub(crate) struct Owners {
    pub(crate) key: OwnerKey,
    /// The operator's key is known and does not work as an owner key any more.
    pub(crate) ended_bootstrap: bool,
}

/// Makes sure that an owner key exists. All replicas may call this at the same time: the replica that
/// makes the key writes the file. A key file that exists is never overwritten.
pub(crate) async fn ensure_owner_key(
    store: &Store,
    author: Author,
    bootstrap: Option<AdminKey>,
    file: PathBuf,
) -> Result<Owners, Refusal> {
    let args = (author, bootstrap, file);
    store
        .write("ensure owner key", args, |tx, (author, bootstrap, file)| {
            Box::pin(async {
                let set = match bootstrap {
                    Some(key) => register(tx, author, key).await?,
                    None => None,
                };
                let ended_bootstrap = bootstrap.is_some() && set.is_none();
                let key = match set {
                    Some(key) => key,
                    None => find_or_make(tx, author, file).await?,
                };
                Ok(Owners { key, ended_bootstrap })
            })
        })
        .await
}

/// Registers the operator's key; `None` when it is known and no owner key that lasts.
async fn register(
    tx: &mut Tx<'_>,
    author: &Author,
    key: &AdminKey,
) -> Result<Option<OwnerKey>, Refusal> {
    let hash = key.hash();
    if let Some(known) = tx.admin_key_by_hash(&hash).await? {
        return Ok(known.is_lasting_owner().then_some(OwnerKey::Present));
    }
    if let Some(before) = tx.admin_key(BOOTSTRAP).await? {
        tx.revoke_admin_key(BOOTSTRAP, author.now).await?;
        let fingerprint = before.hash.fingerprint();
        tx.audit(author.event(Action::AdminKeyRevoke, BOOTSTRAP).with("admin_key", fingerprint));
    }
    add(tx, author, BOOTSTRAP, &hash).await?;
    Ok(Some(OwnerKey::Set))
}

async fn find_or_make(tx: &mut Tx<'_>, author: &Author, file: &Path) -> Result<OwnerKey, Refusal> {
    if tx.admin_keys().await?.iter().any(AdminKeyRow::is_lasting_owner) {
        return Ok(OwnerKey::Present);
    }
    match read_key_file(file) {
        Ok(Some(key)) => adopt(tx, author, &key).await,
        Ok(None) => {
            // The file is written before the commit: if the hub is killed in between, the next start
            // registers the key that it finds.
            let hash = write_new_key(file)?;
            add_owner(tx, author, &hash).await?;
            Ok(OwnerKey::Written)
        }
        Err(problem) => Ok(OwnerKey::Missing(problem)),
    }
}

async fn adopt(tx: &mut Tx<'_>, author: &Author, key: &AdminKey) -> Result<OwnerKey, Refusal> {
    let hash = key.hash();
    if !tx.known_hashes(&[hash]).await?.is_empty() {
        return Ok(OwnerKey::Missing(
            "the database knows the key in it, and it is no owner's or has ended",
        ));
    }
    add_owner(tx, author, &hash).await?;
    Ok(OwnerKey::Adopted)
}

/// Makes a new owner key and writes it to the key file. A key that was there is kept beside it. Returns
/// the name of the new key.
pub(crate) async fn reset_owner_key(
    store: &Store,
    author: Author,
    file: PathBuf,
) -> Result<String, Refusal> {
    store
        .write("reset owner key", (author, file), |tx, (author, file)| {
            Box::pin(async {
                put_aside(file).map_err(|error| cannot_write(file, &error))?;
                let hash = write_new_key(file)?;
                add_owner(tx, author, &hash).await
            })
        })
        .await
}

/// Adds an owner key under the first free name.
async fn add_owner(tx: &mut Tx<'_>, author: &Author, hash: &KeyHash) -> Result<String, Refusal> {
    let mut name = OWNER.to_owned();
    let mut n = 1;
    while tx.admin_key(&name).await?.is_some() {
        n += 1;
        name = format!("{OWNER}-{n}");
    }
    add(tx, author, &name, hash).await?;
    Ok(name)
}

async fn add(tx: &mut Tx<'_>, author: &Author, name: &str, hash: &KeyHash) -> Result<(), Refusal> {
    tx.insert_admin_key(name, Role::Owner, hash, None, author.now).await?;
    tx.audit(
        author
            .event(Action::AdminKeyCreate, name)
            .with("role", Role::Owner)
            .with("admin_key", hash.fingerprint()),
    );
    Ok(())
}

/// The key in the key file; `None` when there is no file, or nothing is in it.
fn read_key_file(path: &Path) -> Result<Option<AdminKey>, &'static str> {
    let text = match fs::read_to_string(path) {
        Ok(text) => Zeroizing::new(text),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(_) => return Err("it cannot be read"),
    };
    match text.trim() {
        "" => Ok(None),
        key => AdminKey::parse(key).map(Some).map_err(|_| "it holds no admin key"),
    }
}

/// Renames a key file that holds something, so that a new one can be written.
fn put_aside(path: &Path) -> io::Result<()> {
    let text = match fs::read(path) {
        Ok(text) => Zeroizing::new(text),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    if text.trim_ascii().is_empty() {
        return Ok(());
    }
    let key = std::str::from_utf8(&text).ok().and_then(|text| AdminKey::parse(text.trim()).ok());
    let name = key.map_or_else(|| "old".to_owned(), |key| key.hash().fingerprint().to_string());
    fs::rename(path, path.with_added_extension(name))
}

fn write_new_key(path: &Path) -> Result<KeyHash, Refusal> {
    let (hash, key) = given_or_new(None)?;
    let key: AdminKey = key.ok_or(ErrorCode::Internal)?;
    write_key_file(path, &key).map_err(|error| cannot_write(path, &error))?;
    Ok(hash)
}

fn cannot_write(path: &Path, error: &io::Error) -> Refusal {
    let detail = format!("cannot write the owner key to {}: {error}", path.display());
    Refusal::because(ErrorCode::Internal, detail)
}

/// Writes a key to a file that only its owner can read. The write is atomic.
fn write_key_file(path: &Path, key: &AdminKey) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.as_file().set_permissions(fs::Permissions::from_mode(0o600))?;
    // For root, who resets the key of a hub that runs as somebody else; nobody else can give it away.
    let owner = folder.metadata()?;
    let _ = fchown(file.as_file(), Some(owner.uid()), Some(owner.gid()));
    file.write_all(key.expose().as_bytes())?;
    file.write_all(b"\n")?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    File::open(folder)?.sync_all()
}
