//! What a hub wrote, synced and answered, in the order in which it happened.

use std::collections::HashMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

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
    /// Everything written to a file is on the disk.
    Sync(String),
    /// Every removal is on the disk.
    SyncFolder,
    /// The hub began to send an answer with a success status; the request's id.
    Answer(String),
}

/// The calls that write, sync or answer.
const CALLS: &str = "pwrite64,pwritev,ftruncate,truncate,fallocate,unlink,unlinkat,rename,renameat,\
                     renameat2,fsync,fdatasync,sync_file_range,write,writev,sendto,sendmsg";

/// `strace` at work on a hub.
#[derive(Debug)]
pub struct Recorder {
    strace: Child,
    log: PathBuf,
    folder: PathBuf,
    before: HashMap<String, Vec<u8>>,
}

/// A record.
#[derive(Debug)]
pub struct Record {
    /// The files at its beginning, which are on the disk.
    pub before: HashMap<String, Vec<u8>>,
    /// What happened then.
    pub ops: Vec<Op>,
}

impl Recorder {
    /// Begins to record a hub that does nothing at the moment.
    #[must_use]
    pub fn start(hub: &Hub) -> Self {
        let log = hub.dir().join("record.log");
        let mut strace = Command::new("strace");
        strace.args(["-f", "-y", "-xx", "-s", "1048576", "-e", &format!("trace={CALLS}"), "-o"]);
        strace.arg(&log).args(["-p", &hub.pid().to_string()]).stderr(Stdio::piped());
        let mut strace = strace.spawn().expect("strace is installed");
        let said = strace.stderr.take().expect("stderr is piped");
        let attached = BufReader::new(said).lines().next().and_then(Result::ok);
        assert!(attached.iter().any(|line| line.contains(" attached")), "{attached:?}");
        let folder = hub.data_dir().canonicalize().expect("the data folder is there");
        let files = fs::read_dir(&folder).expect("the data folder is there").flatten();
        let before = files.map(|file| {
            let name = file.file_name().into_string().expect("a name of ours");
            (name, fs::read(file.path()).expect("the file is there"))
        });
        let before = before.filter(|(name, _)| is_recorded(name)).collect();
        Self { strace, log, folder, before }
    }

    /// Ends the record; the hub has stopped, or goes on without it.
    #[must_use]
    pub fn finish(mut self) -> Record {
        let pid = self.strace.id().to_string();
        let _ = Command::new("kill").args(["-TERM", &pid]).status();
        let _ = self.strace.wait();
        let text = fs::read_to_string(&self.log).expect("strace writes its log");
        let folder = self.folder.to_str().expect("a path of ours");
        Record { before: std::mem::take(&mut self.before), ops: parse(&text, folder) }
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        let _ = self.strace.kill();
        let _ = self.strace.wait();
    }
}

/// The index of a log is made anew after a cut; the other files are not the database.
fn is_recorded(name: &str) -> bool {
    ["hub.db", "hub.db-wal"].contains(&name)
}

fn parse(text: &str, folder: &str) -> Vec<Op> {
    let mut ops = Vec::new();
    let mut unfinished = HashMap::<&str, String>::new();
    for line in text.lines() {
        let Some((thread, rest)) = line.split_once(' ') else { continue };
        let rest = rest.trim_start();
        if let Some(resumed) = rest.strip_prefix("<... ") {
            let (_, tail) = resumed.split_once(" resumed>").expect("a call that goes on");
            // One that began before the record is not in it.
            let Some(head) = unfinished.remove(thread) else { continue };
            ops.extend(finished(&format!("{head}{tail}"), folder));
        } else if let Some(head) = rest.strip_suffix("<unfinished ...>") {
            ops.extend(begun(head, folder));
            unfinished.insert(thread, head.to_owned());
        } else {
            ops.extend(begun(rest, folder));
            ops.extend(finished(rest, folder));
        }
    }
    ops
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
            let place = rest.split([',', ')']).nth(2).expect("a place").trim();
            let place = place.parse().unwrap_or_else(|_| panic!("no place in {rest}"));
            Some(Op::Write(file, place, unescape(bytes)))
        }
        "ftruncate" => {
            let file = file().filter(|name| is_recorded(name))?;
            let (_, length) = arguments.split_once(">, ")?;
            let length = length.split(')').next().unwrap_or_default().trim();
            Some(Op::Truncate(file, length.parse().expect("a length")))
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

/// What a call has done once it returned.
fn finished(call: &str, folder: &str) -> Option<Op> {
    let (name, arguments) = call.split_once('(')?;
    let (_, result) = call.rsplit_once(" = ")?;
    if name == "pwrite64" && file_of(arguments, folder).is_some() {
        assert!(!result.starts_with('-'), "a write failed: {result}");
    }
    if !["fsync", "fdatasync"].contains(&name) || result.trim() != "0" {
        return None;
    }
    match file_of(arguments, folder)?.as_str() {
        "" => Some(Op::SyncFolder),
        name if is_recorded(name) => Some(Op::Sync(name.to_owned())),
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
