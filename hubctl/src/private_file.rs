//! Files that only their owner can read, written whole or not at all.

use std::fs::{File, Permissions};
use std::io::{Result, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::folder;

/// Replaces a file by one with this content, given in parts. When this returns, it is on disk.
pub(crate) fn replace(path: &Path, content: &[&[u8]]) -> Result<()> {
    let folder = folder::of(path);
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
