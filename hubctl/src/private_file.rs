//! Files that only their owner can read, written whole or not at all.

use std::fs::{File, Permissions};
use std::io::{Result, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// The folder that a file is in.
pub(crate) fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// Replaces a file by one with this content, given in parts. When this returns, it is on disk.
pub(crate) fn replace(path: &Path, content: &[&[u8]]) -> Result<()> {
    let folder = folder_of(path);
    let mut spare = tempfile::Builder::new()
        .prefix(".hubctl-")
        .permissions(Permissions::from_mode(0o600))
        .tempfile_in(folder)?;
    for part in content {
        spare.write_all(part)?;
    }
    spare.as_file().sync_all()?;
    spare.persist(path)?;
    File::open(folder)?.sync_all()
}
