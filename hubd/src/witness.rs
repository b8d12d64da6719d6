//! Witnessed heads of the audit chain, in a file outside the database.
//!
//! Whoever can write the database can rebuild the whole chain, for the chain has no key. So the hub notes
//! the chain's head every hour and when it stops, in a file beside the owner key, and compares the chain
//! with these notes when it starts. A note holds the name of its database, so a new or another
//! database in the same folder has notes of its own.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use hub_core::time::Timestamp;

use crate::domain::Head;
use crate::store::{self, Store};

/// The most notes in the file; then the older half goes.
const MOST: usize = 2_000;

/// The file with the notes.
#[derive(Debug, Clone)]
pub(crate) struct Witness {
    path: PathBuf,
}

/// One head of one database, and when it was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Note {
    database: String,
    head: Head,
    at: Timestamp,
    /// The operator went back to an older copy: the notes before count no more.
    restored: bool,
}

/// How the chain and the notes compare.
#[derive(Debug)]
pub(crate) enum Testimony {
    /// The chain contains every head, of which this many are noted; the last is of this time.
    Agrees { notes: usize, last: Option<Timestamp> },
    /// The chain does not contain a head that was seen.
    Gone { seq: i64, at: Timestamp },
    /// The chain behind the last head is broken at this event.
    Broken(i64),
}

/// Why the chain and the notes cannot be compared. The text is for the operator.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WitnessError {
    #[error("cannot use the file of witnessed heads: {0}")]
    File(#[from] io::Error),
    #[error(transparent)]
    Store(#[from] store::Error),
}

impl Witness {
    /// The notes in this data folder.
    pub(crate) fn in_folder(folder: &Path) -> Self {
        Self { path: folder.join("audit.heads") }
    }

    /// Where the notes are.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Compares the chain with its newest notes, at most this many, and recomputes it from the last one
    /// on.
    pub(crate) async fn testify(
        &self,
        store: &Store,
        most: usize,
    ) -> Result<Testimony, WitnessError> {
        let mut notes = self.notes_of(&store.database_name().await?)?;
        notes.drain(..notes.len().saturating_sub(most));
        for note in &notes {
            if note.head.seq > 0 && store.audit_hash(note.head.seq).await? != Some(note.head.hash) {
                return Ok(Testimony::Gone { seq: note.head.seq, at: note.at });
            }
        }
        let last = notes.last();
        let verdict = store.verify_audit_from(last.map_or(Head::START, |note| note.head)).await?;
        Ok(match verdict.first_broken {
            Some(seq) => Testimony::Broken(seq),
            None => Testimony::Agrees { notes: notes.len(), last: last.map(|note| note.at) },
        })
    }

    /// Notes the present head, if the chain contains the last one that was seen.
    pub(crate) async fn note(&self, store: &Store, now: Timestamp) -> Result<Head, WitnessError> {
        let database = store.database_name().await?;
        let head = store.audit_head().await?;
        let last = self.notes_of(&database)?.pop();
        if let Some(last) = last {
            let seen = last.head;
            if seen.seq > 0 && store.audit_hash(seen.seq).await? != Some(seen.hash) {
                tracing::error!(
                    seq = seen.seq,
                    "the audit log does not contain an event that was seen in it: it was rewritten"
                );
                return Ok(head);
            }
            if seen == head {
                return Ok(head);
            }
        }
        self.append(&Note { database, head, at: now, restored: false })?;
        Ok(head)
    }

    /// Notes that the operator went back to an older copy: the notes before count no more.
    pub(crate) async fn note_restored(
        &self,
        store: &Store,
        now: Timestamp,
    ) -> Result<(), WitnessError> {
        let (database, head) = (store.database_name().await?, store.audit_head().await?);
        Ok(self.append(&Note { database, head, at: now, restored: true })?)
    }

    /// The notes of a database since it was last restored, in their order.
    fn notes_of(&self, database: &str) -> io::Result<Vec<Note>> {
        let mut notes = self.read()?;
        notes.retain(|note| note.database == database);
        let from = notes.iter().rposition(|note| note.restored).unwrap_or(0);
        Ok(notes.split_off(from))
    }

    /// All notes. A line that is not one was cut by a crash.
    fn read(&self) -> io::Result<Vec<Note>> {
        match fs::read_to_string(&self.path) {
            Ok(text) => Ok(text.lines().filter_map(|line| line.parse().ok()).collect()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    fn append(&self, note: &Note) -> io::Result<()> {
        let notes = self.read()?;
        if notes.len() >= MOST {
            return self.replace(&thinned(notes, note));
        }
        let mut file = OpenOptions::new().create(true).append(true).mode(0o600).open(&self.path)?;
        // The line before may have been cut.
        let start = if file.metadata()?.len() > 0 && !self.ends_with_line()? { "\n" } else { "" };
        file.write_all(format!("{start}{note}\n").as_bytes())?;
        file.sync_all()
    }

    fn ends_with_line(&self) -> io::Result<bool> {
        Ok(fs::read(&self.path)?.ends_with(b"\n"))
    }

    fn replace(&self, notes: &[Note]) -> io::Result<()> {
        let folder = self.path.parent().unwrap_or(Path::new("."));
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        file.as_file().set_permissions(fs::Permissions::from_mode(0o600))?;
        for note in notes {
            writeln!(file, "{note}")?;
        }
        file.as_file().sync_all()?;
        file.persist(&self.path)?;
        File::open(folder)?.sync_all()
    }
}

/// The newer half of the notes, the last one of every database, and a new one.
fn thinned(notes: Vec<Note>, new: &Note) -> Vec<Note> {
    let last: BTreeMap<String, usize> =
        notes.iter().enumerate().map(|(at, note)| (note.database.clone(), at)).collect();
    let newer = notes.len() / 2;
    let kept = notes.into_iter().enumerate();
    let kept = kept.filter(|(at, note)| *at >= newer || last.get(&note.database) == Some(at));
    kept.map(|(_, note)| note).chain([new.clone()]).collect()
}

impl std::fmt::Display for Note {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { database, head, at, restored } = self;
        let mark = if *restored { " restored" } else { "" };
        write!(f, "{database} {} {} {at}{mark}", head.seq, hex::encode(head.hash))
    }
}

/// The text is not a note.
#[derive(Debug)]
struct NoNote;

impl FromStr for Note {
    type Err = NoNote;
    fn from_str(line: &str) -> Result<Self, NoNote> {
        let words: Vec<&str> = line.split(' ').collect();
        let (fields, restored) = match words.as_slice() {
            [fields @ .., "restored"] => (fields, true),
            fields => (fields, false),
        };
        let [database, seq, hash, at] = fields else { return Err(NoNote) };
        let mut head = Head { seq: seq.parse().map_err(|_| NoNote)?, hash: [0; 32] };
        hex::decode_to_slice(hash, &mut head.hash).map_err(|_| NoNote)?;
        let at = at.parse().map_err(|_| NoNote)?;
        Ok(Self { database: (*database).to_owned(), head, at, restored })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn note(database: &str, seq: i64) -> Note {
        let head = Head { seq, hash: [7; 32] };
        Note { database: database.to_owned(), head, at: Timestamp::UNIX_EPOCH, restored: false }
    }

    #[test]
    fn notes_survive_a_cut_line_and_count_from_the_last_restore_on() {
        let folder = tempfile::tempdir().unwrap();
        let witness = Witness::in_folder(folder.path());
        assert_eq!(witness.notes_of("a").unwrap(), []);
        witness.append(&note("a", 1)).unwrap();
        let whole = fs::read_to_string(witness.path()).unwrap();
        fs::write(witness.path(), format!("{whole}{}", &whole[..40])).unwrap();
        witness.append(&note("b", 5)).unwrap();
        witness.append(&note("a", 2)).unwrap();
        assert_eq!(witness.notes_of("a").unwrap(), [note("a", 1), note("a", 2)]);
        let restored = Note { restored: true, ..note("a", 1) };
        witness.append(&restored).unwrap();
        assert_eq!(witness.notes_of("a").unwrap(), [restored]);
        assert_eq!(witness.notes_of("b").unwrap(), [note("b", 5)]);
    }

    #[test]
    fn the_file_does_not_grow_without_end() {
        let folder = tempfile::tempdir().unwrap();
        let witness = Witness::in_folder(folder.path());
        let many: Vec<Note> = (1..=2_000).map(|n| note("many", n)).collect();
        witness.replace(&[vec![note("one", 1)], many].concat()).unwrap();
        witness.append(&note("many", 2_001)).unwrap();
        assert_eq!(witness.notes_of("one").unwrap(), [note("one", 1)]);
        let kept = witness.notes_of("many").unwrap();
        assert!(kept.len() < MOST && kept.last() == Some(&note("many", 2_001)), "{}", kept.len());
    }
}
