//! What a hub wrote, synced and answered, in the order in which it happened.

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::Hub;

/// Something that happened. Files go by their names in the data folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Op {
    /// Bytes were written at a place.
    Write(String, usize, Vec<u8>),
    /// A file was cut to this length.
    Truncate(String, usize),
    /// A file was removed.
    Remove(String),
    /// What the first so many operations wrote to a file is on the disk.
    Sync(String, usize),
    /// The removals among the first so many operations are on the disk.
    SyncFolder(usize),
    /// The hub began to send an answer with a success status; the request's id.
    Answer(String),
}

/// The calls that write, sync or answer.
const CALLS: &str = "pwrite64,pwritev,ftruncate,truncate,fallocate,unlink,unlinkat,rename,renameat,\
                     renameat2,fsync,fdatasync,sync_file_range,write,writev,sendto,sendmsg";

/// The command that runs a program and records it. The program has the number of the process that is
/// started, as without a record.
pub(crate) fn recorded(program: &Path, folder: &Path) -> Command {
    let mut strace = Command::new("strace");
    strace.args(["-D", "-f", "-y", "-xx", "-s", "1048576", "-e", &format!("trace={CALLS}"), "-o"]);
    strace.arg(folder.join(LOG)).arg("--").arg(program);
    strace
}

/// The record in a hub's folder.
const LOG: &str = "record.log";

/// What a hub did from its first start to its end.
///
/// # Panics
/// When the hub was not started by [`Setup::recorded`](crate::Setup::recorded), or has not ended.
#[must_use]
pub fn read(hub: &Hub) -> Vec<Op> {
    let begun = Instant::now();
    let pid = hub.last_pid().to_string();
    let text = loop {
        // `strace` ends after the hub.
        let text = fs::read_to_string(hub.dir().join(LOG)).expect("strace writes its log");
        if text.lines().rev().take(20).any(|line| ends(line, &pid)) {
            break text;
        }
        assert!(begun.elapsed() < Duration::from_mins(1), "the record has no end");
        std::thread::sleep(Duration::from_millis(10));
    };
    let folder = hub.data_dir().canonicalize().expect("the data folder is there");
    parse(&text, folder.to_str().expect("a path of ours"))
}

/// Whether a line says that the process has ended. Its number is filled up with spaces to five places.
fn ends(line: &str, pid: &str) -> bool {
    let said = line.strip_prefix(pid).map(str::trim_start);
    said.is_some_and(|said| said.starts_with("+++ exited with "))
}

/// The index of a log is made anew after a cut; the other files are not the database.
fn is_recorded(name: &str) -> bool {
    ["hub.db", "hub.db-wal", "hub.db-journal"].contains(&name)
}

fn parse(text: &str, folder: &str) -> Vec<Op> {
    let mut ops = Vec::new();
    let mut unfinished = HashMap::<&str, Unfinished>::new();
    for line in text.lines() {
        let Some((thread, rest)) = line.split_once(' ') else { continue };
        let rest = rest.trim_start();
        if let Some(resumed) = rest.strip_prefix("<... ") {
            let (_, tail) = resumed.split_once(" resumed>").expect("a call that goes on");
            let Some(Unfinished { head, done, .. }) = unfinished.remove(thread) else { continue };
            ops.extend(finished(&format!("{head}{tail}"), done, folder));
            continue;
        }
        let head = rest.strip_suffix("<unfinished ...>");
        let done = done(&ops, &unfinished, rest, folder);
        let (at, op) = (ops.len(), begun(head.unwrap_or(rest), folder));
        if let Some(head) = head {
            let at = op.is_some().then_some(at);
            unfinished.insert(thread, Unfinished { head: head.to_owned(), at, done });
        }
        ops.extend(op);
        if head.is_none() {
            ops.extend(finished(rest, done, folder));
        }
    }
    ops
}

/// A call that has begun.
struct Unfinished {
    head: String,
    /// Where its own operation is, if it is one.
    at: Option<usize>,
    /// How many operations were done before it.
    done: usize,
}

/// How many operations were done when a call began: a sync says nothing of what another thread is writing to
/// that file. One thread at a time writes to a file.
fn done(ops: &[Op], unfinished: &HashMap<&str, Unfinished>, call: &str, folder: &str) -> usize {
    let name = call.split_once('(').and_then(|(_, arguments)| file_of(arguments, folder));
    let others = unfinished.values().filter_map(|other| other.at);
    let to_it = others.filter(|at| match &ops[*at] {
        Op::Write(file, ..) | Op::Truncate(file, _) => Some(file) == name.as_ref(),
        _ => false,
    });
    to_it.min().unwrap_or(ops.len())
}

/// What a call does as soon as it begins: its bytes may be on the disk from then on, and an answer may
/// be with the client.
fn begun(call: &str, folder: &str) -> Option<Op> {
    let (name, arguments) = call.split_once('(')?;
    let file = || file_of(arguments, folder);
    match name {
        "pwrite64" => {
            let file = file().filter(|name| is_recorded(name))?;
            let (_, bytes) = arguments.split_once(">, \"")?;
            let (bytes, rest) = bytes.split_once('"').expect("bytes end");
            assert!(rest.starts_with(", "), "the record is cut: {}", &rest[..rest.len().min(20)]);
            Some(Op::Write(file, number(rest, 2), unescape(bytes)))
        }
        "ftruncate" => {
            let file = file().filter(|name| is_recorded(name))?;
            let (_, length) = arguments.split_once('>')?;
            Some(Op::Truncate(file, number(length, 1)))
        }
        "unlink" => {
            let path = unescape(arguments.split('"').nth(1)?);
            let path = String::from_utf8(path).ok()?;
            let name = path.strip_prefix(folder)?.strip_prefix('/')?.to_owned();
            is_recorded(&name).then_some(Op::Remove(name))
        }
        "write" | "writev" | "sendto" | "sendmsg" => answer(arguments),
        "fsync" | "fdatasync" => None,
        _ => {
            let other = file().filter(|name| is_recorded(name));
            assert!(other.is_none(), "a call that a record cannot hold: {call}");
            None
        }
    }
}

/// The number that is the `nth` of a call's arguments, which end with a bracket, or where a call that goes
/// on is left.
fn number(arguments: &str, nth: usize) -> usize {
    let number = arguments.split(',').nth(nth).unwrap_or_default().trim_start();
    let number = number.split([')', ' ']).next().unwrap_or_default();
    number.parse().unwrap_or_else(|_| panic!("no number in {arguments}"))
}

/// What a call has done once it returned; so many operations were done before it began.
fn finished(call: &str, done: usize, folder: &str) -> Option<Op> {
    let (name, arguments) = call.split_once('(')?;
    let (_, result) = call.rsplit_once(" = ")?;
    if name == "pwrite64" && file_of(arguments, folder).is_some() {
        assert!(!result.starts_with('-'), "a write failed: {result}");
    }
    if !["fsync", "fdatasync"].contains(&name) || result.trim() != "0" {
        return None;
    }
    match file_of(arguments, folder)?.as_str() {
        "" => Some(Op::SyncFolder(done)),
        name if is_recorded(name) => Some(Op::Sync(name.to_owned(), done)),
        _ => None,
    }
}

/// The name in the data folder of the file that a call is about; empty for the folder itself.
fn file_of(arguments: &str, folder: &str) -> Option<String> {
    let (_, path) = arguments.split_once('<')?;
    let (path, _) = path.split_once('>')?;
    let path = String::from_utf8(unescape(path)).ok()?;
    let name = path.strip_prefix(folder)?;
    Some(name.trim_start_matches('/').to_owned())
}

fn answer(arguments: &str) -> Option<Op> {
    let (_, bytes) = arguments.split_once('"')?;
    let text = unescape(bytes.split('"').next()?);
    let text = String::from_utf8_lossy(&text);
    let head = text.strip_prefix("HTTP/1.1 2")?;
    let id = head.lines().find_map(|line| line.strip_prefix("x-request-id: "));
    Some(Op::Answer(id.expect("every answer has an id").trim().to_owned()))
}

/// `\x2f` → `/`; other text stays.
fn unescape(text: &str) -> Vec<u8> {
    let bytes = text.as_bytes();
    let mut plain = Vec::with_capacity(bytes.len() / 4);
    let mut at = 0;
    while at < bytes.len() {
        if bytes[at..].starts_with(b"\\x") {
            let digits = &text[at + 2..at + 4];
            plain.push(u8::from_str_radix(digits, 16).expect("two digits"));
            at += 4;
        } else {
            plain.push(bytes[at]);
            at += 1;
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::{Op, ends, parse};

    #[test]
    fn a_short_number_of_a_process_is_filled_up() {
        assert!(ends("7271  +++ exited with 0 +++", "7271"));
        assert!(ends("14170 +++ exited with 0 +++", "14170"));
        assert!(!ends("72710 +++ exited with 0 +++", "7271"));
        assert!(!ends("7271  write(1, \"a\", 1) = 1", "7271"));
    }

    #[test]
    fn a_sync_holds_what_was_written_before_it_began() {
        let log = r#"
1 pwrite64(3</data/hub.db>, "\x61", 1, 0) = 1
1 pwrite64(3</data/hub.db>, "\x62", 1, 1 <unfinished ...>
2 fsync(4</data/hub.db> <unfinished ...>
1 <... pwrite64 resumed>) = 1
1 pwrite64(3</data/hub.db>, "\x63", 1, 2) = 1
2 <... fsync resumed>) = 0
2 fsync(4</data/hub.db>) = 0
"#;
        let ops = parse(log, "/data");
        let syncs = ops.iter().filter(|op| matches!(op, Op::Sync(..)));
        let name = || "hub.db".to_owned();
        assert_eq!(syncs.cloned().collect::<Vec<_>>(), [Op::Sync(name(), 1), Op::Sync(name(), 4)]);
    }
}
