//! Reading files and standard input. A secret is never read from the command line.

use std::io::Read;
use std::path::Path;

use zeroize::Zeroizing;

use crate::error::{Failure, Result};
use crate::folder;

/// Keys and requests are far shorter than this.
const LONGEST: u64 = 1024 * 1024;

/// The mark that some editors put before a text in UTF-8. It is no part of the text.
pub(crate) const BOM: &str = "\u{feff}";

/// Reads a secret from a file or, for `-`, from standard input: the only line that is not blank.
pub(crate) fn read_secret(path: &Path, what: &str) -> Result<Zeroizing<String>> {
    let bytes = Zeroizing::new(read_bytes(path, what)?);
    Ok(Zeroizing::new(the_line(std::str::from_utf8(&bytes).unwrap_or_default()).to_owned()))
}

/// A text without the mark before it and the blanks and line ends around it, however a line ends there.
pub(crate) fn the_line(text: &str) -> &str {
    text.strip_prefix(BOM).unwrap_or(text).trim_matches([' ', '\t', '\r', '\n'])
}

/// Reads a secret from a file that nobody else may read.
pub(crate) fn read_private(path: &Path, what: &str) -> Result<Zeroizing<String>> {
    let unreadable =
        |error| Failure::usage(format!("cannot read {what} from {}: {error}", path.display()));
    let file = std::fs::File::open(path).map_err(unreadable)?;
    let about = file.metadata().map_err(unreadable)?;
    // A pipe is between two programs: it has no mode that anybody chose.
    if let Some(fault) = folder::not_private(&about).filter(|_| about.is_file()) {
        let shown = path.display();
        return Err(Failure::usage(format!("{what} in {shown}: {fault}"))
            .hint(format!("chmod 600 {shown}")));
    }
    let mut bytes = Zeroizing::new(Vec::with_capacity(1024));
    file.take(LONGEST).read_to_end(&mut bytes).map_err(unreadable)?;
    Ok(Zeroizing::new(the_line(std::str::from_utf8(&bytes).unwrap_or_default()).to_owned()))
}

/// Reads a file or, for `-`, standard input.
pub(crate) fn read_bytes(path: &Path, what: &str) -> Result<Vec<u8>> {
    read_at_most(path, what, LONGEST)
}

/// Reads a file or, for `-`, standard input, without the mark before a text; fails where there are more
/// bytes than `longest`.
pub(crate) fn read_at_most(path: &Path, what: &str, longest: u64) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let read = if path == Path::new("-") {
        std::io::stdin().lock().take(longest + 1).read_to_end(&mut bytes)
    } else {
        std::fs::File::open(path).and_then(|file| file.take(longest + 1).read_to_end(&mut bytes))
    };
    let from =
        if path == Path::new("-") { "standard input".into() } else { path.display().to_string() };
    read.map_err(|error| Failure::usage(format!("cannot read {what} from {from}: {error}")))?;
    if bytes.len() as u64 > longest {
        let mib = longest / (1024 * 1024);
        return Err(Failure::usage(format!("{what} from {from} is longer than {mib} MiB")));
    }
    if bytes.starts_with(BOM.as_bytes()) {
        bytes.drain(..BOM.len());
    }
    Ok(bytes)
}

/// The longest list of handles.
const LONGEST_LIST: u64 = 64 * 1024 * 1024;

/// Reads handles from standard input, one a line; empty lines do not count.
pub(crate) fn read_handles() -> Result<Vec<String>> {
    let bytes = read_at_most(Path::new("-"), "the handles", LONGEST_LIST)?;
    let text = std::str::from_utf8(&bytes)
        .map_err(|_| Failure::usage("the handles on standard input are not UTF-8"))?;
    let lines = text.lines().map(str::trim).enumerate().filter(|(_, line)| !line.is_empty());
    lines
        .map(|(at, line)| match line {
            "." | ".." => Err(Failure::usage(format!("line {} is no handle", at + 1))),
            line => Ok(line.to_owned()),
        })
        .collect()
}

/// Runs work that may wait for a person in a thread, so that a signal can still end the program.
pub(crate) async fn waiting<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|_| {
        Err(Failure::new(hub_core::exit::Exit::Bug, "bug", "reading the input failed"))
    })
}
