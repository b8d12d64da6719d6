//! Where in a file a key stands: alone, or as one variable among others.

use zeroize::Zeroizing;

use crate::input::{self, BOM};
use crate::words::ShellName;

/// Where in a file a key stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Slot {
    /// The file is the key.
    Whole,
    /// A line `NAME=key`; the other lines are not ours.
    Line(ShellName),
}

impl Slot {
    /// The most bytes that a file with such a slot has.
    pub(super) fn longest(&self) -> u64 {
        match self {
            Self::Whole => 4 * 1024,
            Self::Line(_) => 1024 * 1024,
        }
    }

    /// The content of the slot; `None` if it is empty.
    pub(super) fn find<'a>(&self, content: &'a [u8]) -> Option<&'a str> {
        let text = match self {
            Self::Whole => input::the_line(std::str::from_utf8(content).unwrap_or("\0")),
            Self::Line(name) => {
                let lines = content.split(|byte| *byte == b'\n');
                let found = lines.filter_map(|line| value(line, name)).next_back()?;
                std::str::from_utf8(found.1).unwrap_or("\0").trim_matches(['"', '\'', '\r'])
            }
        };
        (!text.is_empty()).then_some(text)
    }

    /// The file's content with this in the slot, or with an empty slot.
    pub(super) fn with(&self, content: &[u8], secret: Option<&str>) -> Zeroizing<Vec<u8>> {
        let Self::Line(name) = self else {
            return Zeroizing::new(secret.unwrap_or_default().as_bytes().to_vec());
        };
        // As long as it can get: a vector that grows leaves copies behind.
        let mut new = Zeroizing::new(Vec::with_capacity(content.len() + name.as_str().len() + 128));
        let mut left = secret;
        for line in content.split_inclusive(|byte| *byte == b'\n') {
            match (value(line.trim_ascii_end(), name), left.take()) {
                (None, held) => {
                    new.extend_from_slice(line);
                    left = held;
                }
                // What stands before the name, such as `export`, stays.
                (Some((before, _)), Some(secret)) => {
                    new.extend_from_slice(before);
                    put(
                        &mut new,
                        name,
                        secret,
                        if line.ends_with(b"\r\n") { "\r\n" } else { "\n" },
                    );
                }
                (Some(_), None) => {}
            }
        }
        if let Some(secret) = left {
            if !new.is_empty() && !new.ends_with(b"\n") {
                new.push(b'\n');
            }
            put(&mut new, name, secret, "\n");
        }
        new
    }
}

/// What stands before the name of the variable and the value that the line gives to it, if it is such a
/// line.
fn value<'a>(line: &'a [u8], name: &ShellName) -> Option<(&'a [u8], &'a [u8])> {
    let mut rest = line.strip_prefix(BOM.as_bytes()).unwrap_or(line).trim_ascii_start();
    if let Some(after) = rest.strip_prefix(b"export")
        && after.first().is_some_and(u8::is_ascii_whitespace)
    {
        rest = after.trim_ascii_start();
    }
    let value = rest.strip_prefix(name.as_str().as_bytes())?.strip_prefix(b"=")?;
    Some((&line[..line.len() - rest.len()], value))
}

fn put(content: &mut Vec<u8>, name: &ShellName, secret: &str, end: &str) {
    for part in [name.as_str(), "=", secret, end] {
        content.extend_from_slice(part.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line() -> Slot {
        Slot::Line("KEY".parse().unwrap())
    }

    fn with(content: &str, secret: Option<&str>) -> String {
        String::from_utf8(line().with(content.as_bytes(), secret).to_vec()).unwrap()
    }

    #[test]
    fn a_variable_is_one_line_among_others() {
        assert_eq!(with("", Some("a")), "KEY=a\n");
        assert_eq!(with("X=1", Some("a")), "X=1\nKEY=a\n");
        assert_eq!(with("X=1\nKEY=old\nMY_KEY=2\n", Some("a")), "X=1\nKEY=a\nMY_KEY=2\n");
        let exported = "export KEY=old\nX=1\nKEY=older\n";
        assert_eq!(with(exported, Some("a")), "export KEY=a\nX=1\n", "it stays exported");
        assert_eq!(with("  export  KEY='old'\r\n", Some("a")), "  export  KEY=a\r\n");
        assert_eq!(with("\u{feff}KEY=old\n", Some("a")), "\u{feff}KEY=a\n");
        assert_eq!(with("exported KEY=1\n", Some("a")), "exported KEY=1\nKEY=a\n");
        assert_eq!(with("X=1\nKEY=old\n", None), "X=1\n");
    }

    #[test]
    fn what_stands_there_is_found() {
        let found = |content: &'static str| line().find(content.as_bytes());
        assert_eq!(found("X=1\r\nKEY=a\r\n"), Some("a"));
        assert_eq!(found("  export KEY=\"a\"\n"), Some("a"));
        assert_eq!(found("KEY=a\nKEY=b\n"), Some("b"), "a shell takes the last");
        assert_eq!(found("#KEY=a\nMY_KEY=a\nKEY\nKEY=\n"), None);
        assert_eq!(Slot::Whole.find(b"key\r\n"), Some("key"));
        assert_eq!(Slot::Whole.find(b"\xef\xbb\xbf\n key \n\n"), Some("key"));
        assert_eq!(Slot::Whole.find(b"\n"), None);
    }
}
