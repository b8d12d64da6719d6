//! A disk: what is on it for certain, and what may be.

use std::collections::HashMap;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::record::Op;

/// What a disk writes at once.
const SECTOR: usize = 512;

/// The files of a hub on a disk; there are none at first.
#[derive(Debug, Clone, Default)]
pub struct Disk {
    synced: HashMap<String, Vec<u8>>,
    /// In the order in which it was written, each with the number of operations before it.
    pending: Vec<(usize, Op)>,
    /// How many operations there were.
    taken: usize,
}

/// How much a cut keeps of what was not synced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    /// Nothing.
    Nothing,
    /// Everything.
    Everything,
    /// Some sectors, chosen by this number.
    Pieces(u64),
}

impl Disk {
    /// Whether something was written that is not synced.
    #[must_use]
    pub fn is_in_doubt(&self) -> bool {
        !self.pending.is_empty()
    }

    /// Takes what happened next.
    pub fn take(&mut self, op: &Op) {
        match op {
            Op::Answer(_) => {}
            Op::Sync(file, done) => self.settle(
                *done,
                |op| matches!(op, Op::Write(name, ..) | Op::Truncate(name, _) if name == file),
            ),
            Op::SyncFolder(done) => self.settle(*done, |op| matches!(op, Op::Remove(_))),
            other => self.pending.push((self.taken, other.clone())),
        }
        self.taken += 1;
    }

    fn settle(&mut self, done: usize, is_settled: impl Fn(&Op) -> bool) {
        for (at, op) in std::mem::take(&mut self.pending) {
            if at < done && is_settled(&op) {
                apply(&mut self.synced, &op);
            } else {
                self.pending.push((at, op));
            }
        }
    }

    /// The files after a cut.
    #[must_use]
    pub fn cut(&self, kept: Kept) -> HashMap<String, Vec<u8>> {
        let mut files = self.synced.clone();
        match kept {
            Kept::Nothing => {}
            Kept::Everything => self.pending.iter().for_each(|(_, op)| apply(&mut files, op)),
            Kept::Pieces(seed) => {
                let mut random = StdRng::seed_from_u64(seed);
                let share = [0.1, 0.5, 0.9][random.random_range(0..3)];
                for (_, op) in &self.pending {
                    for piece in pieces(op) {
                        if random.random_bool(share) {
                            apply(&mut files, &piece);
                        }
                    }
                }
            }
        }
        files
    }
}

/// The parts of an operation that reach the disk one by one.
fn pieces(op: &Op) -> Vec<Op> {
    let Op::Write(file, at, bytes) = op else { return vec![op.clone()] };
    let (mut pieces, mut from) = (Vec::new(), 0);
    while from < bytes.len() {
        let place = at + from;
        let to = bytes.len().min(from + SECTOR - place % SECTOR);
        pieces.push(Op::Write(file.clone(), place, bytes[from..to].to_vec()));
        from = to;
    }
    pieces
}

fn apply(files: &mut HashMap<String, Vec<u8>>, op: &Op) {
    match op {
        Op::Write(file, at, bytes) => {
            let content = files.entry(file.clone()).or_default();
            if content.len() < at + bytes.len() {
                content.resize(at + bytes.len(), 0);
            }
            content[*at..at + bytes.len()].copy_from_slice(bytes);
        }
        Op::Truncate(file, length) => files.entry(file.clone()).or_default().resize(*length, 0),
        Op::Remove(file) => {
            files.remove(file);
        }
        Op::Sync(..) | Op::SyncFolder(_) | Op::Answer(_) => {}
    }
}
