//! What the commands that copy a database are told.

use std::path::PathBuf;

use clap::Args;

/// Where a backup goes.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct BackupArgs {
    /// The file to make
    #[arg(required_unless_present = "to", conflicts_with = "to")]
    pub(crate) file: Option<PathBuf>,
    /// Folder for the backup, which is named after the time
    #[arg(long, value_name = "DIR")]
    pub(crate) to: Option<PathBuf>,
    /// Keep this many backups in the folder, the newest
    #[arg(long, value_name = "N", requires = "to", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) keep: Option<u16>,
}

/// Which backup to go back to.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct RestoreArgs {
    /// The backup
    pub(crate) file: PathBuf,
}

/// From which database to which.
#[derive(Debug, Clone, Args)]
pub struct CopyArgs {
    /// The database to copy, `sqlite://PATH` or `postgres://USER@HOST/DATABASE`
    #[arg(long, value_name = "URL")]
    pub(crate) from: String,
    /// A database without data; it is made when it is a SQLite file that does not exist
    #[arg(long, value_name = "URL")]
    pub(crate) to: String,
}
