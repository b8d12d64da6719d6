//! URLs that a hub can have.

use reqwest::Url;

use crate::error::{Failure, Result};

/// A URL that a hub can have. The text is not repeated: it could hold a password.
pub(crate) fn hub_url(text: &str, origin: &str) -> Result<Url> {
    let wrong = |what: &str| {
        Failure::usage(format!("the hub's URL from {origin} {what}"))
            .hint("such as https://hub.example.org or http://127.0.0.1:8200")
    };
    let url: Url = text.parse().map_err(|_| wrong("is not a URL"))?;
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return Err(wrong("must begin with http:// or https://"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(wrong("must not hold a user name or password"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(wrong("must not have a query or fragment"));
    }
    Ok(url)
}

/// Whether the hub is on this machine.
pub(crate) fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// A URL as people write it.
pub(crate) fn written(url: &Url) -> &str {
    url.as_str().trim_end_matches('/')
}

/// Whether two URLs are of the same hub: nothing that differs is trusted with the other's key.
pub(crate) fn same_hub(a: &Url, b: &Url) -> bool {
    written(a) == written(b)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_names_a_hub_and_holds_no_secret() {
        for good in ["http://127.0.0.1:8200", "https://hub.example.org/", "http://h/prefix"] {
            assert!(hub_url(good, "--url").is_ok(), "{good}");
        }
        for bad in ["hub", "ftp://h", "http://u:secret@h", "http://h?x=1", "http://h#x", "http://"]
        {
            let Err(failure) = hub_url(bad, "--url") else { panic!("{bad} was taken") };
            assert!(!failure.to_json().contains("secret"));
        }
    }

    #[test]
    fn loopback_is_this_machine() {
        for (url, local) in [
            ("http://127.0.0.1:1", true),
            ("http://[::1]:1", true),
            ("http://localhost", true),
            ("http://10.0.0.1", false),
            ("http://127.0.0.1.example.org", false),
        ] {
            assert_eq!(is_loopback(&url.parse().unwrap()), local, "{url}");
        }
    }

    #[test]
    fn another_port_scheme_or_path_is_another_hub() {
        let same = |a: &str, b: &str| same_hub(&a.parse().unwrap(), &b.parse().unwrap());
        assert!(same("https://Hub.example.org", "https://hub.example.org:443/"));
        assert!(!same("https://hub.example.org", "http://hub.example.org"));
        assert!(!same("https://hub.example.org", "https://hub.example.org:8443"));
        assert!(!same("https://hub.example.org/a", "https://hub.example.org/b"));
        assert!(!same("https://hub.example.org", "https://hub.example.org.evil.example"));
    }
}
