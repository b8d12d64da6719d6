//! The commands that copy a database: `hubd backup`, `hubd restore` and `hubd copy`.

use std::io::{self, Write};
use std::path::Path;

use crate::clock;
use crate::config::{BackupArgs, CopyArgs, RestoreArgs, Settings};
use crate::store::{self, DatabaseUrl, Store, TransferError};
use crate::witness::{Witness, WitnessError};

/// Why a copy was not made. The text is for the operator.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CopyFault {
    #[error("the database is PostgreSQL: use pg_dump and pg_restore for it")]
    NotSqlite,
    #[error(transparent)]
    Copy(#[from] store::CopyError),
    #[error(transparent)]
    Transfer(#[from] TransferError),
    #[error(transparent)]
    Open(#[from] store::OpenError),
    #[error(transparent)]
    Witness(#[from] WitnessError),
    #[error("--from and --to {0}")]
    Url(#[from] store::MalformedUrl),
}

/// The lowest priority of a process: it runs when nobody else wants to.
const LEAST: i32 = 19;

/// Makes a backup, also while a hub runs.
pub(crate) fn back_up(args: &BackupArgs, settings: &Settings) -> Result<(), CopyFault> {
    let database = sqlite(&settings.store.url)?;
    // It has time, and the hub's requests do not. Where this is not allowed, the backup is made all the same.
    let _ = rustix::process::nice(LEAST);
    let now = clock::now();
    let made = match (&args.file, &args.to) {
        (Some(file), _) => store::back_up(database, file, now)?,
        (None, to) => {
            let folder = to.as_deref().unwrap_or(Path::new("."));
            store::back_up_into(database, folder, args.keep.map(usize::from), now)?
        }
    };
    say(&format!(
        "backed up to {} ({} bytes, {} audit events, verified)",
        made.path.display(),
        made.bytes,
        made.events
    ));
    Ok(())
}

/// Puts a backup in the place of the database; no hub may run.
pub(crate) async fn restore(args: &RestoreArgs, settings: &Settings) -> Result<(), CopyFault> {
    let database = sqlite(&settings.store.url)?;
    let (restored, aside) = store::restore(database, &args.file, clock::now())?;
    // Without this note the next start would take the older chain for a rewritten one.
    let store = Store::open(&settings.store.url, settings.store.tuning()).await?;
    let witness = Witness::in_folder(&settings.store.data_dir);
    let noted = witness.note_restored(&store, clock::now()).await;
    store.close().await;
    noted?;
    say(&format!("restored {} ({} audit events)", restored.path.display(), restored.events));
    for path in aside {
        say(&format!("put aside {}", path.display()));
    }
    Ok(())
}

/// Copies every table from one database to another.
pub(crate) async fn copy(args: &CopyArgs) -> Result<(), CopyFault> {
    let (from, to): (DatabaseUrl, DatabaseUrl) = (args.from.parse()?, args.to.parse()?);
    let copied = store::transfer(&from, &to).await?;
    for (table, rows) in &copied.tables {
        say(&format!("{table} {rows}"));
    }
    say(&format!("copied {from} to {to}: every row and {} audit events verified", copied.events));
    Ok(())
}

fn sqlite(url: &DatabaseUrl) -> Result<&Path, CopyFault> {
    url.sqlite_path().ok_or(CopyFault::NotSqlite)
}

fn say(words: &str) {
    // If standard output is closed, the exit code still tells.
    let _ = writeln!(io::stdout(), "{words}");
}
