//! Searches everything that a hub writes for what must not be there.

use std::io::Write;
use std::path::PathBuf;
use std::process::Command;

use crate::{Engine, Hub, postgres};

/// The forms of a secret to look for: plain, reversed, in hex and base64, and decoded if it is hex.
#[must_use]
pub fn needles(secret: &str) -> Vec<Vec<u8>> {
    let reversed: String = secret.chars().rev().collect();
    let mut needles: Vec<Vec<u8>> = [secret.to_owned(), reversed, hex::encode(secret)]
        .into_iter()
        .chain((0..3).map(|offset| base64(&secret.as_bytes()[offset..])))
        .map(String::into_bytes)
        .collect();
    let bytes = hex::decode(secret).ok().filter(|bytes| bytes.len() >= 6);
    // A pattern ends with its line.
    needles.extend(bytes.filter(|bytes| !bytes.contains(&b'\n') && !bytes.contains(&0)));
    needles
}

/// Without the last characters, which depend on what follows.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digit = |bits: u32| char::from(DIGITS[(bits & 63) as usize]);
    let whole = bytes.chunks_exact(3);
    whole
        .map(|three| three.iter().fold(0, |bits, byte| bits << 8 | u32::from(*byte)))
        .flat_map(|bits| [digit(bits >> 18), digit(bits >> 12), digit(bits >> 6), digit(bits)])
        .collect()
}

/// Where the hub and its database keep files, its log among them.
#[must_use]
pub fn places(hub: &Hub) -> Vec<PathBuf> {
    let mut places = vec![hub.dir().to_owned()];
    if hub.engine() == Engine::Postgres {
        places.extend([postgres::shared().data_dir(), postgres::shared().log()]);
    }
    places
}

/// The files under these places that hold one of the needles.
#[must_use]
pub fn files_with(places: &[PathBuf], needles: &[Vec<u8>]) -> Vec<PathBuf> {
    let mut patterns = tempfile::NamedTempFile::new().expect("a temporary file");
    patterns.write_all(&needles.join(&b'\n')).expect("the patterns are written");
    let mut grep = Command::new("grep");
    // Files of a running server come and go; a file that is gone holds nothing.
    grep.args(["-r", "-l", "-a", "-s", "-F", "-f"]).arg(patterns.path()).args(places);
    let output = grep.env("LC_ALL", "C").output().expect("grep runs");
    String::from_utf8_lossy(&output.stdout).lines().map(PathBuf::from).collect()
}

/// Whether a text holds one of the needles.
#[must_use]
pub fn holds(text: &str, needles: &[Vec<u8>]) -> bool {
    let bytes = text.as_bytes();
    needles.iter().any(|needle| bytes.windows(needle.len()).any(|part| part == needle))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_writing_of_a_secret_is_found() {
        let dir = tempfile::tempdir().unwrap();
        let place = [dir.path().to_owned()];
        let needles = needles("5eed0badcafe");
        assert_eq!(base64(b"hub-key"), "aHViLWtl");
        assert!(needles.contains(&vec![0x5e, 0xed, 0x0b, 0xad, 0xca, 0xfe]));
        for needle in &needles {
            let leak = [b"\0\xff".as_slice(), needle, b"\0"].concat();
            std::fs::write(dir.path().join("leak"), leak).unwrap();
            assert_eq!(files_with(&place, &needles).len(), 1, "{needle:?}");
        }
        std::fs::write(dir.path().join("leak"), "5eed0bad").unwrap();
        assert!(files_with(&place, &needles).is_empty());
        assert!(holds("x5eed0badcafex", &needles) && !holds("5eed", &needles));
    }
}
