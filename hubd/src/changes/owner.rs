//! The first owner key: the hub makes one at its first start, or the operator sets one.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

use hub_core::api::{Action, Role};
use hub_core::key::AdminKey;
use hub_core::problem::ErrorCode;

use super::{Change, given_or_new};
use crate::domain::Refusal;
use crate::store::{Store, Tx};

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
    /// A new key was written to this file.
    Written(PathBuf),
}

/// Makes sure that an owner key exists. All replicas may call this at the same time: the replica that
/// makes the key writes the file.
pub(crate) async fn ensure_owner_key(
    store: &Store,
    change: Change,
    bootstrap: Option<AdminKey>,
    file: PathBuf,
) -> Result<OwnerKey, Refusal> {
    let args = (change, bootstrap, file);
    store
        .write("ensure owner key", args, |tx, (change, bootstrap, file)| {
            Box::pin(async {
                match bootstrap {
                    Some(key) => register(tx, change, key).await,
                    None => make(tx, change, file).await,
                }
            })
        })
        .await
}

async fn register(tx: &mut Tx<'_>, change: &Change, key: &AdminKey) -> Result<OwnerKey, Refusal> {
    let hash = key.hash();
    if let Some(known) = tx.admin_key_by_hash(&hash).await? {
        if known.revoked_at.is_some() {
            let detail = "the key in HUBD_ADMIN_API_KEY was revoked: set another one";
            return Err(Refusal::because(ErrorCode::KeyConflict, detail));
        }
        return Ok(OwnerKey::Present);
    }
    if let Some(before) = tx.admin_key(BOOTSTRAP).await? {
        tx.revoke_admin_key(BOOTSTRAP, change.now).await?;
        let fingerprint = before.hash.fingerprint();
        tx.audit(change.event(Action::AdminKeyRevoke, BOOTSTRAP).with("admin_key", fingerprint));
    }
    add(tx, change, BOOTSTRAP, key).await?;
    Ok(OwnerKey::Set)
}

async fn make(tx: &mut Tx<'_>, change: &Change, file: &Path) -> Result<OwnerKey, Refusal> {
    let keys = tx.admin_keys().await?;
    if keys.iter().any(|key| key.role == Role::Owner) {
        return Ok(OwnerKey::Present);
    }
    let (_, key) = given_or_new(None)?;
    let key: AdminKey = key.ok_or(ErrorCode::Internal)?;
    // The file is written before the commit: a hub that is killed in between makes a new key at its next
    // start.
    write_key_file(file, &key).map_err(|error| {
        let detail = format!("cannot write the owner key to {}: {error}", file.display());
        Refusal::because(ErrorCode::Internal, detail)
    })?;
    add(tx, change, OWNER, &key).await?;
    Ok(OwnerKey::Written(file.to_owned()))
}

async fn add(tx: &mut Tx<'_>, change: &Change, name: &str, key: &AdminKey) -> Result<(), Refusal> {
    let hash = key.hash();
    tx.insert_admin_key(name, Role::Owner, &hash, None, change.now).await?;
    tx.audit(
        change
            .event(Action::AdminKeyCreate, name)
            .with("role", Role::Owner)
            .with("admin_key", hash.fingerprint()),
    );
    Ok(())
}

/// Writes a key to a file that only its owner can read. The write is atomic.
fn write_key_file(path: &Path, key: &AdminKey) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.as_file().set_permissions(fs::Permissions::from_mode(0o600))?;
    file.write_all(key.expose().as_bytes())?;
    file.write_all(b"\n")?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    File::open(folder)?.sync_all()
}
