//! The name of a context.

use std::fmt;
use std::str::FromStr;

use reqwest::Url;

/// A name that a context can have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ContextName(String);

impl ContextName {
    /// The default name: the hub's host, with its port unless that is the usual one.
    pub(crate) fn of(url: &Url) -> Self {
        let host = url.host_str().unwrap_or_default();
        let port = url.port().map(|port| format!("-{port}")).unwrap_or_default();
        let plain = |c: char| if c == ':' { '-' } else { c };
        let name: String = host.chars().filter(|c| !matches!(c, '[' | ']')).map(plain).collect();
        let name = format!("{}{port}", name.trim_matches('-'));
        name.parse().unwrap_or_else(|_| Self("default".to_owned()))
    }

    /// The name.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ContextName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl FromStr for ContextName {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_');
        let fits = (1..=64).contains(&text.len()) && !text.starts_with('-');
        if fits && text.bytes().all(plain) {
            return Ok(Self(text.to_owned()));
        }
        Err("must be 1 to 64 letters, digits, dots, hyphens and underscores".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_context_is_called_as_its_host() {
        for (url, name) in [
            ("https://hub.example.org", "hub.example.org"),
            ("http://127.0.0.1:8200/", "127.0.0.1-8200"),
            ("http://[::1]:8200", "1-8200"),
        ] {
            assert_eq!(ContextName::of(&url.parse().unwrap()).as_str(), name, "{url}");
        }
        for wrong in ["", "-c", "a b", "a/b", "ä", "a:b", &"a".repeat(65)] {
            assert!(wrong.parse::<ContextName>().is_err(), "{wrong}");
        }
    }
}
